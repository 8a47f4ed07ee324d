"""Erasing a person (GDPR Article 17): everything goes but one keyed hash, so that nobody mails them again."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, delete, select

from subscribers import clicks, consent, people, suppression
from subscribers.address import address_hash, parse
from subscribers.batch import among_texts
from subscribers.models import Consent, Leaving, SignUp, Subscriber, Subscription, SuppressionReason
from subscribers.tokens import Keys


class Erased(NamedTuple):
    """That an address was erased: its keyed hash, and when."""

    hashed: str
    at: datetime


def erase_again(session: Session, erased: Iterable[Erased], now: datetime) -> int:
    """Forget everybody who was erased, unless they have come back since then by their own opt-in; how many there were.

    For a store that came back out of a backup: `erased` is the list that every erasure adds to (`erased.txt`, which
    stands beside the database and no backup of it overwrites).
    """
    wanted = {one.hashed: one.at for one in sorted(erased, key=lambda one: one.at)}  # the last time of each
    people.nobody_arrives(session)
    theirs = among_texts(col(Subscriber.address_hash), list(wanted))  # all in one reading of the table: no index
    found = dict(session.exec(select(Subscriber.address_hash, Subscriber.id).where(theirs)).all())
    still = [hashed for hashed, at in wanted.items() if not _came_back(session, found.get(hashed), at)]
    return sum(_forget(session, hashed, found.get(hashed), wanted[hashed], now) for hashed in still)


def erase(session: Session, keys: Keys, email: str, now: datetime) -> bool:
    """Forget whoever has that address, and keep its hash; whether there was anybody. Raises NotAnAddress.

    Safe to call again, after a backup was restored for one. The ledger keeps its numbers; they name nobody any more.
    """
    key = parse(email).key
    return _forget(session, address_hash(keys, key), people.number_of(session, key), now, now) > 0


def hash_of(keys: Keys, email: str) -> str:
    """What remains of an address. Raises NotAnAddress."""
    return address_hash(keys, parse(email).key)


def _came_back(session: Session, person: int | None, erased_at: datetime) -> bool:
    """Whether that person has confirmed a sign-up of their own since then."""
    confirmed = select(Consent.id).where(
        Consent.subscriber_id == person, Consent.act == "confirmed", col(Consent.at) > erased_at
    )
    return person is not None and session.exec(confirmed.limit(1)).first() is not None


def _forget(session: Session, hashed: str, person: int | None, erased_at: datetime, now: datetime) -> int:
    """Whether there was somebody, as a number."""
    entry = suppression.suppress(session, hashed, None, SuppressionReason.ERASURE, "", now)
    entry.detail, entry.subscriber_id = "", None  # an operator's words may say who it was
    session.add(entry)
    session.exec(delete(SignUp).where(col(SignUp.address_hash) == hashed, col(SignUp.at) <= erased_at))
    if person is None or people.locked(session, person) is None:
        return 0
    clicks.forget(session, person)
    consent.leave_groups(session, person)
    session.exec(delete(Consent).where(col(Consent.subscriber_id) == person))
    session.exec(delete(Leaving).where(col(Leaving.subscriber_id) == person))
    session.exec(delete(Subscription).where(col(Subscription.subscriber_id) == person))
    session.exec(delete(Subscriber).where(col(Subscriber.id) == person))
    session.expire_all()
    return 1
