"""People to test with."""

from datetime import timedelta
from typing import TypeVar

import pytest
from sqlmodel import Session, col, select

from newsletter.database import Database
from subscribers import Proof, signup
from subscribers.models import Subscriber, Subscription
from subscribers.signup import ConfirmationDue
from subscribers.tokens import Keys, Purpose, sign
from tests.builders import KEY, NOW

KEYS = Keys((KEY.encode(),))
PROOF = Proof("Send me the daily.", "https://post.example.com/", "192.0.2.1")
MINUTE = timedelta(minutes=1)
T = TypeVar("T")


def the(value: T | None) -> T:
    """The value, which must be there."""
    assert value is not None
    return value


@pytest.fixture
def session(database: Database):
    """One writing transaction, on each kind of database."""
    with database.transaction() as session:
        yield session


def confirm_token(due: ConfirmationDue) -> str:
    return sign(KEYS, Purpose.CONFIRM, due.subscription_id, due.asked_at)


def unsubscribe_token(session: Session, email: str, newsletter: str = "daily", issue: int = 0) -> str:
    return sign(KEYS, Purpose.UNSUBSCRIBE, standing(session, email, newsletter).id or 0, issue)


def standing(session: Session, email: str, newsletter: str = "daily") -> Subscription:
    """The subscription of that mailbox."""
    return session.exec(
        select(Subscription)
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(Subscriber.email_key == email.lower(), Subscription.newsletter == newsletter)
        .execution_options(populate_existing=True)
    ).one()


def a_reader(session: Session, email: str = "ann@example.com", newsletter: str = "daily", now=NOW) -> int:
    """An active reader who has confirmed; the subscriber's number."""
    due = signup.ask(session, KEYS, [newsletter], email, PROOF, now)
    assert due is not None
    signup.confirm(session, KEYS, confirm_token(due), PROOF, now)
    session.flush()
    return due.subscriber_id
