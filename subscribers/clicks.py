"""Who followed which link of an issue: observations, with the signs that speak against a person.

What the signs are is decided elsewhere; here "" is likely a person. They go with the person when that is erased, and
after a time in any case.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.sql.expression import bindparam
from sqlmodel import Session, col

from subscribers.batch import among
from subscribers.models import Click, Subscriber, Subscription, SubscriptionState

A_FORGETTING = 5_000  # rows of one transaction

_READS = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)


class Following(NamedTuple):
    """One following of a link: somebody, or something, came by."""

    subscriber_id: int
    newsletter: str
    issue: int
    link: int
    section: str
    at: datetime
    signs: str
    id: int = 0  # of the row; 0: it is not kept yet


class Followed(NamedTuple):
    """How often one link of an issue was followed."""

    people: int  # different readers, likely in person
    robots: Counter[str]  # followings by what is likely no person, by its signs as they are kept


def readers_among(session: Session, subscriber_ids: Collection[int], newsletter: str) -> set[int]:
    """Those of them who get that newsletter and have not chosen otherwise: of nobody else anything may be kept."""
    found = (
        select(col(Subscription.subscriber_id))
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(
            among(col(Subscription.subscriber_id), [*subscriber_ids]),
            col(Subscription.newsletter) == newsletter,
            col(Subscription.state).in_(_READS),
            col(Subscriber.notes_clicks),
        )
    )
    return {number for (number,) in session.execute(found)}


def of_mails(session: Session, subscriber_ids: Collection[int], issue: int) -> list[Following]:
    """What these readers followed of an issue, in the order in which it was kept."""
    mine = (among(col(Click.subscriber_id), [*subscriber_ids]), col(Click.issue) == issue)
    rows = session.execute(select(*_COLUMNS).where(*mine).order_by(col(Click.id)))
    return [Following(*row) for row in rows]


def keep(session: Session, followings: Sequence[Following]) -> None:
    """Write down those without an id, and the signs of the others anew."""
    new = [one._asdict() for one in followings if not one.id]
    for values in new:
        del values["id"]
    known = [{"which": one.id, "new_signs": one.signs} for one in followings if one.id]
    connection = session.connection()
    if new:
        connection.execute(insert(Click), new)
    if known:
        connection.execute(_SIGN, known)


def of_issue(session: Session, issue: int) -> dict[int, Followed]:
    """By the link's number; one that nobody followed is missing."""
    link, signs = col(Click.link), col(Click.signs)
    counted = select(link, signs, func.count(), func.count(col(Click.subscriber_id).distinct()))
    people, robots = dict[int, int](), dict[int, Counter[str]]()
    for number, words, times, readers in session.execute(
        counted.where(col(Click.issue) == issue).group_by(link, signs)
    ):
        if words:
            robots.setdefault(number, Counter())[words] = times
        else:
            people[number] = readers
    return {number: Followed(people.get(number, 0), robots.get(number, Counter())) for number in people | robots}


def people_of_issue(session: Session, issue: int) -> int:
    """How many different readers, likely in person, followed any link of it."""
    readers = func.count(col(Click.subscriber_id).distinct())
    return session.scalar(select(readers).where(col(Click.issue) == issue, col(Click.signs) == "")) or 0


def forget(session: Session, subscriber_id: int) -> None:
    """All of one person's."""
    session.connection().execute(delete(Click).where(col(Click.subscriber_id) == subscriber_id))


def forget_before(session: Session, moment: datetime) -> int:
    """Forget some of what is older; how many. Until it is none, there may be more."""
    old = select(col(Click.id)).where(col(Click.at) < moment).order_by(col(Click.at)).limit(A_FORGETTING)
    return session.connection().execute(delete(Click).where(col(Click.id).in_(old))).rowcount


_COLUMNS = tuple(getattr(Click, name) for name in Following._fields)
_SIGN = update(Click).where(col(Click.id) == bindparam("which")).values(signs=bindparam("new_signs"))
