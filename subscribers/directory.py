"""Looking people up: a page of many, one person whole, and a person's data as the law wants it handed over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as rows_of

from subscribers import consent, people, suppression
from subscribers.address import address_hash, parse
from subscribers.errors import NotKnown
from subscribers.models import Consent, Leaving, SignUp, Subscriber, Subscription, SubscriptionState, Suppression
from subscribers.tokens import Keys


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the directory: a person and one of their newsletters."""

    subscriber_id: int
    email: str
    name: str
    newsletter: str
    state: SubscriptionState
    active_since: datetime | None
    paused_until: datetime | None
    suppressed: str  # the reason, or ""


@dataclass(frozen=True)
class Person:
    """Everything that is known of one address."""

    subscriber: Subscriber
    subscriptions: list[Subscription]
    consents: list[Consent]
    leavings: list[Leaving]
    suppression: Suppression | None


def page(
    session: Session,
    newsletter: str,
    *,
    state: SubscriptionState | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Entry]:
    """At most `limit` people of a newsletter by number, beginning after number `after`: the next page's `after` is
    the last number of this one."""
    statement = (
        select(
            col(Subscriber.id),
            col(Subscriber.email),
            col(Subscriber.name),
            col(Subscription.newsletter),
            col(Subscription.state),
            col(Subscription.active_since),
            col(Subscription.paused_until),
            col(Suppression.reason),
        )
        .join(
            Subscription,
            and_(col(Subscription.subscriber_id) == col(Subscriber.id), col(Subscription.newsletter) == newsletter),
        )
        .outerjoin(Suppression, col(Suppression.address_hash) == col(Subscriber.address_hash))
        .where(col(Subscriber.id) > after)
        .order_by(col(Subscriber.id))
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(col(Subscription.state) == state)
    return [
        Entry(number, email, name, slug, standing, since, until, str(reason or ""))
        for number, email, name, slug, standing, since, until, reason in session.execute(statement)
    ]


def show(session: Session, keys: Keys, email: str) -> Person:
    """One person by address. Raises NotAnAddress, and NotKnown with what the never-mail list says of the address."""
    address = parse(email)
    person = people.find(session, address)
    if person is None or person.id is None:
        entry = suppression.find(session, address_hash(keys, address.key))
        listed = f" It is on the never-mail list since {entry.at:%Y-%m-%d}: {entry.reason}." if entry else ""
        raise NotKnown(f"Nobody goes by that address.{listed}")
    leavings = session.exec(rows_of(Leaving).where(Leaving.subscriber_id == person.id).order_by(col(Leaving.id)))
    return Person(
        subscriber=person,
        subscriptions=people.subscriptions(session, person.id),
        consents=consent.history(session, person.id),
        leavings=list(leavings),
        suppression=suppression.find(session, person.address_hash),
    )


def export_person(session: Session, keys: Keys, email: str) -> dict[str, Any]:
    """Everything stored about a person, ready for JSON (GDPR Articles 15 and 20). Raises NotAnAddress, NotKnown."""
    person = show(session, keys, email)
    asked = session.exec(rows_of(SignUp).where(SignUp.address_hash == person.subscriber.address_hash))
    return {
        "person": _plain(person.subscriber, "email_key", "address_hash"),
        "subscriptions": [_plain(row) for row in person.subscriptions],
        "sign_ups": [_plain(row, "address_hash") for row in asked],  # that nobody has looked at yet
        "consents": [_plain(row) for row in person.consents],
        "leavings": [_plain(row) for row in person.leavings],
        "suppression": _plain(person.suppression, "address_hash") if person.suppression else None,
    }


def _plain(row: SQLModel, *without: str) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"id", "subscriber_id", *without})
