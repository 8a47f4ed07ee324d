"""A text with slots in quoted-printable (RFC 2045 §6.7): encoded once an edition, filled once a reader. Pure.

A slot stands between soft line breaks, on lines of its own. So whatever goes there, a token or a name of any length
and script, nothing around it moves and no line is longer than 76 characters. The standard library's encoder knows no
slots, writes lines of 78, and leaves dots and "From " at a line's start, which relays and mailboxes change.
"""

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from newsletter.rendering.slots import Slot

MAX_LINE = 76  # with the "=" of a soft line break, without CRLF
SOFT_BREAK = b"=\r\n"
_AS_IT_IS = re.compile(r"(?!\.|From )[ -<>-~]{0,74}[!-<>-~]")  # tokens, and most names


@dataclass(frozen=True)
class QuotedPrintable:
    """A text, cut at its slots and encoded: between two of its `pieces` is a gap for the words of a slot."""

    pieces: tuple[bytes, ...]  # with an empty one for each gap
    gaps: tuple[tuple[int, Slot], ...]  # which of the pieces they are, and whose
    name = "quoted-printable"

    @classmethod
    def of(cls, literals: tuple[str, ...], slots: tuple[Slot, ...]) -> "QuotedPrintable":
        """From a text that was cut by `slots.cut`."""
        *opening, last = map(encode, literals)
        pieces = (*chain.from_iterable((_open_ended(piece), b"") for piece in opening), last)
        return cls(pieces, tuple((2 * n + 1, slot) for n, slot in enumerate(slots)))

    @property
    def size(self) -> int:
        """Bytes of what is the same for every reader."""
        return sum(map(len, self.pieces))


def encode(text: str) -> bytes:
    """`text`, with CRLF line ends, as quoted-printable UTF-8. It begins a line; it ends one only if `text` does."""
    code = text.replace("=", "=3D").encode("ascii", _BEYOND_ASCII)
    ends = {code.count(end) for end in (b"\r\n", b"\r", b"\n")}
    if len(ends) > 1 or len(code.translate(None, _UNUSUAL)) < len(code):
        code = _UNPRINTED.sub(_coded, code)
    if b"." * _MANY in code:
        code = _DOTS.sub(_coded, code)
    lines = code.split(b"\r\n")
    return b"\r\n".join([
        line if len(line) < MAX_LINE and line[:1] not in _STARTS and line[-1:] not in _BLANKS else _line(line)
        for line in lines
    ])  # fmt: skip


def on_own_lines(words: str) -> bytes:
    """What fills a gap with `words`. For a token that is itself and a SOFT_BREAK: no need to ask."""
    if _AS_IT_IS.fullmatch(words):
        return words.encode("ascii") + SOFT_BREAK
    return _open_ended(encode(words))


def _open_ended(encoded: bytes) -> bytes:
    """What follows begins a new line that the reader does not see."""
    return encoded + SOFT_BREAK if encoded and not encoded.endswith(b"\r\n") else encoded


def _line(code: bytes) -> bytes:
    """One coded line as one or more that are short enough; the bytes of a character stay together."""
    if code.endswith(_BLANKS):
        code = code[:-1] + _hex(code[-1:])
    if code.startswith(_CHANGED):
        code = _hex(code[:1]) + code[1:]
    return code if len(code) < MAX_LINE else SOFT_BREAK.join(_SHORT.findall(code))


def _hex(data: bytes) -> bytes:
    return f"={data.hex('=').upper()}".encode("ascii")


def _coded(found: re.Match[bytes]) -> bytes:
    return _hex(found[0])


def _beyond_ascii(error: UnicodeError) -> tuple[bytes, int]:
    """What Python's own encoder asks for: the bytes in the place of letters that ASCII has not."""
    assert isinstance(error, UnicodeEncodeError)
    return _letters(error.object[error.start : error.end]), error.end


@lru_cache(maxsize=4096)
def _letters(text: str) -> bytes:
    return _hex(text.encode())


_BEYOND_ASCII = "newsletter.quoted-printable"
codecs.register_error(_BEYOND_ASCII, _beyond_ascii)
_UNUSUAL = bytes(sorted({*range(32), 127} - set(b"\t\r\n")))
_UNPRINTED = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")
_CHANGED = (b".", b"From ")  # what relays and mailboxes change at a line's start: no line begins with them
_STARTS, _BLANKS = (b".", b"F"), (b" ", b"\t")
_MANY = 30
_DOTS = re.compile(rb"\.{%d,}" % _MANY)  # so many that no line could end between two other characters
_BETWEEN = rb"(?<!=)(?<!=.)(?!=[89AB])"  # two characters: no byte of 80 to BF begins one (RFC 3629)
_SHORT = re.compile(rb".{1,%d}%s(?!\.|From )" % (MAX_LINE - 1, _BETWEEN))
