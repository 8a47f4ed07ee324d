"""The ledger's rows: what a claim and a record write, whole batches at a time.

The statements are built once: to build one takes the library longer than the database needs for a hundred rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Integer, Table, Update, bindparam, func, select, union_all, update
from sqlmodel import Session, col

from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.issues.models import Issue, IssueState
from subscribers import batch

TABLE: Table = Delivery.__table__  # type: ignore[attr-defined]
WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
Share = tuple[DeliveryState, str]  # queued or deferred, and the lane


Taken = tuple[int, int, int, str, int | None]  # of a row in hand: its number, the reader's, attempts, lane, edition


def count_claim(session: Session, issue: Issue) -> int | None:
    """The number of this claim; None if the issue is not being sent (any more). Claims of an issue come one by one."""
    number: int | None = session.connection().scalar(_COUNT_CLAIM, {"issue": issue.id})
    return number


def take(session: Session, issue_id: int, sender: str, shares: Mapping[Share, int], now: datetime) -> list[Taken]:
    """Up to so many due rows of each share, now in hand, by number.

    Each share reads the index in its own order from its own place: a list of millions costs no more than a short one.
    """
    if not shares:
        return []
    values: dict[str, object] = {"issue": issue_id, "hand": sender, "now": now}
    for n, ((state, lane), count) in enumerate(shares.items()):
        values |= {f"state{n}": state, f"lane{n}": lane, f"count{n}": count}
    found: Any = session.connection().execute(_taking(len(shares)), values).all()
    return sorted(found, key=itemgetter(0))


def put_aside(session: Session, until: Mapping[int, datetime], now: datetime) -> None:
    """Back into the queue for later: their domain is paused."""
    if until:
        values = [{"number": number, "due": moment, "now": now} for number, moment in until.items()]
        session.connection().execute(_PUT_ASIDE, values)


def skip(session: Session, gone: Sequence[tuple[int, str]], now: datetime) -> None:
    """They get nothing, for the reason beside each number."""
    if gone:
        session.connection().execute(_SKIP, [{"number": number, "reason": why, "now": now} for number, why in gone])


def accept(
    session: Session, sender: str, words: Mapping[int, str], attempts: int, code: int, status: str, now: datetime
) -> None:  # fmt: skip
    """Settle rows in the sender's hand that a relay took with one code; `words` are its own for each, by number."""
    values = {"attempts": attempts, "code": code, "status": status, "hand": sender, "now": now}
    session.connection().execute(_ACCEPT, {"words": batch.packed_texts(words)} | values)


def settle(session: Session, sender: str, settled: Sequence[Sequence[batch.Cell]], now: datetime) -> None:
    """Settle rows in the sender's hand, each its own way: its number, then the columns of SETTLED."""
    if settled:
        session.connection().execute(_SETTLE, {"settled": batch.packed(settled), "hand": sender, "now": now})


SETTLED = {  # and PostgreSQL's types
    "state": "text",
    "attempts": "integer",
    "due_at": "timestamptz",
    "code": "integer",
    "status": "text",
    "why": "text",
}

# --- statements -----------------------------------------------------------------------------------------------------

_NOW = bindparam("now", type_=TABLE.c.changed_at.type)
_HAND = bindparam("hand", type_=TABLE.c.sender.type)
_IN_HAND = func.coalesce(TABLE.c.sender, "") == _HAND  # not by the index over senders: each row by its number

_COUNT_CLAIM = (
    update(Issue)
    .where(col(Issue.id) == bindparam("issue"), col(Issue.state) == IssueState.SENDING)
    .values(claims=col(Issue.claims) + 1)
    .returning(col(Issue.claims))
)
_PUT_ASIDE = (
    update(TABLE)
    .where(TABLE.c.id == bindparam("number"))
    .values(state=DeliveryState.QUEUED, sender=None, due_at=bindparam("due"), changed_at=_NOW)
)
_SKIP = (
    update(TABLE)
    .where(TABLE.c.id == bindparam("number"))
    .values(state=DeliveryState.SKIPPED, sender=None, why=bindparam("reason"), changed_at=_NOW)
)


@lru_cache(maxsize=64)
def _taking(shares: int) -> Update:
    """From so many shares."""
    chosen = [
        select(
            select(TABLE.c.id)
            .where(
                TABLE.c.issue_id == bindparam("issue"),
                TABLE.c.state == bindparam(f"state{n}"),
                TABLE.c.lane == bindparam(f"lane{n}"),
                TABLE.c.due_at <= _NOW,
            )
            .order_by(TABLE.c.due_at, TABLE.c.id)
            .limit(bindparam(f"count{n}", type_=Integer))
            .subquery()
        )
        for n in range(shares)
    ]
    return (
        update(TABLE)
        .where(TABLE.c.id.in_(union_all(*chosen)), TABLE.c.state.in_(WAITING))
        .values(state=DeliveryState.IN_HAND, sender=_HAND, changed_at=_NOW)
        .returning(TABLE.c.id, TABLE.c.subscriber_id, TABLE.c.attempts, TABLE.c.lane, TABLE.c.edition_id)
    )


def _accepting() -> Update:
    new = batch.texts(batch.given("words"))
    return (
        update(TABLE)
        .where(TABLE.c.id == new.c.number, _IN_HAND)
        .values(
            state=DeliveryState.ACCEPTED, attempts=bindparam("attempts"), due_at=None, code=bindparam("code"),
            status=bindparam("status"), why=new.c.text, sender=None, changed_at=_NOW,
        )
    )  # fmt: skip


def _settling() -> Update:
    new = batch.rows(batch.given("settled"), id="bigint", **SETTLED)
    values = {name: new.c[name] for name in SETTLED}
    return update(TABLE).where(TABLE.c.id == new.c.id, _IN_HAND).values(values | {"sender": None, "changed_at": _NOW})


_ACCEPT, _SETTLE = _accepting(), _settling()
