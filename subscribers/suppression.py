"""The never-mail list: keyed hashes of addresses, with a reason. It wins over import, API and editors.

It outlives an erasure, because it holds no address. A weightier reason replaces a lighter one, never the other way.
A fresh double opt-in by the person lifts all but an operator's own word; that one only an operator lifts.
"""

from datetime import datetime

from sqlmodel import Session, col, delete, select

from subscribers import people
from subscribers.address import address_hash, parse
from subscribers.errors import NotAllowed, NotKnown
from subscribers.models import Suppression, SuppressionReason
from subscribers.tokens import Keys

_WEIGHT = {
    SuppressionReason.HARD_BOUNCE: 1,
    SuppressionReason.COMPLAINT: 2,
    SuppressionReason.ERASURE: 3,
    SuppressionReason.MANUAL: 4,
}


def suppress(
    session: Session, hashed: str, person: int | None, reason: SuppressionReason, detail: str, now: datetime
) -> Suppression:
    """Never mail that address again. `hashed` is its keyed hash, `person` the number of whoever has it, for they are
    not looked for by hash; `detail` says why in words, without the address."""
    session.execute(
        people.insert_if_absent(session, Suppression).values(
            subscriber_id=person, address_hash=hashed, reason=reason, detail=detail[:300], at=now
        )
    )
    row = session.exec(select(Suppression).where(Suppression.address_hash == hashed).with_for_update()).one()
    if _WEIGHT[reason] > _WEIGHT[row.reason]:
        row.reason, row.detail, row.at = reason, detail[:300], now
        session.add(row)
    return row


def suppress_subscriber(
    session: Session, subscriber_id: int, reason: SuppressionReason, detail: str, now: datetime
) -> bool:
    """The same for a subscriber by number; False if there is none (any more)."""
    person = people.locked(session, subscriber_id)
    if person is None:
        return False
    suppress(session, person.address_hash, subscriber_id, reason, detail, now)
    return True


def suppress_address(
    session: Session, keys: Keys, email: str, reason: SuppressionReason, detail: str, now: datetime
) -> None:
    """The same for an address, known or not. Raises NotAnAddress."""
    key = parse(email).key
    suppress(session, address_hash(keys, key), people.number_of(session, key), reason, detail, now)


def find(session: Session, hashed: str) -> Suppression | None:
    """The entry for that hash, or None: the address may be mailed."""
    return session.exec(select(Suppression).where(Suppression.address_hash == hashed)).one_or_none()


def person_may_lift(entry: Suppression) -> bool:
    """Whether the person's own fresh double opt-in undoes it."""
    return entry.reason is not SuppressionReason.MANUAL


def lift(session: Session, hashed: str) -> None:
    """Take the address off the list. For a fresh double opt-in, or an operator with a reason."""
    session.exec(delete(Suppression).where(col(Suppression.address_hash) == hashed))


def page(session: Session, before: int | None = None, limit: int = 50) -> list[Suppression]:
    """The newest entries, or those older than entry number `before`: they say why and since when, never who."""
    statement = select(Suppression).order_by(col(Suppression.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(Suppression.id) < before)
    return list(session.exec(statement))


def lift_by_operator(session: Session, keys: Keys, email: str) -> None:
    """Take back an operator's own word, and nothing else. Raises NotAnAddress, NotKnown, NotAllowed."""
    hashed = address_hash(keys, parse(email).key)
    entry = find(session, hashed)
    if entry is None:
        raise NotKnown("That address is not on the never-mail list.")
    if person_may_lift(entry):
        raise NotAllowed(
            f"It is there for a reason of its own ({entry.reason}): only its owner's own sign-up lifts that."
        )
    lift(session, hashed)
