"""Tables of the day's issue: the issue, what was picked and what was left out, and what its editors decided."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, false
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
    include: list[str] = Field(  # segments, or filters: only these get it, besides what the newsletter says
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"}
    )
    exclude: list[str] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"})
    drafted_at: datetime = Field(sa_type=UTCDateTime)
    send_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # its own time; None: the newsletter's
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
    is_beside: bool = Field(default=False, sa_column_kwargs={"server_default": false()})  # named beside the pick


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


class Grouping(SQLModel, table=True):
    """How a day's articles were grouped when the issue was drafted: a change by editors picks from it again.

    Grouping a thousand articles takes seconds, choosing among the groups none.
    """

    __table_args__ = (UniqueConstraint("issue_id", "widened_days"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    widened_days: int  # 0, or how much further back it looked
    stories: list[list[list[Any]]] = Field(sa_type=JSON)  # of [article, day of the issue that had it or None]
    circles: list[list[int]] = Field(sa_type=JSON)  # of [article, circle]
    words: dict[str, Any] | None = Field(default=None, sa_type=JSON)  # what they tell: a `DaysWords`
    called: list[int] = Field(sa_type=JSON)  # the articles that editors wanted then, there or not
    outside: list[int] = Field(sa_type=JSON)  # those of them that are here for that reason alone


class Edit(SQLModel, table=True):
    """What an editor made of one field of a day's issue, or of an article in it. Rows are only ever added.

    What counts is the newest row of a field that is not undone. They hang on the day and not on the issue's rows, so a
    redraft keeps them. `step` groups what one act changed, and is what undoing takes back.
    """

    __table_args__ = (Index("ix_edit_day", "newsletter", "issue_date"),)
    id: int | None = Field(default=None, primary_key=True)
    newsletter: str = Field(max_length=40)
    issue_date: date
    step: int  # from 1, of that day
    act: str = Field(max_length=20)  # what the step did, in a word: moved, dropped, worded, …
    article_id: int | None = Field(default=None, foreign_key="article.id", index=True)  # None: of the whole issue
    field: str = Field(max_length=20)
    value: Any = Field(default=None, sa_type=JSON)  # None: as the machine, the source or the config has it
    who: str = Field(max_length=100)
    at: datetime = Field(sa_type=UTCDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    undone_by: str = Field(default="", max_length=100)


class Decision(SQLModel, table=True):
    """What was decided about an issue, by whom and when. Rows are only ever added."""

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE", index=True)
    act: str = Field(max_length=20)  # drafted, approved, held, …
    who: str = Field(max_length=100)  # "command line", "schedule", an editor
    why: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UTCDateTime)
