"""What became of an issue, added up: by state, by lane, by what the relay said.

While an issue is open its rows are counted each time. Once nothing of it is open only `ledger.resolve` may still change
a row and `plan.add` add one: then the sums are kept as Tally rows, and forgotten in the very transaction that does so.
So a sum that is kept is the sum of the rows, at every moment.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Select, case, func, insert, literal, select
from sqlmodel import Session, col

from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.ledger import Totals
from newsletter.delivery.models import DeliveryState, Tally
from newsletter.delivery.rows import TABLE
from newsletter.issues.models import Decision, Issue, IssueState

CLOSED = (IssueState.SENT, IssueState.CANCELLED)
OPEN = (DeliveryState.QUEUED, DeliveryState.IN_HAND, DeliveryState.DEFERRED)
_KEPT = Tally.__table__.c  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Line:
    """So many deliveries that ended alike, or stand alike."""

    state: DeliveryState
    lane: str
    code: int | None
    status: str
    why: str
    count: int
    retried: int = 0


def of(session: Session, issue_id: int) -> list[Line]:
    """All of an issue: as kept, else counted from its rows."""
    return kept(session, issue_id) or counted(session, issue_id)


def kept(session: Session, issue_id: int) -> list[Line]:
    """What is kept of an issue; nothing while it is open."""
    parts = (_KEPT.state, _KEPT.lane, _KEPT.code, _KEPT.status, _KEPT.why, _KEPT.deliveries, _KEPT.retried)
    return [Line(*row) for row in session.execute(select(*parts).where(_KEPT.issue_id == issue_id))]


def kept_totals(session: Session, issue_ids: Collection[int]) -> dict[int, Totals]:
    """What is kept of many issues, by state alone; one that has no tally (yet) is missing."""
    query = select(_KEPT.issue_id, _KEPT.state, func.sum(_KEPT.deliveries)).where(_KEPT.issue_id.in_(issue_ids))
    found: dict[int, dict[str, int]] = {}
    for issue_id, state, count in session.execute(query.group_by(_KEPT.issue_id, _KEPT.state)):
        found.setdefault(issue_id, {})[state.value] = int(count)
    return {issue_id: Totals(**counts) for issue_id, counts in found.items()}


def counted(session: Session, issue_id: int, states: Collection[DeliveryState] = tuple(DeliveryState)) -> list[Line]:
    """The same from the rows in these `states`. It reads each of them: seconds for millions."""
    return [Line(*row) for row in session.execute(_counted(issue_id).where(TABLE.c.state.in_(states)))]


def totals(lines: Iterable[Line]) -> Totals:
    """The sum of invariant 2 out of an issue's lines."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.state.value] = counts.get(line.state.value, 0) + line.count
    return Totals(**counts)


def keep_missing(database: Database) -> int:
    """Add up every closed issue that has no tally and nothing open any more; how many. Safe to call at any time."""
    drawn = (col(Issue.state).in_(CLOSED), col(Issue.drawn_at).is_not(None))
    has_one = select(col(Tally.id)).where(col(Tally.issue_id) == col(Issue.id)).exists()
    without = select(col(Issue.id)).where(*drawn, ~has_one)
    with database.reading() as session:
        missing = list(session.scalars(without))
    return sum(keep(database, issue_id) for issue_id in missing if issue_id is not None)


def keep(database: Database, issue_id: int) -> bool:
    """Add up a closed issue and keep the sums; False if it is not the time for that.

    The counting takes a second for a million rows and holds no lock: whatever changed a row meanwhile has written down
    a decision, or there are more rows now than were counted, and then the sums are thrown away.
    """
    with database.reading() as session:
        before = _last_decision(session, issue_id)
        lines = counted(session, issue_id)
    if not lines or any(line.state in OPEN for line in lines):
        return False
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state not in CLOSED or _last_decision(session, issue_id) != before:
            return False
        if ledger.totals(session, issue_id) != totals(lines):
            return False
        ledger.forget_tally(session, issue_id)
        session.execute(insert(Tally), [_row(issue_id, line) for line in lines])
    return True


def _row(issue_id: int, line: Line) -> dict[str, object]:
    values = {name: getattr(line, name) for name in ("state", "lane", "code", "status", "why", "retried")}
    return values | {"issue_id": issue_id, "deliveries": line.count}


def _last_decision(session: Session, issue_id: int) -> int | None:
    return session.scalar(select(func.max(Decision.id)).where(col(Decision.issue_id) == issue_id))


def _counted(issue_id: int) -> Select[DeliveryState, str, int | None, str, str, int, int]:
    """Skipped ones by their reason; of the others one reply stands for all with its numbers."""
    reason = case((TABLE.c.state == DeliveryState.SKIPPED, TABLE.c.why), else_=literal(""))
    parts = (TABLE.c.state, TABLE.c.lane, TABLE.c.code, TABLE.c.status)
    retried = func.sum(case((TABLE.c.attempts > 1, 1), else_=0))
    counted = select(*parts, func.min(TABLE.c.why), func.count(), retried)
    return counted.where(TABLE.c.issue_id == issue_id).group_by(*parts, reason)
