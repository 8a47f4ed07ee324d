"""A person's rows: find them, make them, and hold them while they are changed.

Every verb that changes where somebody stands takes the person's row first (`locked`), so that two of them at once,
five one-click POSTs say, come one after the other on PostgreSQL too.
"""

from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert
from sqlmodel import Session, SQLModel, col, select

from subscribers.address import Address, address_hash
from subscribers.batch import among, given
from subscribers.models import Subscriber, Subscription, SubscriptionState
from subscribers.tokens import Keys

_THEIRS = select(col(Subscription.subscriber_id)).where(among(col(Subscription.id), given("ids")))
_HELD = select(col(Subscriber.id)).where(col(Subscriber.id).in_(_THEIRS)).order_by(col(Subscriber.id)).with_for_update()


def find(session: Session, address: Address) -> Subscriber | None:
    """The person of that mailbox, or None."""
    return session.exec(select(Subscriber).where(Subscriber.email_key == address.key)).one_or_none()


def email_of(session: Session, subscriber_id: int) -> str | None:
    """The address of that person, or None if they are gone."""
    return session.scalar(select(Subscriber.email).where(Subscriber.id == subscriber_id))


def language_of(session: Session, subscriber_id: int) -> str:
    """The language that person has chosen; "" for none, or if they are gone."""
    return session.scalar(select(Subscriber.language).where(Subscriber.id == subscriber_id)) or ""


def locked(session: Session, subscriber_id: int) -> Subscriber | None:
    """The person, held until the transaction ends, as they are now; None if they are gone."""
    statement = select(Subscriber).where(Subscriber.id == subscriber_id).with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()


def hold(session: Session, subscription_ids: str) -> None:
    """The same for the people of many subscriptions, packed, in one order always: no two wait for each other."""
    session.flush()
    if session.get_bind().dialect.name != "sqlite":  # where a writing transaction is alone
        session.connection().execute(_HELD, {"ids": subscription_ids})


def number_of(session: Session, key: str) -> int | None:
    """The number of the person of that mailbox; None if there is none, nor any on the way in: until the transaction
    ends nobody arrives."""
    number = select(Subscriber.id).where(Subscriber.email_key == key)
    found = session.scalar(number)
    if found is None:
        nobody_arrives(session)
        found = session.scalar(number)
    return found


def arrive(session: Session) -> None:
    """Call it before people are added: on PostgreSQL, who suppresses an address must know whether its person is on the
    way in. On SQLite a writing transaction is alone."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text(f"SELECT pg_advisory_xact_lock_shared({_ARRIVALS})"))


def nobody_arrives(session: Session) -> None:
    """Wait for who is on the way in, and let nobody else in until the transaction ends."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_ARRIVALS})"))


_ARRIVALS = 0x61727269766C  # "arrivl"


def find_or_add(session: Session, keys: Keys, address: Address, now: datetime) -> Subscriber:
    """The person of that mailbox, held; made if there is none. Two at once make one."""
    arrive(session)
    values = {
        "email": address.email,
        "email_key": address.key,
        "address_hash": address_hash(keys, address.key),
        "domain": address.domain,
        "name": "",
        "language": "",
        "timezone": "",
        "created_at": now,
    }
    session.execute(insert_if_absent(session, Subscriber).values(values))
    statement = select(Subscriber).where(Subscriber.email_key == address.key).with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).one()


def subscription(session: Session, subscriber_id: int, newsletter: str) -> Subscription | None:
    """Where that person stands with one newsletter, as it is now; None if they never met."""
    statement = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id, Subscription.newsletter == newsletter
    )
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()


def subscriptions(session: Session, subscriber_id: int) -> list[Subscription]:
    """Where that person stands with each newsletter they ever met, by its name."""
    statement = select(Subscription).where(Subscription.subscriber_id == subscriber_id)
    found = session.exec(statement.order_by(col(Subscription.newsletter)).execution_options(populate_existing=True))
    return list(found)


def subscription_or_new(session: Session, subscriber_id: int, newsletter: str, now: datetime) -> Subscription:
    """The same, made as pending if there is none. Call it with the person locked."""
    found = subscription(session, subscriber_id, newsletter)
    if found is None:
        found = Subscription(
            subscriber_id=subscriber_id, newsletter=newsletter, state=SubscriptionState.PENDING, changed_at=now
        )
        session.add(found)
        session.flush()
    return found


def insert_if_absent(session: Session, model: type[SQLModel]) -> Insert:
    """INSERT … ON CONFLICT DO NOTHING in the words of the session's database."""
    kind = session.get_bind().dialect.name
    if kind == "sqlite":
        return sqlite.insert(model).on_conflict_do_nothing()
    if kind == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return insert(model)
