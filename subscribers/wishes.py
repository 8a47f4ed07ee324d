"""What came in by a form: written down by one statement, whatever the address, and looked at after the answer.

So nobody learns from the answer, nor from how long it takes, whether an address is known, new or on the never-mail
list: when the page goes out, nothing has been asked about it yet.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, delete, insert, select

from subscribers import signup
from subscribers.address import Address, address_hash
from subscribers.consent import Proof
from subscribers.models import SignUp
from subscribers.signup import ConfirmationDue
from subscribers.tokens import Keys


def note(
    session: Session, keys: Keys, newsletters: Sequence[str], address: Address, proof: Proof, now: datetime
) -> None:
    """Somebody wants `newsletters` at `address`."""
    values = {
        "email": address.email,
        "address_hash": address_hash(keys, address.key),
        "newsletters": list(newsletters),
        "wording": proof.wording[:1000],
        "origin": proof.origin[:300],
        "network_address": proof.network_address[:64],
        "at": now,
    }
    session.execute(insert(SignUp).values(values))


def are_waiting(session: Session) -> bool:
    """Whether there is anything to take up."""
    return session.scalar(select(SignUp.id).limit(1)) is not None


def take_up(session: Session, keys: Keys, now: datetime) -> tuple[bool, ConfirmationDue | None]:
    """Look at the oldest wish: whether there was one, and the mail that it asks for. Two at once take two."""
    oldest = select(SignUp).order_by(col(SignUp.id)).limit(1).with_for_update(skip_locked=True)
    wish = session.exec(oldest).first()
    if wish is None:
        return False, None
    session.execute(delete(SignUp).where(col(SignUp.id) == wish.id))
    proof = Proof(wish.wording, wish.origin, wish.network_address)
    return True, signup.ask(session, keys, wish.newsletters, wish.email, proof, now)
