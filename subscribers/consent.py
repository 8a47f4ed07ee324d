"""Who agreed to what words, when and from where.

Rows are only ever added (GDPR Article 7(1)): no verb here changes one. Those who come in together with an import share
one row, and each's subscription says which.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from subscribers.models import Consent, GroupConsent, Subscription

IMPORTED = "imported"  # the act of those who were brought in


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


def of_line(origin: str, line: int) -> str:
    """Where in a file of many one person stood."""
    return f"{origin[:280]} line {line}"


def record_together(session: Session, newsletter: str, count: int, proof: Proof, now: datetime) -> int | None:
    """Write down that so many people were brought in with one proof; its number, None for nobody."""
    if not count:
        return None
    row = GroupConsent(
        newsletter=newsletter, wording=proof.wording[:1000], origin=proof.origin[:280], people=count, at=now
    )
    session.add(row)
    session.flush()
    return row.id


def history(session: Session, subscriber_id: int) -> list[Consent]:
    """Everything that person agreed to, the oldest first; also what others brought in with them agreed to."""
    own = session.exec(select(Consent).where(Consent.subscriber_id == subscriber_id).order_by(col(Consent.id)))
    together = session.exec(
        select(GroupConsent, Subscription.group_line)
        .join(Subscription, col(Subscription.group_consent_id) == col(GroupConsent.id))
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(col(GroupConsent.id))
    )
    found = [*(_of_group(group, line or 0, subscriber_id) for group, line in together), *own]
    return sorted(found, key=lambda one: one.at)


def leave_groups(session: Session, subscriber_id: int) -> None:
    """That person is erased: what they came with counts one less."""
    theirs = select(Subscription.group_consent_id).where(Subscription.subscriber_id == subscriber_id)
    fewer = update(GroupConsent).where(col(GroupConsent.id).in_(theirs)).values(people=col(GroupConsent.people) - 1)
    session.connection().execute(fewer)


def _of_group(group: GroupConsent, line: int, subscriber_id: int) -> Consent:
    """What one of them agreed to, as a row of their own would say it."""
    return Consent(
        subscriber_id=subscriber_id, newsletter=group.newsletter, act=IMPORTED, wording=group.wording,
        origin=of_line(group.origin, line), network_address="", at=group.at,
    )  # fmt: skip


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
