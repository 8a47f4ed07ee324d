"""A project with as many readers as a bench wants, made by bulk SQL, and an approved issue of 20 kB."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import event, text
from sqlmodel import Session, SQLModel

from benchmarks.harness import MESSAGE_BYTES
from newsletter import config
from newsletter.database import Database
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering import slots
from newsletter.rendering.models import Edition
from subscribers.models import Subscriber, Subscription

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
DOMAINS = 20  # the readers live at so many domains
CONFIG = """
[site]
name = "The Harbour Post"
url = "https://post.example.com"
postal_address = "1 Quay Street, Harbourton"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}
bounce_address = "bounces@example.com"
[[sources]]
name = "city-desk"
kind = "folder"
path = "articles"
section = "City"
[[newsletters]]
slug = "daily"
title = "The Harbour Daily"
sender = "The Harbour Post <daily@example.com>"
timezone = "Europe/London"
min_articles = 1
{tables}
"""

NUMBERS = {
    "sqlite": "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)",
    "postgresql": "WITH number(n) AS (SELECT generate_series(1, :count))",
}
SUBSCRIBERS = """
INSERT INTO subscriber (id, email, email_key, address_hash, domain, name, language, timezone, created_at)
{numbers} SELECT n, address, address, {hash}, domain, 'Reader Number ' || n, '', '', :now FROM (
  SELECT n, 'domain' || (n % :domains) || '.example.com' AS domain,
         'reader' || n || '@domain' || (n % :domains) || '.example.com' AS address FROM number) AS made
"""
SUBSCRIPTIONS = """
INSERT INTO subscription (id, subscriber_id, newsletter, state, active_since, changed_at)
SELECT id, id, 'daily', 'active', :now, :now FROM subscriber
"""
HASH = {  # as long and as scattered as a real one: an index over them is as slow
    "sqlite": "lower(hex(randomblob(32)))",
    "postgresql": "md5(n::text) || md5('x' || n::text)",
}


def a_config(folder: Path, port: int, connections: int, tables: str = "") -> config.Config:
    """The config of a bench's project, with more `tables` at its end."""
    made = CONFIG.format(port=port, connections=connections, tables=tables)
    return config.parse(made, folder / "config.toml", config.Secrets(secret_key=KEY))


def prepared(folder: Path, readers: int) -> Path:
    """A filled SQLite database, made once."""
    path = folder / f"{readers}.db"
    if not path.exists():
        fill(f"sqlite:///{path}", readers)
    return path


@contextmanager
def copy(database: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """(address, folder) of a project with a copy of `database`, deleted afterwards."""
    folder.mkdir()
    shutil.copy(database, folder / "newsletter.db")
    yield f"sqlite:///{folder / 'newsletter.db'}", folder
    shutil.rmtree(folder)


def fill(url: str, readers: int) -> None:
    """Make the tables, `readers` active readers, and an approved issue with number 1."""
    database = for_bulk(url)
    database.upgrade()
    kind = "sqlite" if database.is_sqlite else "postgresql"
    with database.transaction() as session:
        values = {"count": readers, "domains": DOMAINS, "now": NOW.replace(tzinfo=None) if kind == "sqlite" else NOW}
        with in_bulk(session, Subscriber, Subscription):
            session.execute(text(SUBSCRIBERS.format(numbers=NUMBERS[kind], hash=HASH[kind])), values)
            session.execute(text(SUBSCRIPTIONS), values)
        issue = Issue(
            newsletter="daily", issue_date=NOW.date(), number=1, state=IssueState.APPROVED, subject="The ferry",
            drafted_at=NOW,
        )  # fmt: skip
        session.add(issue)
        session.flush()
        session.add(_edition(issue.id or 0))
    if not database.is_sqlite:
        _settle(database)
    database.close()


def _settle(database: Database) -> None:
    """What a PostgreSQL does by itself within minutes of an import, and else in the middle of what is measured."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def for_bulk(url: str) -> Database:
    """A database to fill: on SQLite nothing waits for the disk, and what is worked on stays in memory."""
    database = Database(url)
    if database.is_sqlite:
        event.listen(database.engine, "connect", _in_memory)
    return database


def _in_memory(connection: Any, _record: object) -> None:
    for pragma in ("synchronous=OFF", "secure_delete=OFF", "cache_size=-1000000"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def in_bulk(session: Session, *models: type[SQLModel]) -> Iterator[None]:
    """Fill these tables without their plain indices, which are made again from all rows at once: in half the time."""
    connection = session.connection()
    indices = [index for model in models for index in model.__table__.indexes if not index.unique]  # type: ignore[attr-defined]
    for index in indices:
        index.drop(connection)
    yield
    for index in indices:
        index.create(connection)


def signing_key(folder: Path) -> str:
    """A table [[dkim]] with a new RSA-2048 key."""
    file = folder / "dkim.pem"
    key = generate_private_key(65537, 2048)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    return f'[[dkim]]\ndomain = "example.com"\nselector = "bench"\nkey_file = "{file}"\n'


def _edition(issue_id: int) -> Edition:
    """An edition whose message has MESSAGE_BYTES: a text part and an HTML part with the marks of real ones."""
    links = (
        f'<a href="https://post.example.com/u/{slots.UNSUBSCRIBE}">Unsubscribe</a> '
        f'<a href="https://post.example.com/preferences/{slots.PREFERENCES}">Preferences</a>'
    )
    words = Random(1).choices(["harbour", "ferry", "quay", "morning", "council", "bridge", "the", "of", "in"], k=6000)
    prose = " ".join(words)
    body = "".join(f"<p>{prose[at : at + 400]}</p>\n" for at in range(0, MESSAGE_BYTES * 70 // 100, 400))
    text = "\n".join(prose[at : at + 72] for at in range(0, MESSAGE_BYTES * 19 // 100, 73))
    return Edition(
        issue_id=issue_id,
        subject="The ferry sails again",
        preheader="And other stories",
        html=f"{body}{links}",
        text=f"{text}\nUnsubscribe: https://post.example.com/u/{slots.UNSUBSCRIBE}\n",
        template_digest="0" * 64,
        rendered_at=NOW,
    )
