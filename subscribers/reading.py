"""A file of people → batches of arrivals, ready for the store. A big file is read by a process of its own.

Reading a row (its cells, its address, the keyed hash) takes as long as writing it, so that two processes bring in
twice as many. They share nothing but a pipe, which holds one batch: memory stays small however long the file is.
"""

import gc
import multiprocessing
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from subscribers.address import address_hash, parse
from subscribers.arrivals import Arrival
from subscribers.csv_rows import Fault, Layout, Row, rows_of
from subscribers.errors import BadFile, NotAnAddress
from subscribers.models import SubscriptionState
from subscribers.preferences import one_line
from subscribers.tokens import Keys

APART_FROM_BYTES = 10_000_000  # a process takes half a second to begin
_SPAWN = multiprocessing.get_context("spawn")

Wish = SubscriptionState  # what a row's status column asks for
_WISHES = {  # the words of well-known services; German ones too, for spreadsheets
    Wish.ACTIVE: (
        *("", "active", "subscribed", "subscriber", "confirmed", "enabled", "opted in", "yes", "true", "1"),
        *("regular", "premium", "gifted", "trialed", "churned", "churning", "past due", "upcoming"),  # of paying
        *("soft bounced", "aktiv", "angemeldet", "bestätigt", "abonniert", "ja"),
    ),
    Wish.UNSUBSCRIBED: (
        *("unsubscribed", "unsubscribe", "unsub", "opted out", "optout", "removed", "disabled", "inactive", "deleted"),
        *("blocked", "bounced", "cleaned", "complained", "complaint", "spam", "marked as spam", "junk", "blocklisted"),
        *("blacklisted", "suppressed", "undeliverable", "malicious", "cancelled", "canceled", "no", "false", "0"),
        *("abgemeldet", "ausgetragen", "inaktiv", "gesperrt", "nein"),
    ),
    Wish.PENDING: (
        *("pending", "unconfirmed", "not confirmed", "non-subscribed", "nonsubscribed", "transactional"),
        *("unactivated", "validating", "invalid", "needs attention", "unbestätigt"),
    ),
    Wish.PAUSED: ("paused", "pausiert"),
}
# Plain words, for each row of a million is held against them: a member of Wish takes several times as long to compare.
_PENDING, _PAUSED, _UNSUBSCRIBED = (str(w.value) for w in (Wish.PENDING, Wish.PAUSED, Wish.UNSUBSCRIBED))
_WISH_OF = {word: str(wish.value) for wish, words in _WISHES.items() for word in words}
_DATE = re.compile(r"\d{4}-\d\d-\d\d\b|\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")  # “Subscribed: 2026-01-02” says since when


class Batch(NamedTuple):
    """So many rows of a file."""

    arrivals: list[Arrival]  # one a mailbox
    faults: list[Fault]
    twice: int  # rows whose mailbox stands in the batch already


_Sent = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], int] | None  # plain: half the time to pickle


@contextmanager
def batches(
    path: Path, layout: Layout, keys: Keys, size: int, *, apart_from_bytes: int = APART_FROM_BYTES
) -> Iterator[Iterator[Batch]]:  # fmt: skip
    """The file in batches of `size` rows. Raises BadFile if its process ends before the file does."""
    if path.stat().st_size < apart_from_bytes:
        yield _read(path, layout, keys, size)
        return
    ours, theirs = _SPAWN.Pipe(duplex=False)
    reader = _SPAWN.Process(target=_read_apart, args=(theirs, path, layout, keys.secrets, size), daemon=True)
    reader.start()
    theirs.close()
    try:
        with closing(ours):
            yield _received(ours, path)
    finally:
        reader.terminate()
        reader.join()


def _received(pipe: "Connection[object, _Sent]", path: Path) -> Iterator[Batch]:
    try:
        while batch := _next(pipe):
            yield batch
    except EOFError as error:
        raise BadFile(f"{path.name} could not be read to its end. What is in is in: start the import again.") from error


def _next(pipe: "Connection[object, _Sent]") -> Batch | None:
    with unswept():
        sent = pipe.recv()
        if sent is None:
            return None
        arrivals, faults, twice = sent
        return Batch([Arrival._make(a) for a in arrivals], [Fault(*f) for f in faults], twice)


@contextmanager
def unswept() -> Iterator[None]:
    """For a moment, many tuples and no cycles among them: the search for cycles took a fifth of an import's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_apart(
    pipe: "Connection[_Sent, object]", path: Path, layout: Layout, secrets: tuple[bytes, ...], size: int
) -> None:
    """The reading process. It ends with the file, or with the one who asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked
    gc.disable()  # millions of tuples, and no cycles among them
    try:
        for batch in _read(path, layout, Keys(secrets), size):
            pipe.send(([tuple(a) for a in batch.arrivals], [tuple(f) for f in batch.faults], batch.twice))
        pipe.send(None)
    except BrokenPipeError:
        return


def _read(path: Path, layout: Layout, keys: Keys, size: int) -> Iterator[Batch]:
    rows = rows_of(path, layout)
    while rows_now := list(islice(rows, size)):
        yield _batch(rows_now, keys)


def _batch(rows: Iterable[Row | Fault], keys: Keys) -> Batch:
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
            if arrival.state == _UNSUBSCRIBED:
                by_key[arrival.email_key] = first._replace(state=arrival.state, paused_until=None)
    return Batch(list(by_key.values()), faults, twice)


def _arrival(row: Row, keys: Keys) -> Arrival | Fault:
    wish = _wish_of(row.status)
    if wish is None:
        return Fault(row.line, f"the status “{one_line(row.status, 40)}” is not known")
    if wish == _PENDING:
        return Fault(row.line, "this person has not confirmed")
    try:
        email, key, domain = parse(row.email)
        until = _moment(row.until) if wish == _PAUSED else None
    except NotAnAddress as error:
        return Fault(row.line, str(error) if row.email else "there is no address in this row")
    except ValueError as error:
        return Fault(row.line, str(error))
    return Arrival(row.line, email, key, address_hash(keys, key), domain, one_line(row.name), wish, until)


@lru_cache(maxsize=1_000)
def _wish_of(status: str) -> str | None:
    if _DATE.match(status):
        return str(Wish.ACTIVE)
    return _WISH_OF.get(" ".join(status.casefold().replace("_", " ").split()))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("paused_until is no date; write YYYY-MM-DD") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
