"""Quoted-printable as RFC 2045 §6.7 has it, by an encoder that knows words it must not break. Pure.

The standard library's encoder breaks a line wherever it is full, also in the middle of a mark that is to be exchanged
for a reader's token later. This one never does, and never writes more than 76 characters a line. It also keeps the
bytes of one character together, and hides a dot or "From " at a line's start, which relays and mailboxes treat.
"""

import re

MAX_LINE = 76  # with the "=" of a soft line break, without CRLF


def encode(text: str, unbreakable: tuple[str, ...] = ()) -> bytes:
    """`text` as quoted-printable UTF-8 with CRLF line ends, ending with one. `unbreakable` are plain ASCII words of
    at most 75 characters."""
    pattern = re.compile("|".join(map(re.escape, unbreakable)) + "|." if unbreakable else ".", re.DOTALL)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return "".join(_line(pattern.findall(line)) for line in lines).encode("ascii")


def _line(pieces: list[str]) -> str:
    """One line of text as one or more encoded lines."""
    out: list[str] = []
    room = MAX_LINE - 1
    last = len(pieces) - 1
    begins = True
    for position, piece in enumerate(pieces):
        code = _at_start(piece, pieces[position : position + 5]) if begins else None
        code = code or (_at_end(piece) if position == last else None) or _CODES.get(piece) or _bytes(piece)
        if len(code) > room:
            out.append("=\r\n")
            room = MAX_LINE - 1
            code = _at_start(piece, pieces[position : position + 5]) or code
        out.append(code)
        room -= len(code)
        begins = False
    out.append("\r\n")
    return "".join(out)


def _at_start(piece: str, ahead: list[str]) -> str | None:
    if piece == ".":
        return "=2E"
    return "=46" if ahead == list("From ") else None


def _at_end(piece: str) -> str | None:
    return _bytes(piece) if piece in " \t" else None


def _bytes(piece: str) -> str:
    if len(piece) > 1:
        return piece  # an unbreakable word
    return "".join(f"={byte:02X}" for byte in piece.encode())


_CODES = {chr(c): chr(c) for c in (*range(33, 61), *range(62, 127), 32, 9)}
