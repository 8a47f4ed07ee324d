"""What became of one issue, for its editors: totals, refusals by reason and by provider, retries, what was
followed, and who left after it.

Everything is a sum over tallies.Line; nothing here reads a row of its own but the domains of those that were refused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from newsletter.delivery import followed, progress, reasons, tallies
from newsletter.delivery.lanes import REST
from newsletter.delivery.ledger import Totals
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.rows import TABLE
from newsletter.delivery.tallies import Line
from newsletter.issues.models import Issue
from subscribers import Leavings, leavings
from subscribers.models import Subscriber

REFUSED = (DeliveryState.FAILED, DeliveryState.DEFERRED)
NOT_TAKEN = (*REFUSED, DeliveryState.SKIPPED, DeliveryState.UNCERTAIN)
MOST_READ = 10_000  # refused deliveries whose domains are looked up: a sixteenth of a second
MOST_DOMAINS = 12


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many deliveries that a server did not take, for one reason."""

    state: DeliveryState  # failed: for good; deferred: tried again
    reason: str  # in words
    numbers: str  # "550 5.1.1"
    example: str  # one server's own words
    count: int


@dataclass(frozen=True, slots=True)
class Provider:
    """What one mailbox provider's readers got."""

    lane: str
    totals: Totals

    @property
    def name(self) -> str:
        """As people read it; all who have no lane of their own are one."""
        relay, _, provider = self.lane.rpartition("/")
        named = provider.title() if provider != REST else "All others"
        return f"{named}, by {relay}" if relay else named


@dataclass(frozen=True)
class Result:
    """All of it."""

    totals: Totals
    retried: int  # of those that were taken at last, not at the first try; 0 while it is open: nobody counts it
    refusals: list[Refusal]
    skipped: list[tuple[str, int]]  # reason, how many
    providers: list[Provider]
    leavings: Leavings
    domains: list[tuple[str, int]]  # whose servers refused most
    clicks: followed.Clicks | None = None  # None where none are counted


def of(session: Session, issue_id: int) -> Result:
    """What is known of an issue now: out of its kept sums, else out of one index and the rows that were not taken."""
    lines = tallies.kept(session, issue_id)
    lanes = _lanes(lines) if lines else progress.by_lane(session, issue_id)
    told = lines or tallies.counted(session, issue_id, NOT_TAKEN)
    return Result(
        totals=progress.together(lanes),
        retried=sum(line.retried for line in lines if line.state is DeliveryState.ACCEPTED),
        refusals=refusals(told),
        skipped=skipped(told),
        providers=by_size(lanes),
        leavings=leavings.of_issue(session, issue_id),
        domains=_refusing_domains(session, issue_id) if any(line.state in REFUSED for line in told) else [],
        clicks=followed.of(session, issue_id),
    )


def refusals(lines: Iterable[Line]) -> list[Refusal]:
    """By reason, the commonest first; replies that mean the same are one, and the commonest one's numbers stand."""
    found: dict[tuple[DeliveryState, str], list[Line]] = {}
    for line in lines:
        if line.state in REFUSED:
            found.setdefault((line.state, reasons.in_words(line.code, line.status)), []).append(line)
    made = []
    for (state, words), alike in found.items():
        first = max(alike, key=lambda line: (line.count, line.status, line.why))
        count = sum(line.count for line in alike)
        made.append(Refusal(state, words, reasons.numbers(first.code, first.status), first.why, count))
    return sorted(made, key=lambda refusal: (-refusal.count, refusal.state.value, refusal.reason))


def skipped(lines: Iterable[Line]) -> list[tuple[str, int]]:
    """Who was not mailed, by reason, the commonest first."""
    counts: Counter[str] = Counter()
    for line in lines:
        if line.state is DeliveryState.SKIPPED:
            counts[line.why] += line.count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def by_size(lanes: Mapping[str, Totals]) -> list[Provider]:
    """Providers out of their lanes' totals, the largest first, all others last."""
    made = [Provider(lane, totals) for lane, totals in lanes.items()]
    return sorted(made, key=lambda one: (one.lane == REST, -one.totals.selected, one.lane))


def _refusing_domains(session: Session, issue_id: int) -> list[tuple[str, int]]:
    """The domains whose servers refused most, for good or for now, among the first MOST_READ of an issue."""
    refused = select(TABLE.c.subscriber_id).where(TABLE.c.issue_id == issue_id, TABLE.c.state.in_(REFUSED))
    some = refused.limit(MOST_READ).subquery()
    count = func.count().label("count")
    domain = col(Subscriber.domain)
    query = select(domain, count).join(some, some.c.subscriber_id == col(Subscriber.id)).group_by(domain)
    return [(name, n) for name, n in session.execute(query.order_by(count.desc(), domain).limit(MOST_DOMAINS))]


def _lanes(lines: Sequence[Line]) -> dict[str, Totals]:
    by_lane: dict[str, list[Line]] = {}
    for line in lines:
        by_lane.setdefault(line.lane, []).append(line)
    return {lane: tallies.totals(of_lane) for lane, of_lane in by_lane.items()}


def of_reader(session: Session, subscriber_id: int, limit: int | None = 60) -> list[tuple[Issue, Delivery]]:
    """A reader's last issues, or (None) all, and what became of each, the newest first: a range of one index."""
    query = select(Issue, Delivery).join(Delivery, col(Delivery.issue_id) == col(Issue.id))
    mine = query.where(col(Delivery.subscriber_id) == subscriber_id)
    found = session.execute(mine.order_by(col(Delivery.issue_id).desc()).limit(limit))
    return [(issue, delivery) for issue, delivery in found]
