"""Double opt-in: somebody asks, the mailbox answers, then and only then are they a reader.

`ask` returns what must be mailed; the door mails it and gives the same answer whether it got something or None.
A link confirms what its own mail named, once, for seven days, and only if nothing happened in between: leaving takes
back every open question. This is the one way that undoes a leaving or a suppression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from sqlalchemy import exists, select
from sqlmodel import Session, col, delete

from subscribers import consent, people, suppression
from subscribers.address import address_hash, parse
from subscribers.batch import among
from subscribers.consent import Proof
from subscribers.errors import NotAllowed
from subscribers.models import Consent, Subscriber, Subscription, SubscriptionState
from subscribers.tokens import Claim, Keys, Purpose, check

LINK_LIVES = timedelta(days=7)
ONE_MAIL_PER = timedelta(days=1)
QUESTIONS_A_MONTH = 3  # that nobody answered: whoever fills somebody else's mailbox may go on for years
UNCONFIRMED_KEPT = timedelta(days=30)
MAILED = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)


@dataclass(frozen=True)
class ConfirmationDue:
    """One mail that must go out: to whom, and what its link will confirm (`links.confirm` takes the two numbers)."""

    subscriber_id: int
    subscription_id: int
    asked_at: int  # seconds since 1970
    newsletters: tuple[str, ...]


class Outcome(Enum):
    """What a confirmation link is good for."""

    GOOD = "good"  # it confirms, or has just confirmed
    ALREADY = "already"  # the person gets that newsletter
    STALE = "stale"  # too old, used, or overtaken by a leaving
    UNKNOWN = "unknown"  # we never signed it


@dataclass(frozen=True)
class Confirmation:
    """What a link confirms, or confirmed: the newsletters it names."""

    outcome: Outcome
    subscriber_id: int = 0
    newsletters: tuple[str, ...] = ()


def ask(
    session: Session, keys: Keys, newsletters: Sequence[str], email: str, proof: Proof, now: datetime
) -> ConfirmationDue | None:
    """Somebody wants `newsletters` at `email`; None if nothing is to be mailed. Raises NotAnAddress.

    Nothing is mailed where all is active already, where an operator has forbidden it, and where that mailbox has got
    an unanswered confirmation within a day, or three within a month, whatever was asked for then: a form must not
    fill a stranger's mailbox.
    """
    address = parse(email)
    entry = suppression.find(session, address_hash(keys, address.key))
    if entry is not None and not suppression.person_may_lift(entry):
        return None
    person = people.find_or_add(session, keys, address, now)
    standing = {s.newsletter: s for s in people.subscriptions(session, _id(person))}
    if any(s.asked_at and s.asked_at > now - ONE_MAIL_PER for s in standing.values()):
        return None
    if consent.unanswered(session, _id(person), now - UNCONFIRMED_KEPT) >= QUESTIONS_A_MONTH:
        return None
    wanted = [
        name
        for name in dict.fromkeys(newsletters)
        if entry is not None or name not in standing or standing[name].state not in MAILED
    ]
    if not wanted:
        return None
    moment = now.astimezone(UTC).replace(microsecond=0)
    asked = [people.subscription_or_new(session, _id(person), name, now) for name in wanted]
    for one in asked:
        one.asked_at = moment
        if one.state is SubscriptionState.PENDING:
            one.changed_at = now
        session.add(one)
        consent.record(session, _id(person), one.newsletter, "asked", proof, now)
    return ConfirmationDue(_id(person), _id(asked[0]), int(moment.timestamp()), tuple(wanted))


def look(session: Session, keys: Keys, token: str, now: datetime) -> Confirmation:
    """What that link would do if its button were pressed. Changes nothing."""
    claim = check(keys, Purpose.CONFIRM, token)
    first = session.get(Subscription, claim.subject, populate_existing=True) if claim else None
    if claim is None or first is None:
        return Confirmation(Outcome.UNKNOWN)
    return _judged(claim, first, people.subscriptions(session, first.subscriber_id), now)


def confirm(session: Session, keys: Keys, token: str, proof: Proof, now: datetime) -> Confirmation:
    """The mailbox has answered: what that link names is active from now on. Pressing again changes nothing."""
    claim = check(keys, Purpose.CONFIRM, token)
    first = session.get(Subscription, claim.subject) if claim else None
    person = people.locked(session, first.subscriber_id) if first else None
    if claim is None or first is None or person is None:
        return Confirmation(Outcome.UNKNOWN)
    session.refresh(first)
    standing = people.subscriptions(session, _id(person))
    judged = _judged(claim, first, standing, now)
    if judged.outcome is not Outcome.GOOD:
        return judged
    if (entry := suppression.find(session, person.address_hash)) is not None:
        if not suppression.person_may_lift(entry):
            return Confirmation(Outcome.STALE)
        suppression.lift(session, person.address_hash)
    for one in standing:
        if one.newsletter in judged.newsletters:
            _activate(session, one, now)
            consent.record(session, _id(person), one.newsletter, "confirmed", proof, now)
    return judged


def add(session: Session, keys: Keys, newsletter: str, email: str, proof: Proof, now: datetime) -> Subscription:
    """An operator adds somebody who has agreed elsewhere; active at once. Raises NotAnAddress, NotAllowed."""
    if not proof.wording.strip():
        raise NotAllowed("Say how this person agreed: adding somebody wants a proof of consent.")
    person = people.find_or_add(session, keys, parse(email), now)
    entry = suppression.find(session, person.address_hash)
    if entry is not None:
        way_back = (
            "only its owner's own sign-up lifts that" if suppression.person_may_lift(entry) else "lift that first"
        )
        raise NotAllowed(f"This address is suppressed ({entry.reason}, {entry.at:%Y-%m-%d}); {way_back}.")
    one = people.subscription_or_new(session, _id(person), newsletter, now)
    if one.state is SubscriptionState.UNSUBSCRIBED:
        raise NotAllowed(
            f"This person left {newsletter} on {one.changed_at:%Y-%m-%d}; only their own sign-up lifts that."
        )
    if one.state is SubscriptionState.PENDING:
        _activate(session, one, now)
        consent.record(session, _id(person), newsletter, "added", proof, now)
    return one


def forget_unconfirmed(session: Session, now: datetime) -> int:
    """Drop questions that nobody answered for 30 days, and people of whom nothing else is known; how many people."""
    session.exec(
        delete(Subscription).where(
            col(Subscription.state) == SubscriptionState.PENDING, col(Subscription.changed_at) < now - UNCONFIRMED_KEPT
        )
    )
    still_here = exists().where(col(Subscription.subscriber_id) == col(Subscriber.id))
    alone = (~still_here, col(Subscriber.created_at) < now - UNCONFIRMED_KEPT)
    number = col(Subscriber.id)
    held = session.scalars(select(number).where(*alone).with_for_update(skip_locked=True))
    theirs = among(number, [n for n in held if n])  # asked again now that nobody can sign them up
    gone = [n for n in session.scalars(delete(Subscriber).where(theirs, ~still_here).returning(number)) if n]
    session.exec(delete(Consent).where(among(col(Consent.subscriber_id), gone)))
    return len(gone)


def _judged(claim: Claim, first: Subscription, standing: list[Subscription], now: datetime) -> Confirmation:
    """What a well-signed link is good for. It names all that was asked for in the same mail."""
    asked = datetime.fromtimestamp(claim.detail, UTC)
    if first.asked_at != asked:
        already = first.state in MAILED
        return Confirmation(Outcome.ALREADY if already else Outcome.STALE, first.subscriber_id, (first.newsletter,))
    named = tuple(s.newsletter for s in standing if s.asked_at == asked)
    return Confirmation(Outcome.GOOD if now - asked <= LINK_LIVES else Outcome.STALE, first.subscriber_id, named)


def _activate(session: Session, one: Subscription, now: datetime) -> None:
    if one.state not in MAILED:
        one.state, one.active_since, one.paused_until = SubscriptionState.ACTIVE, now, None
    one.asked_at, one.changed_at = None, now
    session.add(one)


def _id(row: Subscriber | Subscription) -> int:
    assert row.id is not None
    return row.id
