"""The desk's pages with a million readers and 400 past issues: each answers within 200 ms at the median.

The store is made by bulk SQL: everybody has a consent, the newest issue is half sent to all of them, the one before is
sent to all, and the others have their kept sums and some thousand deliveries each, so that a person's page has 400.
A page's first look may count; those after it share that count as editors' looks do, and the first is shown apart.
The processor's time, that of PostgreSQL included, stands beside the clock's: on a busy machine it alone is fair.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from os import sysconf
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from benchmarks import million, project
from benchmarks.harness import Ratio, Setting
from benchmarks.project import in_bulk
from newsletter.database import Database
from newsletter.delivery import tallies
from newsletter.delivery.models import Delivery
from newsletter.editors import Role, accounts, sessions
from newsletter.issues.models import Issue, IssueState
from newsletter.web.app import create_app
from newsletter.web.desk.door import COOKIE
from subscribers.models import Consent, Leaving

READERS, ISSUES, OFTEN = 1_000_000, 400, 2_500  # the first OFTEN readers got each of the past issues
WANTED_MS, FIRST_MS = 200, 2_000
NOW = project.NOW
LOOKS = 9
DAYS = 100  # on which they came and went
PAST = "CREATE TEMPORARY TABLE past (n INTEGER PRIMARY KEY, issue INTEGER, at {moment})"
CONSENTS = """
INSERT INTO consent (subscriber_id, newsletter, act, wording, origin, network_address, at)
SELECT id, 'daily', 'imported', 'they said so', 'bench', '', at FROM subscriber JOIN past ON n = id % 100 ORDER BY id
"""
LEAVINGS = """
INSERT INTO leaving (subscriber_id, newsletter, issue, way, reader_since, reason, at)
SELECT id, 'daily', issue, 'link', at, '', at FROM subscriber JOIN past ON n = id % 2000 ORDER BY id
"""
SUPPRESSIONS = """
INSERT INTO suppression (subscriber_id, address_hash, reason, detail, at)
SELECT id, address_hash, 'hard bounce', '550 5.1.1', :at FROM subscriber WHERE id % 50 = 3
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


class Took(NamedTuple):
    """Milliseconds of one look: by the clock on the wall, and of the processor, the database's own included."""

    wall: float
    cpu: float


def ratios(setting: Setting) -> list[Ratio]:
    """Each page's median on both databases, and the slowest first look."""
    readers = setting.size(READERS)
    found = _of(f"sqlite:///{setting.folder / 'desk.db'}", "SQLite", readers, setting)
    with million._postgres(setting.folder / "postgres") as address:
        return found + _of(address, "PostgreSQL", readers, setting, setting.folder / "postgres")


def _of(url: str, kind: str, readers: int, setting: Setting, server: Path | None = None) -> list[Ratio]:
    project.fill(url, readers)
    pages = _pages(*filled(url, readers))
    looks = looked(url, pages, setting.folder, server)
    many = f"{readers:,} readers, {kind}"
    lines = [_line(f"{path.partition('?')[0]}, {many}", looks[path]) for path in pages]
    first = max(times[0].wall for times in looks.values())
    return [*lines, Ratio(f"slowest first look, {many}", (first,), FIRST_MS, at_least=False, unit="ms")]


def looked(url: str, pages: list[str], folder: Path, server: Path | None = None) -> dict[str, list[Took]]:
    """LOOKS looks at each of `pages`, by an admin who is logged in; `server` is the folder of a PostgreSQL."""
    database = Database(url)
    with _open(database, folder) as client:
        found = {path: [_look(client, path, server) for _ in range(LOOKS)] for path in pages}
    database.close()
    return found


def _line(name: str, looks: list[Took]) -> Ratio:
    """By the clock on the wall; the processor's time stands beside it, for on a busy machine it alone is fair."""
    note = f"CPU {median(took.cpu for took in looks):.0f}, first {looks[0].wall:.0f} (CPU {looks[0].cpu:.0f})"
    return Ratio(name, tuple(took.wall for took in looks), WANTED_MS, at_least=False, unit="ms", note=note)


def _pages(live: int, sent: int) -> list[str]:
    return [
        "/desk", f"/desk/issues/{live}", f"/desk/issues/{live}/sending", f"/desk/issues/{live}/results",
        f"/desk/issues/{sent}/results", "/desk/figures", "/desk/figures?days=365",
        "/desk/readers", "/desk/readers?q=reader12", "/desk/readers?q=Reader+N",
        "/desk/readers?newsletter=daily&state=active", "/desk/readers?newsletter=daily&state=paused", "/desk/readers/7",
        "/desk/suppressions", "/desk/imports", "/desk/sources", "/desk/sources/city-desk",
        "/desk/people", "/desk/audit", "/desk/account",
    ]  # fmt: skip


def _look(client: TestClient, path: str, server: Path | None) -> Took:
    wall, cpu = perf_counter(), process_time() + _server_seconds(server)
    answer = client.get(path)
    took = Took((perf_counter() - wall) * 1000, (process_time() + _server_seconds(server) - cpu) * 1000)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return took


def _server_seconds(folder: Path | None) -> float:
    """The processor's time that the PostgreSQL of that folder and all its children have taken (proc(5), stat)."""
    if folder is None:
        return 0.0
    parent = (folder / "postmaster.pid").read_text(encoding="ascii").split()[0]
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if file.parent.name == parent:
            ticks += sum(map(int, fields[11:15]))  # its own, and that of children that have ended
        elif fields[1] == parent:
            ticks += sum(map(int, fields[11:13]))
    return ticks / sysconf("SC_CLK_TCK")


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


def filled(url: str, readers: int) -> tuple[int, int]:
    """Make ISSUES past issues and one that goes out; the numbers of the last two."""
    database = project.for_bulk(url)
    with database.transaction() as session:
        first = session.get_one(Issue, 1)
        first.state, first.drawn_at, first.started_at = IssueState.SENDING, NOW, NOW
        past = [_past_issue(day) for day in range(1, ISSUES + 1)]
        session.add_all(past)
        session.flush()
        made = [issue.id or 0 for issue in past]
        shares = [(1, readers, 1), (made[0], readers, -1), *((number, min(OFTEN, readers), -1) for number in made[1:])]
        with in_bulk(session, Consent, Leaving, Delivery):
            _readers_past(session, database, made)
            for number, some, half in shares:
                values = {"issue": number, "readers": some, "half": half, "at": _plain(database, NOW)}
                session.execute(text(DELIVERIES), values)
            session.execute(text("UPDATE delivery SET state = 'failed' WHERE state = 'deferred' AND issue_id <> 1"))
    tallies.keep_missing(database)
    if not database.is_sqlite:  # which nobody gives statistics
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as autovacuum does
    database.close()
    return 1, made[0]


def _past_issue(day: int) -> Issue:
    at = NOW - timedelta(days=day)
    return Issue(
        newsletter="daily", issue_date=at.date(), number=ISSUES - day, state=IssueState.SENT,
        subject="The ferry", drafted_at=at, drawn_at=at, started_at=at, finished_at=at,
    )  # fmt: skip


def _readers_past(session: Session, database: Database, issues: list[int]) -> None:
    """Who came and who left on DAYS days, and whom nobody may mail."""
    session.execute(text(PAST.format(moment="TEXT" if database.is_sqlite else "timestamptz")))
    days = [{"n": n, "issue": issues[n], "at": str(_plain(database, NOW - timedelta(days=n)))} for n in range(DAYS)]
    session.execute(text("INSERT INTO past VALUES (:n, :issue, :at)"), days)
    for statement in (CONSENTS, LEAVINGS, SUPPRESSIONS):
        session.execute(text(statement), {"at": _plain(database, NOW)} if ":at" in statement else {})


def _plain(database: Database, moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if database.is_sqlite else moment
