"""The marks where a reader's own words go: put in while rendering, exchanged for tokens and a name while sending.

A mark is as long as a token and made of letters alone, so no template breaks it, and it can be told apart from every
address a publisher could write. A text is cut at its marks once; each place is a `Slot`.
"""

import re
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from subscribers.tokens import LENGTH

UNSUBSCRIBE = "MarkUnsubscribe".ljust(LENGTH, "Z")
PREFERENCES = "MarkPreferences".ljust(LENGTH, "Z")
NAME = "MarkName".ljust(LENGTH, "Z")
MARKS = (UNSUBSCRIBE, PREFERENCES, NAME)
CLICK = "MarkClick".ljust(LENGTH, "Z")  # no template's: `counted` puts it into the message alone

_JOINS = ",،，、"  # one of them, or a space, stands between a greeting and a name, and has to go with it
_SPACES = " \u00a0"
_MARK = re.compile(f"({'|'.join((*MARKS, CLICK))})")


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
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _parted(text.replace("\n", "\r\n"))


def fill(text: str, *, unsubscribe: str = "", preferences: str = "", name: str = "") -> str:
    """`text` with a reader's tokens and name in the places of the marks; for HTML, `name` comes escaped."""
    values = {UNSUBSCRIBE: unsubscribe, PREFERENCES: preferences, NAME: name}
    literals, places = _parted(text)
    return "".join(chain.from_iterable(zip(literals, (*(slot.words(values) for slot in places), ""), strict=True)))


def has_marks(text: str) -> bool:
    """Whether any mark is left: such a text must not reach a reader."""
    return any(mark in text for mark in MARKS)


def _parted(text: str) -> tuple[tuple[str, ...], tuple[Slot, ...]]:
    parts = _MARK.split(text)
    literals, marks = parts[0::2], parts[1::2]
    joints = [_joint(literal) if mark == NAME else "" for literal, mark in zip(literals, marks, strict=False)]
    for place, joint in enumerate(joints):
        literals[place] = literals[place].removesuffix(joint)
    return tuple(literals), tuple(map(Slot, marks, joints))


def _joint(before: str) -> str:
    """What joins a name to the words before it: ", " of "Good morning, "."""
    words = before.rstrip()
    if words.endswith(tuple(_JOINS)):
        return before[len(words) - 1 :]
    return before[-1:] if before.endswith(tuple(_SPACES)) else ""
