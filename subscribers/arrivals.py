"""An import's rows and the store: who of them is known already, and the others' coming in by whole statements.

Strangers come in by COPY on PostgreSQL and a hundred an INSERT on SQLite, with numbers taken beforehand; their
standings and consents are made inside the database, out of one list of those numbers.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    and_,
    case,
    func,
    insert,
    literal,
    null,
    select,
    text,
    true,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col

from subscribers import batch, people
from subscribers.batch import among
from subscribers.columns import UTCDateTime
from subscribers.models import Consent, Subscriber, Subscription, SubscriptionState, Suppression

CACHE_KB = 64_000  # of the connection that brings people in: their indices are written all over
CHECKPOINT_PAGES = 30_000  # of the log, 120 MB: most are the same pages of indices, written back once for many batches


class Arrival(NamedTuple):
    """One good row of a file."""

    line: int
    email: str
    email_key: str
    address_hash: str
    domain: str
    name: str
    state: str  # a SubscriptionState's word
    paused_until: datetime | None


class Met(NamedTuple):
    """What the store has of an arrival's mailbox already: a person, a standing, a place on the never-mail list."""

    subscriber_id: int | None
    name: str | None = None
    subscription_id: int | None = None
    state: SubscriptionState | None = None
    suppressed: str | None = None


def prepare(session: Session) -> None:
    """Call it first in a transaction that brings people in."""
    people.arrive(session)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        # Some thousand look-ups by index; with no statistics, or those of a small table, the planner would rather read
        # whole tables.
        for way in ("hashjoin", "mergejoin", "seqscan", "bitmapscan", "material"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    else:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def met(session: Session, newsletter: str, arrivals: Sequence[Arrival]) -> dict[str, Met]:
    """Those whom the store has met, by `email_key`; all others are strangers. Who is to become a reader is held until
    the transaction ends, so that nobody erases a person whose row is about to be written."""
    found = _met(session, newsletter, arrivals)
    will_read = [
        m.subscriber_id for m in found.values() if m.subscriber_id and m.state in (None, SubscriptionState.PENDING)
    ]
    if will_read and session.get_bind().dialect.name != "sqlite":  # where a writing transaction is alone
        held = select(col(Subscriber.id)).where(among(col(Subscriber.id), will_read)).order_by(col(Subscriber.id))
        session.execute(held.with_for_update())
        return _met(session, newsletter, arrivals)  # as they are now
    return found


def _met(session: Session, newsletter: str, arrivals: Sequence[Arrival]) -> dict[str, Met]:
    known = session.connection().execute(meeting(newsletter, [a.email_key for a in arrivals]))
    found = {row[0]: Met(*row[1:]) for row in known}
    suppressed = session.connection().execute(listed([a.address_hash for a in arrivals]))
    if reasons := {row[0]: row[1] for row in suppressed}:
        for arrival in arrivals:
            if reason := reasons.get(arrival.address_hash):
                found[arrival.email_key] = found.get(arrival.email_key, Met(None))._replace(suppressed=reason)
    return found


def meeting(newsletter: str, keys: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """SELECT the address and what a Met has, but for suppression. Each table is asked for one person at a time,
    whatever is known of its size: the keys are on the left of outer joins, whose order is no planner's to choose."""
    key = batch.each_text(keys)
    theirs = col(Subscription.newsletter).concat("") == newsletter  # which no index knows: a person's own is asked
    return (
        select(
            key.c.value,
            col(Subscriber.id),
            col(Subscriber.name),
            col(Subscription.id),
            col(Subscription.state),
        )
        .select_from(key)
        .outerjoin(Subscriber, col(Subscriber.email_key) == key.c.value)
        .outerjoin(Subscription, and_(col(Subscription.subscriber_id) == col(Subscriber.id), theirs))
        .where(_is_there(col(Subscriber.id)))
    )


def listed(hashes: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """SELECT those of the hashes that are on the never-mail list, and why, each looked up by itself."""
    hashed, reason = batch.each_text(hashes), type_coerce(col(Suppression.reason), String)
    found = select(hashed.c.value, reason).select_from(hashed)
    found = found.outerjoin(Suppression, col(Suppression.address_hash) == hashed.c.value)
    return found.where(_is_there(col(Suppression.id)))


def _is_there(number: SQLColumnExpression[int | None]) -> ColumnElement[bool]:
    """Not NULL, in words that leave an outer join one."""
    return func.coalesce(number, 0) > 0


def add_people(session: Session, strangers: Sequence[Arrival], now: datetime) -> list[tuple[int, Arrival]]:
    """Make each a person; with their numbers, in the order of their addresses: so each page of an index is found once,
    and two imports don't wait for each other crosswise. Raises IntegrityError where somebody else added one of them in
    the same moment."""
    if not strangers:
        return []
    ordered = sorted(strangers, key=attrgetter("email_key"))
    numbered = list(zip(_numbers(session, len(ordered)), ordered, strict=True))
    connection = session.connection()
    rows = [(n, a.email, a.email_key, a.address_hash, a.domain, a.name) for n, a in numbered]
    put = _copied if connection.dialect.name == "postgresql" else _inserted
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        put(connection.connection.driver_connection, rows, now)
    except dbapi.Error as error:  # as every other statement raises it
        raise DBAPIError.instance("INSERT INTO subscriber", None, error, dbapi.Error) from error
    return numbered


def settle(
    session: Session, newsletter: str, persons: Sequence[tuple[int, Arrival]], origin: str, proof: str, now: datetime
) -> None:
    """Make these persons, by number, subscribers of `newsletter`, with their consent."""
    if not persons:
        return
    plain = {n: a.line for n, a in persons if a.state == SubscriptionState.ACTIVE}
    if plain:  # nearly all
        one = batch.texts(plain).c
        active = _Arriving(one.number, one.text, literal(str(SubscriptionState.ACTIVE)), null())
        _settle(session, newsletter, active, origin, proof, now)
    if others := [(n, str(a.line), a.state, a.paused_until) for n, a in persons if n not in plain]:
        each = batch.rows(others, person="bigint", line="varchar", state="varchar", until="timestamptz").c
        _settle(session, newsletter, _Arriving(each.person, each.line, each.state, each.until), origin, proof, now)


class _Arriving(NamedTuple):
    """Columns of those who come in."""

    person: ColumnElement[Any]
    line: ColumnElement[Any]
    state: ColumnElement[Any]
    paused_until: ColumnElement[Any]


def _settle(session: Session, newsletter: str, arriving: _Arriving, origin: str, proof: str, now: datetime) -> None:
    at, nothing, agreed = literal(now, UTCDateTime), literal(""), arriving.state != str(SubscriptionState.UNSUBSCRIBED)
    standing = {
        "subscriber_id": arriving.person,
        "newsletter": literal(newsletter),
        "state": arriving.state,
        "active_since": case((agreed, at)),
        "paused_until": arriving.paused_until,
        "changed_at": at,
    }
    _add(session, Subscription, standing)
    consents = {
        "subscriber_id": arriving.person,
        "newsletter": literal(newsletter),
        "act": literal("imported"),
        "wording": literal(proof[:1000]),
        "origin": literal(f"{origin[:280]} line ").concat(arriving.line),
        "network_address": nothing,
        "at": at,
    }
    _add(session, Consent, consents, only=agreed)


def count_anew(session: Session) -> None:
    """Have PostgreSQL look how large the tables are now. It does so by itself a minute later; until then it took a list
    of hundreds of thousands for a short one, and went through all readers for each of a page. A fifth of a second."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE subscriber, subscription, consent, suppression"))


def _numbers(session: Session, count: int) -> Sequence[int]:
    """So many numbers for persons that nobody has had before."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = session.scalar(select(func.pg_get_serial_sequence("subscriber", "id")))
        return session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))).all()
    last = session.scalar(text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'subscriber'")) or 0
    return range(last + 1, last + 1 + count)  # a writing transaction on SQLite is alone


_SUBSCRIBER = "subscriber (id, email, email_key, address_hash, domain, name, language, timezone, created_at)"
_COPY = f"COPY {_SUBSCRIBER} FROM STDIN"
_INSERT = f"INSERT INTO {_SUBSCRIBER} VALUES "  # noqa: S608 nothing from outside
_AT_ONCE = 100  # rows of an INSERT: one by one takes a third longer


def _copied(driver: Any, rows: Sequence[tuple[Any, ...]], now: datetime) -> None:
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row((*row, "", "", now))


def _inserted(driver: Any, rows: Sequence[tuple[Any, ...]], now: datetime) -> None:
    one = f"(?, ?, ?, ?, ?, ?, '', '', '{batch.moment(now)}')"
    for begin in range(0, len(rows), _AT_ONCE):
        some = rows[begin : begin + _AT_ONCE]
        driver.execute(_INSERT + ", ".join([one] * len(some)), tuple(chain.from_iterable(some)))


def _add(
    session: Session, model: type[SQLModel], values: dict[str, ColumnElement[Any]], only: ColumnElement[bool] = true()
) -> None:
    """INSERT … SELECT. Without ON CONFLICT, which costs PostgreSQL a fifth of the whole import."""
    made = select(*(value.label(name) for name, value in values.items())).where(only)
    session.connection().execute(insert(model).from_select(list(values), made, include_defaults=False))
