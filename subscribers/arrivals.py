"""Where an import's rows wait: a temporary table, read by whole statements, so that a row costs one binding.

PostgreSQL fills it by COPY, SQLite by its driver's executemany; what follows is the same SQL for both. Each row waits
with the number that its person gets, taken beforehand, so that no statement must look numbers up again.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, SQLModel, col

from subscribers.batch import among
from subscribers.columns import UTCDateTime, by_number
from subscribers.models import Consent, Subscriber, Subscription, SubscriptionState, Suppression

CACHE_KB = 64_000  # of the connection that brings people in: their indices are written all over
CHECKPOINT_PAGES = 30_000  # of the log, 120 MB: most are the same pages of indices, written back once for many batches
HALL = Table(
    "arriving",
    MetaData(),
    Column("person", BigInteger),
    Column("line", Integer),
    Column("email", String),
    Column("email_key", by_number(320)),
    Column("address_hash", String),
    Column("domain", String),
    Column("name", String),
    Column("state", String),
    Column("paused_until", UTCDateTime),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",  # rows that are deleted one by one would stay and be read: nobody vacuums it
)


class Arrival(NamedTuple):
    """One good row of a file, as the hall holds it."""

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

    line: int
    subscriber_id: int | None
    name: str | None
    subscription_id: int | None
    state: SubscriptionState | None
    active_since: datetime | None
    suppressed: str | None


def let_in(session: Session, arrivals: Sequence[Arrival]) -> None:
    """Put them into the hall, and nobody else. In the order of their addresses they find each page of an index once,
    and two imports don't wait for each other crosswise."""
    arrivals = sorted(arrivals, key=attrgetter("email_key"))
    session.execute(CreateTable(HALL, if_not_exists=True))
    session.execute(delete(HALL))
    rows: list[tuple[Any, ...]] = [(n, *a) for n, a in zip(_numbers(session, len(arrivals)), arrivals, strict=True)]
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy("COPY arriving FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        # Some thousand look-ups by index; with no statistics, or those of a small table, the planner would rather read
        # whole tables.
        for way in ("hashjoin", "mergejoin", "seqscan", "material"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    else:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if any(a.paused_until for a in arrivals):
            stored = HALL.c.paused_until.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
            rows = [row if row[-1] is None or stored is None else (*row[:-1], stored(row[-1])) for row in rows]
        connection.exec_driver_sql("INSERT INTO arriving VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def met(session: Session, newsletter: str) -> list[Met]:
    """Those in the hall whom the store has met; all others are strangers. Who is to become a reader is held until the
    transaction ends, so that nobody erases a person whose row is about to be written."""
    found = _met(session, newsletter)
    will_read = [m.subscriber_id for m in found if m.subscriber_id and m.state in (None, SubscriptionState.PENDING)]
    if will_read and session.get_bind().dialect.name != "sqlite":  # where a writing transaction is alone
        held = select(col(Subscriber.id)).where(among(col(Subscriber.id), will_read)).order_by(col(Subscriber.id))
        session.execute(held.with_for_update())
        return _met(session, newsletter)  # as they are now
    return found


def _met(session: Session, newsletter: str) -> list[Met]:
    return [Met(*row) for row in session.execute(meeting(newsletter))]


def meeting(newsletter: str) -> Select[*tuple[Any, ...]]:
    """SELECT what a Met has. Each table is asked for one person at a time, whatever is known of its size."""
    theirs = col(Subscription.newsletter).concat("") == newsletter  # which no index knows: a person's own is asked
    return (
        select(
            HALL.c.line,
            col(Subscriber.id),
            col(Subscriber.name),
            col(Subscription.id),
            col(Subscription.state),
            col(Subscription.active_since),
            col(Suppression.reason),
        )
        .select_from(HALL)
        .outerjoin(Subscriber, col(Subscriber.email_key) == HALL.c.email_key)
        .outerjoin(
            Subscription,
            and_(col(Subscription.subscriber_id) == col(Subscriber.id), theirs),
        )
        .outerjoin(Suppression, col(Suppression.address_hash) == HALL.c.address_hash)
        .where(or_(col(Subscriber.id).is_not(None), col(Suppression.id).is_not(None)))
    )


def send_away(session: Session, lines: Sequence[int]) -> None:
    """Take these out of the hall."""
    if lines:
        session.execute(delete(HALL).where(among(HALL.c.line, lines)))


def settle(
    session: Session, newsletter: str, met_ones: Sequence[Met], origin: str, proof: str, now: datetime
) -> None:  # fmt: skip
    """Make all of the hall subscribers of `newsletter`, with their consent. `met_ones` are those of them whom the
    store has met.

    They keep their numbers. Raises IntegrityError where somebody else added one of the others in the same moment.
    """
    at, nothing = literal(now, UTCDateTime), literal("")
    known = [m.line for m in met_ones if m.subscriber_id is not None]
    people: dict[str, Any] = {name: HALL.c[name] for name in ("email", "email_key", "address_hash", "domain", "name")}
    people |= {"id": HALL.c.person, "language": nothing, "timezone": nothing, "created_at": at}
    _add(session, Subscriber, people, only=~among(HALL.c.line, known) if known else None)
    if known:
        number = select(col(Subscriber.id)).where(col(Subscriber.email_key) == HALL.c.email_key).scalar_subquery()
        session.execute(update(HALL).where(among(HALL.c.line, known)).values(person=number))
    agreed = HALL.c.state != str(SubscriptionState.UNSUBSCRIBED)
    standing = {
        "subscriber_id": HALL.c.person,
        "newsletter": literal(newsletter),
        "state": HALL.c.state,
        "active_since": case((agreed, at)),
        "paused_until": HALL.c.paused_until,
        "changed_at": at,
    }
    _add(session, Subscription, standing)
    consents = {
        "subscriber_id": HALL.c.person,
        "newsletter": literal(newsletter),
        "act": literal("imported"),
        "wording": literal(proof[:1000]),
        "origin": literal(f"{origin[:280]} line ").concat(cast(HALL.c.line, String)),
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


def _add(
    session: Session, model: type[SQLModel], values: dict[str, Any], only: ColumnElement[bool] | None = None
) -> None:
    """INSERT … SELECT from the hall. Without ON CONFLICT, which costs PostgreSQL a fifth of the whole import."""
    made = select(*(value.label(name) for name, value in values.items())).select_from(HALL)
    if only is not None:
        made = made.where(only)
    session.connection().execute(insert(model).from_select(list(values), made, include_defaults=False))
