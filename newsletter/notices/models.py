"""The table Notice: the outbox of mails that are no issue."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime, words
from subscribers.models import BigId


class NoticeKind(StrEnum):
    """What it says; `templates/notices/KIND.txt` and `.html` are its words."""

    CONFIRM = "confirm"
    WELCOME = "welcome"
    EDITORS = "editors"


class NoticeState(StrEnum):
    """Where it stands."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"  # no longer wanted when its time came
    FAILED = "failed"


class Notice(SQLModel, table=True):
    """One mail that is to go out once. `about` holds what its words need, never an address or a token of a reader."""

    __table_args__ = (Index("ix_notice_due", "state", "due_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: NoticeKind = Field(sa_type=words(NoticeKind))
    newsletter: str = Field(max_length=40)
    subscriber_id: int | None = Field(default=None, sa_type=BigId)  # no foreign key: an erased person's is dropped
    editor: str = Field(default="", max_length=320)  # Name <address> out of config.toml
    about: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: NoticeState = Field(default=NoticeState.WAITING, sa_type=words(NoticeState))
    attempts: int = 0
    due_at: datetime = Field(sa_type=UTCDateTime)
    held_until: datetime | None = Field(default=None, sa_type=UTCDateTime)  # a sender has it in hand until then
    why: str = Field(default="", max_length=500)  # the relay's last words, or ours
    made_at: datetime = Field(sa_type=UTCDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
