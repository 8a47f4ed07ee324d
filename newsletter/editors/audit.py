"""Every act at the desk, written down once and never changed."""

from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.editors.models import AuditEntry


def note(
    session: Session, who: str, act: str, now: datetime, *, about: str = "", details: str = "", network: str = ""
) -> None:  # fmt: skip
    """Write down that `who` did `act`; longer words are cut. Passwords and codes never stand in `details`."""
    entry = AuditEntry(
        who=who[:100], act=act[:60], about=about[:200], details=details[:500], network_address=network[:64], at=now
    )
    session.add(entry)
    session.flush()


def page(session: Session, *, before: int | None = None, who: str = "", size: int = 50) -> list[AuditEntry]:
    """The newest entries, or those before the entry of that number: a page by key, quick at any depth."""
    query = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(size)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    if who:
        query = query.where(AuditEntry.who == who)
    return list(session.exec(query))
