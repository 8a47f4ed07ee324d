"""The two steps of a login: the password, then the code where one is set up.

Every wrong answer is the same words after the same work: nobody learns which addresses are editors'. Hashing is slow
on purpose, so no transaction is open while it is done.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.database import Database
from newsletter.editors import accounts, audit, codes, invitations, passwords, sessions, tries
from newsletter.editors.models import Editor
from newsletter.editors.sessions import Visitor
from newsletter.errors import Refused
from subscribers.tokens import Keys

WRONG = "That address and that password do not belong together."
WRONG_CODE = "That is neither the code which your app shows now nor a recovery code that is left."
WRONG_TRY = "tried to log in"


@dataclass(frozen=True)
class Caller:
    """From where somebody knocks."""

    network: str  # what one household shares
    address: str
    browser: str


@dataclass(frozen=True)
class Entry:
    """How it went: a token for the cookie, or the wait, or what was wrong."""

    token: str = ""
    awaits_code: bool = False
    wait: timedelta = timedelta(0)
    wrong: str = ""


def with_password(database: Database, email: str, password: str, caller: Caller, now: datetime) -> Entry:
    """The first step."""
    with database.transaction() as session:
        wait = tries.begin(session, email, caller.network, now)
        editor = accounts.by_email(session, email)
    if wait:
        return Entry(wait=wait)
    is_right = passwords.is_right(password, editor.password_hash if editor else "")
    with database.transaction() as session:
        if editor is None or not is_right or editor.disabled_at is not None:
            who = editor.name if editor else "somebody unknown"
            audit.note(session, who, WRONG_TRY, now, details="wrong password", network=caller.address)
            return Entry(wrong=WRONG)
        tries.forget(session, email, caller.network)
        awaits_code = bool(editor.code_secret)
        token = sessions.begin(
            session, editor, now, awaits_code=awaits_code, network=caller.address, browser=caller.browser
        )
        if not awaits_code:
            audit.note(session, editor.name, "logged in", now, network=caller.address)
        return Entry(token, awaits_code)


def with_code(database: Database, keys: Keys, visitor: Visitor, code: str, caller: Caller, now: datetime) -> Entry:
    """The second step: a new session takes the place of the one that waited."""
    with database.transaction() as session:
        wait = tries.begin(session, visitor.email, f"code/{caller.network}"[:64], now)
        if wait:
            return Entry(wait=wait)
        editor = session.get_one(Editor, visitor.id, with_for_update=True)
        if not codes.is_right(session, keys, editor, code, now):
            audit.note(session, editor.name, WRONG_TRY, now, details="wrong code", network=caller.address)
            return Entry(wrong=WRONG_CODE)
        tries.forget(session, visitor.email, f"code/{caller.network}"[:64])
        sessions.end(session, visitor.session_id, now)
        token = sessions.begin(session, editor, now, network=caller.address, browser=caller.browser)
        audit.note(session, editor.name, "logged in", now, details="with a code", network=caller.address)
        return Entry(token)


def change_password(
    database: Database, visitor: Visitor, old: str, new: str, again: str, caller: Caller, now: datetime
) -> None:
    """One's own, with the old one known; all other sessions end. Refused with what is wrong."""
    require_password(database, visitor, old, caller, now)
    if new != again:
        raise Refused("The two new passwords differ.")
    with database.transaction() as session:
        accounts.set_password(session, accounts.by_number(session, visitor.id), new)
        sessions.end_all(session, visitor.id, now, but=visitor.session_id)


def require_password(database: Database, visitor: Visitor, password: str, caller: Caller, now: datetime) -> None:
    """Refused unless `password` is the visitor's: an open desk alone must not be enough. Guessing is held up."""
    with database.transaction() as session:
        wait = tries.begin(session, visitor.email, caller.network, now)
        stored = accounts.by_number(session, visitor.id).password_hash
    if wait:
        raise Refused("Too many wrong tries. Please wait some minutes.")
    if not passwords.is_right(password, stored):
        raise Refused("That is not your present password.")
    with database.transaction() as session:
        tries.forget(session, visitor.email, caller.network)


def accept(database: Database, token: str, password: str, again: str, caller: Caller, now: datetime) -> None:
    """An invited editor chooses a password, typed twice. Refused if the two differ, it is poor, or the link is used."""
    if password != again:
        raise Refused("The two passwords differ.")
    with database.transaction() as session:
        editor = invitations.accept(session, token, password, now)
        audit.note(session, editor.name, "chose a password", now, details="by invitation", network=caller.address)
