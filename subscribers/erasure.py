"""Erasing a person (GDPR Article 17): everything goes but one keyed hash, so that nobody mails them again."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, delete, select

from subscribers import clicks, people, suppression
from subscribers.address import address_hash, parse
from subscribers.models import Consent, Leaving, SignUp, Subscriber, Subscription, SuppressionReason
from subscribers.tokens import Keys


def erase_again(session: Session, hashes: Iterable[str], now: datetime) -> int:
    """Forget everybody whose address has one of these keyed hashes; how many were there.

    For a store that came back out of a backup: `hashes` are those of the erasures since, out of the list that every
    erasure adds to (`erased.txt`, which stands beside the database and no backup of it overwrites).
    """
    return sum(_forget_hash(session, hashed, now) for hashed in hashes)


def erase(session: Session, keys: Keys, email: str, now: datetime) -> bool:
    """Forget whoever has that address, and keep its hash; whether there was anybody. Raises NotAnAddress.

    Safe to call again, after a backup was restored for one. The ledger keeps its numbers; they name nobody any more.
    """
    return _forget_hash(session, hash_of(keys, email), now) > 0


def hash_of(keys: Keys, email: str) -> str:
    """What remains of an address. Raises NotAnAddress."""
    return address_hash(keys, parse(email).key)


def _forget_hash(session: Session, hashed: str, now: datetime) -> int:
    entry = suppression.suppress(session, hashed, SuppressionReason.ERASURE, "", now)
    entry.detail = ""  # an operator's words may say who it was
    session.add(entry)
    session.exec(delete(SignUp).where(col(SignUp.address_hash) == hashed))
    found = session.scalar(select(col(Subscriber.id)).where(col(Subscriber.address_hash) == hashed))
    if found is None or people.locked(session, found) is None:
        return 0
    clicks.forget(session, found)
    session.exec(delete(Consent).where(col(Consent.subscriber_id) == found))
    session.exec(delete(Leaving).where(col(Leaving.subscriber_id) == found))
    session.exec(delete(Subscription).where(col(Subscription.subscriber_id) == found))
    session.exec(delete(Subscriber).where(col(Subscriber.id) == found))
    session.expire_all()
    return 1
