"""The marks where a reader's own words go: put in while rendering, exchanged for tokens and a name while sending.

A mark is as long as a token and made of letters alone, so no template breaks it, and it can be told apart from every
address a publisher could write. A text is cut at its marks once; each place is a `Slot`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from subscribers.tokens import LENGTH

UNSUBSCRIBE = "MarkUnsubscribe".ljust(LENGTH, "Z")
PREFERENCES = "MarkPreferences".ljust(LENGTH, "Z")
NAME = "MarkName".ljust(LENGTH, "Z")
MARKS = (UNSUBSCRIBE, PREFERENCES, NAME)

_JOINS = r"(?:[,،，、]\s*|[ \u00a0])?"  # what stands between a greeting and a name, and has to go with it
_SLOT = re.compile(rf"({UNSUBSCRIBE}|{PREFERENCES}|{_JOINS}{NAME})")


class Slot(NamedTuple):
    """One place in a text. `before` is the comma or space that joins a name to it: no name, no comma."""

    mark: str
    before: str = ""

    def words(self, values: Mapping[str, str]) -> str:
        """What stands there for the reader whose `values` these are, by mark."""
        value = values[self.mark]
        return self.before + value if value else ""


def cut(text: str) -> tuple[tuple[str, ...], tuple[Slot, ...]]:
    """`text` as the literals between its slots, one more than slots; line ends are CRLF (RFC 2045 §6.8)."""
    parts = _SLOT.split(text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))
    return tuple(parts[0::2]), tuple(_slot(words) for words in parts[1::2])


def fill(text: str, *, unsubscribe: str = "", preferences: str = "", name: str = "") -> str:
    """`text` with a reader's tokens and name in the places of the marks; for HTML, `name` comes escaped."""
    values = {UNSUBSCRIBE: unsubscribe, PREFERENCES: preferences, NAME: name}
    return _SLOT.sub(lambda found: _slot(found[0]).words(values), text)


def has_marks(text: str) -> bool:
    """Whether any mark is left: such a text must not reach a reader."""
    return any(mark in text for mark in MARKS)


def _slot(words: str) -> Slot:
    return Slot(mark=words[-LENGTH:], before=words[:-LENGTH])
