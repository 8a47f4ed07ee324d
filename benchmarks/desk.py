"""The desk's pages with a million readers and 400 past issues: each answers within 200 ms at the median.

The store is made by bulk SQL: everybody has a consent, the newest issue is half sent to all of them, the one before is
sent to all, and the others have their kept sums and some thousand deliveries each, so that a person's page has 400.
A page's first look may count; those after it share that count as editors' looks do, and the first is shown apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import text
from starlette.testclient import TestClient

from benchmarks import million, project
from benchmarks.harness import Ratio, Setting
from newsletter.database import Database
from newsletter.delivery import tallies
from newsletter.editors import Role, accounts, sessions
from newsletter.issues.models import Issue, IssueState
from newsletter.web.app import create_app
from newsletter.web.desk.door import COOKIE

READERS, ISSUES, OFTEN = 1_000_000, 400, 2_500  # the first OFTEN readers got each of the past issues
WANTED_MS = 200
NOW = project.NOW
LOOKS = 9
CONSENTS = """
INSERT INTO consent (subscriber_id, newsletter, act, wording, origin, network_address, at)
SELECT id, 'daily', 'imported', 'they said so', 'bench', '', :at FROM subscriber WHERE id % 100 = :day
"""
LEAVINGS = """
INSERT INTO leaving (subscriber_id, newsletter, issue, way, reader_since, reason, at)
SELECT id, 'daily', :issue, 'link', :at, '', :at FROM subscriber WHERE id % 2000 = :day
"""
DELIVERIES = """
INSERT INTO delivery
  (issue_id, subscriber_id, subscription_id, state, lane, attempts, code, status, why, changed_at, due_at)
SELECT :issue, id, id, CASE WHEN id % 100 = 1 THEN 'failed' WHEN id % 100 = 2 THEN 'deferred'
  WHEN id % 2 = :half THEN 'queued' ELSE 'accepted' END,
  CASE id % 4 WHEN 0 THEN 'google' WHEN 1 THEN 'microsoft' ELSE '' END, 1,
  CASE WHEN id % 100 = 1 THEN 550 WHEN id % 100 = 2 THEN 452 ELSE 250 END,
  CASE WHEN id % 100 = 1 THEN '5.1.1' WHEN id % 100 = 2 THEN '4.2.2' ELSE '2.0.0' END, 'as the server said', :at, :at
FROM subscriber WHERE id <= :readers
"""


def ratios(setting: Setting) -> list[Ratio]:
    """Each page's median on both databases, and the slowest first look."""
    readers = setting.size(READERS)
    found = _of(f"sqlite:///{setting.folder / 'desk.db'}", "SQLite", readers, setting)
    with million._postgres(setting.folder / "postgres") as address:
        return found + _of(address, "PostgreSQL", readers, setting)


def _of(url: str, kind: str, readers: int, setting: Setting) -> list[Ratio]:
    project.fill(url, readers)
    database = Database(url)
    live, sent = _history(database, readers)
    with _open(database, setting.folder) as client:
        looks = {path: [_look(client, path) for _ in range(LOOKS)] for path in _pages(live, sent)}
    database.close()
    first = max(times[0] for times in looks.values())
    many = f"{readers:,} readers, {kind}"
    lines = [
        Ratio(
            f"{path.partition('?')[0]}, {many}",
            tuple(times),
            WANTED_MS,
            at_least=False,
            unit="ms",
            note=f"first {times[0]:.0f}",
        )
        for path, times in looks.items()
    ]
    return [*lines, Ratio(f"slowest first look, {many}", (first,), 2_000, at_least=False, unit="ms")]


def _pages(live: int, sent: int) -> list[str]:
    return [
        "/desk", f"/desk/issues/{live}/sending", f"/desk/issues/{live}/results", f"/desk/issues/{sent}/results",
        "/desk/figures", "/desk/figures?days=365", "/desk/readers", "/desk/readers?q=reader12",
        "/desk/readers?q=Reader+N",
        "/desk/readers?newsletter=daily&state=active", "/desk/readers?newsletter=daily&state=paused", "/desk/readers/7",
        "/desk/suppressions", "/desk/imports", "/desk/sources", "/desk/sources/city-desk",
    ]  # fmt: skip


def _look(client: TestClient, path: str) -> float:
    """Milliseconds."""
    began = perf_counter()
    answer = client.get(path)
    took = (perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return took


@contextmanager
def _open(database: Database, folder: Path) -> Iterator[TestClient]:
    config = project.a_config(folder, port=1025, connections=1)
    with database.transaction() as session:
        editor = accounts.add(session, "ada@example.com", "Ada", Role.ADMIN, NOW)
        session.flush()
        token = sessions.begin(session, editor, NOW)
    app = create_app(config, database, clock=lambda: NOW + timedelta(minutes=5), sends_notices=False)
    with TestClient(app, base_url=config.site.url) as client:
        client.cookies.set(COOKIE, token, path="/desk")
        yield client


def _history(database: Database, readers: int) -> tuple[int, int]:
    """ISSUES past ones and one that goes out; the numbers of the last two."""
    made: list[int] = []
    with database.transaction() as session:
        first = session.get_one(Issue, 1)
        first.state, first.drawn_at, first.started_at = IssueState.SENDING, NOW, NOW
        for day in range(1, ISSUES + 1):
            at = NOW - timedelta(days=day)
            issue = Issue(
                newsletter="daily", issue_date=at.date(), number=ISSUES - day, state=IssueState.SENT,
                subject="The ferry", drafted_at=at, drawn_at=at, started_at=at, finished_at=at,
            )  # fmt: skip
            session.add(issue)
            session.flush()
            made.append(issue.id or 0)
        for day in range(100):
            at = _plain(database, NOW - timedelta(days=day))
            session.execute(text(CONSENTS), {"at": at, "day": day})
            session.execute(text(LEAVINGS), {"at": at, "day": day, "issue": made[day]})
    _deliver(database, 1, readers, half=1)
    _deliver(database, made[0], readers, half=-1)
    for number in made[1:]:
        _deliver(database, number, min(OFTEN, readers), half=-1)
    with database.transaction() as session:
        session.execute(text("UPDATE delivery SET state = 'failed' WHERE state = 'deferred' AND issue_id <> 1"))
    tallies.keep_missing(database)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))  # as autovacuum does
    return 1, made[0]


def _deliver(database: Database, issue: int, readers: int, half: int) -> None:
    with database.transaction() as session:
        values = {"issue": issue, "readers": readers, "half": half, "at": _plain(database, NOW)}
        session.execute(text(DELIVERIES), values)


def _plain(database: Database, moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if database.is_sqlite else moment
