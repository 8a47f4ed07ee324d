"""People in from a CSV file, with a proof of consent, and out to one.

An import adds, fills gaps, and takes off; it never brings back: who is suppressed or has left stays out, and a row
that says “unsubscribed” takes a reader off. Rows are read in batches, each its own transaction, so memory stays
small, other writers get their turn, and an import that was cut off is simply started again: what is in is unchanged.
"""

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col

from subscribers import arrivals, audience, consent, directory, names, reading, unsubscribe
from subscribers.arrivals import Arrival, Arrivals, Met
from subscribers.consent import Proof
from subscribers.csv_rows import Layout, layout_of
from subscribers.errors import NotAllowed
from subscribers.models import Subscriber, Subscription, SubscriptionState, Way
from subscribers.reading import Batch
from subscribers.tokens import Keys
from subscribers.unsubscribe import Departure

BATCH_ROWS = 20_000  # half a second in which other writers of SQLite wait
WRITERS = 2  # of PostgreSQL
MANY = 1_000  # new readers: whoever plans a search should know of them at once
ENOUGH = 100_000  # tell what all the others of a file are like: how many they are PostgreSQL sees for itself
TRIES = 3  # of a batch into which somebody else's new reader came
PAGE_ROWS = 5_000
MAX_NOTES = 1_000  # kept in a Report; the counts go on
HEADINGS = ("email", "name", "status", "since", "paused_until")


class Outcome(StrEnum):
    """What became of one row."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPPRESSED = "suppressed"  # kept out: on the never-mail list, or has left
    INVALID = "invalid"


class Note(NamedTuple):
    """Why one row was kept out. No address: the line says which it is."""

    line: int
    outcome: Outcome
    why: str


@dataclass
class Report:
    """What became of a file: five counts that add up to its rows, and the first thousand rows that were kept out."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0
    invalid: int = 0
    new_as_left: int = 0  # of the new: who has left, as the file says, and is kept so that nobody brings them in
    taken_off: int = 0  # of the updated: who was a reader until then
    layout: Layout | None = None  # how the file was read
    notes: list[Note] = field(default_factory=list)
    hears: Callable[[Note], None] | None = None  # of every row that is kept out, however many

    @property
    def rows(self) -> int:
        """All rows of the file that were looked at."""
        return self.new + self.updated + self.unchanged + self.suppressed + self.invalid

    def count(self, outcomes: Mapping[Outcome, int]) -> None:
        """So many more rows of each outcome."""
        for outcome, rows in outcomes.items():
            setattr(self, outcome.value, getattr(self, outcome.value) + rows)

    def note(self, notes: Iterable[Note]) -> None:
        """Why further rows were kept out."""
        for note in notes:
            if len(self.notes) < MAX_NOTES:
                self.notes.append(note)
            if self.hears is not None:
                self.hears(note)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with one row: at most one change of state, and a name where there was none."""

    outcome: Outcome
    why: str = ""
    becomes: SubscriptionState | None = None
    takes_name: bool = False


def import_csv(
    transaction: Callable[[], AbstractContextManager[Session]],
    keys: Keys,
    newsletter: str,
    path: Path,
    proof: str,
    now: datetime,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    refused: Callable[[Note], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    layout: Layout | None = None,
) -> Report:
    """Bring the people of a CSV file into `newsletter`. `proof` says how they agreed.

    `progress` hears the rows done, `refused` every row that is kept out. A `dry_run` counts and writes nothing; it
    takes two rows for one mailbox, if they stand some batches apart, for two people. `layout` says how the
    file is read, where somebody has looked at it; else it is found.
    `transaction` opens one writing transaction; for a long list it comes from `Database.in_bulk`. Raises BadFile,
    NotAllowed.
    """
    if not proof.strip():
        raise NotAllowed("Say how these people agreed: an import wants a proof of consent.")
    layout = layout or layout_of(path)
    report = Report(layout=layout, hears=refused)
    agreed = Proof(proof, f"import {path.name}")
    is_known = dry_run
    said: list[Note] = []  # of one stretch, whose batches are not in the file's order

    work = _Work(transaction, newsletter, agreed, now, dry_run)
    only_strangers = False

    def bring(batch: Batch) -> list[tuple[int, Verdict]]:
        nonlocal only_strangers
        done = _brought_in(work, batch.arrivals, only_strangers)
        only_strangers = done.only_strangers and len(batch.arrivals) == batch_rows  # likely those of the next one too
        return done.verdicts

    with _index_aside(transaction, path, dry_run), reading.batches(path, layout, keys, batch_rows) as batches:
        for batch, verdicts in _each(batches, bring, _writers(transaction)):
            report.count(_counted(batch, verdicts))
            report.new_as_left += _new_as_left(batch, verdicts)
            report.taken_off += sum(v.becomes is SubscriptionState.UNSUBSCRIBED for _, v in verdicts)
            said += [Note(row.line, Outcome.INVALID, row.why) for row in batch.faults]
            said += [Note(line, verdict.outcome, verdict.why) for line, verdict in verdicts if verdict.why]
            if batch.is_last:
                report.note(sorted(said))
                said.clear()
            if progress is not None:
                progress(report.rows)
            if not is_known and report.new >= ENOUGH:
                _make_known(transaction)
                is_known = True
    if not is_known and report.new >= MANY:
        _make_known(transaction)
    return report


def _make_known(transaction: Callable[[], AbstractContextManager[Session]]) -> None:
    """Whoever plans a search knows of the new people."""
    with transaction() as session:
        arrivals.count_anew(session)


def export_csv(session: Session, newsletter: str, *, page_rows: int = PAGE_ROWS) -> Iterator[str]:
    """Everybody of a newsletter as CSV, a page of lines at a time; no cell is a formula to a spreadsheet (OWASP)."""
    yield _csv_lines([HEADINGS])
    number = col(Subscription.subscriber_id)
    theirs = directory.in_order(newsletter)
    for after in range(0, audience.last_number(session), page_rows):
        page = directory.entries_of(session, theirs.where(number > after, number <= after + page_rows))
        yield _csv_lines(
            (e.email, e.name, "suppressed" if e.suppressed else e.state, _day(e.active_since), _day(e.paused_until))
            for e in page
        )


_FORMULA = frozenset("=+-@\t\r")


def defused(cell: str) -> str:
    """`cell` with a ' before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell[:1] in _FORMULA else cell


def decide(arrival: Arrival, met: Met) -> Verdict:
    """What is to be done with the row of a mailbox that the store has met."""
    state, leaves = met.state, arrival.state == SubscriptionState.UNSUBSCRIBED
    if leaves and state not in (None, SubscriptionState.UNSUBSCRIBED):
        return Verdict(Outcome.UPDATED, becomes=SubscriptionState.UNSUBSCRIBED)
    if met.suppressed is not None:
        return Verdict(Outcome.SUPPRESSED, f"suppressed: {met.suppressed}")
    takes_name = bool(arrival.name and not met.name)
    if state is None:
        return Verdict(Outcome.NEW, takes_name=takes_name)
    if state is SubscriptionState.UNSUBSCRIBED and not leaves:
        return Verdict(Outcome.SUPPRESSED, "unsubscribed earlier")
    becomes = SubscriptionState.ACTIVE if state is SubscriptionState.PENDING and not leaves else None
    return Verdict(
        Outcome.UPDATED if becomes or takes_name else Outcome.UNCHANGED, becomes=becomes, takes_name=takes_name
    )


def _index_aside(
    transaction: Callable[[], AbstractContextManager[Session]], path: Path, dry_run: bool
) -> AbstractContextManager[None]:
    """A long list comes into a short store without the index over names."""
    is_long = path.stat().st_size >= reading.APART_FROM_BYTES
    return names.put_aside(transaction) if is_long and not dry_run else nullcontext()


def _counted(batch: Batch, verdicts: Sequence[tuple[int, Verdict]]) -> Counter[Outcome]:
    """What became of a batch's rows; of whom nothing is said they are new."""
    outcomes = Counter(verdict.outcome for _, verdict in verdicts)
    outcomes[Outcome.NEW] += len(batch.arrivals) - len(verdicts)
    outcomes[Outcome.INVALID] += len(batch.faults)
    outcomes[Outcome.UNCHANGED] += batch.twice
    return outcomes


def _new_as_left(batch: Batch, verdicts: Sequence[tuple[int, Verdict]]) -> int:
    """How many of a batch's new people come in as ones who have left."""
    people, left = batch.arrivals, str(SubscriptionState.UNSUBSCRIBED)
    if left not in people.states:
        return 0
    known = {line for line, verdict in verdicts if verdict.outcome is not Outcome.NEW}
    return sum(state == left and line not in known for line, state in zip(people.lines, people.states, strict=True))


def _writers(transaction: Callable[[], AbstractContextManager[Session]]) -> int:
    """How many batches are written at once: PostgreSQL keeps one core busy with each, SQLite has one writer."""
    with transaction() as session:
        return 1 if session.get_bind().dialect.name == "sqlite" else WRITERS


def _each(
    batches: Iterator[Batch], bring: Callable[[Batch], list[tuple[int, Verdict]]], writers: int
) -> Iterator[tuple[Batch, list[tuple[int, Verdict]]]]:
    """Each batch with what `bring` says of it, in order; the next one is read while so many are at work."""
    with ThreadPoolExecutor(writers) as pool:
        at_work: deque[tuple[Batch, Future[list[tuple[int, Verdict]]]]] = deque()
        for batch in batches:
            at_work.append((batch, pool.submit(bring, batch)))
            if len(at_work) > writers:
                done, verdicts = at_work.popleft()
                yield done, verdicts.result()
        for done, verdicts in at_work:
            yield done, verdicts.result()


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for all batches of a file."""

    transaction: Callable[[], AbstractContextManager[Session]]
    newsletter: str
    proof: Proof
    now: datetime
    dry_run: bool


class _Done(NamedTuple):
    """One batch: the verdict, by line, on each whom the store had met; all others are new."""

    verdicts: list[tuple[int, Verdict]]
    only_strangers: bool


def _brought_in(work: _Work, people: Arrivals, only_strangers: bool) -> _Done:
    """One batch in a transaction of its own.

    Where somebody else adds or changes one of them in the same moment, PostgreSQL may refuse the batch; the next try
    meets them. So it does where one of them, against all hope, is known.
    """
    for left in reversed(range(TRIES if len(people) else 0)):
        hope = only_strangers and not work.dry_run and left == TRIES - 1
        try:
            with reading.unswept(), work.transaction() as session:
                return _bring_in(session, work, people, hope)
        except (IntegrityError, OperationalError):
            if not left:
                raise
    return _Done([], only_strangers)


def _bring_in(session: Session, work: _Work, people: Arrivals, hope: bool) -> _Done:
    """Strangers come in by whole statements; whoever the store has met is decided on one by one."""
    newsletter, proof, now = work.newsletter, work.proof, work.now
    arrivals.prepare(session)
    found = arrivals.met(session, newsletter, people, strangers=hope)
    verdicts = [(a, m, decide(a, m)) for a in people if (m := found.get(a.email_key))] if found else []
    told = [(arrival.line, verdict) for arrival, _, verdict in verdicts]
    done = _Done(told, not any(m.subscriber_id for m in found.values()))
    if work.dry_run:
        return done
    strangers = people.without(found)
    arrivals.settle(session, newsletter, arrivals.add_people(session, strangers, now), strangers, proof, now)
    known = {m.subscriber_id: a for a, m, v in verdicts if v.outcome is Outcome.NEW and m.subscriber_id}
    arrivals.settle(session, newsletter, list(known), Arrivals.of(list(known.values())), proof, now)
    confirmed = [(a, m) for a, m, v in verdicts if v.becomes is SubscriptionState.ACTIVE]
    _activate(session, newsletter, confirmed, proof, now)
    left = [m.subscription_id or 0 for _, m, v in verdicts if v.becomes is SubscriptionState.UNSUBSCRIBED]
    unsubscribe.together(session, [Departure(number, None, Way.IMPORT) for number in left], now)
    _fill_names(session, [(m.subscriber_id or 0, a.name) for a, m, v in verdicts if v.takes_name])
    return done


def _activate(
    session: Session, newsletter: str, people: Sequence[tuple[Arrival, Met]], proof: Proof, now: datetime
) -> None:
    """Who had not answered yet is a reader by the operator's proof."""
    if not people:
        return
    session.execute(
        update(Subscription)
        .where(
            col(Subscription.id).in_([m.subscription_id for _, m in people]),
            col(Subscription.state) == SubscriptionState.PENDING,
        )
        .values(state=SubscriptionState.ACTIVE, active_since=now, asked_at=None, changed_at=now)
        .execution_options(synchronize_session=False)
    )
    for arrival, met in people:
        theirs = Proof(proof.wording, consent.of_line(proof.origin, arrival.line))
        consent.record(session, met.subscriber_id or 0, newsletter, consent.IMPORTED, theirs, now)


def _fill_names(session: Session, names: Sequence[tuple[int, str]]) -> None:
    if names:
        session.connection().execute(
            update(Subscriber).where(col(Subscriber.id) == bindparam("person")).values(name=bindparam("new_name")),
            [{"person": number, "new_name": name} for number, name in names],
        )


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _csv_lines(rows: Iterable[Sequence[str]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows([defused(cell) for cell in row] for row in rows)
    return lines.getvalue()
