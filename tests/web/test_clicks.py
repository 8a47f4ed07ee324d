"""Who followed a link is written together, after the answer: what can't be written is lost, at nobody's cost."""

import asyncio

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from newsletter.database import Database
from newsletter.web import clicks
from subscribers.clicks import Following
from tests.builders import NOW
from tests.subscribers.conftest import a_reader
from tests.web.conftest import in_a_loop
from tests.web.test_following import kept


def test_one_that_the_store_refuses_takes_no_other_with_it(sqlite: Database):
    """Each is tried alone then."""
    with sqlite.transaction() as session:
        numbers = [a_reader(session, f"reader{n}@example.com") for n in range(3)]
        session.execute(
            text(
                f"CREATE TRIGGER refuses BEFORE INSERT ON click WHEN new.subscriber_id = {numbers[1]} "
                "BEGIN SELECT raise(ABORT, 'no'); END"
            )
        )
    visits = [Following(number, "daily", 1, 1, "City", NOW, "") for number in numbers]
    assert clicks.written(sqlite, visits) == [None] * 3
    assert [who for who, *_ in kept(sqlite)] == [numbers[0], numbers[2]]


def test_so_many_wait_and_no_more(sqlite: Database, monkeypatch: pytest.MonkeyPatch):
    """A store that is slow does not fill the memory: what is beyond is lost, and said so."""
    monkeypatch.setattr(clicks, "MOST_WAITING", 2)
    with sqlite.transaction() as session:
        numbers = [a_reader(session, f"reader{n}@example.com") for n in range(3)]

    async def all_at_once() -> None:
        waiting = clicks.Clicks(sqlite)
        visits = [Following(number, "daily", 1, 1, "City", NOW, "") for number in numbers]
        await asyncio.gather(*map(waiting.note, visits))

    with capture_logs() as lines:
        in_a_loop(all_at_once())
    assert [line["action"] for line in lines] == ["click_lost"]
    assert [who for who, *_ in kept(sqlite)] == numbers[:2]
