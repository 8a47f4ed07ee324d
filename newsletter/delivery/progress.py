"""A send as people watch it: how far each provider's readers are, how fast it goes, how long it will take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import CTE, String, func, select, type_coerce
from sqlmodel import Session

from newsletter.delivery.ledger import Totals
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.rows import TABLE
from subscribers import batch

WINDOW = timedelta(seconds=60)  # the rate is that of the last minute
ENOUGH = timedelta(seconds=2)  # a rate out of less is noise


@dataclass(frozen=True)
class Sample:
    """How many deliveries an issue had settled at a moment: what its rate is measured by."""

    at: datetime
    settled: int


def by_lane(session: Session, issue_id: int) -> dict[str, Totals]:
    """Where each lane's deliveries stand, all at one moment. It reads the issue's part of one index, 0.1 s for a
    million: each state and lane is a range of its own, counted in half the time that grouping takes."""
    part, (state, lane, of_issue) = _parts(issue_id), _COLUMNS
    here = (of_issue == issue_id, state == part.c.state, lane == part.c.lane)
    count = select(func.count()).select_from(TABLE).where(*here).correlate(part).scalar_subquery()
    counts: dict[str, dict[str, int]] = {}
    for row in session.execute(select(part.c.lane, part.c.state, count).where(part.c.lane.is_not(None))):
        counts.setdefault(row[0], {})[row[1]] = row[2]
    return {lane: Totals(**of_lane) for lane, of_lane in sorted(counts.items())}


_COLUMNS = (type_coerce(TABLE.c.state, String), TABLE.c.lane, TABLE.c.issue_id)


def _parts(issue_id: int) -> CTE:
    """Every state and lane that the issue's deliveries are in, by leaps through the index from each to the next."""
    state, lane, of_issue = _COLUMNS
    states = batch.rows([[one.value] for one in DeliveryState], state="text")
    first = select(func.min(lane)).where(of_issue == issue_id, state == states.c.state)
    part = select(states.c.state, first.correlate(states).scalar_subquery().label("lane")).cte("part", recursive=True)
    after = select(func.min(lane)).where(of_issue == issue_id, state == part.c.state, lane > part.c.lane)
    leap = select(part.c.state, after.correlate(part).scalar_subquery()).where(part.c.lane.is_not(None))
    return part.union_all(leap)


def together(lanes: Mapping[str, Totals]) -> Totals:
    """The sum over all lanes."""
    names = [field.name for field in fields(Totals)]
    return Totals(**{name: sum(getattr(one, name) for one in lanes.values()) for name in names})


def settled(totals: Totals) -> int:
    """Those about which a mail server has given its word: what a rate counts."""
    return totals.accepted + totals.failed + totals.deferred + totals.uncertain


def recent(samples: Sequence[Sample], new: Sample) -> list[Sample]:
    """The samples with `new` at their end, without those that are older than WINDOW."""
    return [one for one in samples if timedelta(0) <= new.at - one.at <= WINDOW] + [new]


def a_second(samples: Sequence[Sample]) -> float | None:
    """Deliveries a second over `samples`, the oldest first; None while there is too little to say."""
    if len(samples) < 2 or samples[-1].at - samples[0].at < ENOUGH:
        return None
    took = (samples[-1].at - samples[0].at).total_seconds()
    return max(0.0, (samples[-1].settled - samples[0].settled) / took)


def time_left(totals: Totals, rate: float | None) -> timedelta | None:
    """Until the last one has had its turn, if it goes on like this; None while nobody can say."""
    if not rate:
        return None
    return timedelta(seconds=round((totals.queued + totals.in_hand) / rate))
