"""The engine and the transaction: no queries stand here.

SQLite is the embedded default, PostgreSQL the big one. A writing transaction on SQLite begins with BEGIN IMMEDIATE:
one that begins by reading and then wants to write fails at once with "database is locked", whatever the time-out.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from newsletter.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_SECONDS = 30  # a writer waits this long for another one's transaction; ours are short
BULK_CACHE_KB = 64_000  # of a connection that fills tables: their indices are written all over
BULK_CHECKPOINT_PAGES = 30_000  # of its log, 120 MB: most are the same pages, written back once for many transactions
_WRITE_SOMETHING = "SELECT pg_logical_emit_message(true, 'newsletter', '')"  # else a commit does not wait for the disk
NAP_SECONDS = 0.002  # of a writer on SQLite, until it looks again whether the other one is done


Companion = Callable[[Session], None]
Transaction = Callable[[], AbstractContextManager[Session]]
_COMPANION: ContextVar[tuple["Database | None", Companion | None]] = ContextVar("companion", default=(None, None))


class Database:
    """One database: `transaction()` to write, `reading()` to look. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._engine(writes=True)
        self._reader = self._engine(writes=False) if self.is_sqlite else self.engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed when the block ends, and undone when it raises."""
        with self._transaction(self.engine) as session:
            yield session

    @contextmanager
    def in_bulk(self) -> Iterator[Transaction]:
        """`transaction`, for who brings in a whole list, one after the other. On SQLite they share a connection of
        their own, which keeps what it has read of the indices. On PostgreSQL none waits for the disk by itself: all are
        there when the block ends, and whose machine dies before starts again."""
        if not self.is_sqlite:
            try:
                yield self._unwaiting
            finally:
                with self.transaction() as session:
                    session.execute(text(_WRITE_SOMETHING))  # and with it goes all before it
            return
        engine = self._engine(writes=True)
        event.listen(engine, "connect", _prepare_sqlite_for_bulk)
        try:
            yield partial(self._in_turn, engine)
        finally:
            engine.dispose()

    @contextmanager
    def _unwaiting(self) -> Iterator[Session]:
        with self.transaction() as session:
            session.execute(text("SET LOCAL synchronous_commit = off"))
            yield session

    @contextmanager
    def accompanied(self, by: Companion) -> Iterator[None]:
        """While the block runs, `by(session)` is called at the end of each of this database's transactions that this
        thread, or one that works for it, commits: what it writes is committed with them or not at all."""
        before = _COMPANION.set((self, by))
        try:
            yield
        finally:
            _COMPANION.reset(before)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session to look only; on SQLite it never waits for a writer."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    def upgrade(self) -> None:
        """Bring the schema to the newest revision. Safe to call again."""
        from alembic import command  # slow to import, and wanted once in a database's life
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["engine"] = self.engine
        command.upgrade(config, "head")

    def prepare(self) -> None:
        """Make the tables of a database that has none; raise StoreError for one with an old schema."""
        with self.engine.connect() as connection:
            is_new = _revision(connection) is None
        if is_new:
            self.upgrade()
        self.require_current_schema()

    def require_current_schema(self) -> None:
        """Raise StoreError unless the schema is the one this program knows."""
        wanted = newest_revision()
        try:
            with self._reader.connect() as connection:
                found = _revision(connection)
        except OperationalError as error:
            raise StoreError(f"The database {self.url.render_as_string()} can't be opened: {error.orig}") from error
        if found is None:
            raise StoreError("The database has no tables yet: run `newsletter db upgrade` first.")
        if found != wanted:
            raise StoreError(
                f"The database's schema is {found}, this program wants {wanted}: run `newsletter db upgrade`."
            )

    @contextmanager
    def leadership(self) -> Iterator[bool]:
        """True in one process at a time of all that use this database, until the block ends or the process dies.

        PostgreSQL: an advisory lock of a connection kept for it. SQLite: a lock on a file beside the database.
        """
        if self.is_sqlite:
            with Path(f"{self.url.database}.leader").open("a") as file:
                yield _try_lock(file.fileno())
        else:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                won = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LEADER}))
                try:
                    yield won
                finally:
                    if won:
                        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LEADER})

    def forget_journal(self) -> None:
        """On SQLite, put the write-ahead log into the file and empty it: what was erased stands in neither."""
        if self.is_sqlite:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                driver: Any = connection.connection.driver_connection
                if driver.in_transaction:
                    driver.rollback()
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection of the pools."""
        self.engine.dispose()
        self._reader.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
            owner, companion = _COMPANION.get()
            if companion is not None and owner is self:
                companion(session)

    @contextmanager
    def _in_turn(self, engine: Engine) -> Iterator[Session]:
        """A transaction after which whoever waits has their turn: they look only now and then, and the next of a whole
        row of transactions would nearly always be there first."""
        with self._transaction(engine) as session:
            yield session
        sleep(2 * NAP_SECONDS)

    def _engine(self, *, writes: bool) -> Engine:
        if not self.is_sqlite:
            return create_engine(self.url, pool_size=20, max_overflow=20, pool_pre_ping=True)
        if self.url.database and writes:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}, pool_size=20
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate if writes else _begin_deferred)
        return engine


def newest_revision() -> str:
    """The schema that this program knows: our migrations are numbered in their order."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """The schema's revision as Alembic notes it; None for a database without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


_LEADER = 0x6E6577736C6574  # "newslet": the one advisory lock we take


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a claim must be on the disk before its mail is on the wire
        "foreign_keys=ON",
        "cache_size=-4000",  # kB of a connection: a million readers must not take more memory than ten thousand, and
        # the system's own cache serves as well: neither drawing nor claiming became slower
        "temp_store=MEMORY",
        "secure_delete=ON",  # what is erased is overwritten with zeros, so that no file keeps a person's name
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_sqlite_for_bulk(connection: Any, _record: object) -> None:
    """After the other's."""
    connection.execute(f"PRAGMA cache_size = -{BULK_CACHE_KB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {BULK_CHECKPOINT_PAGES}")


def _begin_immediate(connection: Connection) -> None:
    """Wait for our turn to write. SQLite's own wait naps longer and longer, at last for a tenth of a second at a time,
    while others who come later are served; ours looks every few milliseconds, for transactions are short."""
    driver: Any = connection.connection.driver_connection
    until = monotonic() + BUSY_TIMEOUT_SECONDS
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while not _began(driver) and monotonic() < until:
            sleep(NAP_SECONDS)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # says what is wrong, in the library's own error
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")


def _began(driver: Any) -> bool:
    """Whether there is nothing to wait for: a transaction, or an error that waiting does not mend."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    return True


def _begin_deferred(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED")
