"""The second factor: six digits that change every thirty seconds (RFC 6238), from an app that scanned a QR code."""

from datetime import datetime
from io import BytesIO

import pyotp
import segno
from sqlmodel import Session

from newsletter.editors import recovery, sealed
from newsletter.editors.models import Editor
from newsletter.errors import Refused
from subscribers.tokens import Keys

STEP_SECONDS = 30
SLIP = 1  # steps that a phone's clock may be off, either way


def prepare(session: Session, keys: Keys, editor: Editor) -> None:
    """A new secret, to be scanned; it counts only once a code of it was typed in."""
    editor.code_pending = sealed.seal(keys, editor.id or 0, pyotp.random_base32())
    session.add(editor)
    session.flush()


def confirm(session: Session, keys: Keys, editor: Editor, code: str, now: datetime) -> list[str]:
    """The app shows the right code: from now on logging in asks for one. Refused if it does not.

    Returns the codes on paper that are good in its place, to be shown this once.
    """
    step = _step_of(pending(keys, editor), code, now)
    if step is None:
        raise Refused("That is not the code which the app shows now. Is the phone's clock right?")
    editor.code_secret, editor.code_pending, editor.code_step = editor.code_pending, "", step
    session.add(editor)
    return recovery.make(session, editor.id or 0)


def remove(session: Session, editor: Editor) -> None:
    """The password alone is enough again."""
    editor.code_secret = editor.code_pending = ""
    session.add(editor)
    recovery.forget(session, editor.id or 0)


def is_right(session: Session, keys: Keys, editor: Editor, code: str, now: datetime) -> bool:
    """Whether `code` is the editor's code now, or one of those on paper. A code is good once."""
    secret = sealed.opened(keys, editor.id or 0, editor.code_secret)
    step = _step_of(secret, code, now)
    if step is None or step <= editor.code_step:
        return recovery.use(session, editor.id or 0, code, now)
    editor.code_step = step
    editor.code_secret = sealed.seal(keys, editor.id or 0, secret)  # with the newest key; an old one may be plain
    session.add(editor)
    session.flush()
    return True


def pending(keys: Keys, editor: Editor) -> str:
    """The secret that waits to be confirmed, in base32; "" where none does."""
    return sealed.opened(keys, editor.id or 0, editor.code_pending)


def picture(keys: Keys, editor: Editor, site: str) -> bytes:
    """The QR code of the secret that waits to be confirmed, as SVG, dark on white."""
    url = pyotp.TOTP(pending(keys, editor)).provisioning_uri(name=editor.email, issuer_name=site)
    out = BytesIO()
    segno.make(url, error="m").save(out, kind="svg", scale=5, border=4, light="#ffffff", xmldecl=False)
    return out.getvalue()


def spoken(secret: str) -> str:
    """The secret in groups of four, to type where a camera is of no use."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code `code` is; None if it is of none near `now`."""
    digits = "".join(code.split())
    if not secret or len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    made, current = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    near = (current + slip for slip in range(-SLIP, SLIP + 1))
    return next((step for step in near if pyotp.utils.strings_equal(made.generate_otp(step), digits)), None)
