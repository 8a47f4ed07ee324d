"""Who agreed to what words, when and from where.

Rows are only ever added (GDPR Article 7(1)): no verb here changes one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from subscribers.models import Consent


@dataclass(frozen=True)
class Proof:
    """What shows that somebody agreed: the sentence they saw (or the operator's proof), and where it came from."""

    wording: str
    origin: str = ""  # the form's address, "import FILE", "command line"
    network_address: str = ""


def record(session: Session, subscriber_id: int, newsletter: str, act: str, proof: Proof, now: datetime) -> None:
    """Write down one act: asked, confirmed, added or imported. Over-long words are cut to what the column holds."""
    session.add(
        Consent(
            subscriber_id=subscriber_id,
            newsletter=newsletter,
            act=act,
            wording=proof.wording[:1000],
            origin=proof.origin[:300],
            network_address=proof.network_address[:64],
            at=now,
        )
    )


def history(session: Session, subscriber_id: int) -> list[Consent]:
    """Everything that person agreed to, the oldest first."""
    found = session.exec(select(Consent).where(Consent.subscriber_id == subscriber_id).order_by(col(Consent.id)))
    return list(found)


def unanswered(session: Session, subscriber_id: int, since: datetime) -> int:
    """How many confirmations that person has been mailed since then, and since they last answered one."""
    answered = (
        select(func.max(Consent.id))
        .where(Consent.subscriber_id == subscriber_id, Consent.act == "confirmed")
        .scalar_subquery()
    )
    asked = select(func.count(func.distinct(Consent.at))).where(
        Consent.subscriber_id == subscriber_id,
        Consent.act == "asked",
        Consent.at >= since,
        col(Consent.id) > func.coalesce(answered, 0),
    )
    return session.exec(asked).one()
