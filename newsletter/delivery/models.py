"""The table Delivery: one row for (issue, subscriber) is the ledger. No address stands in it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime, words
from subscribers.models import BigId


class DeliveryState(StrEnum):
    """selected = queued + in hand + accepted + deferred + failed + skipped + uncertain, at every moment."""

    QUEUED = "queued"
    IN_HAND = "in_hand"  # claimed by a sender that lives
    ACCEPTED = "accepted"  # the relay has taken it: attempted, not yet delivered
    DEFERRED = "deferred"  # refused for now, tried again at `due_at`
    FAILED = "failed"  # refused for good
    SKIPPED = "skipped"  # not mailed, for the reason in `why`
    UNCERTAIN = "uncertain"  # its final dot was on the wire when something died; never sent again by itself


class Delivery(SQLModel, table=True):
    """What became of one issue for one subscriber."""

    __table_args__ = (
        UniqueConstraint("issue_id", "subscriber_id"),
        Index("ix_delivery_work", "issue_id", "state", "due_at", "id"),
        Index("ix_delivery_sender", "sender"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    issue_id: int = Field(foreign_key="issue.id")
    subscriber_id: int = Field(sa_type=BigId, index=True)  # no foreign key: the ledger outlives an erasure
    subscription_id: int = Field(sa_type=BigId)
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_type=words(DeliveryState))
    attempts: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # not before; None: at once
    sender: str | None = Field(default=None, max_length=40)  # whose hand it is in
    code: int | None = None  # the relay's last reply: 250, 452, 550
    status: str = Field(default="", max_length=12)  # RFC 3463, "5.1.1"
    why: str = Field(default="", max_length=500)  # the relay's last words, or ours
    changed_at: datetime = Field(sa_type=UTCDateTime)
