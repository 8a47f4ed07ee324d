"""A file of people → batches of arrivals, ready for the store. A big file is read by a process of its own.

Reading a row (its cells, its address, the keyed hash) takes as long as writing it, so that two processes bring in
twice as many; the first batches are read where they are wanted, for the other process takes a second to begin. They
share nothing but a pipe, and a stretch of batches waits for it: memory stays small however long the file is.

A stretch of the file is put in the order of its mailboxes before it is cut into batches: then each batch has its own
small part of the index over them, where otherwise each would write nearly all of its pages anew.
"""

import gc
import marshal
import multiprocessing
import re
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, compress, islice, repeat
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from subscribers import address
from subscribers.arrivals import Arrivals
from subscribers.batch import moment
from subscribers.csv_rows import Fault, Layout, Rows, rows_of
from subscribers.errors import BadFile
from subscribers.models import SubscriptionState
from subscribers.preferences import one_line, one_line_each
from subscribers.tokens import Keys

APART_FROM_BYTES = 10_000_000
STRETCH = 5  # batches
FIRST = 5  # of them are read while the process begins
AT_ONCE = 250  # rows: a column at a time they take a third of the time
_SPAWN = multiprocessing.get_context("spawn")

Wish = SubscriptionState  # what a row's status column asks for
_WISHES = {  # the words of well-known services; German, French and Spanish ones too, for spreadsheets
    Wish.ACTIVE: (
        *("", "active", "subscribed", "subscriber", "confirmed", "enabled", "opted in", "yes", "true", "1"),
        *("regular", "premium", "gifted", "trialed", "churned", "churning", "past due", "upcoming"),  # of paying
        *("soft bounced", "aktiv", "angemeldet", "bestätigt", "abonniert", "ja"),
        *("actif", "inscrit", "inscrite", "abonné", "abonnée", "confirmé", "confirmée", "oui"),
        *("activo", "activa", "suscrito", "suscrita", "confirmado", "confirmada", "sí"),
    ),
    Wish.UNSUBSCRIBED: (
        *("unsubscribed", "unsubscribe", "unsub", "opted out", "optout", "removed", "disabled", "inactive", "deleted"),
        *("blocked", "bounced", "cleaned", "complained", "complaint", "spam", "marked as spam", "junk", "blocklisted"),
        *("blacklisted", "suppressed", "undeliverable", "malicious", "cancelled", "canceled", "no", "false", "0"),
        *("abgemeldet", "ausgetragen", "inaktiv", "gesperrt", "nein"),
        *("désinscrit", "désinscrite", "désabonné", "désabonnée", "inactif", "bloqué", "bloquée", "non"),
        *("baja", "de baja", "dado de baja", "dada de baja", "inactivo", "inactiva", "bloqueado", "bloqueada"),
    ),
    Wish.PENDING: (
        *("pending", "unconfirmed", "not confirmed", "non-subscribed", "nonsubscribed", "transactional"),
        *("unactivated", "validating", "invalid", "needs attention", "unbestätigt"),
        *("en attente", "non confirmé", "non confirmée", "pendiente", "sin confirmar"),
    ),
    Wish.PAUSED: ("paused", "pausiert"),
}
# Plain words, for each row of a million is held against them: a member of Wish takes several times as long to compare.
_PENDING, _PAUSED, _UNSUBSCRIBED = (str(w.value) for w in (Wish.PENDING, Wish.PAUSED, Wish.UNSUBSCRIBED))
_COME = {str(Wish.ACTIVE.value), _PAUSED, _UNSUBSCRIBED}
_WISH_OF = {word: str(wish.value) for wish, words in _WISHES.items() for word in words}
_DATE = re.compile(r"\d{4}-\d\d-\d\d\b|\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")  # “Subscribed: 2026-01-02” says since when


class Batch(NamedTuple):
    """So many people of a stretch of the file; its first batch says what is wrong with the stretch's other rows."""

    arrivals: Arrivals  # one a mailbox, in their order
    faults: list[Fault]
    twice: int  # rows whose mailbox stands in the stretch already
    is_last: bool  # of its stretch: what comes after it stands further down in the file


@contextmanager
def batches(
    path: Path, layout: Layout, keys: Keys, size: int, *, apart_from_bytes: int = APART_FROM_BYTES
) -> Iterator[Iterator[Batch]]:  # fmt: skip
    """The file in batches of at most `size` people. Raises BadFile if its process ends before the file does."""
    if path.stat().st_size < apart_from_bytes:
        yield _read(_rows(path, layout, size), keys, size)
        return
    ours, theirs = _SPAWN.Pipe(duplex=False)
    reader = _SPAWN.Process(target=_read_apart, args=(theirs, path, layout, keys.secrets, size), daemon=True)
    reader.start()
    theirs.close()
    try:
        with closing(ours):
            at_once = _read(islice(_rows(path, layout, size), FIRST * _blocks(size)), keys, size)
            yield chain(at_once, _received(ours, path))
    finally:
        reader.terminate()
        reader.join()


def _received(pipe: "Connection[bytes, bytes]", path: Path) -> Iterator[Batch]:
    try:
        while batch := _next(pipe):
            yield batch
    except EOFError as error:
        raise BadFile(f"{path.name} could not be read to its end. What is in is in: start the import again.") from error


def _next(pipe: "Connection[bytes, bytes]") -> Batch | None:
    with unswept():
        sent = marshal.loads(pipe.recv_bytes())  # noqa: S302 of our own process: a third of the time of pickle
        if sent is None:
            return None
        columns, faults, twice, is_last = sent
        return Batch(Arrivals(*columns), [Fault(*f) for f in faults], twice, is_last)


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
    pipe: "Connection[bytes, bytes]", path: Path, layout: Layout, secrets: tuple[bytes, ...], size: int
) -> None:
    """The reading process. It ends with the file, or with the one who asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked
    gc.disable()  # millions of tuples, and no cycles among them
    later = islice(_rows(path, layout, size), FIRST * _blocks(size), None)
    with suppress(BrokenPipeError), ThreadPoolExecutor(1) as sender:
        under_way: deque[Future[None]] = deque()  # a stretch: the next one is read while it is written
        for arrivals, faults, twice, is_last in _read(later, Keys(secrets), size):
            plain = (arrivals.columns, [tuple(f) for f in faults], twice, is_last)
            under_way.append(sender.submit(pipe.send_bytes, marshal.dumps(plain)))
            if len(under_way) > STRETCH:
                under_way.popleft().result()
        under_way.append(sender.submit(pipe.send_bytes, marshal.dumps(None)))
        for sent in under_way:
            sent.result()


def _read(blocks: Iterator[Rows], keys: Keys, size: int) -> Iterator[Batch]:
    for batches in chain(range(1, STRETCH), repeat(STRETCH)):  # short ones first: somebody waits
        if not (stretch := list(islice(blocks, batches * _blocks(size)))):
            return
        people, faults, twice = _sifted(stretch, keys)
        for begin in range(0, max(len(people), 1), size):
            is_last = begin + size >= len(people)
            some = Arrivals(*(column[begin : begin + size] for column in people.columns))
            yield Batch(some, faults if not begin else [], twice if not begin else 0, is_last)


def _rows(path: Path, layout: Layout, size: int) -> Iterator[Rows]:
    return rows_of(path, layout, min(size, AT_ONCE))


def _blocks(size: int) -> int:
    """So many of them make a batch."""
    return -(-size // min(size, AT_ONCE))


def _sifted(blocks: Iterable[Rows], keys: Keys) -> tuple[Arrivals, list[Fault], int]:
    """The good rows by their mailboxes, the bad ones, and how many mailboxes stood there already. Of two rows for one
    mailbox the one that leaves wins."""
    good, faults = zip(*map(_good, blocks), strict=True)
    lines, emails, mailboxes, domains, names, states, pauses = (
        list(chain.from_iterable(column)) for column in zip(*good, strict=True)
    )
    place_of = dict(zip(reversed(mailboxes), range(len(mailboxes) - 1, -1, -1), strict=True))  # the first one's
    if len(place_of) < len(mailboxes):
        for place, mailbox in enumerate(mailboxes):
            if states[place] == _UNSUBSCRIBED:
                states[place_of[mailbox]], pauses[place_of[mailbox]] = _UNSUBSCRIBED, None
    in_order = sorted(place_of)
    places = list(map(place_of.__getitem__, in_order))

    def of_each(column: list[Any]) -> list[Any]:
        if column == mailboxes:  # most people write their address in small letters
            return in_order
        return list(map(column.__getitem__, places))

    hashes = [mac.hex() for mac in keys.address_mac.each(map(str.encode, in_order))]
    people = Arrivals(
        of_each(lines), of_each(emails), in_order, hashes, of_each(domains), of_each(names), of_each(states),
        of_each(pauses),
    )  # fmt: skip
    return people, list(chain.from_iterable(faults)), len(mailboxes) - len(places)


def _good(rows: Rows) -> tuple[tuple[list[Any], ...], list[Fault]]:
    """The columns of an Arrival without its hash, of the rows that are good; and what is wrong with the others."""
    why: dict[int, str] = {}
    wishes = list(map(_wish_of, rows.statuses))
    if not _COME.issuperset(wishes):
        for place, wish in enumerate(wishes):
            if wish == _PENDING:
                why[place] = "this person has not confirmed"
            elif wish is None:
                why[place] = f"the status “{one_line(rows.statuses[place], 40)}” is not known"
    emails, mailboxes, domains, wrong = address.column_of(rows.addresses)
    for place, said in wrong.items():
        why.setdefault(place, said if rows.addresses[place] else "there is no address in this row")
    pauses: list[str | None] = [None] * len(wishes)
    for place in [place for place, wish in enumerate(wishes) if wish == _PAUSED] if _PAUSED in wishes else []:
        try:
            pauses[place] = _moment(until) if (until := rows.untils[place]) else None
        except ValueError as error:
            why.setdefault(place, str(error))
    columns: tuple[list[Any], ...] = (rows.lines, emails, mailboxes, domains, one_line_each(rows.names), wishes, pauses)
    if why:
        stays = [place not in why for place in range(len(wishes))]
        columns = tuple(list(compress(column, stays)) for column in columns)
    return columns, rows.faults + [Fault(rows.lines[place], said) for place, said in why.items()]


@lru_cache(maxsize=1_000)
def _wish_of(status: str) -> str | None:
    if _DATE.match(status):
        return str(Wish.ACTIVE)
    return _WISH_OF.get(" ".join(status.casefold().replace("_", " ").split()))


def _moment(text: str) -> str:
    """As the databases read it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("paused_until is no date; write YYYY-MM-DD") from error
    return moment(found if found.tzinfo else found.replace(tzinfo=UTC))
