"""Leaving: at once, by one press, as often as one likes. Every leaving is written down with its issue and its way.

The token is the authority (RFC 8058): no login, no cookie, no question. Leaving also takes back every open question
of a double opt-in, so that a forgotten confirmation can't bring anybody back. It can be undone for ten minutes by the
person; after that only a fresh double opt-in does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from subscribers import people
from subscribers.address import masked, parse
from subscribers.errors import NotKnown
from subscribers.models import Leaving, Subscription, SubscriptionState, Way
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
    has_left: bool
    may_undo: bool  # for some minutes
    may_say_why: bool  # not yet said


def look(session: Session, keys: Keys, token: str, now: datetime) -> Standing | None:
    """Where the token's person stands; None for a token we never signed, or of somebody erased. Changes nothing."""
    found = _of_token(session, keys, token)
    if found is None:
        return None
    one, _ = found
    return _standing(session, one, people.email_of(session, one.subscriber_id) or "", now)


def by_token(session: Session, keys: Keys, token: str, way: Way, now: datetime) -> Standing | None:
    """Take the token's person off its newsletter. A second time changes nothing. None for a bad token."""
    found = _of_token(session, keys, token)
    person = people.locked(session, found[0].subscriber_id) if found else None
    if found is None or person is None:
        return None
    one, issue = found
    session.refresh(one)
    _leave(session, one, way, issue, now)
    return _standing(session, one, person.email, now)


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
    return _standing(session, one, person.email, now)


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
    return _standing(session, one, person.email, now)


def leave(session: Session, subscriber_id: int, newsletter: str, way: Way, issue: int | None, now: datetime) -> bool:
    """Take somebody off one newsletter; False if they were off it already."""
    if people.locked(session, subscriber_id) is None:
        return False
    one = people.subscription(session, subscriber_id, newsletter)
    return one is not None and _leave(session, one, way, issue, now)


def leave_all(session: Session, subscriber_id: int, way: Way, issue: int | None, now: datetime) -> int:
    """Take somebody off everything they get or have asked for; off how many newsletters."""
    if people.locked(session, subscriber_id) is None:
        return 0
    return sum(_leave(session, one, way, issue, now) for one in people.subscriptions(session, subscriber_id))


def by_operator(session: Session, email: str, newsletter: str | None, now: datetime) -> int:
    """The same by address, from one newsletter or (None) from all. Raises NotAnAddress, NotKnown."""
    person = people.find(session, parse(email))
    if person is None or person.id is None:
        raise NotKnown("Nobody goes by that address.")
    if newsletter is None:
        return leave_all(session, person.id, Way.OPERATOR, None, now)
    return int(leave(session, person.id, newsletter, Way.OPERATOR, None, now))


def _of_token(session: Session, keys: Keys, token: str) -> tuple[Subscription, int | None] | None:
    claim = check(keys, Purpose.UNSUBSCRIBE, token)
    one = session.get(Subscription, claim.subject) if claim else None
    return (one, claim.detail or None) if claim and one else None


def _leave(session: Session, one: Subscription, way: Way, issue: int | None, now: datetime) -> bool:
    if one.state is SubscriptionState.UNSUBSCRIBED:
        if one.asked_at is not None:  # a question is open: leaving takes it back
            one.asked_at = None
            session.add(one)
        return False
    session.add(
        Leaving(
            subscriber_id=one.subscriber_id,
            newsletter=one.newsletter,
            issue=issue,
            way=way,
            reader_since=one.active_since,
            at=now,
        )
    )
    one.state, one.asked_at, one.changed_at = SubscriptionState.UNSUBSCRIBED, None, now
    session.add(one)
    session.flush()
    return True


def _last_leaving(session: Session, one: Subscription) -> Leaving | None:
    statement = select(Leaving).where(
        Leaving.subscriber_id == one.subscriber_id,
        Leaving.newsletter == one.newsletter,
        col(Leaving.undone_at).is_(None),
    )
    return session.exec(statement.order_by(col(Leaving.id).desc()).limit(1)).first()


def _may_undo(one: Subscription, last: Leaving, now: datetime) -> bool:
    return (
        one.state is SubscriptionState.UNSUBSCRIBED
        and one.active_since is not None
        and last.way in _THEIR_OWN
        and last.at > now - UNDO_WITHIN
    )


def _standing(session: Session, one: Subscription, email: str, now: datetime) -> Standing:
    has_left = one.state is SubscriptionState.UNSUBSCRIBED
    last = _last_leaving(session, one) if has_left else None
    return Standing(
        subscriber_id=one.subscriber_id,
        newsletter=one.newsletter,
        masked_email=masked(email),
        has_left=has_left,
        may_undo=last is not None and _may_undo(one, last, now),
        may_say_why=last is not None and not last.reason and last.at > now - REASON_WITHIN,
    )
