"""Erasing a person (GDPR Article 17): everything goes but one keyed hash, so that nobody mails them again."""

from datetime import datetime

from sqlmodel import Session, col, delete

from subscribers import people, suppression
from subscribers.address import address_hash, parse
from subscribers.models import Consent, Leaving, Subscriber, Subscription, SuppressionReason
from subscribers.tokens import Keys


def erase(session: Session, keys: Keys, email: str, now: datetime) -> bool:
    """Forget whoever has that address, and keep its hash; whether there was anybody. Raises NotAnAddress.

    Safe to call again, after a backup was restored for one. The ledger keeps its numbers; they name nobody any more.
    """
    address = parse(email)
    entry = suppression.suppress(session, address_hash(keys, address.key), SuppressionReason.ERASURE, "", now)
    entry.detail = ""  # an operator's words may say who it was
    session.add(entry)
    person = people.find(session, address)
    if person is None or person.id is None or people.locked(session, person.id) is None:
        return False
    session.exec(delete(Consent).where(col(Consent.subscriber_id) == person.id))
    session.exec(delete(Leaving).where(col(Leaving.subscriber_id) == person.id))
    session.exec(delete(Subscription).where(col(Subscription.subscriber_id) == person.id))
    session.exec(delete(Subscriber).where(col(Subscriber.id) == person.id))
    session.expire_all()
    return True
