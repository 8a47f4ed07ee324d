"""People's words in a header: a subject, a name (RFC 5322 §2.2.3, 2047). Pure.

Lines of at most 78 characters, encoded words of at most 75 that never split a character. The standard library's new
header classes write longer ones where plain and accented words mix, and mail programs show those as they stand.
"""

import re
from base64 import b64encode
from collections.abc import Iterator

FOLD = 78  # characters of a line, where it can be folded (RFC 5322 §2.1.1)
_SHORT_NAME = 30
_SHORT_ADDRESS = FOLD - len("To: ") - _SHORT_NAME - len(" <>")  # with such a name no line is too long
_LONGEST_NAME = 60  # characters that stay as they are in one line
_CAN_NOT_STAND = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ]+")
_SIMPLE = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")  # needs no look at each of its characters
_WORD = "=?utf-8?b?{}?="


def one_line(words: str) -> str:
    """Words for a header or a greeting: no control characters, nothing that turns their direction, single spaces.
    What joins the letters of a script or the parts of an emoji stays."""
    if _SIMPLE.fullmatch(words):
        return words
    return " ".join(_CAN_NOT_STAND.sub(" ", words).split())


def addressee(name: str, address: str) -> tuple[str, str]:
    """A reader's name as `one_line` makes it, and what `mailbox` makes of them for a To. Nearly all names are plain."""
    if _SIMPLE.fullmatch(name) and len(name) <= _SHORT_NAME and len(address) <= _SHORT_ADDRESS:
        return name, f"{name} <{address}>"
    return (line := one_line(name)), mailbox(line, address)


def subject(words: str) -> str:
    """The value of a Subject, folded."""
    words = one_line(words)
    if words.isascii() and "=?" not in words and all(len(word) < FOLD - len("Subject: ") for word in words.split()):
        return _folded(words, len("Subject: "))
    return _encoded(words, len("Subject: "))


def mailbox(name: str, address: str, used: int = len("To: ")) -> str:
    """`Name <address>` for a header, folded; `used` is the length of the header's own name. An address outside ASCII
    stands as it is (RFC 6532): an encoded word would be another address."""
    name = one_line(name)
    if not name:
        return address
    if name.isascii() and len(name) <= _LONGEST_NAME:
        words = name if _PLAIN_NAME.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    else:
        words = _encoded(name, used)
    last_line = len(words) - words.rfind("\n") - 1 if "\n" in words else used + len(words)
    fold = "\r\n" if last_line + len(address) + len(" <>") > FOLD else ""
    return f"{words}{fold} <{address}>"


def _folded(words: str, used: int) -> str:
    """Plain words, a new line before the one that would not fit."""
    out: list[str] = []
    room = FOLD - used
    for word in words.split():
        joint = "" if not out else " "
        if out and len(word) + 1 > room:
            joint, room = "\r\n ", FOLD
        out.append(joint + word)
        room -= len(joint.removeprefix("\r\n") + word)
    return "".join(out)


def _encoded(words: str, used: int) -> str:
    """Encoded words, one a line; decoders drop what stands between them (RFC 2047 §6.2)."""
    chunks = _chunks(words, [_room(FOLD - used), _room(FOLD - 1)])
    return "\r\n ".join(_WORD.format(b64encode(chunk).decode("ascii")) for chunk in chunks)


def _room(characters: int) -> int:
    """How many bytes an encoded word of so many characters holds; it may have 75 (RFC 2047 §2)."""
    return (min(characters, 75) - len(_WORD) + len("{}")) // 4 * 3


def _chunks(words: str, rooms: list[int]) -> Iterator[bytes]:
    """Whole characters in UTF-8, as many as there is room for: in the first line `rooms[0]` bytes, then `rooms[1]`."""
    first, others = rooms
    chunk, room = b"", first
    for character in words:
        code = character.encode()
        if len(chunk) + len(code) > room:
            yield chunk
            chunk, room = b"", others
        chunk += code
    yield chunk
