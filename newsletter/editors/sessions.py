"""From a right password to a cookie, and the end of it. A session lives in a row; ending the row ends it at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlmodel import Session, col, select, update

from newsletter.editors.models import Editor, EditorSession, Role

LIFE = timedelta(days=7)
FOR_THE_CODE = timedelta(minutes=10)  # between the password and the second factor


@dataclass(frozen=True)
class Visitor:
    """The editor who is at the desk, and by which session."""

    id: int
    name: str
    email: str
    role: Role
    session_id: int
    has_code: bool
    awaits_code: bool

    def may(self, least: Role) -> bool:
        """Whether their role is `least` or a higher one."""
        return self.role.may(least)


def hash_of(token: str) -> str:
    """What is stored of a token: 64 hex digits. A token is random, so no salt is needed."""
    return sha256(token.encode()).hexdigest()


def begin(
    session: Session, editor: Editor, now: datetime, *, awaits_code: bool = False, network: str = "", browser: str = ""
) -> str:  # fmt: skip
    """A new session; returns the token for the cookie, which nothing here remembers."""
    token = token_urlsafe(32)
    row = EditorSession(
        token_hash=hash_of(token),
        editor_id=editor.id or 0,
        awaits_code=awaits_code,
        network_address=network[:64],
        browser=browser[:200],
        created_at=now,
        acted_at=now,
        expires_at=now + (FOR_THE_CODE if awaits_code else LIFE),
    )
    session.add(row)
    session.flush()
    return token


def look(session: Session, token: str, now: datetime) -> Visitor | None:
    """Who the holder of `token` is; None if it never was good, has ended or expired, or its editor is disabled."""
    query = (
        select(EditorSession, Editor)
        .join(Editor, col(Editor.id) == col(EditorSession.editor_id))
        .where(
            EditorSession.token_hash == hash_of(token),
            col(EditorSession.ended_at).is_(None),
            col(EditorSession.expires_at) > now,
            col(Editor.disabled_at).is_(None),
        )
    )
    found = session.exec(query).first()
    if found is None:
        return None
    row, editor = found
    return Visitor(
        id=editor.id or 0,
        name=editor.name,
        email=editor.email,
        role=editor.role,
        session_id=row.id or 0,
        has_code=bool(editor.code_secret),
        awaits_code=row.awaits_code,
    )


def acted(session: Session, session_id: int, now: datetime) -> None:
    """Something was done by it just now."""
    session.execute(update(EditorSession).where(col(EditorSession.id) == session_id).values(acted_at=now))


def end(session: Session, session_id: int, now: datetime) -> None:
    """It is good for nothing any more."""
    alive = update(EditorSession).where(col(EditorSession.id) == session_id, col(EditorSession.ended_at).is_(None))
    session.execute(alive.values(ended_at=now))


def end_all(session: Session, editor_id: int, now: datetime, *, but: int = 0) -> None:
    """Every session of an editor ends, but for the one they are using."""
    alive = update(EditorSession).where(
        col(EditorSession.editor_id) == editor_id, col(EditorSession.ended_at).is_(None), col(EditorSession.id) != but
    )
    session.execute(alive.values(ended_at=now))


def alive(session: Session, editor_id: int, now: datetime) -> list[EditorSession]:
    """An editor's sessions that are still good, the newest first."""
    query = select(EditorSession).where(
        EditorSession.editor_id == editor_id,
        col(EditorSession.ended_at).is_(None),
        col(EditorSession.expires_at) > now,
        col(EditorSession.awaits_code).is_(False),
    )
    return list(session.exec(query.order_by(col(EditorSession.id).desc())))
