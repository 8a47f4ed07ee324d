"""config.toml and the NEWSLETTER_… secrets, read once into a frozen Config.

The file says what should be, the database holds what is. An unknown key, a wrong type or an impossible value is a
ConfigError that names the key and the line. A function gets its section of the Config, never the whole.
"""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from newsletter.errors import ConfigError
from subscribers.tokens import Keys

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIN_SECRET_CHARACTERS = 32


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {value!r}; zones look like Europe/London") from error
    return value


def _zone_or_empty(value: str) -> str:
    return _zone(value) if value else value


def _clock(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no time of day; write HH:MM") from error
    if not re.fullmatch(r"\d\d:\d\d(:\d\d)?", value):
        raise ValueError(f"{value!r} is no time of day; write HH:MM")
    return value


def _mailbox(value: str) -> str:
    name, address = parseaddr(value)
    try:
        Address(name, addr_spec=address)
    except Exception as error:
        raise ValueError(f"{value!r} is no address; write Name <name@example.com>") from error
    if "@" not in address or any(c in value for c in "\r\n\0"):
        raise ValueError(f"{value!r} is no address; write Name <name@example.com>")
    return value


def _mailbox_or_empty(value: str) -> str:
    return _mailbox(value) if value else value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no web address; it begins with https:// or http://")
    return value.rstrip("/")


def _days(value: str) -> str:
    weekdays_of(value)
    return value


def weekdays_of(words: str) -> frozenset[int]:
    """The weekdays that `words` name, Monday = 0: "mon-fri", "daily", "sat,sun", "mon,wed-fri"."""
    if words == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in words.split(","):
        first, _, last = part.strip().partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"{words!r} names no days; write mon-fri, daily, or sat,sun")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days.update(d % 7 for d in range(start, (end if end >= start else end + 7) + 1))
    return frozenset(days)


Zone = Annotated[str, AfterValidator(_zone)]
ZoneOrEmpty = Annotated[str, AfterValidator(_zone_or_empty)]
Clock = Annotated[str, AfterValidator(_clock)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
MailboxOrEmpty = Annotated[str, AfterValidator(_mailbox_or_empty)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda words: Path(words) if words else None)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]*$", max_length=300)]


class Section(BaseModel):
    """What every table of the file shares: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Site(Section):
    """Who publishes, and where readers find us on the web."""

    name: Line
    url: WebAddress
    postal_address: Line
    secret_key_file: Path = Field(default=Path("secret.key"), strict=False)
    media_dir: Path = Field(default=Path("media"), strict=False)


class DatabaseSection(Section):
    url: str = "sqlite:///newsletter.db"


class Web(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)


class Smtp(Section):
    """The relay that takes our mail, and how it is used."""

    host: str = "127.0.0.1"
    port: int = Field(default=1025, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: OptionalPath = None
    ca_file: OptionalPath = None
    connections: int = Field(default=4, ge=1, le=100)
    messages_per_minute: int = Field(default=0, ge=0)
    bounce_address: MailboxOrEmpty = ""
    deadline_hours: float = Field(default=20.0, gt=0, le=120)
    journal_dir: Path = Field(default=Path("journal"), strict=False)
    _password: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError('a login needs security = "starttls" or "tls": a password is never sent in the clear')
        return self

    @property
    def password(self) -> str:
        """From NEWSLETTER_SMTP_PASSWORD or `password_file`; never in the file itself, never shown."""
        return self._password


class Collecting(Section):
    """Bounds for what strangers serve us."""

    private_networks: tuple[str, ...] = Field(default=(), strict=False)
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    max_bytes: int = Field(default=8_000_000, ge=1_000)
    max_items: int = Field(default=500, ge=1)

    @model_validator(mode="after")
    def _networks_exist(self) -> Self:
        for words in self.private_networks:
            ip_network(words)
        return self

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Private networks that sources may live in."""
        return tuple(ip_network(words) for words in self.private_networks)


class Source(Section):
    """Where articles come from: a folder of files or a feed."""

    name: Slug
    title: Line = ""
    kind: Literal["folder", "feed"]
    path: Path | None = Field(default=None, strict=False)
    url: WebAddress | None = None
    section: Line
    sections: tuple[Line, ...] = Field(default=(), strict=False)
    weight: float = Field(default=1.0, ge=0, le=100)
    timezone: ZoneOrEmpty = ""

    @model_validator(mode="after")
    def _has_its_place(self) -> Self:
        if self.kind == "folder" and (self.path is None or self.url is not None):
            raise ValueError("a folder has `path` and no `url`")
        if self.kind == "feed" and (self.url is None or self.path is not None):
            raise ValueError("a feed has `url` and no `path`")
        return self

    @property
    def shown_as(self) -> str:
        """The name that readers see."""
        return self.title or self.name


class SectionRule(Section):
    """One section of an issue: its name and the most picks it may have."""

    name: Line
    max: int | None = Field(default=None, ge=1)


class Newsletter(Section):
    """One recurring publication: who sends it, when, and what is in it."""

    slug: Slug
    title: Line
    sender: Mailbox
    description: Line = ""
    reply_to: MailboxOrEmpty = ""
    editors: tuple[Mailbox, ...] = Field(default=(), strict=False)
    timezone: Zone = "UTC"
    days: Annotated[str, AfterValidator(_days)] = "mon-fri"
    draft_at: Clock = "05:30"
    send_at: Clock = "06:30"
    grace_minutes: int = Field(default=180, ge=1, le=1440)
    approval: Literal["required", "none"] = "required"
    max_articles: int = Field(default=10, ge=1, le=40)
    min_articles: int = Field(default=3, ge=1)
    half_life_hours: float = Field(default=12.0, gt=0)
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    accent: str = Field(default="#9c2b1f", pattern=r"^#[0-9a-fA-F]{6}$")
    intro: str = Field(default="", max_length=2000)
    signature: Line = ""
    sources: tuple[str, ...] = Field(default=(), strict=False)
    sections: tuple[SectionRule, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.min_articles > self.max_articles:
            raise ValueError(f"min_articles {self.min_articles} is more than max_articles {self.max_articles}")
        if time.fromisoformat(self.draft_at) >= time.fromisoformat(self.send_at):
            raise ValueError(f"draft_at {self.draft_at} must come before send_at {self.send_at}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def sender_address(self) -> str:
        """The address alone: "daily@example.com"."""
        return parseaddr(self.sender)[1]

    def comes_out_on(self, day: date) -> bool:
        """Whether `days` has this weekday."""
        return day.weekday() in weekdays_of(self.days)

    def moment(self, clock: Literal["draft_at", "send_at"], day: date) -> datetime:
        """The instant of `clock` on `day` in the newsletter's zone, aware. In the hour a summer night skips, it is
        the same instant after the gap; in the hour an autumn night repeats, the first one (PEP 495)."""
        wall = time.fromisoformat(getattr(self, clock))
        return datetime.combine(day, wall, tzinfo=self.zone)

    def day_before(self, day: date) -> date:
        """The last day before `day` on which the newsletter comes out: Friday for a Monday of a mon-fri one."""
        return next(d for n in range(1, 8) if self.comes_out_on(d := day - timedelta(days=n)))


class Config(Section):
    """The whole file."""

    site: Site
    database: DatabaseSection = DatabaseSection()
    web: Web = Web()
    smtp: Smtp = Smtp()
    collecting: Collecting = Collecting()
    sources: tuple[Source, ...] = Field(default=(), strict=False)
    newsletters: tuple[Newsletter, ...] = Field(default=(), strict=False)
    _path: Path = PrivateAttr(default=Path("config.toml"))
    _keys: Keys | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path:
        """The folder of the file: every relative path begins there, and a project's own templates/ lies there."""
        return self._path.parent

    @property
    def keys(self) -> Keys:
        """What links are signed with. ConfigError if there is none."""
        if self._keys is None:
            raise ConfigError(
                f"There is no key to sign links with: {self.site.secret_key_file} does not exist. "
                "`newsletter init` makes one; or set NEWSLETTER_SECRET_KEY."
            )
        return self._keys

    def newsletter(self, slug: str) -> Newsletter:
        """The newsletter of that slug. ConfigError names those that exist."""
        for newsletter in self.newsletters:
            if newsletter.slug == slug:
                return newsletter
        known = ", ".join(n.slug for n in self.newsletters)
        raise ConfigError(f"There is no newsletter {slug!r} in {self._path.name}; there is {known}.")

    def sources_of(self, newsletter: Newsletter) -> tuple[Source, ...]:
        """The sources that a newsletter draws on, in the order of the file."""
        return tuple(s for s in self.sources if not newsletter.sources or s.name in newsletter.sources)

    def sections_of(self, newsletter: Newsletter) -> tuple[SectionRule, ...]:
        """Its sections in order; where it names none, those of its sources."""
        if newsletter.sections:
            return newsletter.sections
        names = dict.fromkeys(name for s in self.sources_of(newsletter) for name in (s.section, *s.sections))
        return tuple(SectionRule(name=name) for name in names)


class Secrets(BaseSettings):
    """What never stands in the file."""

    model_config = SettingsConfigDict(env_prefix="NEWSLETTER_", extra="ignore")
    secret_key: str = ""
    smtp_password: str = ""
    database_password: str = ""


def load(path: Path) -> Config:
    """Read and check the file at `path`. Relative paths in it become absolute. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no {path}: `newsletter init DIR` makes a project, --config names another file."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from error
    return parse(text, path.absolute(), Secrets())


def parse(text: str, path: Path, secrets: Secrets) -> Config:
    """The Config that `text` describes, as if it stood at `path`. Raises ConfigError with key and line."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name} is not TOML: {error}") from error
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(e, text, path.name) for e in error.errors())) from error
    _check_names(config, text, path.name)
    return _settled(config, path, secrets)


def _check_names(config: Config, text: str, file: str) -> None:
    """What one table says of another must exist: sources by name, sections by what sources feed."""
    if not config.newsletters:
        raise ConfigError(f"{file}: there is no [[newsletters]] table; one is needed.")
    for kind, names in (
        ("sources", [s.name for s in config.sources]),
        ("newsletters", [n.slug for n in config.newsletters]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            index = max(i for i, name in enumerate(names) if name == twice[0])
            raise _fault(file, text, (kind, index), f"{twice[0]!r} is there twice; names are unique")
    for index, newsletter in enumerate(config.newsletters):
        here = ("newsletters", index)
        unknown = [name for name in newsletter.sources if name not in {s.name for s in config.sources}]
        if unknown:
            raise _fault(file, text, (*here, "sources"), f"there is no source {unknown[0]!r}")
        fed = {name for s in config.sources_of(newsletter) for name in (s.section, *s.sections)}
        for number, section in enumerate(newsletter.sections):
            if section.name not in fed:
                where = (*here, "sections", number, "name")
                raise _fault(file, text, where, f"no source feeds the section {section.name!r}")


def _settled(config: Config, path: Path, secrets: Secrets) -> Config:
    """The same config with absolute paths and its secrets in place."""
    base = path.parent
    site = config.site.model_copy(
        update={
            "secret_key_file": base / config.site.secret_key_file,
            "media_dir": base / config.site.media_dir,
        }
    )
    smtp = config.smtp.model_copy(
        update={
            "journal_dir": base / config.smtp.journal_dir,
            "ca_file": base / config.smtp.ca_file if config.smtp.ca_file else None,
        }
    )
    smtp._password = secrets.smtp_password or _secret_in(smtp.password_file and base / smtp.password_file)
    settled = config.model_copy(
        update={
            "site": site,
            "smtp": smtp,
            "database": DatabaseSection(url=_database_url(config.database.url, base, secrets.database_password)),
            "sources": tuple(s.model_copy(update={"path": base / s.path}) if s.path else s for s in config.sources),
        }
    )
    settled._path = path
    settled._keys = _keys(secrets.secret_key, site.secret_key_file)
    return settled


def _database_url(url: str, base: Path, password: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"database.url: {url!r} is no database address; write sqlite:///newsletter.db") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"database.url: {parsed.get_backend_name()} is not supported; use sqlite or postgresql+psycopg."
        )
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(database=str(base / (parsed.database or "newsletter.db")))
    elif parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if password:
        parsed = parsed.set(password=password)
    return parsed.render_as_string(hide_password=False)


def _secret_in(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from error


def _keys(from_environment: str, file: Path) -> Keys | None:
    """One key a line, the newest first; old ones go on being valid for links that are out already."""
    words = from_environment or (_secret_in(file) if file.exists() else "")
    lines = [line.strip() for line in re.split(r"[\n,]", words) if line.strip()]
    if not lines:
        return None
    if any(len(line) < MIN_SECRET_CHARACTERS for line in lines):
        raise ConfigError(
            f"A key in {file.name} is shorter than {MIN_SECRET_CHARACTERS} characters; `init` makes a good one."
        )
    return Keys(tuple(line.encode() for line in lines))


def write_new_key(file: Path) -> None:
    """Make a key at `file`, readable by its owner alone. An existing one is left as it is."""
    if file.exists():
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(os.urandom(32).hex() + "\n")


# --- errors that name the line -------------------------------------------------------------------------------------

Place = tuple[str | int, ...]
PLAIN_WORDS = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "string_type": "this must be text in quotes",
    "int_type": "this must be a whole number",
    "float_type": "this must be a number",
    "bool_type": "this must be true or false",
    "tuple_type": "this must be a list in [ ]",
}


def _sentence(error: Any, text: str, file: str) -> str:
    words = PLAIN_WORDS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden" and (near := _near(error["loc"])):
        words += f"; did you mean {near}?"
    return str(_fault(file, text, tuple(error["loc"]), words))


def _fault(file: str, text: str, place: Place, words: str) -> ConfigError:
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    return ConfigError(f"{file}, line {line_of(text, place)}: {key}: {words}.")


def _near(place: Sequence[str | int]) -> str | None:
    from difflib import get_close_matches  # only when someone has mistyped

    tables: dict[str, type[BaseModel]] = {
        "site": Site, "database": DatabaseSection, "web": Web, "smtp": Smtp, "collecting": Collecting,
        "sources": Source, "newsletters": Newsletter,
    }  # fmt: skip
    model = Config if len(place) == 1 else SectionRule if "sections" in place else tables.get(str(place[0]), Config)
    matches = get_close_matches(str(place[-1]), list(model.model_fields), n=1)
    return matches[0] if matches else None


def line_of(text: str, place: Place) -> int:
    """The line, from 1, on which the key at `place` stands; where it is missing, its table's. Line 1 if nothing fits.

    tomllib gives no lines, so the tables and keys are followed here: enough for a file that already parsed.
    """
    best, best_depth = 1, 0
    table: list[str | int] = []
    counts: Counter[tuple[str | int, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\[([^\]]+)\]\]", line):
            table = _table_path(match[1], counts, is_array=True)
            here = tuple(table)
        elif match := re.match(r"\s*\[([^\]=]+)\]\s*(?:#.*)?$", line):
            table = _table_path(match[1], counts, is_array=False)
            here = tuple(table)
        elif match := re.match(r"\s*([A-Za-z0-9_\-.\"']+)\s*=", line):
            here = (*table, *(part.strip(" \"'") for part in match[1].split(".")))
        else:
            continue
        depth = len(here)
        if depth > best_depth and place[:depth] == here:
            best, best_depth = number, depth
    return best


def _table_path(words: str, counts: Counter[tuple[str | int, ...]], *, is_array: bool) -> list[str | int]:
    """The path of a table header; an array's header opens its next item, and its parents are the open ones."""
    names = [part.strip(" \"'") for part in words.split(".")]
    path: list[str | int] = []
    for position, name in enumerate(names):
        path.append(name)
        if is_array and position == len(names) - 1:
            counts[tuple(path)] += 1
        if counts[tuple(path)]:
            path.append(counts[tuple(path)] - 1)
    return path
