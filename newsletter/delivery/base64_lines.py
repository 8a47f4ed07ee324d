"""A text with slots in base64 (RFC 2045 §6.8): encoded once an edition, filled once a reader. Pure.

Base64 turns three bytes into four letters, so words of any length in a slot would shift all that follows. There are
only three ways it can be shifted: each literal is encoded for all three beforehand, and a reader costs the encoding of
the slot's own bytes with the one or two beside it. Smaller than quoted-printable where most letters are not Latin.
"""

from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.rendering.slots import Slot

_LETTERS = 76  # of a line


@dataclass(frozen=True)
class Base64:
    """A text, cut at its slots and encoded: `literals[n]` is followed by the words of `slots[n]`."""

    literals: tuple["_Literal", ...]
    slots: tuple[Slot, ...]
    name = "base64"

    @classmethod
    def of(cls, literals: tuple[str, ...], slots: tuple[Slot, ...]) -> "Base64":
        """From a text that was cut by `slots.cut`."""
        return cls(tuple(_Literal.of(text.encode()) for text in literals), slots)

    def filled(self, values: Mapping[str, str]) -> list[bytes]:
        """The lines for the reader whose `values` these are, one line each by mark; to be joined."""
        first = self.literals[0].shifted[0]
        out, open_bytes = [first.lines], first.tail
        for slot, literal in zip(self.slots, self.literals[1:], strict=True):
            data = open_bytes + slot.words(values).encode()
            shifted = literal.shifted[-len(data) % 3]
            data += shifted.head
            whole = len(data) - len(data) % 3  # all of it, but where the literal was too short to fill it up
            out += [_lines(data[:whole]), shifted.lines]
            open_bytes = data[whole:] + shifted.tail
        return [*out, _lines(open_bytes)]


@dataclass(frozen=True)
class _Shifted:
    """A literal's bytes: `head` fills up the three that came before, `lines` are encoded, `tail` wait for more."""

    head: bytes
    lines: bytes
    tail: bytes


@dataclass(frozen=True)
class _Literal:
    """The text between two slots; `shifted[n]` is for the case that n of its bytes belong to what came before."""

    shifted: tuple[_Shifted, _Shifted, _Shifted]

    @classmethod
    def of(cls, data: bytes) -> "_Literal":
        def shifted(taken: int) -> _Shifted:
            rest = data[taken:]
            whole = len(rest) - len(rest) % 3
            return _Shifted(data[:taken], _lines(rest[:whole]), rest[whole:])

        return cls((shifted(0), shifted(1), shifted(2)))


def size(literals: tuple[str, ...]) -> int:
    """Bytes of what is the same for every reader, without encoding it."""
    letters = [len(text.encode()) // 3 * 4 for text in literals]
    return sum(count + -(-count // _LETTERS) * len("\r\n") for count in letters)


def _lines(data: bytes) -> bytes:
    """Lines of at most 76 letters, each with its CRLF."""
    return encodebytes(data).replace(b"\n", b"\r\n")
