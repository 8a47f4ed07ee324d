"""Tables of the day's issue: the issue, what was picked and what was left out, and what its editors decided."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime, words


class IssueState(StrEnum):
    """Where an issue stands; `states.MOVES` says how it may go on."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Issue(SQLModel, table=True):
    """One day's mailing of a newsletter. Unique by (newsletter, issue date): the row decides, the clock only wakes."""

    __table_args__ = (UniqueConstraint("newsletter", "issue_date"),)
    id: int | None = Field(default=None, primary_key=True)
    newsletter: str = Field(max_length=40)
    issue_date: date
    number: int  # on the masthead: 1 for the newsletter's first
    state: IssueState = Field(default=IssueState.DRAFT, sa_type=words(IssueState), index=True)
    why: str = Field(default="", max_length=500)  # of a held, skipped, cancelled or paused issue
    subject: str = Field(default="", max_length=300)
    preheader: str = Field(default="", max_length=300)
    intro: str = Field(default="", max_length=2000)  # Markdown
    drafted_at: datetime = Field(sa_type=UTCDateTime)
    approved_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    drawn_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # when the whole audience was in the ledger
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    claims: int = 0  # how often a sender took a batch in hand: a journal that knows of more outlived this store
    deadline_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # refused deliveries are tried until then
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Story(SQLModel, table=True):
    """The articles, from any source, that tell one event, as they were grouped for one issue."""

    __table_args__ = (UniqueConstraint("issue_id", "rank"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    rank: int  # from 1, by points


class Candidate(SQLModel, table=True):
    """An article that was considered for an issue, picked or left out, with the story it belongs to."""

    __table_args__ = (
        UniqueConstraint("issue_id", "article_id"),
        Index("ix_candidate_article", "article_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    story_id: int = Field(foreign_key="story.id", ondelete="CASCADE", index=True)
    article_id: int = Field(foreign_key="article.id")
    score: float
    why: str = Field(max_length=500)  # why it was left out, or why it was picked
    points: dict[str, float] = Field(default_factory=dict, sa_type=JSON)  # by part; `score` is their product


class Pick(SQLModel, table=True):
    """An article chosen for an issue, with its section, its position and the reason in words and numbers."""

    __table_args__ = (UniqueConstraint("issue_id", "article_id"), UniqueConstraint("issue_id", "position"))
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    story_id: int = Field(foreign_key="story.id", ondelete="CASCADE", index=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    section: str = Field(max_length=300)
    position: int  # from 1; 1 is the lead
    score: float
    why: str = Field(max_length=500)
    is_update: bool = False  # it goes on with a story of an earlier issue


class EditorWish(SQLModel, table=True):
    """What an editor wants of one article in one day's issue, whatever its points: a redraft keeps it."""

    __tablename__ = "editor_wish"
    __table_args__ = (UniqueConstraint("newsletter", "issue_date", "article_id"),)
    id: int | None = Field(default=None, primary_key=True)
    newsletter: str = Field(max_length=40)
    issue_date: date
    article_id: int = Field(foreign_key="article.id")
    position: int | None = None  # pinned there, from 1; None: banned
    who: str = Field(max_length=100)
    at: datetime = Field(sa_type=UTCDateTime)


class Decision(SQLModel, table=True):
    """What was decided about an issue, by whom and when. Rows are only ever added."""

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE", index=True)
    act: str = Field(max_length=20)  # drafted, approved, held, …
    who: str = Field(max_length=100)  # "command line", "schedule", an editor
    why: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UTCDateTime)
