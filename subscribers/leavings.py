"""Who left, in numbers: how many, by which way, why, and how long they had been readers. No person stands in it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session, col

from subscribers.models import Leaving, Way

TENURES = (("a week", 7), ("a month", 30), ("a year", 365))  # who left within that time of becoming a reader
MAX_REASONS = 200  # of the words that people gave, the latest


@dataclass
class Leavings:
    """All leavings of one issue, of one day, or of a newsletter. One that was undone counts as `undone` alone."""

    left: int = 0
    undone: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)  # as they were written, the latest first
    days_a_reader: list[int] = field(default_factory=list)  # of those whose beginning is known

    @property
    def median_days(self) -> float | None:
        """How long half of them had been readers, at most; None where no beginning is known."""
        return median(self.days_a_reader) if self.days_a_reader else None

    def document(self, readers: int | None = None) -> dict[str, object]:
        """Ready for JSON. `readers` is how many had got it: with it there is a `rate`, from 0 to 1."""
        made: dict[str, object] = {
            "left": self.left,
            "undone": self.undone,
            "ways": dict(sorted(self.ways.items())),
            "reasons": self.reasons,
            "median_days_a_reader": self.median_days,
            "tenure": self.tenure(),
        }
        if readers is not None:
            made["rate"] = round(self.left / readers, 6) if readers else None
        return made

    def tenure(self) -> dict[str, int]:
        """How many had been readers for how long; those whose beginning is not known are "unknown"."""
        ends = [0, *(days for _, days in TENURES)]
        made = {
            f"under {name}": sum(start <= days < end for days in self.days_a_reader)
            for (name, end), start in zip(TENURES, ends, strict=False)
        }
        made["longer"] = sum(days >= ends[-1] for days in self.days_a_reader)
        return made | {"unknown": self.left - len(self.days_a_reader)}

    def count(self, way: str, reason: str, was_reader: timedelta | None, was_undone: bool) -> None:
        """One more."""
        if was_undone:
            self.undone += 1
            return
        self.left += 1
        self.ways[way] += 1
        if reason and len(self.reasons) < MAX_REASONS:
            self.reasons.append(reason)
        if was_reader is not None:
            self.days_a_reader.append(was_reader.days)


def together(parts: Iterable[Leavings]) -> Leavings:
    """All of these as one."""
    made = Leavings()
    for part in parts:
        made.left += part.left
        made.undone += part.undone
        made.ways += part.ways
        made.reasons += part.reasons[: MAX_REASONS - len(made.reasons)]
        made.days_a_reader += part.days_a_reader
    return made


def of_issue(session: Session, issue: int) -> Leavings:
    """Those who left out of one issue's mail."""
    made = Leavings()
    for _, way, reason, since, at, undone in session.execute(_rows().where(col(Leaving.issue) == issue)):
        made.count(str(way), reason, at - since if since else None, undone is not None)
    return made


def by_day(session: Session, newsletter: str, since: datetime | None = None) -> dict[date, Leavings]:
    """A newsletter's leavings by the day (UTC) on which they were made, the newest first."""
    made: dict[date, Leavings] = {}
    for _, way, reason, reader_since, at, undone in _of(session, newsletter, since):
        of_day = made.setdefault(at.date(), Leavings())
        of_day.count(str(way), reason, at - reader_since if reader_since else None, undone is not None)
    return made


def by_issue(session: Session, newsletter: str, since: datetime | None = None) -> dict[int | None, Leavings]:
    """The same by the issue that they came out of; None for those that came out of no mail."""
    made: dict[int | None, Leavings] = {}
    for issue, way, reason, reader_since, at, undone in _of(session, newsletter, since):
        of_issue = made.setdefault(issue, Leavings())
        of_issue.count(str(way), reason, at - reader_since if reader_since else None, undone is not None)
    return made


def listed(session: Session, newsletter: str, since: datetime | None = None) -> Iterator[tuple[str, ...]]:
    """Every leaving as a line of a table: when, issue, way, days a reader, reason, undone when. Streams."""
    return map(_as_line, _of(session, newsletter, since))


def listed_of_issue(session: Session, issue: int) -> Iterator[tuple[str, ...]]:
    """The same of one issue alone."""
    statement = _rows().where(col(Leaving.issue) == issue)
    return map(_as_line, session.execute(statement.execution_options(yield_per=1_000)))


LISTED = ("at", "issue", "way", "days_a_reader", "reason", "undone_at")


def _as_line(row: Any) -> tuple[str, ...]:
    issue, way, reason, reader_since, at, undone = row
    days = str((at - reader_since).days) if reader_since else ""
    back = undone.isoformat(timespec="seconds") if undone else ""
    return at.isoformat(timespec="seconds"), str(issue or ""), str(way), days, reason, back


def _of(session: Session, newsletter: str, since: datetime | None) -> Iterator[Any]:
    statement = _rows().where(col(Leaving.newsletter) == newsletter)
    if since is not None:
        statement = statement.where(col(Leaving.at) >= since)
    yield from session.execute(statement.execution_options(yield_per=1_000))


def _rows() -> Select[int | None, Way, str, datetime | None, datetime, datetime | None]:
    columns = (
        col(Leaving.issue),
        col(Leaving.way),
        col(Leaving.reason),
        col(Leaving.reader_since),
        col(Leaving.at),
        col(Leaving.undone_at),
    )
    return select(*columns).order_by(col(Leaving.at).desc(), col(Leaving.id).desc())
