"""Editors' accounts: add, find, rename, give a role, disable. The last admin stays one."""

from datetime import datetime
from unicodedata import normalize

from sqlmodel import Session, col, func, select

from newsletter.editors import passwords
from newsletter.editors.models import Editor, Role
from newsletter.errors import NotFound, Refused
from subscribers import NotAnAddress, address

NOT_PEOPLE = ("command line", "schedule")  # who decisions are by when no editor made them


def add(session: Session, email: str, name: str, role: Role, now: datetime) -> Editor:
    """Somebody new, without a password yet. Refused if the address or the name is taken or is none."""
    key = _email(email)
    if session.exec(select(Editor).where(Editor.email == key)).first():
        raise Refused(f"{key} is an editor already: `newsletter editors list` shows all.")
    editor = Editor(email=key, name="", name_key="", role=role, created_at=now)
    rename(session, editor, name)
    return editor


def find(session: Session, email: str) -> Editor:
    """The editor of that address. NotFound if there is none."""
    editor = by_email(session, email)
    if editor is None:
        raise NotFound(f"There is no editor {email}: `newsletter editors list` shows all.")
    return editor


def by_email(session: Session, email: str) -> Editor | None:
    """The editor of that address, however it is written."""
    return session.exec(select(Editor).where(Editor.email == email.strip().lower())).first()


def by_number(session: Session, number: int) -> Editor:
    """The editor of that number. NotFound if there is none."""
    editor = session.get(Editor, number)
    if editor is None:
        raise NotFound("There is no such editor.")
    return editor


def everybody(session: Session) -> list[Editor]:
    """All of them, by name."""
    return list(session.exec(select(Editor).order_by(col(Editor.name_key))))


def rename(session: Session, editor: Editor, name: str) -> None:
    """Give another name; it stands in decisions from now on, older ones keep the old one."""
    shown = " ".join(name.split())
    key = normalize("NFKC", shown).casefold()
    if not 1 <= len(shown) <= 60:
        raise Refused("A name has 1 to 60 characters.")
    other = session.exec(select(Editor).where(Editor.name_key == key, col(Editor.id) != editor.id)).first()
    if other or key in NOT_PEOPLE:
        raise Refused(f"Somebody else is called {shown} here; decisions are signed by name, so take another one.")
    editor.name, editor.name_key = shown, key
    session.add(editor)
    session.flush()


def set_password(session: Session, editor: Editor, password: str) -> None:
    """From now on this one. Refused if it is too short or too easy."""
    editor.password_hash = passwords.hashed(password, known=(editor.name, editor.email))
    session.add(editor)
    session.flush()


def set_role(session: Session, editor: Editor, role: Role) -> None:
    """What they may do from the next click on. Refused for the last admin."""
    if role is not Role.ADMIN:
        _require_another_admin(session, editor)
    editor.role = role
    session.add(editor)
    session.flush()


def disable(session: Session, editor: Editor, now: datetime) -> None:
    """They may not log in any more; what they did stays. Refused for the last admin."""
    _require_another_admin(session, editor)
    editor.disabled_at = editor.disabled_at or now
    session.add(editor)
    session.flush()


def enable(session: Session, editor: Editor) -> None:
    """They may log in again."""
    editor.disabled_at = None
    session.add(editor)
    session.flush()


def _require_another_admin(session: Session, editor: Editor) -> None:
    if editor.role is not Role.ADMIN or editor.disabled_at is not None:
        return
    others = select(func.count()).select_from(Editor).where(
        Editor.role == Role.ADMIN, col(Editor.disabled_at).is_(None), col(Editor.id) != editor.id
    )  # fmt: skip
    if not session.exec(others).one():
        raise Refused(f"{editor.name} is the last admin: make somebody else one first.")


def _email(text: str) -> str:
    try:
        return address.parse(text).email.lower()
    except NotAnAddress as error:
        raise Refused(f"{text!r} is no address: {error}") from error
