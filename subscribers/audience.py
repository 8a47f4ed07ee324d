"""Who may get an issue now: active, or paused with the pause over, and never on the suppression list.

It is asked twice: when the audience is drawn into the ledger, as one SELECT inside an INSERT, and again for each few
hundred deliveries at the moment they are claimed. So leaving always wins, even over an issue that is half out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select, type_coerce
from sqlalchemy.types import String
from sqlmodel import Session, col

from subscribers import batch
from subscribers.models import Format, Subscriber, Subscription, SubscriptionState, Suppression


class Recipient(NamedTuple):
    """One who gets the issue, and what a message to them needs."""

    subscriber_id: int
    subscription_id: int
    email: str
    name: str
    format: Format = Format.HTML


class NotNow(NamedTuple):
    """One who does not, and why in words."""

    why: str


def selection(
    newsletter: str, now: datetime, whom: ColumnElement[bool] | None = None
) -> Select[int, int | None]:  # fmt: skip
    """SELECT subscriber id, subscription id of everybody who may get it at `now`, by subscriber id.

    `whom` is a condition that they must meet besides, as `segments` makes it.
    """
    chosen = _chosen(newsletter, now)
    return (chosen if whom is None else chosen.where(whom)).order_by(col(Subscription.subscriber_id))


def last_number(session: Session) -> int:
    """The highest number of a subscriber; 0 if there is none."""
    return session.scalar(select(func.max(Subscriber.id))) or 0


def count(session: Session, newsletter: str, now: datetime, whom: ColumnElement[bool] | None = None) -> int:
    """How many that are. Of all readers together it is counted out of indices: those who are open to it, less those of
    them who are suppressed, which are few."""
    if whom is None:
        return _all_open(session, newsletter, now)
    return session.scalar(selection(newsletter, now, whom).order_by(None).with_only_columns(func.count())) or 0


def zones(session: Session, newsletter: str, now: datetime) -> set[str]:
    """The time zones of those who may get it at `now`, as they stand: "" for none said, and perhaps no zone at all."""
    return set(session.scalars(_chosen(newsletter, now).with_only_columns(col(Subscriber.timezone)).distinct()))


def topics(session: Session, newsletter: str) -> dict[str, int]:
    """How many have chosen each set of sections, as `topics.packed` writes it; those who want all are not among them.

    Whoever is paused or suppressed is counted too: it is about which sets there are. It reads a small index only.
    """
    wanted = (
        col(Subscription.newsletter) == newsletter,
        col(Subscription.topics) != "",
        col(Subscription.state).in_(_MAY_READ),
    )
    counted = select(col(Subscription.topics), func.count()).where(*wanted).group_by(col(Subscription.topics))
    return {row[0]: row[1] for row in session.execute(counted)}


def by_topics(
    session: Session, newsletter: str, now: datetime, whom: ColumnElement[bool] | None = None
) -> dict[str, int]:  # fmt: skip
    """How many may get it at `now` by the topics that they have chosen, "" for all: it reads every one of them."""
    topics = col(Subscription.topics)
    counted = selection(newsletter, now, whom).order_by(None).with_only_columns(topics, func.count()).group_by(topics)
    return {row[0]: row[1] for row in session.execute(counted)}


def recipients(
    session: Session, newsletter: str, subscriber_ids: Sequence[int], now: datetime
) -> dict[int, Recipient | NotNow]:
    """For each of these numbers, whom to mail, or why not. One indexed query; ask for some hundreds at a time."""
    answers: dict[int, Recipient | NotNow] = dict.fromkeys(subscriber_ids, _ERASED)
    values = {"newsletter": newsletter, "people": batch.packed_numbers(subscriber_ids)}
    rows: Sequence[Any] = session.connection().execute(_RECIPIENTS, values).all()  # not as ORM rows, which take longer
    for person, subscription, email, name, form, state, until, reason in rows:
        if (state == _PLAIN and reason is None) or not (why := _why_not(state, until, reason, now)):  # nearly all
            answers[person] = Recipient(person, subscription, email, name, _FORMATS[form])
        else:
            answers[person] = NotNow(why)
    return answers


_RECIPIENTS = (  # built once: it takes longer than to ask it
    select(
        col(Subscriber.id),
        col(Subscription.id),
        col(Subscriber.email),
        col(Subscriber.name),
        type_coerce(col(Subscriber.format), String),
        type_coerce(col(Subscription.state), String),
        col(Subscription.paused_until),
        type_coerce(col(Suppression.reason), String),
    )
    .outerjoin(
        Subscription,
        and_(
            col(Subscription.subscriber_id) == col(Subscriber.id),
            col(Subscription.newsletter) == bindparam("newsletter"),
        ),
    )
    .outerjoin(Suppression, col(Suppression.address_hash) == col(Subscriber.address_hash))
    .where(batch.among(col(Subscriber.id), batch.given("people")))
)
_ERASED, _PLAIN = NotNow("erased"), SubscriptionState.ACTIVE.value
_FORMATS = {form.value: form for form in Format}
_MAY_READ = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)


def _chosen(newsletter: str, now: datetime) -> Select[int, int | None]:
    return (
        select(col(Subscription.subscriber_id), col(Subscription.id).label("subscription_id"))
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(
            col(Subscription.newsletter) == newsletter,
            _open(now),
            ~exists().where(col(Suppression.address_hash) == col(Subscriber.address_hash)),
        )
    )


def _open(now: datetime) -> ColumnElement[bool]:
    return or_(_ACTIVE, _back(now))


_ACTIVE = col(Subscription.state) == SubscriptionState.ACTIVE


def _back(now: datetime) -> ColumnElement[bool]:
    """Paused, and the pause is over."""
    return and_(col(Subscription.state) == SubscriptionState.PAUSED, col(Subscription.paused_until) <= now)


def _all_open(session: Session, newsletter: str, now: datetime) -> int:
    """The same in a tenth of the time that looking at each takes: both kinds of openness are ranges of one index."""
    of_newsletter = col(Subscription.newsletter) == newsletter
    kinds = [
        select(func.count()).select_from(Subscription).where(of_newsletter, condition).scalar_subquery()
        for condition in (_ACTIVE, _back(now))
    ]
    # As a join, a SQLite without statistics would go through the whole list for each of them.
    has_it = exists().where(
        col(Subscription.subscriber_id) == col(Suppression.subscriber_id), of_newsletter, _open(now)
    )
    suppressed = select(func.count()).select_from(Suppression).where(has_it)
    return session.scalar(select(kinds[0] + kinds[1] - suppressed.scalar_subquery())) or 0


def _why_not(state: str | None, until: datetime | None, reason: str | None, now: datetime) -> str:
    """Why that person gets nothing now, in words; "" if they do. The same rule as `_open`, for one."""
    if reason is not None:
        return f"suppressed: {reason}"
    if state == SubscriptionState.ACTIVE:
        return ""
    if state == SubscriptionState.PAUSED:
        if until is not None and until <= now:
            return ""
        return f"paused until {until:%Y-%m-%d}" if until else "paused"
    if state == SubscriptionState.UNSUBSCRIBED:
        return "unsubscribed"
    return "not confirmed" if state else "not subscribed"
