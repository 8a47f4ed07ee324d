"""Tables of the desk's people. Secrets are stored as hashes, or sealed; the audit only grows."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from subscribers.columns import UTCDateTime, words
from subscribers.models import BigId


class Role(StrEnum):
    """What an editor may do; each may also do all that stands before it."""

    VIEWER = "viewer"  # looks
    EDITOR = "editor"  # changes drafts
    SENDER = "sender"  # approves, sends, pauses
    ADMIN = "admin"  # people, and readers' data

    def may(self, least: "Role") -> bool:
        """Whether this role is `least` or a higher one."""
        order = list(Role)
        return order.index(self) >= order.index(least)


class Editor(SQLModel, table=True):
    """Somebody who may open the desk. `name` stands in every decision, so no two share one."""

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=320, unique=True)  # in lower case
    name: str = Field(max_length=100)
    name_key: str = Field(max_length=100, unique=True)  # what counts as the same name
    role: Role = Field(sa_type=words(Role))
    password_hash: str = Field(default="", max_length=300)  # argon2id; empty: none chosen yet
    code_secret: str = Field(default="", max_length=64)  # of the second factor, see sealed.py; empty: none
    code_pending: str = Field(default="", max_length=64)  # shown as a QR code, not yet confirmed
    code_step: int = 0  # the last step that was used: no code is good twice (RFC 6238 §5.2)
    created_at: datetime = Field(sa_type=UTCDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class RecoveryCode(SQLModel, table=True):
    """A code on paper, for whoever has lost the phone: good once."""

    __tablename__ = "recovery_code"
    id: int | None = Field(default=None, primary_key=True)
    editor_id: int = Field(foreign_key="editor.id", ondelete="CASCADE", index=True)
    code_hash: str = Field(max_length=64)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class EditorSession(SQLModel, table=True):
    """One login in one browser. The cookie holds the token, this row its hash."""

    __tablename__ = "editor_session"
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(max_length=64, unique=True)
    editor_id: int = Field(foreign_key="editor.id", ondelete="CASCADE", index=True)
    awaits_code: bool = False  # the password was right, the second factor is still to come
    network_address: str = Field(default="", max_length=64)
    browser: str = Field(default="", max_length=200)
    created_at: datetime = Field(sa_type=UTCDateTime)
    acted_at: datetime = Field(sa_type=UTCDateTime)  # looking is no act: GET writes nothing
    expires_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Invitation(SQLModel, table=True):
    """A link by which an editor chooses a password: once, and not for ever."""

    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(max_length=64, unique=True)
    editor_id: int = Field(foreign_key="editor.id", ondelete="CASCADE", index=True)
    invited_by: str = Field(max_length=100)
    made_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class WrongTry(SQLModel, table=True):
    """One try at a login; a right one takes its own away. Rows older than a day are forgotten."""

    __tablename__ = "wrong_try"
    __table_args__ = (Index("ix_wrong_try_account", "account", "at"), Index("ix_wrong_try_network", "network", "at"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account: str = Field(max_length=64)  # a hash: people type passwords into the field for the address
    network: str = Field(max_length=64)
    at: datetime = Field(sa_type=UTCDateTime)


class AuditEntry(SQLModel, table=True):
    """Who did what at the desk, when and from where. Rows are only ever added."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_at", "at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    who: str = Field(max_length=100)  # an editor's name, as it was then; "command line"
    act: str = Field(max_length=60)  # "approved an issue"
    about: str = Field(default="", max_length=200)  # "/desk/issues/12", "ann@example.com"
    details: str = Field(default="", max_length=500)
    network_address: str = Field(default="", max_length=64)
    at: datetime = Field(sa_type=UTCDateTime)
