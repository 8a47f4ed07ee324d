"""Looking people up: a page of many, one person whole, and a person's data as the law wants it handed over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, String, func, select, type_coerce
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as rows_of
from sqlmodel.sql.expression import SelectOfScalar

from subscribers import consent, people, suppression
from subscribers.address import address_hash, parse
from subscribers.errors import NotKnown
from subscribers.models import Click, Consent, Leaving, SignUp, Subscriber, Subscription, SubscriptionState, Suppression
from subscribers.tokens import Keys


class Entry(NamedTuple):
    """One line of the directory: a person and one of their newsletters."""

    subscriber_id: int
    email: str
    name: str
    newsletter: str
    state: str  # a SubscriptionState's word
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
    number = col(Subscription.subscriber_id)
    statement = in_order(newsletter, state).where(number > after).limit(limit)
    return entries_of(session, statement)


def in_order(newsletter: str, state: SubscriptionState | None = None) -> Select[*tuple[Any, ...]]:
    """SELECT what an Entry has, of everybody of a newsletter by number, to be narrowed to a page of numbers."""
    theirs = col(Subscription.newsletter)
    # Without a state, the index that begins with the newsletter has no order that helps: each page would be sorted out
    # of all. No index knows the concatenation, so the one over numbers is taken.
    which = (theirs == newsletter, col(Subscription.state) == state) if state else (theirs.concat("") == newsletter,)
    return (
        select(
            col(Subscription.subscriber_id),
            col(Subscriber.email),
            col(Subscriber.name),
            col(Subscription.newsletter),
            type_coerce(col(Subscription.state), String),
            col(Subscription.active_since),
            col(Subscription.paused_until),
            type_coerce(func.coalesce(col(Suppression.reason), ""), String),
        )
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .outerjoin(Suppression, col(Suppression.address_hash) == col(Subscriber.address_hash))
        .where(*which)
        .order_by(col(Subscription.subscriber_id))
    )


def entries_of(session: Session, statement: Select[*tuple[Any, ...]]) -> list[Entry]:
    """The lines of a narrowed `in_order`."""
    return [Entry(*row) for row in session.connection().execute(statement).all()]


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
        "subscriptions": [_plain(row, "group_consent_id", "group_line") for row in person.subscriptions],
        "sign_ups": [_plain(row, "address_hash") for row in asked],  # that nobody has looked at yet
        "consents": [_plain(row) for row in person.consents],
        "leavings": [_plain(row) for row in person.leavings],
        "clicks": [_plain(row) for row in session.exec(_followed_by(person.subscriber))],
        "suppression": _plain(person.suppression, "address_hash") if person.suppression else None,
    }


def _followed_by(person: Subscriber) -> SelectOfScalar[Click]:
    return rows_of(Click).where(Click.subscriber_id == person.id).order_by(col(Click.id))


def _plain(row: SQLModel, *without: str) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"id", "subscriber_id", *without})
