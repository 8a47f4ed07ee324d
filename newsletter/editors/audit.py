"""Every act at the desk, written down in the very transaction that does it."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.editors.models import AuditEntry


def note(
    session: Session, who: str, act: str, now: datetime, *, about: str = "", details: str = "", network: str = ""
    ) -> int | None:  # fmt: skip
    """Write down that `who` did `act`; longer words are cut. Passwords and codes never stand in `details`."""
    entry = AuditEntry(
        who=who[:100], act=act[:60], about=about[:200], details=details[:500], network_address=network[:64], at=now
    )
    session.add(entry)
    session.flush()
    return entry.id


@dataclass
class Record:
    """The entry of one act that may take several transactions: it is there as soon as one of them is committed.

    `keep` goes into each of them, `close` says at the end how it went: what was refused leaves no entry, and what was
    said meanwhile stands in it.
    """

    who: str
    act: str
    at: datetime
    network: str
    about: str = ""
    details: str = ""
    _number: int | None = None

    def keep(self, session: Session) -> None:
        """Write it down, unless an earlier transaction of the act has."""
        if self._number is not None and session.get(AuditEntry, self._number) is not None:
            return
        self._number = note(
            session, self.who, self.act, self.at, about=self.about, details=self.details, network=self.network
        )

    def close(self, session: Session, done: bool) -> None:
        """The act is over: `done`, or refused."""
        entry = session.get(AuditEntry, self._number) if self._number is not None else None
        if not done:
            if entry is not None:
                session.delete(entry)
        elif entry is None:
            self.keep(session)
        else:
            entry.about, entry.details = self.about[:200], self.details[:500]


def page(session: Session, *, before: int | None = None, who: str = "", size: int = 50) -> list[AuditEntry]:
    """The newest entries, or those before the entry of that number: a page by key, quick at any depth."""
    query = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(size)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    if who:
        query = query.where(AuditEntry.who == who)
    return list(session.exec(query))
