"""What a newsletter lets its readers choose. Keys of [[newsletters]]."""

from typing import Literal

from pydantic import Field

from newsletter.config.section import Section
from newsletter.config.words import Slug


class ForReaders(Section):
    """The keys of a newsletter that are about its readers."""

    topics: bool = True
    topic_min_articles: int = Field(default=1, ge=1, le=40)
    topic_fallback: Literal["nothing", "whole"] = "nothing"
    max_editions: int = Field(default=50, ge=1, le=1000)
    welcome_issue_days: int = Field(default=0, ge=0, le=14)
    clicks: bool = False
    roundup_of: Slug | Literal[""] = ""
