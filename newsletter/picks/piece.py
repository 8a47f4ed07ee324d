"""What the pickers know of an article: a plain value, so that everything in this folder stays pure."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Piece:
    """One article as the pickers see it. Text fields are plain text."""

    id: int
    source: str  # its name in the config
    guid: str
    url: str  # canonical; "" where it has no page of its own
    title: str
    standfirst: str
    text: str  # how the body begins; "" where the source gave none
    section: str
    author: str
    has_image: bool
    published_at: datetime
    weight: float  # its source's
    place: int = 0  # in its source's feed, from 1; 0 where that has no order
    is_undated: bool = False  # its feed gave no date that can be true: `published_at` is when it was first seen
    sent_on: date | None = None  # the day of the earlier issue that brought it: it is here to be recognised, not picked

    @property
    def completeness(self) -> int:
        """How well it is told, 0–4: a standfirst, a picture, a body, a name under it."""
        return sum((bool(self.standfirst), self.has_image, bool(self.text), bool(self.author)))

    @property
    def key(self) -> tuple[float, str, str]:
        """What breaks every tie: the newest first, then source and guid, which no two pieces share."""
        return (-self.published_at.timestamp(), self.source, self.guid)
