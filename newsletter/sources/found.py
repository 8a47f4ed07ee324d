"""What every kind of source is read into: FoundArticle and FoundFeed, plain values that know no database.

Its text fields are plain text and its `body` is allow-listed HTML: `clean` has been over each of them before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class FoundArticle:
    """One piece as a source told it. Empty fields are those the source does not fill."""

    guid: str  # the source's own id: a feed's guid, a file's relative path
    title: str
    url: str = ""  # canonical
    standfirst: str = ""
    body: str = ""
    author: str = ""
    sections: tuple[str, ...] = ()  # as the source names them; `collect` keeps one that the config knows
    image: str = ""  # https://…, or a path relative to the article's file
    image_alt: str = ""
    is_paid: bool = False  # its page wants a subscription
    words: int = 0  # of the body; 0 where there is none
    place: int = 0  # in its feed, from 1; 0 where there is no order
    published_at: datetime | None = None  # aware; None where the source does not say
    dated: bool = True  # False: `published_at` is a guess, such as a file's modification time


@dataclass(frozen=True)
class FoundFeed:
    """What a feed holds, in its own order."""

    articles: tuple[FoundArticle, ...]
    rest: timedelta = timedelta(0)  # for how long it says that it stays as it is
