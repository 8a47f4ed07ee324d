"""What a value of the file may look like: a zone, a time of day, an address, days. Pure."""

import re
from datetime import time
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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


def mailbox(value: str) -> str:
    """`Name <name@example.com>` or an address, in ASCII. ValueError for what is neither."""
    name, address = parseaddr(value)
    try:
        Address(name, addr_spec=address)
    except Exception as error:
        raise ValueError(f"{value!r} is no address; write Name <name@example.com>") from error
    if "@" not in address or any(c in value for c in "\r\n\0"):
        raise ValueError(f"{value!r} is no address; write Name <name@example.com>")
    if not address.isascii():
        raise ValueError(f"{address!r}: write the address in ASCII; bücher.example is xn--bcher-kva.example")
    return value


def _mailbox_or_empty(value: str) -> str:
    return mailbox(value) if value else value


def _web_address(value: str) -> str:
    """One of ours, which stands in headers: ASCII, and no slash at the end."""
    _feed_address(value)
    if not value.isascii():
        raise ValueError(f"{value!r}: write it in ASCII; bücher.example is xn--bcher-kva.example")
    return value.rstrip("/")


def _domain(value: str) -> str:
    try:
        return value.encode("idna").decode().lower()
    except UnicodeError as error:
        raise ValueError(f"{value!r} is no domain; write example.com") from error


def _feed_address(value: str) -> str:
    """As it stands: to a server, /feed and /feed/ are two addresses."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no web address; it begins with https:// or http://")
    return value


def origin(value: str) -> str:
    """A site as a browser names it in `Origin` (RFC 6454 §6.2): https://www.example.com, without a path."""
    parts = urlsplit(_web_address(value))
    if parts.path or parts.query:
        raise ValueError(f"{value!r} is more than a site; write {parts.scheme}://{parts.netloc}")
    return value.rstrip("/").lower()


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


def _hours(value: str) -> str:
    if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value!r} are no hours; write 06:00-22:00")
    return value


def _not_empty(value: str) -> str:
    if not value.strip():
        raise ValueError("this is empty; readers see it, so write some words")
    return value


def like(pattern: str, wanted: str) -> AfterValidator:
    """A check that the whole value has the shape of `pattern`; its error says what is `wanted`, in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} won't do; write {wanted}")
        return value

    return AfterValidator(check)


Zone = Annotated[str, AfterValidator(_zone)]
ZoneOrEmpty = Annotated[str, AfterValidator(_zone_or_empty)]
Hours = Annotated[str, AfterValidator(_hours)]
Clock = Annotated[str, AfterValidator(_clock)]
Mailbox = Annotated[str, AfterValidator(mailbox)]
MailboxOrEmpty = Annotated[str, AfterValidator(_mailbox_or_empty)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
FeedAddress = Annotated[str, AfterValidator(_feed_address)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda words: Path(words) if words else None)]
Domain = Annotated[str, like(r"[^@\s]+\.[^@\s.]+", "a domain such as example.com"), AfterValidator(_domain)]
Days = Annotated[str, AfterValidator(_days)]
Slug = Annotated[
    str,
    like(
        r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?",
        "at most 40 of a-z, 0-9 and -, with a letter or digit at both ends, such as city-desk",
    ),
]
Line = Annotated[str, Field(max_length=300), like(r"[^\r\n\x00]*", "it in one line")]
Name = Annotated[Line, AfterValidator(_not_empty)]
