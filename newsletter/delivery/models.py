"""The tables of the sending: Delivery, one row for (issue, subscriber), is the ledger; Lane is how fast, saved; Tally
is what a closed issue's ledger says, added up.

No address stands in them.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
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


_IN_HAND = text("sender IS NOT NULL")


class Delivery(SQLModel, table=True):
    """What became of one issue for one subscriber."""

    __table_args__ = (
        UniqueConstraint("subscriber_id", "issue_id"),  # in this order it finds a reader's deliveries too
        Index("ix_delivery_work", "issue_id", "state", "lane", "due_at", "id"),
        Index("ix_delivery_sender", "sender", sqlite_where=_IN_HAND, postgresql_where=_IN_HAND),  # small, so cheap
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    issue_id: int  # no foreign key: looking it up for each of a million rows is half of drawing them on PostgreSQL
    subscriber_id: int = Field(sa_type=BigId)  # no foreign key: the ledger outlives an erasure
    subscription_id: int = Field(sa_type=BigId)
    edition_id: int | None = None  # which edition they get, for good; None for the one that holds every section
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_type=words(DeliveryState))
    lane: str = Field(default="", max_length=100)  # which mailbox provider or relay it goes to, see lanes.py
    attempts: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # of a queued or deferred one: not before
    sender: str | None = Field(default=None, max_length=40)  # whose hand it is in
    code: int | None = None  # the relay's last reply: 250, 452, 550
    status: str = Field(default="", max_length=12)  # RFC 3463, "5.1.1"
    why: str = Field(default="", max_length=500)  # the relay's last words, or ours
    changed_at: datetime = Field(sa_type=UTCDateTime)


class Lane(SQLModel, table=True):
    """How fast a lane may go, and how its server bears it. Kept so that a restart does not forget and all senders, in
    whatever process, share one rate. The lane `*` is all mail together; a lane without a row has no history."""

    name: str = Field(primary_key=True, max_length=300)
    free_at: datetime = Field(sa_type=UTCDateTime)  # when its next message may go
    halvings: int = 0  # how often its rate was halved and not yet doubled again
    refusals: int = 0  # "slow down", in a row
    accepted: int = 0  # since the rate last changed
    paused_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    day: date | None = None  # UTC
    taken: int = 0  # messages on `day`, for the warm-up


class Tally(SQLModel, table=True):
    """How many deliveries of a closed issue ended alike, added up once, so that a year's figures need not read a year's
    ledger. Whoever changes a delivery of a closed issue calls `ledger.forget_tally` in the same transaction."""

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", ondelete="CASCADE", index=True)
    state: DeliveryState = Field(sa_type=words(DeliveryState))
    lane: str = Field(default="", max_length=100)
    code: int | None = None
    status: str = Field(default="", max_length=12)
    why: str = Field(default="", max_length=500)  # of skipped ones the reason; of others one of the relay's replies
    deliveries: int  # how many
    retried: int  # of these: tried more than once
