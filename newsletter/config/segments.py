"""The tables [[segments]]: filters over readers by name, for `include` and `exclude`."""

from typing import Annotated

from pydantic import AfterValidator

from newsletter.config.section import Section
from newsletter.config.words import Slug
from subscribers import segments


def _filter(words: str) -> str:
    try:
        segments.parse(words)
    except segments.BadSegment as error:
        raise ValueError(str(error)) from error
    return words


class Segment(Section):
    """One filter, in the words of `subscribers.segment_words`."""

    name: Slug
    where: Annotated[str, AfterValidator(_filter)]
