"""Leavings that arrive together share a transaction, and each is answered for itself."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from newsletter.database import Database
from newsletter.web.departures import Departures, written
from newsletter.web.http import MAX_OVERHEAD_BYTES
from subscribers import Way, audience
from subscribers.models import Leaving, SubscriptionState
from subscribers.unsubscribe import Departure
from tests.builders import NOW
from tests.subscribers.conftest import a_reader, standing
from tests.web.conftest import Served, in_a_loop


def readers(session: Session, count: int) -> list[int]:
    """So many readers' subscriptions."""
    numbers = [a_reader(session, f"reader{n}@example.com") for n in range(count)]
    assert len(set(numbers)) == count
    return [standing(session, f"reader{n}@example.com").id or 0 for n in range(count)]


def leaves(subscription: int) -> Departure:
    return Departure(subscription, 7, Way.HEADER)


@contextmanager
def commits(database: Database) -> Iterator[list[int]]:
    """Grows by one with each commit."""
    seen: list[int] = []

    def heard(_connection: object) -> None:
        seen.append(1)

    event.listen(database.engine, "commit", heard)
    yield seen
    event.remove(database.engine, "commit", heard)


def test_those_who_ask_at_once_share_one_transaction(database: Database):
    """Each is off when it is answered; who hung up is off too."""
    with database.transaction() as session:
        asked = readers(session, 12)

    async def all_at_once() -> list[str | BaseException | None]:
        departures = Departures(database, lambda: NOW)
        tasks = [asyncio.create_task(departures.take(leaves(number))) for number in (*asked, asked[0], 10**9)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with commits(database) as seen:
        answers = in_a_loop(all_at_once())
    assert len(seen) == 1
    assert isinstance(answers.pop(1), asyncio.CancelledError)
    assert answers == ["daily"] * 12 + [None]
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
        assert [(row.issue, row.way, row.at) for row in session.exec(select(Leaving))] == [(7, Way.HEADER, NOW)] * 12


def test_one_that_comes_later_begins_anew(sqlite: Database):
    """The writer ends with its batch; the next one finds another."""
    with sqlite.transaction() as session:
        first, second = readers(session, 2)

    async def one_by_one() -> list[str | None]:
        departures = Departures(sqlite, lambda: NOW)
        return [await departures.take(leaves(number)) for number in (first, second, first)]

    assert in_a_loop(one_by_one()) == ["daily"] * 3


def test_what_fails_together_is_tried_alone(sqlite: Database):
    """One row that the store refuses costs nobody else their leaving."""
    with sqlite.transaction() as session:
        asked = readers(session, 3)
        refused = standing(session, "reader1@example.com").subscriber_id
        session.execute(
            text(
                f"CREATE TRIGGER refuses BEFORE INSERT ON leaving WHEN new.subscriber_id = {refused} "
                "BEGIN SELECT raise(ABORT, 'no'); END"
            )
        )
    answers = written(sqlite, [leaves(number) for number in asked], NOW)
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    with sqlite.reading() as session:
        assert len(session.exec(select(Leaving)).all()) == 2
        assert standing(session, "reader1@example.com").state is SubscriptionState.ACTIVE


def test_a_store_that_is_away_is_not_asked_for_each(sqlite: Database):
    """Once together, once alone: a hundred waits of half a minute would help nobody."""
    with sqlite.transaction() as session:
        asked = readers(session, 3)
        session.execute(text("ALTER TABLE leaving RENAME TO away"))
    tried: list[int] = []
    event.listen(sqlite.engine, "begin", lambda _connection: tried.append(1))
    answers = written(sqlite, [leaves(number) for number in asked], NOW)
    assert all(isinstance(answer, OperationalError) for answer in answers)
    assert len(tried) == 2


@pytest.mark.slow
@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"GET /"])
def test_a_head_without_end_is_hung_up_on(served: Served, head: bytes):
    """The quick parser keeps a head of any length in memory; we do not let it."""
    endless = head + b"a" * 100 * MAX_OVERHEAD_BYTES
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection,
        pytest.raises(OSError, match=r"Broken pipe|reset"),
    ):
        connection.sendall(endless)
