"""Tables of what is rendered: Edition, the bytes that readers get, stored once; and what the checks said of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime


class Edition(SQLModel, table=True):
    """One rendered form of an issue. A reader's own links stand in it as marks (`slots.py`). Frozen at approval."""

    __table_args__ = (UniqueConstraint("issue_id", "topics"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    topics: str = Field(default="", max_length=1000)  # "" is the edition that holds every section
    subject: str = Field(max_length=300)
    preheader: str = Field(max_length=300)
    html: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    links: list[dict[str, Any]] = Field(  # those that are counted, as `counted.Link` has them; of every edition all
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"}
    )
    template_digest: str = Field(max_length=64)  # SHA-256 of the templates it was made from
    rendered_at: datetime = Field(sa_type=UTCDateTime)


class PreflightReport(SQLModel, table=True):
    """What the last check of an issue found, for each occasion: asked for, before approval, before the send."""

    __tablename__ = "preflight_report"
    __table_args__ = (UniqueConstraint("issue_id", "occasion"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE")
    occasion: str = Field(max_length=20)
    at: datetime = Field(sa_type=UTCDateTime)
    findings: list[dict[str, Any]] = Field(sa_type=JSON)  # rule, level, message, where
