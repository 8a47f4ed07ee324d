"""Erasing a person (GDPR Article 17): everything goes but one keyed hash, so that nobody mails them again."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, delete, select

from subscribers import clicks, consent, people, suppression
from subscribers.address import address_hash, parse
from subscribers.batch import among_texts
from subscribers.models import Consent, Leaving, SignUp, Subscriber, Subscription, SuppressionReason
from subscribers.tokens import Keys


def erase_again(session: Session, hashes: Iterable[str], now: datetime) -> int:
    """Forget everybody whose address has one of these keyed hashes; how many were there.

    For a store that came back out of a backup: `hashes` are those of the erasures since, out of the list that every
    erasure adds to (`erased.txt`, which stands beside the database and no backup of it overwrites).
    """
    wanted = list(hashes)
    people.nobody_arrives(session)
    theirs = among_texts(col(Subscriber.address_hash), wanted)  # all in one reading of the table, which no index spares
    found = dict(session.exec(select(Subscriber.address_hash, Subscriber.id).where(theirs)).all())
    return sum(_forget(session, hashed, found.get(hashed), now) for hashed in wanted)


def erase(session: Session, keys: Keys, email: str, now: datetime) -> bool:
    """Forget whoever has that address, and keep its hash; whether there was anybody. Raises NotAnAddress.

    Safe to call again, after a backup was restored for one. The ledger keeps its numbers; they name nobody any more.
    """
    key = parse(email).key
    return _forget(session, address_hash(keys, key), people.number_of(session, key), now) > 0


def hash_of(keys: Keys, email: str) -> str:
    """What remains of an address. Raises NotAnAddress."""
    return address_hash(keys, parse(email).key)


def _forget(session: Session, hashed: str, person: int | None, now: datetime) -> int:
    """Whether there was somebody, as a number."""
    entry = suppression.suppress(session, hashed, None, SuppressionReason.ERASURE, "", now)
    entry.detail, entry.subscriber_id = "", None  # an operator's words may say who it was
    session.add(entry)
    session.exec(delete(SignUp).where(col(SignUp.address_hash) == hashed))
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
