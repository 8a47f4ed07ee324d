"""The file and its secrets → a checked Config with absolute paths."""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from newsletter import wordbook
from newsletter.config.dkim import DkimKey
from newsletter.config.lines import Place, fault, not_toml, sentence
from newsletter.config.relay import DEFAULT_RELAY, secret_in
from newsletter.config.tables import Config, DatabaseSection, Newsletter
from newsletter.errors import ConfigError
from subscribers.tokens import Keys
from subscribers.topics import LONGEST, packed

MIN_SECRET_CHARACTERS = 32


class Secrets(BaseSettings):
    """What never stands in the file."""

    model_config = SettingsConfigDict(env_prefix="NEWSLETTER_", extra="ignore")
    secret_key: str = ""
    smtp_password: str = ""
    database_password: str = ""
    api_key: str = ""
    mailbox_password: str = ""


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
        raise not_toml(path.name, text, str(error)) from error
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(sentence(e, text, path.name) for e in error.errors())) from error
    _check_names(config, text, path.name)
    _check_extras(config, text, path.name)
    settled = _settled(config, _checked_url(config, text, path.name), path, secrets)
    settled._unfed = tuple(_unfed(config, text, path.name))
    return settled


def _check_names(config: Config, text: str, file: str) -> None:
    """What one table says of another must exist: sources by name, sections by what sources feed."""
    if not config.newsletters:
        raise ConfigError(f"{file}: there is no [[newsletters]] table; one is needed.")
    for kind, names in (
        ("sources", [s.name for s in config.sources]),
        ("relays", [r.name for r in config.relays]),
        ("segments", [s.name for s in config.segments]),
        ("newsletters", [n.slug for n in config.newsletters]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            index = max(i for i, name in enumerate(names) if name == twice[0])
            raise fault(file, text, (kind, index), f"{twice[0]!r} is there twice; names are unique")
    _check_relays(config, text, file)
    _check_dkim(config, text, file)
    for index, newsletter in enumerate(config.newsletters):
        here = ("newsletters", index)
        unknown = [name for name in newsletter.sources if name not in {s.name for s in config.sources}]
        if unknown:
            raise fault(file, text, (*here, "sources"), f"there is no source {unknown[0]!r}")
        for key, wanted in (("include", newsletter.include), ("exclude", newsletter.exclude)):
            if missing := set(wanted) - {s.name for s in config.segments}:
                raise fault(file, text, (*here, key), f"there is no segment {min(missing)!r}")
        if len(packed(rule.name for rule in config.sections_of(newsletter))) > LONGEST and newsletter.topics:
            words = f"the names of its sections are over {LONGEST} characters together; with topics = false they may be"
            raise fault(file, text, (*here, "slug"), words)
        if newsletter.roundup_of and not _may_be_rounded_up(config, newsletter):
            words = (
                f"there is no other newsletter {newsletter.roundup_of!r} to make the best of, or it is a roundup too"
            )
            raise fault(file, text, (*here, "roundup_of"), words)
        if wrong := wordbook.fault_in(newsletter.words):
            raise fault(file, text, (*here, "words", wrong[0]), wrong[1])


def _unfed(config: Config, text: str, file: str) -> Iterator[tuple[str, str]]:
    """Sections that stay empty, most likely because a name is mistyped: only a draft is wrong without them."""
    for index, newsletter in enumerate(config.newsletters):
        fed = {name for s in config.sources_of(newsletter) for name in (s.section, *s.sections)}
        for number, section in enumerate(newsletter.sections):
            if section.name not in fed:
                words = f"no source feeds the section {section.name!r}; a source's section or sections must name it, "
                place = ("newsletters", index, "sections", number, "name")
                yield newsletter.slug, str(fault(file, text, place, f"{words}or this table goes"))


def _may_be_rounded_up(config: Config, newsletter: Newsletter) -> bool:
    others = (n for n in config.newsletters if n is not newsletter)
    return any(n.slug == newsletter.roundup_of and not n.roundup_of for n in others)


def _check_relays(config: Config, text: str, file: str) -> None:
    """Relays exist where they are named, no two claim one domain, and fallbacks lead to an end."""
    known = {DEFAULT_RELAY: config.smtp.fallback} | {relay.name: relay.fallback for relay in config.relays}
    places: list[tuple[Place, str]] = [(("smtp", "fallback"), config.smtp.fallback)]
    places += [(("relays", i, "fallback"), relay.fallback) for i, relay in enumerate(config.relays)]
    places += [(("newsletters", i, "relay"), newsletter.relay) for i, newsletter in enumerate(config.newsletters)]
    for place, name in places:
        if name and name not in known:
            raise fault(file, text, place, f"there is no relay {name!r}; there is {', '.join(known)}")
    for place, name in places:
        passed: list[str] = []
        while name and name not in passed:
            passed.append(name)
            name = known[name]
        if name:
            raise fault(file, text, place, f"fallbacks go in a circle: {' → '.join([*passed, name])}")
    domains: set[str] = set()
    for index, relay in enumerate(config.relays):
        if relay.name == DEFAULT_RELAY:
            raise fault(file, text, ("relays", index, "name"), f"{DEFAULT_RELAY} is the name of the table [smtp]")
        if twice := domains.intersection(relay.domains):
            raise fault(file, text, ("relays", index, "domains"), f"{min(twice)} has a relay already")
        domains.update(relay.domains)


def _check_extras(config: Config, text: str, file: str) -> None:
    """What a key asks for must be installed."""
    if config.database.url.startswith("postgres") and find_spec("psycopg") is None:
        words = "PostgreSQL needs psycopg: pip install 'newsletter[postgres]', or take sqlite:///newsletter.db"
        raise fault(file, text, ("database", "url"), words)
    for index, source in enumerate(config.sources):
        if source.fetch_pages and find_spec("trafilatura") is None:
            words = "reading pages needs trafilatura: pip install 'newsletter[extract]', or take this key out"
            raise fault(file, text, ("sources", index, "fetch_pages"), words)


def _check_dkim(config: Config, text: str, file: str) -> None:
    """Every key signs somebody's mail, and no two stand in one place of the DNS."""
    seen: set[tuple[str, str]] = set()
    senders = sorted({newsletter.sender_domain for newsletter in config.newsletters})
    for index, key in enumerate(config.dkim):
        if not any(key.fits(domain) for domain in senders):
            words = f"no newsletter sends from {key.domain}, only from {', '.join(senders)}"
            raise fault(file, text, ("dkim", index, "domain"), words)
        if (key.domain, key.selector) in seen:
            raise fault(file, text, ("dkim", index, "selector"), f"{key.selector!r} of {key.domain} is there twice")
        seen.add((key.domain, key.selector))


def _settled(config: Config, url: URL, path: Path, secrets: Secrets) -> Config:
    """The same config with absolute paths and its secrets in place."""
    base = path.parent
    site = config.site.model_copy(
        update={
            "secret_key_file": base / config.site.secret_key_file,
            "media_dir": base / config.site.media_dir,
        }
    )
    smtp = config.smtp.settled(base, secrets.smtp_password)
    smtp = smtp.model_copy(update={"journal_dir": base / smtp.journal_dir})
    web = config.web.model_copy()
    web._api_keys = _api_keys(secrets.api_key or secret_in(web.api_key_file and base / web.api_key_file))
    collecting = config.collecting
    if collecting.ca_file:
        collecting = collecting.model_copy(update={"ca_file": base / collecting.ca_file})
    settled = config.model_copy(
        update={
            "site": site,
            "smtp": smtp,
            "web": web,
            "mailbox": config.mailbox.settled(base, secrets.mailbox_password),
            "collecting": collecting,
            "dkim": tuple(key.model_copy(update={"key_file": base / key.key_file}) for key in config.dkim),
            "relays": tuple(relay.settled(base) for relay in config.relays),
            "database": DatabaseSection(url=_database_url(url, base, secrets.database_password)),
            "sources": tuple(s.model_copy(update={"path": base / s.path}) if s.path else s for s in config.sources),
        }
    )
    for newsletter in settled.newsletters:
        newsletter._leave_address = settled.mailbox.address
        newsletter._dkim = _nearest(settled.dkim, newsletter.sender_domain)
    settled._path = path
    settled._keys = _keys(secrets.secret_key, site.secret_key_file)
    return settled


def _nearest(keys: tuple[DkimKey, ...], domain: str) -> tuple[DkimKey, ...]:
    """The keys of the domain itself, else of the nearest one above it."""
    fitting = [key for key in keys if key.fits(domain)]
    longest = max((len(key.domain) for key in fitting), default=0)
    return tuple(key for key in fitting if len(key.domain) == longest)


def _checked_url(config: Config, text: str, file: str) -> URL:
    """The store's address, of a kind that we speak. An error never shows it: a password may stand in it."""
    place = ("database", "url")
    try:
        parsed = make_url(config.database.url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise fault(file, text, place, "this is no database's address; write sqlite:///newsletter.db") from error
    if kind not in ("sqlite", "postgresql"):
        raise fault(file, text, place, f"{kind} is not supported; use sqlite or postgresql+psycopg")
    return parsed


def _database_url(parsed: URL, base: Path, password: str) -> str:
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(database=str(base / (parsed.database or "newsletter.db")))
    elif parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if password:
        parsed = parsed.set(password=password)
    return parsed.render_as_string(hide_password=False)


def _lines(words: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in re.split(r"[\n,]", words) if line.strip())


def _api_keys(words: str) -> tuple[str, ...]:
    """One key a line, the newest first; an old one works until its line is taken out."""
    keys = _lines(words)
    if any(len(key) < MIN_SECRET_CHARACTERS or not key.isascii() for key in keys):
        raise ConfigError(
            f"An API key (NEWSLETTER_API_KEY or web.api_key_file) is shorter than {MIN_SECRET_CHARACTERS} characters "
            "or not plain ASCII; `openssl rand -hex 32` makes a good one."
        )
    return keys


def _keys(from_environment: str, file: Path) -> Keys | None:
    """One key a line, the newest first; old ones go on being valid for links that are out already."""
    lines = _lines(from_environment or (secret_in(file) if file.exists() else ""))
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


def put_new_key_first(file: Path) -> None:
    """Sign with a new key from now on; the old ones stay below it, for links that are out already. Never half-done: who
    reads the file meanwhile sees it as it was, or as it is. Raises OSError; FileExistsError while another does it."""
    old = file.read_text(encoding="utf-8")
    beside = file.with_name(f"{file.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(f"{os.urandom(32).hex()}\n{old}")
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)
