"""The ledger's verbs: claim, record, release, recover, and the sum that is always right.

Every verb is one short transaction of a batch. A delivery is in one hand at a time: it is claimed by a conditional
UPDATE, whoever asks, from whichever process or machine, and leaving is checked again in that same transaction.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Table, and_, bindparam, func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from newsletter.delivery.journal import Remains
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.pace import retry_at
from newsletter.delivery.replies import Fate
from newsletter.delivery.transport import Answer
from subscribers import audience

TABLE: Table = Delivery.__table__  # type: ignore[attr-defined]
OPEN = (DeliveryState.QUEUED, DeliveryState.IN_HAND, DeliveryState.DEFERRED)
VANISHED_AFTER = timedelta(hours=6)  # a hand that has not moved for so long, and left no journal here, is dead


@dataclass(frozen=True)
class Totals:
    """selected = queued + in_hand + accepted + deferred + failed + skipped + uncertain."""

    queued: int = 0
    in_hand: int = 0
    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    skipped: int = 0
    uncertain: int = 0

    @property
    def selected(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def open(self) -> int:
        """Those that still need something done."""
        return self.queued + self.in_hand + self.deferred

    def as_json(self) -> dict[str, int]:
        """The totals as the commands print them."""
        return {"selected": self.selected} | {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Claimed:
    """A delivery in hand, with what is needed to send it."""

    delivery_id: int
    attempts: int
    recipient: audience.Recipient


def totals(session: Session, issue_id: int) -> Totals:
    """How many deliveries of an issue are in each state, from the rows themselves."""
    counted = select(TABLE.c.state, func.count()).where(TABLE.c.issue_id == issue_id).group_by(TABLE.c.state)
    return Totals(**{state.value: count for state, count in session.execute(counted)})


def claim(session: Session, issue_id: int, newsletter: str, sender: str, limit: int, now: datetime) -> list[Claimed]:
    """Take up to `limit` due deliveries into the hand of `sender`. Who has left since is skipped here and now.

    An empty list means that nothing is due. May return fewer than `limit`, also none while more are due, when all that
    were taken have left; `skipped` rows are settled, so calling again makes progress.
    """
    ids = _take(session, issue_id, sender, limit, now)
    while ids:
        found = audience.recipients(session, newsletter, [subscriber for _, subscriber, _ in ids], now)
        gone = [(i, why.why) for i, s, _ in ids if isinstance(why := found[s], audience.NotNow)]
        _skip(session, gone, now)
        kept = [Claimed(i, a, r) for i, s, a in ids if isinstance(r := found[s], audience.Recipient)]
        if kept:
            return kept
        ids = _take(session, issue_id, sender, limit, now)
    return []


def record(
    session: Session, attempts: dict[int, int], answers: dict[int, Answer], dotted: set[int], now: datetime
) -> None:
    """Write down what the relay said, and let go of the deliveries in hand; `attempts` has each one's so far.

    One without an answer is uncertain if its final dot was handed to the wire, and goes back into the queue if not.
    """
    _write(session, [_settled(i, before, answers.get(i), i in dotted, now) for i, before in attempts.items()])


def recover(session: Session, remains: Remains, now: datetime) -> None:
    """Settle what a dead sender had in hand, by what its journal says."""
    held = session.execute(select(TABLE.c.id, TABLE.c.attempts).where(TABLE.c.sender == remains.name))
    attempts: dict[int, int] = {row.id: row.attempts for row in held}
    dotted = set(attempts) if remains.rebooted else remains.dotted
    record(session, attempts, remains.answers, dotted, now)


def recover_vanished(session: Session, now: datetime) -> int:
    """Deliveries in hands that left no journal on this machine become uncertain. Returns how many."""
    changed = session.execute(
        update(TABLE)
        .where(TABLE.c.state == DeliveryState.IN_HAND, TABLE.c.changed_at < now - VANISHED_AFTER)
        .values(state=DeliveryState.UNCERTAIN, sender=None, why="its sender vanished without a trace", changed_at=now)
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]


def give_up(session: Session, issue_id: int, state: DeliveryState, to: DeliveryState, why: str, now: datetime) -> int:
    """Settle all deliveries of an issue in `state` at once: a cancelled issue's queue, a deadline's deferred ones.

    With an empty `why` each keeps the relay's last words. Returns how many."""
    values = {"state": to, "changed_at": now, "due_at": None} | ({"why": why} if why else {})
    changed = session.execute(update(TABLE).where(TABLE.c.issue_id == issue_id, TABLE.c.state == state).values(values))
    return int(changed.rowcount)  # type: ignore[attr-defined]


def next_due(session: Session, issue_id: int) -> datetime | None:
    """When the next deferred delivery is to be tried; None if none is deferred."""
    due: datetime | None = session.scalar(
        select(func.min(TABLE.c.due_at)).where(TABLE.c.issue_id == issue_id, TABLE.c.state == DeliveryState.DEFERRED)
    )
    return due


def uncertain(session: Session, issue_id: int, limit: int = 100) -> list[Delivery]:
    """The first deliveries whose fate a crash has hidden."""
    wanted = (Delivery.issue_id == issue_id, Delivery.state == DeliveryState.UNCERTAIN)
    return list(session.exec(select_rows(Delivery).where(*wanted).order_by(col(Delivery.id)).limit(limit)))


# --- rows ----------------------------------------------------------------------------------------------------------


def _take(session: Session, issue_id: int, sender: str, limit: int, now: datetime) -> list[tuple[int, int, int]]:
    """(delivery, subscriber, attempts) of rows that were queued, else of those whose retry is due, now in hand.

    Each of the two reads the index in its own order: a list of millions costs no more than a short one.
    """
    retry = and_(TABLE.c.state == DeliveryState.DEFERRED, TABLE.c.due_at <= now)
    for due in (TABLE.c.state == DeliveryState.QUEUED, retry):
        chosen = (
            select(TABLE.c.id)
            .where(TABLE.c.issue_id == issue_id, due)
            .order_by(TABLE.c.due_at, TABLE.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # PostgreSQL; SQLite has one writer anyway
        )
        taken = session.execute(
            update(TABLE)
            .where(TABLE.c.id.in_(chosen.scalar_subquery()))
            .values(state=DeliveryState.IN_HAND, sender=sender, due_at=None, changed_at=now)
            .returning(TABLE.c.id, TABLE.c.subscriber_id, TABLE.c.attempts)
        )
        if rows := sorted((row.id, row.subscriber_id, row.attempts) for row in taken):
            return rows
    return []


def _skip(session: Session, gone: list[tuple[int, str]], now: datetime) -> None:
    if gone:
        session.connection().execute(
            update(TABLE)
            .where(TABLE.c.id == bindparam("b_id"))
            .values(state=DeliveryState.SKIPPED, sender=None, why=bindparam("b_why"), changed_at=now),
            [{"b_id": delivery_id, "b_why": why} for delivery_id, why in gone],
        )


Row = dict[str, object]


def _settled(delivery_id: int, before: int, answer: Answer | None, dotted: bool, now: datetime) -> Row:
    """The row of a delivery that was in hand, after `before` attempts, now that `answer` came or none."""
    fate = answer.fate if answer else Fate.UNCERTAIN if dotted else Fate.RELEASED
    charged = before if fate in (Fate.RELEASED, Fate.STOPPED) else before + 1
    reply = answer.reply if answer else None
    return {
        "b_id": delivery_id,
        "b_state": _STATES[fate],
        "b_attempts": charged,
        "b_due_at": retry_at(now, charged, delivery_id) if fate is Fate.DEFERRED else None,
        "b_code": reply.code if reply else None,
        "b_status": reply.status[:12] if reply else "",
        "b_why": _UNCERTAIN if fate is Fate.UNCERTAIN else reply.text[:500] if reply else "",
        "b_changed_at": now,
    }


_UNCERTAIN = "its final dot was on the wire and no reply came: the relay may have taken it"
_STATES = {
    Fate.ACCEPTED: DeliveryState.ACCEPTED,
    Fate.DEFERRED: DeliveryState.DEFERRED,
    Fate.FAILED: DeliveryState.FAILED,
    Fate.UNCERTAIN: DeliveryState.UNCERTAIN,
    Fate.RELEASED: DeliveryState.QUEUED,  # the relay's trouble, not this reader's
    Fate.STOPPED: DeliveryState.QUEUED,
}


def _write(session: Session, rows: list[Row]) -> None:
    """Settle rows that are in hand, in one executemany."""
    if not rows:
        return
    session.connection().execute(
        update(TABLE)
        .where(TABLE.c.id == bindparam("b_id"))
        .values({name: bindparam(f"b_{name}") for name in _SETTLED_COLUMNS} | {"sender": None}),
        rows,
    )


_SETTLED_COLUMNS = ("state", "attempts", "due_at", "code", "status", "why", "changed_at")
