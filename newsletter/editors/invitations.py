"""A link by which somebody chooses their own password: signed, good once, and for three days.

The token is made from the row's number and time whenever a mail wants it; stored is its hash alone.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from newsletter.editors import accounts, sessions
from newsletter.editors.models import Editor, Invitation
from newsletter.errors import Refused
from subscribers.tokens import Keys, Purpose, sign

LIFE = timedelta(days=3)
GONE = "This invitation has been used or has expired. An admin can send another one."


def invite(session: Session, keys: Keys, editor: Editor, by: str, now: datetime) -> Invitation:
    """A new one; older ones of this editor are good no more."""
    _use_up(session, editor.id or 0, now)
    made = Invitation(
        token_hash=f"not yet, of {editor.id}",
        editor_id=editor.id or 0,
        invited_by=by,
        made_at=now,
        expires_at=now + LIFE,
    )
    session.add(made)
    session.flush()
    made.token_hash = sessions.hash_of(token_of(keys, made))
    session.flush()
    return made


def token_of(keys: Keys, invitation: Invitation) -> str:
    """What stands in its link."""
    return sign(keys, Purpose.INVITATION, invitation.id or 0, int(invitation.made_at.timestamp()))


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
