"""Dates as people and programs write them → moments in UTC. Pure.

What names no zone is in the source's; a day alone is its midnight there.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_LEAD_IN = re.compile(r"^(?:published|updated|posted|date)\b:?\s*(?:on\s+)?", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d(?!\d)")
_DAY_FIRST = re.compile(r"^\d{1,2}[./-]\d{1,2}[./-]\d{4}\b")


def moment(words: str, zone: tzinfo) -> datetime | None:
    """The moment that `words` name ("Feb 10, 2014", "2014-02-10T06:30Z"), in UTC; None where they name no day."""
    words = _LEAD_IN.sub("", words.strip())
    if len(words) > 60 or not _YEAR.search(words):
        return None
    try:
        return in_utc(_read(words, zone), zone)
    except (ValueError, OverflowError):
        return None


def in_utc(read: datetime, zone: tzinfo) -> datetime | None:
    """`read` in UTC, taken to be in `zone` if it names none; None at the edge of the calendar, which no store takes."""
    try:
        utc = (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return utc if 1 < utc.year < 9999 else None


def _read(words: str, zone: tzinfo) -> datetime:
    """ISO 8601, else what dateutil makes of it. 10/02/2014 is February but in America."""
    try:
        return datetime.fromisoformat(words)
    except ValueError:
        from dateutil import parser  # slow to import, and most dates are ISO 8601

        return parser.parse(
            words.replace(" at ", " "),
            default=datetime(2000, 1, 1),  # noqa: DTZ001 (the zone comes with the caller)
            dayfirst=bool(_DAY_FIRST.match(words)) and not str(zone).startswith("America/"),
            tzinfos=lambda name, seconds: _named_zone(name, seconds) or zone,
        )


def _named_zone(name: str | None, seconds: int | None) -> tzinfo | None:
    if seconds is not None:
        return timezone(timedelta(seconds=seconds))
    return UTC if name in ("UTC", "GMT", "Z") else None
