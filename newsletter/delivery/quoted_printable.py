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
    code = _NOT_PLAIN.sub(_coded, text.replace("=", "=3D"))
    if code.endswith((" ", "\t")):
        code = f"{code[:-1]}={ord(code[-1]):02X}"
    lines, start, end = [], 0, len(code)
    while start < end:
        begun = ""
        if code.startswith(_CHANGED, start):
            begun, start = f"={ord(code[start]):02X}", start + 1
        line = (_SHORTER if begun else _WHOLE).match(code, start)
        lines.append(begun + line[0] if line else begun)
        start += len(line[0]) if line else 0
    return "=\r\n".join(lines)


def _coded(characters: re.Match[str]) -> str:
    return f"={characters[0].encode().hex('=').upper()}"


_NOT_PLAIN = re.compile(r"[^\t -~]+")  # "=" is coded before
_CHANGED = (".", "From ")  # what relays and mailboxes change at a line's start
_BETWEEN = "(?<!=)(?<!=.)(?!=[89AB])"  # two characters: no byte of 80 to BF begins one (RFC 3629)
_WHOLE = re.compile(f".{{1,{MAX_LINE - 1}}}{_BETWEEN}")
_SHORTER = re.compile(f".{{1,{MAX_LINE - 4}}}{_BETWEEN}")
