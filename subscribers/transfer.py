"""People in from a CSV file, with a proof of consent, and out to one.

An import adds, fills gaps, and takes off; it never brings back: who is suppressed or has left stays out, and a row
that says “unsubscribed” takes a reader off. Rows are read in batches, each its own transaction, so memory stays
small, other writers get their turn, and an import that was cut off is simply started again: what is in is unchanged.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col

from subscribers import arrivals, directory, unsubscribe
from subscribers.address import address_hash, parse
from subscribers.arrivals import Arrival, Met
from subscribers.csv_rows import Fault, Layout, Row, layout_of, rows_of
from subscribers.errors import NotAllowed, NotAnAddress
from subscribers.models import Consent, Subscriber, Subscription, SubscriptionState, Way
from subscribers.preferences import one_line
from subscribers.tokens import Keys
from subscribers.unsubscribe import Departure

BATCH_ROWS = 20_000  # a third of a second, in which other writers of SQLite wait
PAGE_ROWS = 5_000
MAX_NOTES = 1_000  # kept in a Report; the counts go on
HEADINGS = ("email", "name", "status", "since", "paused_until")

Wish = SubscriptionState  # what a row's status column asks for
_WISHES = {
    Wish.ACTIVE: (
        "",
        "active",
        "subscribed",
        "subscriber",
        "confirmed",
        "enabled",
        "opted in",
        "yes",
        "true",
        "1",
        "regular",
        "premium",
    ),
    Wish.UNSUBSCRIBED: (
        *(
            "unsubscribed",
            "unsubscribe",
            "unsub",
            "opted out",
            "optout",
            "removed",
            "disabled",
            "inactive",
            "deleted",
            "blocked",
        ),
        *("bounced", "cleaned", "complained", "complaint", "spam", "blocklisted", "suppressed", "no", "false", "0"),
    ),
    Wish.PENDING: (
        "pending",
        "unconfirmed",
        "not confirmed",
        "non-subscribed",
        "nonsubscribed",
        "transactional",
        "unactivated",
    ),
    Wish.PAUSED: ("paused",),
}
_WISH_OF = {word: str(wish.value) for wish, words in _WISHES.items() for word in words}


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
    layout: Layout | None = None  # how the file was read
    notes: list[Note] = field(default_factory=list)
    hears: Callable[[Note], None] | None = None  # of every row that is kept out, however many

    @property
    def rows(self) -> int:
        return self.new + self.updated + self.unchanged + self.suppressed + self.invalid

    def count(self, line: int, outcome: Outcome, why: str = "") -> None:
        """One more row with that outcome; `why` is kept where there is one."""
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)
        if not why:
            return
        note = Note(line, outcome, why)
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
    ahead: bool = False,
    progress: Callable[[int], None] | None = None,
    refused: Callable[[Note], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    layout: Layout | None = None,
) -> Report:
    """Bring the people of a CSV file into `newsletter`. `proof` says how they agreed.

    `progress` hears the rows done, `refused` every row that is kept out. A `dry_run` counts and writes nothing; it
    takes two rows for one mailbox, if they stand more than a batch apart, for two people. `ahead` reads the next batch
    while the database works, which pays where that is another process: PostgreSQL. `layout` says how the file is read,
    where somebody has looked at it; else it is found.
    `transaction` opens one writing transaction, `Database.transaction` for one. Raises BadFile, NotAllowed.
    """
    if not proof.strip():
        raise NotAllowed("Say how these people agreed: an import wants a proof of consent.")
    layout = layout or layout_of(path)
    report = Report(layout=layout, hears=refused)
    batches = _batches(rows_of(path, layout), keys, batch_rows)
    for batch in _read_ahead(batches) if ahead else batches:
        for row in batch.faults:
            report.count(row.line, Outcome.INVALID, row.why)
        report.unchanged += batch.twice
        if batch.arrivals:
            with transaction() as session:
                _bring_in(session, newsletter, batch.arrivals, f"import {path.name}", proof, now, report, dry_run)
        if progress is not None:
            progress(report.rows)
    return report


def export_csv(session: Session, newsletter: str, *, page_rows: int = PAGE_ROWS) -> Iterator[str]:
    """Everybody of a newsletter as CSV, a page of lines at a time; no cell is a formula to a spreadsheet (OWASP)."""
    yield _csv_lines([HEADINGS])
    after = 0
    while page := directory.page(session, newsletter, after=after, limit=page_rows):
        after = page[-1].subscriber_id
        yield _csv_lines(
            (e.email, e.name, "suppressed" if e.suppressed else e.state, _day(e.active_since), _day(e.paused_until))
            for e in page
        )


def defused(cell: str) -> str:
    """`cell` with a ' before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def decide(arrival: Arrival, met: Met) -> Verdict:
    """What is to be done with the row of a mailbox that the store has met."""
    state, leaves = met.state, arrival.state == Wish.UNSUBSCRIBED
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


class _Batch(NamedTuple):
    arrivals: list[Arrival]  # one a mailbox
    faults: list[Fault]
    twice: int  # rows whose mailbox stands in the batch already


def _batches(rows: Iterator[Row | Fault], keys: Keys, size: int) -> Iterator[_Batch]:
    while rows_now := list(islice(rows, size)):
        yield _batch(rows_now, keys)


def _read_ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, batches, None)
        while batch := coming.result():
            coming = reader.submit(next, batches, None)
            yield batch


def _batch(rows: Iterable[Row | Fault], keys: Keys) -> _Batch:
    """The good rows and the bad ones. Of two rows for one mailbox the one that leaves wins."""
    by_key: dict[str, Arrival] = {}
    faults: list[Fault] = []
    twice = 0
    for row in rows:
        arrival = row if isinstance(row, Fault) else _arrival(row, keys)
        if isinstance(arrival, Fault):
            faults.append(arrival)
            continue
        first = by_key.setdefault(arrival.email_key, arrival)
        if first is not arrival:
            twice += 1
            if arrival.state == Wish.UNSUBSCRIBED:
                by_key[arrival.email_key] = first._replace(state=arrival.state, paused_until=None)
    return _Batch(list(by_key.values()), faults, twice)


def _arrival(row: Row, keys: Keys) -> Arrival | Fault:
    wish = _wish_of(row.status)
    if wish is None:
        return Fault(row.line, f"the status “{one_line(row.status, 40)}” is not known")
    if wish == Wish.PENDING:
        return Fault(row.line, "this person has not confirmed")
    try:
        email, key, domain = parse(row.email)
        until = _moment(row.until) if wish == Wish.PAUSED else None
    except NotAnAddress as error:
        return Fault(row.line, str(error) if row.email else "there is no address in this row")
    except ValueError as error:
        return Fault(row.line, str(error))
    return Arrival(row.line, email, key, address_hash(keys, key), domain, one_line(row.name), wish, until)


@lru_cache(maxsize=1_000)
def _wish_of(status: str) -> str | None:
    return _WISH_OF.get(" ".join(status.casefold().replace("_", " ").split()))


def _bring_in(
    session: Session,
    newsletter: str,
    people: Sequence[Arrival],
    origin: str,
    proof: str,
    now: datetime,
    report: Report,
    dry_run: bool,
) -> None:
    """One batch: strangers come in by whole statements; whoever the store has met is decided on one by one."""
    arrivals.let_in(session, people)
    found = arrivals.met(session, newsletter)
    by_line = {p.line: p for p in people} if found else {}
    verdicts = [(by_line[m.line], m, decide(by_line[m.line], m)) for m in found]
    for arrival, _, verdict in verdicts:
        report.count(arrival.line, verdict.outcome, verdict.why)
    report.new += len(people) - len(found)
    if dry_run:
        return
    away = [a.line for a, _, v in verdicts if v.outcome is not Outcome.NEW]
    if len(away) < len(people):
        arrivals.send_away(session, away)
        arrivals.settle(session, newsletter, len(people) - len(away), origin, proof, now)
    confirmed = [(a, m) for a, m, v in verdicts if v.becomes is SubscriptionState.ACTIVE]
    _activate(session, newsletter, confirmed, origin, proof, now)
    left = [m.subscription_id or 0 for _, m, v in verdicts if v.becomes is SubscriptionState.UNSUBSCRIBED]
    unsubscribe.together(session, [Departure(number, None, Way.IMPORT) for number in left], now)
    _fill_names(session, [(m.subscriber_id or 0, a.name) for a, m, v in verdicts if v.takes_name])


def _activate(
    session: Session, newsletter: str, people: Sequence[tuple[Arrival, Met]], origin: str, proof: str, now: datetime
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
    same = {"newsletter": newsletter, "act": "imported", "wording": proof[:1000], "network_address": "", "at": now}
    session.execute(
        insert(Consent),
        [same | {"subscriber_id": m.subscriber_id, "origin": f"{origin[:280]} line {a.line}"} for a, m in people],
    )


def _fill_names(session: Session, names: Sequence[tuple[int, str]]) -> None:
    if names:
        session.connection().execute(
            update(Subscriber).where(col(Subscriber.id) == bindparam("person")).values(name=bindparam("new_name")),
            [{"person": number, "new_name": name} for number, name in names],
        )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("paused_until is no date; write YYYY-MM-DD") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _csv_lines(rows: Iterable[Sequence[str]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows([defused(cell) for cell in row] for row in rows)
    return lines.getvalue()
