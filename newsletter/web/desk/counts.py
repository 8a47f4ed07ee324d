"""What the desk's pages count, once a process for all who look: see gauge.py. One `Counts` is kept by `create_desk`."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock

from newsletter.delivery import figures, progress, results, tallies
from newsletter.delivery.figures import Figures
from newsletter.delivery.ledger import Totals
from newsletter.delivery.progress import Sample
from newsletter.delivery.results import REFUSED, Provider, Refusal, Result
from newsletter.issues.models import Issue, IssueState
from newsletter.web.dependencies import House
from newsletter.web.desk.gauge import Counted, Gauge
from subscribers import SubscriptionState, audience, movements

LIVE = (IssueState.SENDING, IssueState.PAUSED)
LOOK_SECONDS = 0.5
MOST_WATCHED = 50  # issues whose rate is measured


@dataclass(frozen=True)
class Progress:
    """A send at one moment."""

    state: IssueState
    drawn: bool  # the whole audience is in the ledger
    totals: Totals = field(default_factory=Totals)
    providers: list[Provider] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    rate: float | None = None  # a second
    left: timedelta | None = None

    @property
    def is_live(self) -> bool:
        """Whether its numbers still move."""
        return self.state in LIVE


class Counts:
    """The desk's gauges."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._samples: OrderedDict[int, list[Sample]] = OrderedDict()
        self._lock = Lock()
        self._progress = Gauge(self._count_progress, least=LOOK_SECONDS)
        self._results = Gauge(self._count_result)
        self._standing = Gauge(self._count_standing)
        self._readers = Gauge(self._count_readers)
        self._figures = Gauge(self._count_figures)

    def progress(self, issue_id: int) -> Counted[Progress]:
        """How a send stands; half a second old at most, or a few for millions."""
        return self._progress.read(issue_id, self._house.now)

    def result(self, issue_id: int) -> Counted[Result]:
        """What became of an issue."""
        return self._results.read(issue_id, self._house.now)

    def standing(self, newsletter: str) -> Counted[dict[SubscriptionState, int]]:
        """How many people stand where with a newsletter."""
        return self._standing.read(newsletter, self._house.now)

    def readers(self, newsletter: str) -> Counted[int]:
        """How many would get an issue of it now."""
        return self._readers.read(newsletter, self._house.now)

    def figures(self, newsletter: str, last: date, days: int) -> Counted[Figures]:
        """A newsletter over time."""
        return self._figures.read((newsletter, last, days), self._house.now)

    def forget(self, issue_id: int) -> None:
        """Somebody has just decided something about it."""
        self._progress.forget(issue_id)
        self._results.forget(issue_id)

    def _count_progress(self, issue_id: int, now: datetime) -> Progress:
        with self._house.database.reading() as session:
            issue = session.get_one(Issue, issue_id)
            lanes = progress.by_lane(session, issue_id)
            lines = tallies.counted(session, issue_id, REFUSED)
        totals = progress.together(lanes)
        rate = self._rate(issue_id, Sample(now, progress.settled(totals)))
        rate = rate if issue.state is IssueState.SENDING else None
        return Progress(
            issue.state, issue.drawn_at is not None, totals, results.by_size(lanes), results.refusals(lines), rate,
            progress.time_left(totals, rate),
        )  # fmt: skip

    def _rate(self, issue_id: int, sample: Sample) -> float | None:
        with self._lock:
            samples = progress.recent(self._samples.pop(issue_id, []), sample)
            self._samples[issue_id] = samples
            while len(self._samples) > MOST_WATCHED:
                self._samples.popitem(last=False)
        return progress.a_second(samples)

    def _count_result(self, issue_id: int, _now: datetime) -> Result:
        with self._house.database.reading() as session:
            return results.of(session, issue_id)

    def _count_standing(self, newsletter: str, _now: datetime) -> dict[SubscriptionState, int]:
        with self._house.database.reading() as session:
            return movements.standing(session, newsletter)

    def _count_readers(self, newsletter: str, now: datetime) -> int:
        with self._house.database.reading() as session:
            return audience.count(session, newsletter, now)

    def _count_figures(self, key: tuple[str, date, int], _now: datetime) -> Figures:
        slug, last, days = key
        with self._house.database.reading() as session:
            return figures.over(session, self._house.config.newsletter(slug), last, days)
