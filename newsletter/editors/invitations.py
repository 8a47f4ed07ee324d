"""A link by which somebody chooses their own password: signed by chance, good once, and for three days."""

from datetime import datetime, timedelta
from secrets import token_urlsafe

from sqlmodel import Session, col, select, update

from newsletter.editors import accounts, sessions
from newsletter.editors.models import Editor, Invitation
from newsletter.errors import Refused

LIFE = timedelta(days=3)
GONE = "This invitation has been used or has expired. An admin can send another one."


def invite(session: Session, editor: Editor, by: str, now: datetime) -> str:
    """The token of a new link; older ones of this editor are good no more."""
    token = token_urlsafe(32)
    _use_up(session, editor.id or 0, now)
    session.add(
        Invitation(
            token_hash=sessions.hash_of(token),
            editor_id=editor.id or 0,
            invited_by=by,
            made_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return token


def look(session: Session, token: str, now: datetime) -> Editor | None:
    """Whose invitation it is; None if it is good no more, or never was."""
    query = (
        select(Editor)
        .join(Invitation, col(Invitation.editor_id) == col(Editor.id))
        .where(
            Invitation.token_hash == sessions.hash_of(token),
            col(Invitation.used_at).is_(None),
            col(Invitation.expires_at) > now,
            col(Editor.disabled_at).is_(None),
        )
    )
    return session.exec(query).first()


def accept(session: Session, token: str, password: str, now: datetime) -> Editor:
    """The password is chosen; sessions that were open end. Refused if the link is used up, or the password is poor."""
    editor = look(session, token, now)
    if editor is None:
        raise Refused(GONE)
    accounts.set_password(session, editor, password)
    _use_up(session, editor.id or 0, now)
    sessions.end_all(session, editor.id or 0, now)
    return editor


def _use_up(session: Session, editor_id: int, now: datetime) -> None:
    open_ones = update(Invitation).where(col(Invitation.editor_id) == editor_id, col(Invitation.used_at).is_(None))
    session.execute(open_ones.values(used_at=now))
