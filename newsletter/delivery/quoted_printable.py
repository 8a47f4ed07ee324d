"""A text with slots in quoted-printable (RFC 2045 §6.7): encoded once an edition, filled once a reader. Pure.

A slot stands between soft line breaks, on lines of its own. So whatever goes there, a token or a name of any length
and script, nothing around it moves and no line is longer than 76 characters. The standard library's encoder knows no
slots, writes lines of 78, and leaves dots and "From " at a line's start, which relays and mailboxes change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from newsletter.rendering.slots import Slot

MAX_LINE = 76  # with the "=" of a soft line break, without CRLF
_SOFT_BREAK = b"=\r\n"
_AS_IT_IS = re.compile(r"(?!\.|From )[ -<>-~]{0,74}[!-<>-~]")  # tokens, and most names


@dataclass(frozen=True)
class QuotedPrintable:
    """A text, cut at its slots and encoded: between two of its `pieces` is a gap for the words of a slot."""

    pieces: tuple[bytes, ...]  # with an empty one for each gap
    gaps: Mapping[Slot, tuple[int, ...]]  # which of the pieces they are
    name = "quoted-printable"

    @classmethod
    def of(cls, literals: tuple[str, ...], slots: tuple[Slot, ...]) -> "QuotedPrintable":
        """From a text that was cut by `slots.cut`."""
        *opening, last = map(encode, literals)
        pieces = (*chain.from_iterable((_open_ended(piece), b"") for piece in opening), last)
        gaps = {slot: tuple(2 * n + 1 for n, other in enumerate(slots) if other == slot) for slot in slots}
        return cls(pieces, gaps)

    @property
    def size(self) -> int:
        """Bytes of what is the same for every reader."""
        return sum(map(len, self.pieces))

    def filled(self, values: Mapping[str, str]) -> list[bytes]:
        """The lines for the reader whose `values` these are, one line each by mark; to be joined."""
        out = list(self.pieces)
        for slot, places in self.gaps.items():
            line = _on_own_lines(slot.words(values))
            for place in places:
                out[place] = line
        return out


def encode(text: str) -> bytes:
    """`text`, with CRLF line ends, as quoted-printable UTF-8. It begins a line; it ends one only if `text` does."""
    return "\r\n".join(map(_line, text.split("\r\n"))).encode("ascii")


def _on_own_lines(words: str) -> bytes:
    if _AS_IT_IS.fullmatch(words):
        return words.encode("ascii") + _SOFT_BREAK
    return _open_ended(encode(words))


def _open_ended(encoded: bytes) -> bytes:
    """What follows begins a new line that the reader does not see."""
    return encoded + _SOFT_BREAK if encoded and not encoded.endswith(b"\r\n") else encoded


def _line(text: str) -> str:
    """One line of text as one or more encoded lines; the bytes of a character stay together."""
    if _AS_IT_IS.fullmatch(text):
        return text
    last = f"={ord(text[-1]):02X}" if text.endswith((" ", "\t")) else ""
    out: list[str] = []
    room = MAX_LINE - 1
    for run in (*_RUNS.findall(text[:-1] if last else text), last):
        plain = _PLAIN.match(run) is not None
        code = run if plain or run is last else "".join(f"={byte:02X}" for byte in run.encode())
        while code:
            if room < (1 if plain else len(code)):
                out.append("=\r\n")
                room = MAX_LINE - 1
            taken = _begun(code) if plain and room == MAX_LINE - 1 else code[:room]
            out.append(taken)
            room -= len(taken)
            code = code[1 if taken in _HIDDEN else len(taken) :]
    return "".join(out)


def _begun(plain: str) -> str:
    """What a line that goes on with `plain` may begin with: relays and mailboxes change a dot and "From "."""
    if plain.startswith((".", "From ")):
        return f"={ord(plain[0]):02X}"
    return plain[: MAX_LINE - 1]


_HIDDEN = ("=2E", "=46")
_PLAIN = re.compile(r"[\t -<>-~]")
_RUNS = re.compile(r"[\t -<>-~]+|[^\t -<>-~]")
