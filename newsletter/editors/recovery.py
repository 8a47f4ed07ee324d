"""For the day on which the phone is lost: ten codes on paper, each good once in the place of the app's six digits."""

from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from secrets import token_bytes

from sqlalchemy import CursorResult, delete, func, update
from sqlmodel import Session, col, select

from newsletter.editors.models import RecoveryCode

HOW_MANY = 10
_BYTES = 10  # 80 bits: nobody guesses one, so a hash without salt is enough


def make(session: Session, editor_id: int) -> list[str]:
    """New ones, to be shown once; the old ones are good for nothing any more."""
    forget(session, editor_id)
    made = [_written(b32encode(token_bytes(_BYTES)).decode().lower()) for _ in range(HOW_MANY)]
    session.add_all(RecoveryCode(editor_id=editor_id, code_hash=_hash(code)) for code in made)
    session.flush()
    return made


def use(session: Session, editor_id: int, code: str, now: datetime) -> bool:
    """Whether it is one of the editor's that was not used yet; from now on it was. Of two at once one wins."""
    unused = update(RecoveryCode).where(
        col(RecoveryCode.editor_id) == editor_id,
        col(RecoveryCode.code_hash) == _hash(code),
        col(RecoveryCode.used_at).is_(None),
    )
    done = session.execute(unused.values(used_at=now))
    assert isinstance(done, CursorResult)
    return done.rowcount == 1


def left(session: Session, editor_id: int) -> int:
    """How many are still good."""
    unused = select(func.count()).where(col(RecoveryCode.editor_id) == editor_id, col(RecoveryCode.used_at).is_(None))
    return session.scalar(unused) or 0


def forget(session: Session, editor_id: int) -> None:
    """The editor has none."""
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.editor_id) == editor_id))


def _written(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _hash(code: str) -> str:
    """However it is typed: capitals, spaces and hyphens tell nothing."""
    return sha256("".join(c for c in code.lower() if c.isalnum()).encode()).hexdigest()
