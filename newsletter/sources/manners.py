"""How often a server may be asked, and how much at once: what it says itself, within reason.

A feed tells how long it stays as it is (Cache-Control, Expires, <ttl>, sy:updatePeriod), and a server in trouble how
long it wants to be left alone (Retry-After). Both are believed up to a bound, for they make slips.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock, Semaphore
from urllib.parse import urlsplit

LONGEST_REST = timedelta(hours=6)  # a feed that says "weekly" is still asked four times a day
LONGEST_WAIT = timedelta(days=1)  # for Retry-After
LONGEST_BACKING_OFF = timedelta(hours=2)  # so that a source is back on the morning after it recovers
SLACK = timedelta(minutes=1)  # a clock that wakes every five minutes is never on the second
SIDE_BY_SIDE = 8  # connections at once, to all servers together
PERIODS = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720, "yearly": 8760}  # hours, of RSS 1.0's syndication

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NEVER_KEPT = re.compile(r"\bno-(?:store|cache)\b", re.IGNORECASE)


def lifetime(headers: Mapping[str, str]) -> timedelta:
    """How long an answer stays fresh by its headers (RFC 9111 §4.2), its age in caches taken off; zero if unsaid."""
    control = headers.get("cache-control", "")
    if _NEVER_KEPT.search(control):
        return timedelta(0)
    if said := _MAX_AGE.search(control):
        age = headers.get("age", "")
        return max(timedelta(seconds=int(said[1])) - timedelta(seconds=_number(age)), timedelta(0))
    expires, sent = http_date(headers.get("expires", "")), http_date(headers.get("date", ""))
    return max(expires - sent, timedelta(0)) if expires and sent else timedelta(0)


def rest_of_feed(ttl: str, period: str, frequency: str) -> timedelta:
    """How long a feed says that it stays as it is: RSS's <ttl> in minutes, or so many times in a period."""
    hours = PERIODS.get(period.strip().lower(), 0)
    return max(timedelta(minutes=_number(ttl)), timedelta(hours=hours) / max(_number(frequency), 1))


def wait(retry_after: str, now: datetime) -> timedelta:
    """How long Retry-After asks us to stay away, bounded; zero where it says nothing that can be read."""
    if retry_after.isdecimal():
        asked = timedelta(seconds=_number(retry_after))
    else:
        until = http_date(retry_after)
        asked = until - now if until else timedelta(0)
    return min(max(asked, timedelta(0)), LONGEST_WAIT)


def next_check(now: datetime, every: timedelta, rest: timedelta) -> datetime:
    """When a source that was just read is due again."""
    return now + max(every, min(rest, LONGEST_REST))


def next_try(now: datetime, every: timedelta, failing_since: datetime) -> datetime:
    """When a source that could not be read is tried again: after as long as it has been failing, so ever later."""
    return now + max(every, min(now - failing_since, LONGEST_BACKING_OFF))


def is_due(next_check_at: datetime | None, now: datetime) -> bool:
    """Whether that moment has come."""
    return next_check_at is None or next_check_at <= now + SLACK


def http_date(words: str) -> datetime | None:
    """A date of a header, aware; None where it is none."""
    try:
        said = parsedate_to_datetime(words.strip())
        return said if said.tzinfo else said.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def _number(words: str) -> int:
    words = words.strip()
    return int(words[:9]) if words.isascii() and words.isdecimal() else 0


class Turns:
    """At most so many connections at once to one server, and SIDE_BY_SIDE to all. Safe between threads."""

    def __init__(self, per_host: int) -> None:
        self._of_host: defaultdict[str, Semaphore] = defaultdict(lambda: Semaphore(per_host))
        self._of_all = Semaphore(SIDE_BY_SIDE)
        self._lock = Lock()

    @contextmanager
    def at(self, url: str) -> Iterator[None]:
        """Wait for a turn at the server of `url`. Who waits for a busy server takes no turn from the others."""
        with self._lock:
            host = self._of_host[urlsplit(url).hostname or ""]
        with host, self._of_all:
            yield
