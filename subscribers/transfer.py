"""People in from a CSV file, with a proof of consent, and out to one.

An import adds, fills gaps, and takes off; it never brings back: who is suppressed or has left stays out, and a row
that says “unsubscribed” takes a reader off. Rows are read in batches, each its own transaction, so memory stays
small, other writers get their turn, and an import that was cut off may simply be started again.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import and_, bindparam, insert, select, update
from sqlmodel import Session, col

from subscribers import directory
from subscribers.address import Address, address_hash, parse
from subscribers.bulk import add_rows, among
from subscribers.csv_rows import Fault, Row, layout_of, rows_of
from subscribers.errors import NotAllowed, NotAnAddress
from subscribers.models import Consent, Leaving, Subscriber, Subscription, SubscriptionState, Suppression, Way
from subscribers.preferences import one_line
from subscribers.tokens import Keys

BATCH_ROWS = 5_000
MAX_NOTES = 1_000  # kept in a Report; the counts go on
HEADINGS = ("email", "name", "status", "since", "paused_until")

Wish = SubscriptionState  # what a row's status column asks for
_WISHES = {
    Wish.ACTIVE: ("", "active", "subscribed", "subscriber", "confirmed", "enabled", "opted in", "yes", "true", "1"),
    Wish.UNSUBSCRIBED: (
        *("unsubscribed", "unsubscribe", "unsub", "opted out", "optout", "removed", "disabled", "inactive", "deleted"),
        *("bounced", "cleaned", "complained", "complaint", "spam", "blocklisted", "suppressed", "no", "false", "0"),
    ),
    Wish.PENDING: ("pending", "unconfirmed", "not confirmed", "non-subscribed", "nonsubscribed", "transactional"),
    Wish.PAUSED: ("paused",),
}
_WISH_OF = {word: wish for wish, words in _WISHES.items() for word in words}


class Outcome(StrEnum):
    """What became of one row."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPPRESSED = "suppressed"  # kept out: on the never-mail list, or has left
    INVALID = "invalid"


@dataclass(frozen=True)
class Note:
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
    notes: list[Note] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.new + self.updated + self.unchanged + self.suppressed + self.invalid

    def count(self, line: int, outcome: Outcome, why: str = "") -> None:
        """One more row with that outcome; `why` is kept where there is one."""
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)
        if why and len(self.notes) < MAX_NOTES:
            self.notes.append(Note(line, outcome, why))


@dataclass(slots=True)
class Candidate:
    """One good row."""

    line: int
    address: Address
    hashed: str
    name: str
    wish: Wish
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of a candidate's mailbox already."""

    subscriber_id: int
    name: str
    subscription_id: int | None
    state: SubscriptionState | None
    active_since: datetime | None


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
    progress: Callable[[int], None] | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Report:
    """Bring the people of a CSV file into `newsletter`. `proof` says how they agreed; `progress` hears the rows done.

    `transaction` opens one writing transaction, `Database.transaction` for one. Raises BadFile, NotAllowed.
    """
    if not proof.strip():
        raise NotAllowed("Say how these people agreed: an import wants a proof of consent.")
    report = Report()
    rows = rows_of(path, layout_of(path))
    while batch := list(islice(rows, batch_rows)):
        candidates = _unique(_candidates(batch, keys, report), report)
        with transaction() as session:
            _bring_in(session, newsletter, candidates, f"import {path.name}", proof, now, report)
        if progress is not None:
            progress(report.rows)
    return report


def export_csv(session: Session, newsletter: str, *, page_rows: int = BATCH_ROWS) -> Iterator[str]:
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


def decide(candidate: Candidate, known: Known | None, reason: str | None) -> Verdict:
    """What is to be done with a row. `reason` is why its address is suppressed, or None."""
    state = known.state if known else None
    leaves = candidate.wish is Wish.UNSUBSCRIBED
    if leaves and state not in (None, SubscriptionState.UNSUBSCRIBED):
        return Verdict(Outcome.UPDATED, becomes=SubscriptionState.UNSUBSCRIBED)
    if reason is not None:
        return Verdict(Outcome.SUPPRESSED, f"suppressed: {reason}")
    if state is None:
        return Verdict(Outcome.NEW, becomes=candidate.wish, takes_name=True)
    if state is SubscriptionState.UNSUBSCRIBED and not leaves:
        return Verdict(Outcome.SUPPRESSED, "unsubscribed earlier")
    takes_name = bool(candidate.name and known and not known.name)
    becomes = SubscriptionState.ACTIVE if state is SubscriptionState.PENDING and not leaves else None
    return Verdict(
        Outcome.UPDATED if becomes or takes_name else Outcome.UNCHANGED, becomes=becomes, takes_name=takes_name
    )


def _candidates(batch: Iterable[Row | Fault], keys: Keys, report: Report) -> Iterator[Candidate]:
    for row in batch:
        if isinstance(row, Fault):
            report.count(row.line, Outcome.INVALID, row.why)
            continue
        try:
            yield _candidate(row, keys)
        except ValueError as error:
            report.count(row.line, Outcome.INVALID, str(error))
        except NotAnAddress as error:
            report.count(row.line, Outcome.INVALID, str(error) if row.email else "there is no address in this row")


def _candidate(row: Row, keys: Keys) -> Candidate:
    word = " ".join(row.status.casefold().replace("_", " ").split())
    wish = _WISH_OF.get(word)
    if wish is None:
        raise ValueError(f"the status “{one_line(row.status, 40)}” is not known")
    if wish is Wish.PENDING:
        raise ValueError("this person has not confirmed")
    address = parse(row.email)
    until = _moment(row.until) if wish is Wish.PAUSED else None
    return Candidate(row.line, address, address_hash(keys, address.key), one_line(row.name), wish, until)


def _unique(candidates: Iterable[Candidate], report: Report) -> list[Candidate]:
    """One candidate a mailbox: of two rows for one, the one that leaves wins, and the other changes nothing."""
    by_key: dict[str, Candidate] = {}
    for candidate in candidates:
        first = by_key.setdefault(candidate.address.key, candidate)
        if first is not candidate:
            report.count(candidate.line, Outcome.UNCHANGED)
            if candidate.wish is Wish.UNSUBSCRIBED:
                first.wish = candidate.wish
    return list(by_key.values())


def _bring_in(
    session: Session,
    newsletter: str,
    candidates: Sequence[Candidate],
    origin: str,
    proof: str,
    now: datetime,
    report: Report,
) -> None:
    known = _known(session, newsletter, [c.address.key for c in candidates])
    reasons = _reasons(session, [c.hashed for c in candidates])
    verdicts = [(c, decide(c, known.get(c.address.key), reasons.get(c.hashed))) for c in candidates]
    for candidate, verdict in verdicts:
        report.count(candidate.line, verdict.outcome, verdict.why)
    newcomers = [c for c, v in verdicts if v.outcome is Outcome.NEW]
    ids = _add_people(session, [c for c in newcomers if c.address.key not in known], now)
    ids |= {key: person.subscriber_id for key, person in known.items()}
    _add_subscriptions(session, newsletter, newcomers, ids, now)
    met = [(c, v, known[c.address.key]) for c, v in verdicts if c.address.key in known]
    _activate(session, [k for _, v, k in met if v.becomes is SubscriptionState.ACTIVE], now)
    _take_off(session, newsletter, [k for _, v, k in met if v.becomes is SubscriptionState.UNSUBSCRIBED], now)
    _fill_names(session, [(k.subscriber_id, c.name) for c, v, k in met if v.takes_name and c.name and not k.name])
    joined = [c for c, v in verdicts if v.becomes in (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)]
    add_rows(
        session,
        Consent,
        {
            "subscriber_id": [ids[c.address.key] for c in joined],
            "origin": [f"{origin} line {c.line}"[:300] for c in joined],
        },
        {"newsletter": newsletter, "act": "imported", "wording": proof[:1000], "network_address": "", "at": now},
    )


def _known(session: Session, newsletter: str, mailboxes: list[str]) -> dict[str, Known]:
    statement = (
        select(
            col(Subscriber.email_key),
            col(Subscriber.id),
            col(Subscriber.name),
            col(Subscription.id),
            col(Subscription.state),
            col(Subscription.active_since),
        )
        .outerjoin(
            Subscription,
            and_(col(Subscription.subscriber_id) == col(Subscriber.id), col(Subscription.newsletter) == newsletter),
        )
        .where(among(session, col(Subscriber.email_key), mailboxes))
    )
    return {
        key: Known(number, name, subscription, state, since)
        for key, number, name, subscription, state, since in session.execute(statement)
    }


def _reasons(session: Session, hashes: list[str]) -> dict[str, str]:
    statement = select(col(Suppression.address_hash), col(Suppression.reason))
    found = session.execute(statement.where(among(session, col(Suppression.address_hash), hashes)))
    return {hashed: str(reason) for hashed, reason in found}


def _add_people(session: Session, people: Sequence[Candidate], now: datetime) -> dict[str, int]:
    """Their numbers by mailbox; one that somebody else added in the same moment is among them."""
    add_rows(
        session,
        Subscriber,
        {
            "email": [c.address.email for c in people],
            "email_key": [c.address.key for c in people],
            "address_hash": [c.hashed for c in people],
            "domain": [c.address.domain for c in people],
            "name": [c.name for c in people],
        },
        {"language": "", "timezone": "", "created_at": now},
    )
    statement = select(col(Subscriber.email_key), col(Subscriber.id))
    mailboxes = [c.address.key for c in people]
    found = session.execute(statement.where(among(session, col(Subscriber.email_key), mailboxes)))
    return {key: number for key, number in found if number is not None}


def _add_subscriptions(
    session: Session, newsletter: str, newcomers: Sequence[Candidate], ids: dict[str, int], now: datetime
) -> None:
    for wish in (Wish.ACTIVE, Wish.PAUSED, Wish.UNSUBSCRIBED):
        group = [c for c in newcomers if c.wish is wish]
        varying: dict[str, list[Any]] = {"subscriber_id": [ids[c.address.key] for c in group]}
        same = {
            "newsletter": newsletter,
            "state": wish,
            "asked_at": None,
            "active_since": None if wish is Wish.UNSUBSCRIBED else now,
            "changed_at": now,
        }
        if wish is Wish.PAUSED:
            varying["paused_until"] = [c.until for c in group]
        else:
            same["paused_until"] = None
        add_rows(session, Subscription, varying, same)


def _activate(session: Session, people: Sequence[Known], now: datetime) -> None:
    session.execute(
        update(Subscription)
        .where(
            col(Subscription.id).in_([p.subscription_id for p in people]),
            col(Subscription.state) == SubscriptionState.PENDING,
        )
        .values(state=SubscriptionState.ACTIVE, active_since=now, asked_at=None, changed_at=now)
        .execution_options(synchronize_session=False)
    )


def _take_off(session: Session, newsletter: str, people: Sequence[Known], now: datetime) -> None:
    session.execute(
        update(Subscription)
        .where(col(Subscription.id).in_([p.subscription_id for p in people]))
        .values(state=SubscriptionState.UNSUBSCRIBED, asked_at=None, changed_at=now)
        .execution_options(synchronize_session=False)
    )
    if people:
        session.execute(
            insert(Leaving),
            [
                {
                    "subscriber_id": p.subscriber_id,
                    "newsletter": newsletter,
                    "issue": None,
                    "way": Way.IMPORT,
                    "reader_since": p.active_since,
                    "reason": "",
                    "at": now,
                    "undone_at": None,
                }
                for p in people
            ],
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
