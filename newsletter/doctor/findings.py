"""One line of the doctor's report."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`fail`: mail would not go out, not arrive, or readers could not leave. `warn`: it works, and should be better."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """What was looked at (`check`, `where`) and what was found: for all but `ok`, `message` says what to do."""

    check: str
    level: Level
    where: str
    message: str


def ok(check: str, where: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, where, message)


def warn(check: str, where: str, message: str) -> Finding:
    """It works."""
    return Finding(check, Level.WARN, where, message)


def fail(check: str, where: str, message: str) -> Finding:
    """It must be mended."""
    return Finding(check, Level.FAIL, where, message)
