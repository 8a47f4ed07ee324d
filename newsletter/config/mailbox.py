"""The table [mailbox]: where readers write to in order to leave, and how that mailbox is read."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from newsletter.config.relay import secret_in
from newsletter.config.section import Section
from newsletter.config.words import OptionalPath, mailbox

MARK = "{token}"
LONGEST_LOCAL_PART = 64  # octets (RFC 5321 §4.5.3.1.1)
LONGEST_TOKEN = 44


def _address(value: str) -> str:
    """An address alone, in whose local part {token} may stand."""
    if not value:
        return value
    if mailbox(value.replace(MARK, "token")).strip("<>") != value.replace(MARK, "token"):
        raise ValueError(f"{value!r} is more than an address; write leave@example.com")
    local = value.partition("@")[0]
    if MARK in value.partition("@")[2] or len(local.replace(MARK, "x" * LONGEST_TOKEN)) > LONGEST_LOCAL_PART:
        raise ValueError(f"{value!r}: {MARK} has {LONGEST_TOKEN} characters, and what is left of the @ at most 64")
    return value


class Mailbox(Section):
    """One mailbox: a Maildir on this machine, or an account that is read over IMAP. No address: there is none."""

    address: Annotated[str, AfterValidator(_address)] = ""
    maildir: OptionalPath = None
    host: str = ""
    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    username: str = ""
    password_file: OptionalPath = None
    ca_file: OptionalPath = None
    folder: str = "INBOX"
    check_seconds: int = Field(default=60, ge=5)
    _password: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.maildir and self.host:
            raise ValueError("a mailbox is a maildir or on a host, not both")
        if self.address and not (self.maildir or self.host):
            raise ValueError("an address that nobody reads is no way to leave: name its maildir or its host")
        if self.host and not self.username:
            raise ValueError("a mailbox on a host wants a username")
        return self

    @property
    def is_read(self) -> bool:
        """Whether there is one to read."""
        return bool(self.maildir or self.host)

    @property
    def password(self) -> str:
        """From NEWSLETTER_MAILBOX_PASSWORD, else out of `password_file`. Raises ConfigError."""
        return self._password or secret_in(self.password_file)

    def settled(self, base: Path, password: str) -> Self:
        """The same with absolute paths and its password."""
        places = {
            name: base / path for name in ("maildir", "password_file", "ca_file") if (path := getattr(self, name))
        }
        settled = self.model_copy(update=places)
        settled._password = password
        return settled
