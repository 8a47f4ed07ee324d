"""A thing of each kind with everything it needs, so that a test says only what it is about."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsletter import config
from newsletter.sources.models import Article

NOW = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # a Monday, the minute the daily is drafted
KEY = "0123456789abcdef0123456789abcdef"

CONFIG = """
[site]
name = "The Harbour Post"
url = "https://post.example.com"
postal_address = "1 Quay Street, Harbourton"
[smtp]
host = "127.0.0.1"
port = 1025
security = "none"
[[sources]]
name = "city-desk"
title = "The Harbour Post"
kind = "folder"
path = "articles"
section = "City"
sections = ["World"]
[[newsletters]]
slug = "daily"
title = "The Harbour Daily"
sender = "The Harbour Post <daily@example.com>"
timezone = "Europe/London"
min_articles = 1
editors = ["Ed <editor@example.com>"]
"""


def a_config(text: str = CONFIG, folder: Path = Path("/project")) -> config.Config:
    """A checked Config as if it stood in `folder`."""
    return config.parse(text, folder / "config.toml", config.Secrets(secret_key=KEY))


def an_article(**changes: Any) -> Article:
    """A plain article of the city desk, published an hour before NOW."""
    number = changes.pop("number", 1)
    values: dict[str, Any] = {
        "source": "city-desk",
        "guid": f"article-{number}",
        "url": f"https://post.example.com/{number}",
        "title": f"Ferry number {number} sails again",
        "standfirst": f"After {number} weeks in the dry dock the boat is back.",
        "body": "<p>The boat is back.</p>",
        "section": "City",
        "words": 4,
        "published_at": datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
        "first_seen_at": NOW,
        "changed_at": NOW,
    }
    return Article(**(values | changes))
