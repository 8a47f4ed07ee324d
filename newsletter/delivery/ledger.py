"""The ledger's verbs: claim, record, release, recover, and the sum that is always right.

Every verb is one short transaction of a batch. A delivery is in one hand at a time: it is claimed by a conditional
UPDATE, whoever asks, from whichever process or machine, and leaving is checked again in that same transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, case, delete, func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from newsletter.delivery import lanes, pace, rows
from newsletter.delivery.conversation import Answer
from newsletter.delivery.journal import Remains
from newsletter.delivery.lanes import Lanes
from newsletter.delivery.models import Delivery, DeliveryState, Tally
from newsletter.delivery.replies import Fate
from newsletter.delivery.rows import TABLE, WAITING, Share
from newsletter.errors import Refused
from newsletter.issues.models import Issue
from subscribers import Format, audience, batch

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
        """All for whom the issue was meant: the sum of the others."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def open(self) -> int:
        """Those that still need something done."""
        return self.queued + self.in_hand + self.deferred

    def as_json(self) -> dict[str, int]:
        """The totals as the commands print them."""
        return {"selected": self.selected} | {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Standing:
    """The totals of an issue, and how many wait with their time come, by state and lane."""

    totals: Totals = Totals()
    due: Mapping[Share, int] = field(default_factory=dict)


class Claimed(NamedTuple):
    """A delivery in hand, with what is needed to send it."""

    delivery_id: int
    subscriber_id: int
    subscription_id: int
    email: str
    name: str
    format: Format
    attempts: int
    lane: str
    edition_id: int | None

    @property
    def domain(self) -> str:
        """Of the reader's address, as stored: ASCII, lower case."""
        return self.email.rpartition("@")[2]


@dataclass(frozen=True)
class Claim:
    """What a sender has in hand now. With nothing in it, `again_at` is when to ask again; None: nothing is due."""

    deliveries: list[Claimed] = field(default_factory=list)
    again_at: datetime | None = None
    number: int = 0  # of the issue's claims so far


def totals(session: Session, issue_id: int) -> Totals:
    """How many deliveries of an issue are in each state, from the rows themselves."""
    counted = select(TABLE.c.state, func.count()).where(TABLE.c.issue_id == issue_id).group_by(TABLE.c.state)
    return Totals(**{state.value: count for state, count in session.execute(counted)})


def by_edition(session: Session, issue_id: int) -> dict[int | None, Totals]:
    """The totals of each edition, None for the whole one; those who get nothing for their topics count there. It reads
    every row of the issue."""
    counted = select(TABLE.c.edition_id, TABLE.c.state, func.count()).where(TABLE.c.issue_id == issue_id)
    counts: dict[int | None, dict[str, int]] = {}
    for edition, state, count in session.execute(counted.group_by(TABLE.c.edition_id, TABLE.c.state)):
        counts.setdefault(edition, {})[state.value] = count
    return {edition: Totals(**states) for edition, states in counts.items()}


def standing(session: Session, issue_id: int, now: datetime) -> Standing:
    """The totals, and what is due at `now`. It reads the whole index of the issue: not for every batch."""
    is_due = case((and_(TABLE.c.state.in_(WAITING), TABLE.c.due_at <= now), 1), else_=0)
    counted = (
        select(TABLE.c.state, TABLE.c.lane, func.count(), func.sum(is_due))
        .where(TABLE.c.issue_id == issue_id)
        .group_by(TABLE.c.state, TABLE.c.lane)
    )
    counts: dict[str, int] = {}
    due: dict[Share, int] = {}
    for state, lane, count, ready in session.execute(counted):
        counts[state.value] = counts.get(state.value, 0) + count
        due |= {(state, lane): int(ready)} if ready else {}
    return Standing(Totals(**counts), due)


def claim(
    session: Session, issue: Issue, sender: str, rules: Lanes, due: Mapping[Share, int], limit: int, now: datetime
) -> Claim:
    """Take up to `limit` due deliveries into the hand of `sender`, of each share in `due` what its lane may have.

    Who has left since is skipped here and now; readers whose domain is paused are put aside until it is not. So it
    may return fewer than `limit`, also none while others are due: those rows are settled, and asking again goes on.
    Nothing is claimed of an issue that is not `sending`.
    """
    number = rows.count_claim(session, issue)
    if number is None:
        return Claim()
    opened = lanes.opening(session, rules, sorted({lane for _, lane in due}), limit, now)
    shares = pace.portions(opened.limit, due, {share: opened.may[share[1]] for share in due})
    taken = rows.take(session, issue.id or 0, sender, shares, now)
    if not taken:
        return Claim(again_at=None if shares else opened.again_at, number=number)
    found = audience.recipients(session, issue.newsletter, [row[1] for row in taken], now)
    kept = [
        Claimed(delivery, *who, attempts, lane, edition)
        for delivery, person, attempts, lane, edition in taken
        if isinstance(who := found[person], audience.Recipient)
    ]
    if len(kept) < len(taken):
        gone = [(row[0], who.why) for row in taken if isinstance(who := found[row[1]], audience.NotNow)]
        rows.skip(session, gone, now)
    if opened.rows:
        aside = {c.delivery_id: until for c in kept if (until := opened.paused_until(rules.bucket_of(c.domain), now))}
        rows.put_aside(session, aside, now)
        kept = [claimed for claimed in kept if claimed.delivery_id not in aside]
        lanes.take(opened, rules, Counter(claimed.lane for claimed in kept), now)
    return Claim(kept, now, number)


def record(
    session: Session, sender: str, attempts: Mapping[int, int], answers: Mapping[int, Answer], dotted: Collection[int],
    now: datetime,
) -> None:  # fmt: skip
    """Write down what the relay said, and let go of the deliveries in the hand of `sender`; `attempts` has each one's
    so far. Safe to repeat when nobody knows whether it came through: what is in no hand or another's stays as it is.

    One without an answer is uncertain if its final dot was handed to the wire, and goes back into the queue if not.
    """
    accepted: dict[tuple[int, int, str], dict[int, str]] = defaultdict(dict)  # nearly all; by attempts and code
    others = []
    for number, before in attempts.items():
        answer = answers.get(number)
        if answer and answer.fate is _ACCEPTED and (reply := answer.reply):
            accepted[before, reply.code, reply.status][number] = reply.text
        else:
            others.append(_settled(number, before, answer, number in dotted, now))
    for (before, code, status), words in accepted.items():
        rows.accept(session, sender, words, before + 1, code, status, now)
    rows.settle(session, sender, others, now)


def release(session: Session, sender: str, known: Collection[int], now: datetime) -> None:
    """Put back what a living sender holds beyond what it knows of: its claim came through, the answer to it did not."""
    held = update(TABLE).where(TABLE.c.sender == sender, TABLE.c.id.not_in(known))
    session.execute(held.values(state=DeliveryState.QUEUED, sender=None, due_at=now, changed_at=now))


def recover(session: Session, remains: Remains, now: datetime) -> None:
    """Settle what a dead sender had in hand, by what its journal says."""
    held = session.execute(select(TABLE.c.id, TABLE.c.attempts).where(TABLE.c.sender == remains.name))
    attempts: dict[int, int] = {row.id: row.attempts for row in held}
    dotted = set(attempts) if remains.rebooted else remains.dotted
    record(session, remains.name, attempts, remains.answers, dotted, now)


def recover_vanished(session: Session, now: datetime) -> int:
    """Deliveries in hands that left no journal on this machine become uncertain. Returns how many."""
    changed = session.execute(
        update(TABLE)
        .where(
            TABLE.c.sender.is_not(None),  # there is an index over those
            TABLE.c.state == DeliveryState.IN_HAND,
            TABLE.c.changed_at < now - VANISHED_AFTER,
        )
        .values(state=DeliveryState.UNCERTAIN, sender=None, why="its sender vanished without a trace", changed_at=now)
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]


def give_up(session: Session, issue_id: int, state: DeliveryState, to: DeliveryState, why: str, now: datetime) -> int:
    """Settle all deliveries of an issue in `state` at once: a cancelled issue's queue, a deadline's deferred ones.

    With an empty `why` each keeps the relay's last words. Returns how many."""
    values = {"state": to, "changed_at": now, "due_at": None} | ({"why": why} if why else {})
    changed = session.execute(update(TABLE).where(TABLE.c.issue_id == issue_id, TABLE.c.state == state).values(values))
    return int(changed.rowcount)  # type: ignore[attr-defined]


def has_due(session: Session, issue_id: int, now: datetime) -> bool:
    """Whether the time of any waiting delivery has come. Stops at the first."""
    wanted = (TABLE.c.issue_id == issue_id, TABLE.c.state.in_(WAITING), TABLE.c.due_at <= now)
    return session.scalar(select(TABLE.c.id).where(*wanted).limit(1)) is not None


def listed(session: Session, issue_id: int, state: DeliveryState | None, limit: int) -> list[Delivery]:
    """The first deliveries of an issue in `state`, or in any, by number."""
    query = select_rows(Delivery).where(Delivery.issue_id == issue_id)
    if state is not None:
        query = query.where(Delivery.state == state)
    return list(session.exec(query.order_by(col(Delivery.id)).limit(limit)))


def resolve(session: Session, issue_id: int, numbers: Collection[int], *, again: bool, now: datetime) -> None:
    """Settle uncertain deliveries as somebody has decided: `again` puts them back into the queue, with the same
    Message-ID; else they count as sent. Raises Refused, and changes none, if one of them is not uncertain."""
    values = (
        {"state": DeliveryState.QUEUED, "due_at": now, "why": "to be sent again: somebody decided so"}
        if again
        else {"state": DeliveryState.ACCEPTED, "why": "counted as sent: somebody decided so"}
    )
    forget_tally(session, issue_id)
    wanted = (TABLE.c.id.in_(numbers), TABLE.c.issue_id == issue_id, TABLE.c.state == DeliveryState.UNCERTAIN)
    changed = session.scalars(update(TABLE).where(*wanted).values(changed_at=now, **values).returning(TABLE.c.id))
    if wrong := sorted(set(numbers) - set(changed)):
        raise Refused(
            f"{', '.join(map(str, wrong))}: no uncertain deliveries of this issue; "
            "`newsletter deliveries list ISSUE --state uncertain` shows which are."
        )


def forget_tally(session: Session, issue_id: int) -> None:
    """Rows of a closed issue are about to change: what tallies.py keeps of it is true no more."""
    session.execute(delete(Tally).where(col(Tally.issue_id) == issue_id))


def _settled(delivery_id: int, before: int, answer: Answer | None, dotted: bool, now: datetime) -> list[batch.Cell]:
    """The new values of a delivery that was in hand, after `before` attempts, now that `answer` came or none: its
    number, then the columns of rows.SETTLED."""
    fate = answer.fate if answer else Fate.UNCERTAIN if dotted else Fate.RELEASED
    is_released = fate in (Fate.RELEASED, Fate.STOPPED)
    attempts = before if is_released else before + 1
    due_at = pace.retry_at(now, attempts, delivery_id) if fate is Fate.DEFERRED else now if is_released else None
    reply = answer.reply if answer else None
    code, status, words = (reply.code, reply.status[:12], reply.text[:500]) if reply else (None, "", "")
    why = _UNCERTAIN if fate is Fate.UNCERTAIN else words
    return [delivery_id, _STATES[fate], attempts, due_at, code, status, why]


_ACCEPTED = Fate.ACCEPTED
_UNCERTAIN = "its final dot was on the wire and no reply came: the relay may have taken it"
_STATES = {
    Fate.ACCEPTED: DeliveryState.ACCEPTED,
    Fate.DEFERRED: DeliveryState.DEFERRED,
    Fate.FAILED: DeliveryState.FAILED,
    Fate.UNCERTAIN: DeliveryState.UNCERTAIN,
    Fate.RELEASED: DeliveryState.QUEUED,  # the relay's trouble, not this reader's
    Fate.STOPPED: DeliveryState.QUEUED,
}
