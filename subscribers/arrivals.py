"""An import's rows and the store: who of them is known already, and the others' coming in by whole statements.

Strangers come in by COPY on PostgreSQL and a hundred an INSERT on SQLite, with numbers taken beforehand; their
standings are made inside the database, out of one list of those numbers.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain, compress, islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    text,
    true,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from subscribers import batch, consent, people
from subscribers.batch import among
from subscribers.columns import UTCDateTime
from subscribers.consent import Proof
from subscribers.models import BigId, Subscriber, Subscription, SubscriptionState, Suppression

FEW = 5_000  # on the never-mail list: all of them are read in a quarter of the time that 20,000 look-ups take


class Arrival(NamedTuple):
    """One good row of a file."""

    line: int
    email: str
    email_key: str
    address_hash: str
    domain: str
    name: str
    state: str  # a SubscriptionState's word
    paused_until: str | None  # as `batch.moment` writes it


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Good rows, in the order of their mailboxes, a list a column: whole columns are what goes on to the database, and
    most rows are never looked at one by one."""

    lines: list[int]
    emails: list[str]
    keys: list[str]
    hashes: list[str]
    domains: list[str]
    names: list[str]
    states: list[str]
    pauses: list[str | None]

    @classmethod
    def of(cls, rows: Sequence[Arrival]) -> "Arrivals":
        """Those rows."""
        return cls(*map(list, zip(*rows, strict=True))) if rows else cls(*([] for _ in fields(cls)))

    @property
    def columns(self) -> tuple[list[Any], ...]:
        """All of them, as an Arrival has its fields."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Arrival]:
        return map(Arrival._make, zip(*self.columns, strict=True))

    def without(self, keys: Collection[str]) -> "Arrivals":
        """The others."""
        if not keys:
            return self
        stays = [key not in keys for key in self.keys]
        return Arrivals(*(list(compress(column, stays)) for column in self.columns))


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
    if session.get_bind().dialect.name == "postgresql":
        # Some thousand look-ups by index; with no statistics, or those of a small table, the planner would rather read
        # whole tables. A plan is made for each batch: the table was a page when the first came.
        ways = ("hashjoin", "mergejoin", "seqscan", "bitmapscan", "material")
        said = {f"enable_{way}": "off" for way in ways} | {"plan_cache_mode": "force_custom_plan"}
        session.execute(select(*(func.set_config(name, value, true()) for name, value in said.items())))


def met(session: Session, newsletter: str, arrivals: Arrivals, *, strangers: bool = False) -> dict[str, Met]:
    """Those whom the store has met, by `email_key`; all others are strangers. Who is to become a reader is held until
    the transaction ends, so that nobody erases a person whose row is about to be written. `strangers` says that likely
    they all are: then only those on the never-mail list are looked up, and `add_people` finds out about the others."""
    found = _met(session, newsletter, arrivals, strangers)
    will_read = [
        m.subscriber_id for m in found.values() if m.subscriber_id and m.state in (None, SubscriptionState.PENDING)
    ]
    if will_read and session.get_bind().dialect.name != "sqlite":  # where a writing transaction is alone
        held = select(col(Subscriber.id)).where(among(col(Subscriber.id), will_read)).order_by(col(Subscriber.id))
        session.execute(held.with_for_update())
        return _met(session, newsletter, arrivals, strangers)  # as they are now
    return found


def _met(session: Session, newsletter: str, arrivals: Arrivals, strangers: bool) -> dict[str, Met]:
    suppressed: dict[str, str] = {}
    if reasons := _reasons(session, arrivals.hashes):
        each = zip(arrivals.keys, arrivals.hashes, strict=True)
        suppressed = {key: reason for key, hashed in each if (reason := reasons.get(hashed))}
    looked_up = list(suppressed) if strangers else arrivals.keys
    found = _known(session, newsletter, looked_up) if looked_up else {}
    for key, reason in suppressed.items():
        found[key] = found.get(key, Met(None))._replace(suppressed=reason)
    return found


def _known(session: Session, newsletter: str, keys: Sequence[str]) -> dict[str, Met]:
    connection = session.connection()
    people = connection.execute(meeting(keys)).all()
    stand = connection.execute(standing(newsletter, [row[1] for row in people])) if people else ()
    of_person = {row[0]: row[1:] for row in stand}
    return {key: Met(number, name, *of_person.get(number, ())) for key, number, name in people}


def _reasons(session: Session, hashes: Sequence[str]) -> dict[str, str]:
    """Why whom of them, by hash, no mail goes to. Of two lists the shorter is gone through; the other one comes as one
    text, for its rows would take most of the time."""
    some = select(col(Suppression.address_hash)).limit(FEW + 1).subquery()
    whole = (session.scalar(select(func.aggregate_strings(some.c.address_hash, " "))) or "").split()
    suspects = list(set(whole).intersection(hashes)) if len(whole) <= FEW else hashes
    return {row[0]: row[1] for row in session.connection().execute(listed(suspects))} if suspects else {}


def meeting(keys: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """SELECT address, number and name of those whom the store knows. Asked apart from how they stand with a newsletter:
    joined, PostgreSQL may go through all readers for each of them, where it takes a long table for an empty one."""
    person = (col(Subscriber.email_key), col(Subscriber.id), col(Subscriber.name))
    return select(*person).where(_one_of(col(Subscriber.email_key), keys))


def standing(newsletter: str, numbers: Sequence[int]) -> Select[*tuple[Any, ...]]:
    """SELECT the person, and what else a Met has of their subscription."""
    theirs = col(Subscription.newsletter).concat("") == newsletter  # which no index knows: a person's own is asked
    return select(col(Subscription.subscriber_id), col(Subscription.id), col(Subscription.state)).where(
        batch.among_found(col(Subscription.subscriber_id), batch.each_number(numbers)), theirs
    )


def listed(hashes: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """SELECT those of the hashes that are on the never-mail list, and why."""
    reason = type_coerce(col(Suppression.reason), String)
    return select(col(Suppression.address_hash), reason).where(_one_of(col(Suppression.address_hash), hashes))


def _one_of(column: SQLColumnExpression[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """Each text is looked up in the column's index, beside the last one if they come in order: on PostgreSQL in a third
    of the time of a join."""
    return batch.among_found(column, select(batch.each_text(texts).c.value))


def add_people(session: Session, strangers: Arrivals, now: datetime) -> Sequence[int]:
    """Make each a person; their numbers, in the same order, which is that of their addresses: so each page of an index
    is found once, and two imports don't wait for each other crosswise. Raises IntegrityError where one of them is no
    stranger, or somebody else added one in the same moment."""
    if not len(strangers):
        return []
    numbers = _numbers(session, len(strangers))
    connection = session.connection()
    put = _copied if connection.dialect.name == "postgresql" else _inserted
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        put(connection.connection.dbapi_connection, (numbers, *strangers.columns[1:6]), now)
    except dbapi.Error as error:  # as every other statement raises it
        raise DBAPIError.instance("INSERT INTO subscriber", None, error, dbapi.Error) from error
    return numbers


def settle(
    session: Session, newsletter: str, numbers: Sequence[int], people: Arrivals, proof: Proof, now: datetime
) -> None:
    """Make these persons, by number, subscribers of `newsletter`, and keep the proof that they agreed, once for all."""
    active = str(SubscriptionState.ACTIVE)
    leavers = people.states.count(str(SubscriptionState.UNSUBSCRIBED))
    agreed = consent.record_together(session, newsletter, len(people) - leavers, proof, now)
    plain = [state == active for state in people.states]
    if any(plain):  # nearly all
        one = batch.pairs(list(compress(numbers, plain)), list(compress(people.lines, plain))).c
        _settle(session, newsletter, _Coming(one.number, one.other, literal(active), null()), agreed, now)
    if not all(plain):
        each_row = zip(numbers, people.lines, people.states, people.pauses, strict=True)
        others = [row for row in each_row if row[2] != active]
        each = batch.rows(others, person="bigint", line="integer", state="varchar", until="timestamptz").c
        _settle(session, newsletter, _Coming(each.person, each.line, each.state, each.until), agreed, now)


class _Coming(NamedTuple):
    """Columns of those who come in."""

    person: ColumnElement[Any]
    line: ColumnElement[Any]
    state: ColumnElement[Any]
    paused_until: ColumnElement[Any]


def _settle(session: Session, newsletter: str, coming: _Coming, agreed: int | None, now: datetime) -> None:
    """INSERT … SELECT. Without ON CONFLICT, which costs PostgreSQL a fifth of the whole import."""
    at, has_agreed = literal(now, UTCDateTime), coming.state != str(SubscriptionState.UNSUBSCRIBED)
    values = {
        "subscriber_id": coming.person,
        "newsletter": literal(newsletter),
        "state": coming.state,
        "active_since": case((has_agreed, at)),
        "paused_until": coming.paused_until,
        "changed_at": at,
        "group_consent_id": case((has_agreed, literal(agreed, BigId))),
        "group_line": case((has_agreed, cast(coming.line, Integer))),
    }
    made = select(*(value.label(name) for name, value in values.items()))
    session.connection().execute(insert(Subscription).from_select(list(values), made, include_defaults=False))


def count_anew(session: Session) -> None:
    """Have PostgreSQL look how large the tables are now. It does so by itself a minute later; until then it took a list
    of hundreds of thousands for a short one, and went through all readers for each of a page. A fifth of a second."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE subscriber, subscription, consent, suppression"))


def _numbers(session: Session, count: int) -> Sequence[int]:
    """So many numbers for persons that nobody has had before."""
    if session.get_bind().dialect.name == "postgresql":
        name = session.scalar(select(func.pg_get_serial_sequence("subscriber", "id")))
        next_one = func.nextval(literal_column(f"'{name}'::regclass"))  # else it is looked up by name for each
        taken = select(func.array_agg(next_one)).select_from(func.generate_series(1, count))
        return list(session.scalars(taken).one())
    last = session.scalar(text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'subscriber'")) or 0
    return range(last + 1, last + 1 + count)  # a writing transaction on SQLite is alone


_SUBSCRIBER = "subscriber (id, email, email_key, address_hash, domain, name, language, timezone, created_at)"
_COPY = f"COPY {_SUBSCRIBER} FROM STDIN"
_INSERT = f"INSERT INTO {_SUBSCRIBER} VALUES "  # noqa: S608 nothing from outside
_AT_ONCE = 100  # rows of an INSERT: one by one takes a third longer
_A_TIME = 500  # rows of a COPY


def _copied(driver: Any, columns: Sequence[Sequence[Any]], now: datetime) -> None:
    """In COPY's own format: row by row the driver takes four times as long. No field has a tab or the end of a line in
    it, for each is one printable line; a backslash is written twice."""
    end, numbers = f"\t\t\t{now.isoformat()}\n", map(str, columns[0])
    rows = map("\t".join, zip(numbers, *columns[1:], strict=True))
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        while some := list(islice(rows, _A_TIME)):
            copy.write((end.join(some) + end).replace("\\", "\\\\"))


def _inserted(driver: Any, columns: Sequence[Sequence[Any]], now: datetime) -> None:
    one = f"(?, ?, ?, ?, ?, ?, '', '', '{batch.moment(now)}')"
    rows = zip(*columns, strict=True)
    while some := list(islice(rows, _AT_ONCE)):
        driver.execute(_INSERT + ", ".join([one] * len(some)), tuple(chain.from_iterable(some)))
