"""Tables of the sources: what each one last said of itself, the articles it told, and what it changed in them."""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime


class SourceState(SQLModel, table=True):
    """What a source last answered. The source itself stands in config.toml."""

    __tablename__ = "source_state"
    name: str = Field(primary_key=True, max_length=40)
    url: str = Field(default="", max_length=2000)  # as in config.toml; all that follows is good for nothing else
    etag: str = Field(default="", max_length=500)
    last_modified: str = Field(default="", max_length=100)
    moved_to: str = Field(default="", max_length=2000)  # where permanent redirects lead: asked in place of `url`
    is_gone: bool = False  # it answered 410: not asked again
    checked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    good_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # the last time it was read whole
    next_check_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # None: at once
    left_alone_until: datetime | None = Field(default=None, sa_type=UTCDateTime)  # it said Retry-After
    failing_since: datetime | None = Field(default=None, sa_type=UTCDateTime)  # the first failure after `good_at`
    editors_told_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # of its death, once
    items: int = 0  # how many articles it held then
    error: str = Field(default="", max_length=500)  # in words; "" while all is well


class Article(SQLModel, table=True):
    """One piece from one source, clean: plain text everywhere but in `body`, which is allow-listed HTML."""

    __table_args__ = (
        UniqueConstraint("source", "guid"),
        Index("ix_article_source_published", "source", "published_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str = Field(max_length=40)
    guid: str = Field(max_length=500)  # the source's own id: a feed's guid, a file's relative path
    url: str = Field(default="", max_length=2000, index=True)  # canonical; "" where the piece has no page of its own
    page: str = Field(
        default="", max_length=2000, index=True
    )  # what of the address outlives a redesign (`clean.page_of`)
    title: str = Field(max_length=500)
    standfirst: str = Field(default="", max_length=2000)
    body: str = Field(default="", sa_type=Text)
    author: str = Field(default="", max_length=200)
    section: str = Field(max_length=300)
    image: str = Field(default="", max_length=2000)  # https://…, or media/HASH.jpg for one that we serve
    image_alt: str = Field(default="", max_length=500)
    is_paid: bool = False  # its page says that it wants a subscription
    words: int = 0  # of the body, for reading times; 0 where only a standfirst is known
    place: int = 0  # in its feed when it was last there, from 1; 0 where a source has no order
    published_at: datetime = Field(sa_type=UTCDateTime, index=True)
    first_seen_at: datetime = Field(sa_type=UTCDateTime)
    changed_at: datetime = Field(sa_type=UTCDateTime)
    page_read_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # for what the feed lacks; once


class ArticleChange(SQLModel, table=True):
    """What an article said before its source changed it."""

    __tablename__ = "article_change"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", ondelete="CASCADE", index=True)
    at: datetime = Field(sa_type=UTCDateTime)
    field: str = Field(max_length=20)  # guid, url, title or published_at
    before: str = Field(max_length=2000)


class Picture(SQLModel, table=True):
    """What is known of a picture that an article names, hosted or only looked at."""

    key: str = Field(primary_key=True, max_length=64)  # SHA-256 of `url`, in hex: addresses are too long for a key
    url: str = Field(max_length=2000)  # as in Article.image
    file: str = Field(default="", max_length=100)  # "media/HASH.jpg"; "" where we have no copy
    width: int = 0  # pixels of `file`; 0 where nothing is known
    height: int = 0
    why: str = Field(default="", max_length=500)  # there is no copy, in words
    looked_at: datetime = Field(sa_type=UTCDateTime)
