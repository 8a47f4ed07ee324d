"""Turns at writing on SQLite, whose writers come one by one; a whole list on either database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from newsletter import database as module
from newsletter.database import Database
from subscribers import SuppressionReason
from subscribers.models import Suppression
from tests.builders import NOW


def test_a_writer_waits_until_the_other_one_is_done(sqlite: Database):
    """It begins with what the other one has written."""
    begins = Event()

    def write() -> int:
        begins.set()
        with sqlite.transaction() as session:
            return session.scalar(text("SELECT count(*) FROM suppression")) or 0

    with ThreadPoolExecutor(1) as pool:
        with sqlite.transaction() as session:
            session.add(Suppression(address_hash="a", reason=SuppressionReason.MANUAL, at=NOW))
            session.flush()
            found = pool.submit(write)
            assert begins.wait(60)
            assert not found.done()
        assert found.result(60) == 1


def test_a_writer_whose_turn_does_not_come_is_told_so(sqlite: Database, monkeypatch: pytest.MonkeyPatch):
    """In the error that senders wait and try again on; the connection is as before."""
    monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0)
    other = Database(sqlite.url.render_as_string())
    with sqlite.transaction() as first, other.transaction() as second:
        first.connection()
        with pytest.raises(OperationalError, match="locked"):
            second.connection()
    with other.transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1
    other.close()


def test_whoever_waits_has_a_turn_between_two_transactions_of_a_whole_list(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
):
    """Else who leaves while a list comes in would wait for batch after batch: the next one is always there first."""
    turns: list[float] = []

    def somebody_else(seconds: float) -> None:
        turns.append(seconds)
        with sqlite.transaction() as session:
            session.connection()

    with sqlite.in_bulk() as transaction:
        monkeypatch.setattr(module, "sleep", somebody_else)
        for _ in range(2):
            with transaction() as session:
                session.connection()
    assert len(turns) == 2
    assert min(turns) > module.NAP_SECONDS, "all who wait have looked once"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_whole_list_is_on_the_disk_of_postgresql_when_its_block_ends(database: Database):
    """Its transactions do not wait for the disk one by one; whoever says that the list is in says so of the disk."""
    with database.in_bulk() as transaction:
        with transaction() as session:
            session.add(Suppression(address_hash="a", reason=SuppressionReason.MANUAL, at=NOW))
            assert session.scalar(text("SHOW synchronous_commit")) == "off"
        with database.reading() as session:
            written = session.scalar(text("SELECT pg_current_wal_insert_lsn()"))
    with database.reading() as session:
        on_disk = session.scalar(text("SELECT pg_current_wal_flush_lsn() >= CAST(:lsn AS pg_lsn)"), {"lsn": written})
        assert on_disk
        assert session.scalar(text("SHOW synchronous_commit")) == "on"
