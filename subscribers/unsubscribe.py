"""Leaving: at once, by one press, as often as one likes. Every leaving is written down with its issue and its way.

The token is the authority (RFC 8058): no login, no cookie, no question. Leaving also takes back every open question
of a double opt-in, so that a forgotten confirmation can't bring anybody back. It can be undone for ten minutes by the
person; after that only a fresh double opt-in does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session, col

from subscribers import people
from subscribers.address import masked, parse
from subscribers.batch import among, given, packed_numbers
from subscribers.columns import UTCDateTime
from subscribers.errors import NotKnown
from subscribers.models import Leaving, Subscriber, Subscription, SubscriptionState, Way
from subscribers.tokens import Keys, Purpose, check

UNDO_WITHIN = timedelta(minutes=10)
REASON_WITHIN = timedelta(days=1)
_THEIR_OWN = (Way.HEADER, Way.LINK, Way.PREFERENCES, Way.MAILTO)  # others are not theirs to undo by a link


@dataclass(frozen=True)
class Standing:
    """What the holder of an unsubscribe link may see. Not the whole address: the mail may have been forwarded."""

    subscriber_id: int
    newsletter: str
    masked_email: str
    language: str  # that they have chosen, or ""
    has_left: bool
    may_undo: bool  # for some minutes
    may_say_why: bool  # not yet said


class Departure(NamedTuple):
    """One wish to leave: of which subscription, after which issue, by which way."""

    subscription_id: int
    issue: int | None
    way: Way


class Off(NamedTuple):
    """Off `newsletter`: by this departure, or (`is_new` False) since before it."""

    newsletter: str
    is_new: bool


def departure(keys: Keys, token: str, way: Way) -> Departure | None:
    """What an unsubscribe token asks for; None for one that we never signed. It takes no look into the store."""
    claim = check(keys, Purpose.UNSUBSCRIBE, token)
    return Departure(claim.subject, claim.detail or None, way) if claim else None


def together(session: Session, departures: Sequence[Departure], now: datetime) -> dict[int, Off]:
    """Take many off, in a handful of statements however many they are; each subscription there is, by its number.

    A second time changes nothing. Of two departures from one subscription the first counts.
    """
    asked: dict[int, Departure] = {}
    for one in departures:
        asked.setdefault(one.subscription_id, one)
    found = _held(session, list(asked))
    going = [one for one in found if one.state is not SubscriptionState.UNSUBSCRIBED]
    new = {one.id for one in going}
    open_ones = [one.id for one in found if one.asked_at is not None and one.id not in new]
    connection = session.connection()
    if going:
        connection.execute(_GO, {"ids": packed_numbers(list(new)), "at": now})
        connection.execute(_WRITE_DOWN, [_leaving(one, asked[one.id], now) for one in going])
    if open_ones:
        connection.execute(_TAKE_BACK, {"ids": packed_numbers(open_ones)})
    return {one.id: Off(one.newsletter, one.id in new) for one in found}


def look(session: Session, keys: Keys, token: str, now: datetime) -> Standing | None:
    """Where the token's person stands; None for a token we never signed, or of somebody erased. Changes nothing."""
    found = _of_token(session, keys, token)
    if found is None:
        return None
    one, _ = found
    person = session.scalars(select(Subscriber).where(col(Subscriber.id) == one.subscriber_id)).one()
    return _standing(session, one, person, now)


def by_token(session: Session, keys: Keys, token: str, way: Way, now: datetime) -> Standing | None:
    """Take the token's person off its newsletter. A second time changes nothing. None for a bad token."""
    asked = departure(keys, token, way)
    if asked is None:
        return None
    together(session, [asked], now)
    return look(session, keys, token, now)


def undo(session: Session, keys: Keys, token: str, now: datetime) -> Standing | None:
    """Take the token's own leaving back, within ten minutes of it. Later it changes nothing. None for a bad token."""
    found = _of_token(session, keys, token)
    person = people.locked(session, found[0].subscriber_id) if found else None
    if found is None or person is None:
        return None
    one, _ = found
    session.refresh(one)
    last = _last_leaving(session, one)
    if last is not None and _may_undo(one, last, now):
        last.undone_at = now
        paused = one.paused_until is not None and one.paused_until > now
        one.state = SubscriptionState.PAUSED if paused else SubscriptionState.ACTIVE
        one.changed_at = now
        session.add_all([one, last])
    return _standing(session, one, person, now)


def say_why(session: Session, keys: Keys, token: str, reason: str, now: datetime) -> Standing | None:
    """Keep the reason of a leaving, asked for only after it; the first one said stays. None for a bad token."""
    found = _of_token(session, keys, token)
    person = people.locked(session, found[0].subscriber_id) if found else None
    if found is None or person is None:
        return None
    one, _ = found
    last = _last_leaving(session, one)
    words = " ".join(reason.split())[:1000]
    if last is not None and words and not last.reason and last.at > now - REASON_WITHIN:
        last.reason = "".join(c for c in words if c.isprintable())
        session.add(last)
    return _standing(session, one, person, now)


def leave(session: Session, subscriber_id: int, newsletter: str, way: Way, issue: int | None, now: datetime) -> bool:
    """Take somebody off one newsletter; False if they were off it already."""
    one = people.subscription(session, subscriber_id, newsletter)
    return one is not None and _count(together(session, [Departure(one.id or 0, issue, way)], now)) == 1


def leave_all(session: Session, subscriber_id: int, way: Way, issue: int | None, now: datetime) -> int:
    """Take somebody off everything they get or have asked for; off how many newsletters."""
    known = people.subscriptions(session, subscriber_id)
    return _count(together(session, [Departure(one.id or 0, issue, way) for one in known], now))


def by_operator(session: Session, email: str, newsletter: str | None, now: datetime) -> int:
    """The same by address, from one newsletter or (None) from all. Raises NotAnAddress, NotKnown."""
    person = people.find(session, parse(email))
    if person is None or person.id is None:
        raise NotKnown("Nobody goes by that address.")
    if newsletter is None:
        return leave_all(session, person.id, Way.OPERATOR, None, now)
    return int(leave(session, person.id, newsletter, Way.OPERATOR, None, now))


class _Found(NamedTuple):
    """A subscription as it stands while its person is held."""

    id: int
    subscriber_id: int
    newsletter: str
    state: SubscriptionState
    asked_at: datetime | None
    active_since: datetime | None


# The statements of `together`, made once: making them takes longer than running them.
_OF_THESE = among(col(Subscription.id), given("ids"))
_FIND = select(*(getattr(Subscription, name) for name in _Found._fields)).where(_OF_THESE)
_GO = (
    update(Subscription)
    .where(_OF_THESE)
    .values(state=SubscriptionState.UNSUBSCRIBED, asked_at=None, changed_at=bindparam("at", type_=UTCDateTime))
)
_TAKE_BACK = update(Subscription).where(_OF_THESE).values(asked_at=None)  # a question open to one who has left
_WRITE_DOWN = insert(Leaving)


def _held(session: Session, subscription_ids: Sequence[int]) -> list[_Found]:
    these = packed_numbers(subscription_ids)
    people.hold(session, these)
    rows: Sequence[Any] = session.connection().execute(_FIND, {"ids": these}).all()
    return [_Found(*row) for row in rows]


def _leaving(one: _Found, asked: Departure, now: datetime) -> dict[str, object]:
    return {
        "subscriber_id": one.subscriber_id,
        "newsletter": one.newsletter,
        "issue": asked.issue,
        "way": asked.way,
        "reader_since": one.active_since,
        "reason": "",
        "at": now,
    }


def _count(taken: dict[int, Off]) -> int:
    return sum(off.is_new for off in taken.values())


def _of_token(session: Session, keys: Keys, token: str) -> tuple[Subscription, int | None] | None:
    claim = check(keys, Purpose.UNSUBSCRIBE, token)
    if claim is None:
        return None
    statement = select(Subscription).where(col(Subscription.id) == claim.subject)
    one = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    return (one, claim.detail or None) if one else None


def _last_leaving(session: Session, one: Subscription) -> Leaving | None:
    statement = select(Leaving).where(
        col(Leaving.subscriber_id) == one.subscriber_id,
        col(Leaving.newsletter) == one.newsletter,
        col(Leaving.undone_at).is_(None),
    )
    return session.scalars(statement.order_by(col(Leaving.id).desc()).limit(1)).first()


def _may_undo(one: Subscription, last: Leaving, now: datetime) -> bool:
    return (
        one.state is SubscriptionState.UNSUBSCRIBED
        and one.active_since is not None
        and last.way in _THEIR_OWN
        and last.at > now - UNDO_WITHIN
    )


def _standing(session: Session, one: Subscription, person: Subscriber, now: datetime) -> Standing:
    has_left = one.state is SubscriptionState.UNSUBSCRIBED
    last = _last_leaving(session, one) if has_left else None
    return Standing(
        subscriber_id=one.subscriber_id,
        newsletter=one.newsletter,
        masked_email=masked(person.email),
        language=person.language,
        has_left=has_left,
        may_undo=last is not None and _may_undo(one, last, now),
        may_say_why=last is not None and not last.reason and last.at > now - REASON_WITHIN,
    )
