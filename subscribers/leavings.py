"""Who left, in numbers: how many, by which way, why, how long they had been readers, and which sections they had read.

What somebody had read is known where clicks are counted, and for as long as those are kept. No person stands in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlmodel import Session, col

from subscribers import batch
from subscribers.models import Click, Leaving, Way

SOME = 1_000  # leavings that are read at once
TENURES = (("a week", 7), ("a month", 30), ("a year", 365))  # who left within that time of becoming a reader
READ_WITHIN = timedelta(days=90)  # before a leaving: what somebody had read lately
MAX_REASONS = 200  # of the words that people gave, the latest


@dataclass
class Leavings:
    """All leavings of one issue, of one day, or of a newsletter. One that was undone counts as `undone` alone."""

    left: int = 0
    undone: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)  # as they were written, the latest first
    days_a_reader: list[int] = field(default_factory=list)  # of those whose beginning is known
    sections: Counter[str] = field(default_factory=Counter)  # how many had followed a link of each, likely in person
    had_read: int = 0  # how many had followed any

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
            "had_read": self.had_read,
            "sections": dict(self.most_read()),
        }
        if readers is not None:
            made["rate"] = round(self.left / readers, 6) if readers else None
        return made

    def most_read(self) -> list[tuple[str, int]]:
        """Sections that those who left had read, the commonest first."""
        return sorted(self.sections.items(), key=lambda pair: (-pair[1], pair[0]))

    def tenure(self) -> dict[str, int]:
        """How many had been readers for how long; those whose beginning is not known are "unknown"."""
        ends = [0, *(days for _, days in TENURES)]
        made = {
            f"under {name}": sum(start <= days < end for days in self.days_a_reader)
            for (name, end), start in zip(TENURES, ends, strict=False)
        }
        made["longer"] = sum(days >= ends[-1] for days in self.days_a_reader)
        return made | {"unknown": self.left - len(self.days_a_reader)}

    def count(self, one: "_One") -> None:
        """One more."""
        if one.undone_at is not None:
            self.undone += 1
            return
        self.left += 1
        self.ways[str(one.way)] += 1
        if one.reason and len(self.reasons) < MAX_REASONS:
            self.reasons.append(one.reason)
        if one.was_reader is not None:
            self.days_a_reader.append(one.was_reader.days)
        self.sections.update(section for section in one.read if section)
        self.had_read += bool(one.read)


def together(parts: Iterable[Leavings]) -> Leavings:
    """All of these as one."""
    made = Leavings()
    for part in parts:
        made.left += part.left
        made.undone += part.undone
        made.ways += part.ways
        made.reasons += part.reasons[: MAX_REASONS - len(made.reasons)]
        made.days_a_reader += part.days_a_reader
        made.sections += part.sections
        made.had_read += part.had_read
    return made


def of_issue(session: Session, issue: int) -> Leavings:
    """Those who left out of one issue's mail."""
    made = Leavings()
    for one in _read_from(session, _rows().where(col(Leaving.issue) == issue)):
        made.count(one)
    return made


class Split(NamedTuple):
    """A newsletter's leavings, twice: by the day (UTC) on which they were made, the newest first; and by the issue that
    they came out of, None for those that came out of no mail."""

    days: dict[date, Leavings]
    issues: dict[int | None, Leavings]


def of_newsletter(session: Session, newsletter: str, since: datetime | None = None) -> Split:
    """All of them since then, read once."""
    made = Split({}, {})
    for one in _of(session, newsletter, since):
        made.days.setdefault(one.at.date(), Leavings()).count(one)
        made.issues.setdefault(one.issue, Leavings()).count(one)
    return made


def listed(session: Session, newsletter: str, since: datetime | None = None) -> Iterator[tuple[str, ...]]:
    """Every leaving as a line of a table: when, issue, way, days a reader, reason, undone when, sections. Streams."""
    return map(_as_line, _of(session, newsletter, since))


def listed_of_issue(session: Session, issue: int) -> Iterator[tuple[str, ...]]:
    """The same of one issue alone."""
    return map(_as_line, _read_from(session, _rows().where(col(Leaving.issue) == issue)))


LISTED = ("at", "issue", "way", "days_a_reader", "reason", "undone_at", "sections")


class _One(NamedTuple):
    """One leaving. `read` are the sections that the person had read, with "" for links that are of none."""

    id: int
    subscriber_id: int
    newsletter: str
    issue: int | None
    way: Way
    reason: str
    reader_since: datetime | None
    at: datetime
    undone_at: datetime | None
    read: frozenset[str] = frozenset()

    @property
    def was_reader(self) -> timedelta | None:
        """For how long; None where the beginning is not known."""
        return self.at - self.reader_since if self.reader_since else None


def _as_line(one: _One) -> tuple[str, ...]:
    days = str(one.was_reader.days) if one.was_reader is not None else ""
    back = one.undone_at.isoformat(timespec="seconds") if one.undone_at else ""
    read = "; ".join(sorted(filter(None, one.read)))
    return one.at.isoformat(timespec="seconds"), str(one.issue or ""), str(one.way), days, one.reason, back, read


def _of(session: Session, newsletter: str, since: datetime | None) -> Iterator[_One]:
    statement = _rows().where(col(Leaving.newsletter) == newsletter)
    if since is not None:
        statement = statement.where(col(Leaving.at) >= since)
    return _read_from(session, statement)


def _rows() -> Select[*tuple[Any, ...]]:
    columns = (getattr(Leaving, name) for name in _One._fields if name != "read")
    return select(*columns).order_by(col(Leaving.at).desc(), col(Leaving.id).desc())


def _read_from(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[_One]:
    """The leavings of a narrowed `_rows`, some at a time."""
    for rows in session.execute(statement.execution_options(yield_per=SOME)).partitions():
        some = [_One(*row) for row in rows]
        read = _read_before(session, [one for one in some if one.undone_at is None])
        yield from (one._replace(read=frozenset(read.get(one.id, ()))) for one in some)


def _read_before(session: Session, some: Sequence[_One]) -> dict[int, set[str]]:
    """The sections behind the links that each had followed in the newsletter's mails, likely in person, by leaving: of
    each the last time before it tells whether it was lately."""
    begin = {one.id: one.at - READ_WITHIN for one in some}
    theirs = (
        batch.among(col(Leaving.id), list(begin)),
        col(Click.subscriber_id) == col(Leaving.subscriber_id),
        col(Click.newsletter) == col(Leaving.newsletter),
        col(Click.at) <= col(Leaving.at),
        col(Click.signs) == "",
    )
    each = col(Leaving.id), col(Click.section)
    found: dict[int, set[str]] = {}
    for leaving, section, last in session.execute(select(*each, func.max(Click.at)).where(*theirs).group_by(*each)):
        if last >= begin[leaving]:
            found.setdefault(leaving, set()).add(section)
    return found
