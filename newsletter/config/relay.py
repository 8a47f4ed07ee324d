"""The tables [smtp] and [[relays]]: who takes our mail, and how a connection to it is used."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from newsletter.config.section import Section
from newsletter.config.words import Domain, MailboxOrEmpty, OptionalPath, Slug
from newsletter.errors import ConfigError

DEFAULT_RELAY = "smtp"  # what [smtp] goes by where relays are named


class Relay(Section):
    """A relay and its connections. `name` is `smtp` for the table [smtp]."""

    host: str = "127.0.0.1"
    port: int = Field(default=1025, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    auth: Literal["password", "xoauth2"] = "password"
    username: str = ""
    password_file: OptionalPath = None
    ca_file: OptionalPath = None
    connections: int = Field(default=4, ge=1, le=100)
    messages_per_minute: int = Field(default=0, ge=0)
    messages_per_connection: int = Field(default=1000, ge=1)
    seconds_per_connection: float = Field(default=300.0, gt=0)
    fallback: Slug | Literal[""] = ""
    _password: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError('a login needs security = "starttls" or "tls": a password is never sent in the clear')
        return self

    @property
    def known_as(self) -> str:
        """The name that `relay` and `fallback` keys use."""
        return DEFAULT_RELAY

    @property
    def password(self) -> str:
        """The password, or the OAuth token: from NEWSLETTER_SMTP_PASSWORD, else out of `password_file`, read anew each
        time because tokens live for an hour. Never in the file itself, never shown. Raises ConfigError."""
        return self._password or secret_in(self.password_file)

    def settled(self, base: Path, password: str = "") -> Self:
        """The same with absolute paths, and with its password if that came from the environment."""
        places = {name: base / path for name in ("password_file", "ca_file") if (path := getattr(self, name))}
        settled = self.model_copy(update=places)
        settled._password = password
        if settled.username:
            _ = settled.password  # a file that can't be read is found at the start, not in the morning
        return settled


class Smtp(Relay):
    """The relay that takes all mail that no other one takes, and what holds for every relay."""

    bounce_address: MailboxOrEmpty = ""
    deadline_hours: float = Field(default=20.0, gt=0, le=120)
    journal_dir: Path = Field(default=Path("journal"), strict=False)


class NamedRelay(Relay):
    """One more relay: for newsletters that name it, and for readers at its `domains`."""

    name: Slug
    domains: tuple[Domain, ...] = Field(default=(), strict=False)

    @property
    def known_as(self) -> str:
        """Its own name."""
        return self.name


def secret_in(file: Path | None) -> str:
    """What stands in `file`, without the white space around it; "" for no file."""
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read: {getattr(error, 'strerror', None) or error}") from error
