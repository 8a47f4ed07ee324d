"""The database: can it be reached, is its schema ours, may we write. And the clock, held against what it has seen."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from newsletter.config import Config
from newsletter.database import Database, newest_revision
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.errors import StoreError
from newsletter.issues import find

CLOCKS_APART = timedelta(seconds=10)  # between this machine and its database


def findings(config: Config, now: datetime) -> Iterator[Finding]:
    """Of the database, and of the clock where there is one to ask."""
    with closing(Database(config.database.url)) as database:
        name = "SQLite" if database.is_sqlite else "PostgreSQL"
        if database.is_sqlite and not Path(database.url.database or "").exists():
            yield warn("database", name, "There is none yet: the first command makes it, or `newsletter db upgrade`.")
            return
        try:
            database.require_current_schema()
            with database.transaction() as session:  # it takes nothing away, and wants all rights that a send wants
                session.execute(text("DELETE FROM alembic_version WHERE 1 = 0"))
        except (StoreError, SQLAlchemyError) as error:
            yield fail("database", name, _sentence(error))
            return
        yield ok("database", name, f"It can be written, and its schema is ours ({newest_revision()}).")
        yield _clock(database, now)


def _sentence(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    return f"It can't be written: {str(getattr(error, 'orig', None) or error).splitlines()[0]}"


def _clock(database: Database, now: datetime) -> Finding:
    where = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    with database.reading() as session:
        try:
            find.require_right_clock(session, now)
        except StoreError as error:
            return fail("clock", where, str(error))
        if not database.is_sqlite:
            apart = abs(session.execute(select(func.now())).scalar_one() - now)
            if apart > CLOCKS_APART:
                seconds = round(apart.total_seconds())
                return warn("clock", where, f"The database's clock is {seconds} seconds away: set both by NTP.")
    return ok("clock", where, "It is not behind anything that the database has seen.")
