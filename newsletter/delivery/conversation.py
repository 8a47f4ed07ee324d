"""The conversation on one line, letter after letter, without a socket: what to say, and what the replies mean.

Where the server offers PIPELINING, a letter costs one round trip: the final dot of one travels together with MAIL, RCPT
and DATA of the next (RFC 2920). Every reply is read and matched to its command. `before_dot` is called just before a
final dot goes out, so that its caller can write down which delivery a crash would leave uncertain.

It is a generator: it yields what it wants done and is sent the outcome.
    Ask     → the reply, or None where the connection broke or fell silent
    Want    → the next letter, or None
    Answer  → nothing; what became of a letter
It returns a letter that it had taken and that was provably not handed over, or None.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from newsletter.delivery.replies import Fate, Reply, Stage, fate


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for one reader. `data` has CRLF line ends and ends with one; dots are stuffed here, at the wire.

    Looking for dots takes longer than all else that is done with a letter here: who knows that no line begins with one
    says so by `has_dots`.
    """

    id: int
    sender: str  # the envelope's
    recipient: str
    data: bytes
    has_dots: bool = True  # perhaps


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay said of one letter, and at which stage. `reply` is None where the connection broke."""

    id: int
    stage: Stage
    reply: Reply | None

    @property
    def fate(self) -> Fate:
        return fate(self.stage, self.reply)


@dataclass(frozen=True, slots=True)
class Ask:
    """Send `data`, which may be nothing, and wait for one reply."""

    data: bytes
    stage: Stage


@dataclass(frozen=True, slots=True)
class Want:
    """Give me a letter: when there is one, or only if one is at hand."""

    waits: bool


class Carrier(Protocol):
    """What a conversation must know of its line. `is_worn` is true also of one that broke or is closing (421)."""

    features: dict[str, str]
    sent: int

    @property
    def is_worn(self) -> bool: ...
    @property
    def is_stale(self) -> bool: ...


Step = Ask | Want | Answer
Conversation = Generator[Step, Any, Letter | None]

_NEXT, _AT_HAND = Want(waits=True), Want(waits=False)
_RSET = Ask(b"RSET\r\n", Stage.RSET)
_NOBODY = Ask(b".\r\n", Stage.DATA)  # the empty text
_OPENING = (Stage.MAIL, Stage.RCPT, Stage.DATA)
_ON_THE_WIRE = tuple(Ask(b"", stage) for stage in _OPENING)


def converse(line: Carrier, before_dot: Callable[[int], None]) -> Conversation:
    """Hand letters over until there is none, or the line is worn."""
    is_pipelined = "PIPELINING" in line.features
    following: Letter | None = None  # its MAIL, RCPT and DATA are on the wire
    while following or not line.is_worn:
        letter = following or (yield from _next(line, _NEXT))
        if letter is None:
            return None
        if following is None and line.is_stale and not _is_good((yield _RSET), 2):
            return letter
        stage, reply = yield from _open(_ON_THE_WIRE if following else _asks(letter, line, is_pipelined), is_pipelined)
        following = None
        if not _is_good(reply, 3):
            yield Answer(letter.id, stage, reply)
            continue
        line.sent += 1
        if is_pipelined and not line.is_worn:
            following = yield from _next(line, _AT_HAND)
        before_dot(letter.id)
        text = _stuffed(letter.data) if letter.has_dots else letter.data
        group = b"".join(_commands(following, line)) if following else b""
        final = yield Ask(b"".join((text, b".\r\n", group)), Stage.DOT)
        yield Answer(letter.id, Stage.DOT, final)
        if final is None or final.code == 421:
            return following
    return None


def _next(line: Carrier, want: Want) -> Generator[Step, Any, Letter | None]:
    """The next letter that this relay may take at all; the others are answered here."""
    letter: Letter | None = yield want
    while letter is not None and (refusal := _hopeless(letter, line.features)):
        yield refusal
        letter = yield want
    return letter


def _asks(letter: Letter, line: Carrier, is_pipelined: bool) -> Sequence[Ask]:
    """MAIL, RCPT, DATA: in one go, or each when the one before has its reply."""
    commands = _commands(letter, line)
    if is_pipelined:
        return (Ask(b"".join(commands), Stage.MAIL), *_ON_THE_WIRE[1:])
    return [Ask(command, stage) for command, stage in zip(commands, _OPENING, strict=True)]


def _open(asks: Sequence[Ask], is_pipelined: bool) -> Generator[Step, Any, tuple[Stage, Reply | None]]:
    """Returns (DATA, 354) when the text may follow, else the first refusal."""
    refusal: tuple[Stage, Reply | None] | None = None
    for ask in asks:
        answered: Reply | None = yield ask
        if answered is None:
            return refusal or (ask.stage, None)
        reply = answered
        if refusal is None and not _is_good(reply, 3 if ask.stage is Stage.DATA else 2):
            refusal = (ask.stage, reply)
            if not is_pipelined or reply.code == 421:
                break
    if refusal is None:
        return Stage.DATA, reply
    if is_pipelined and reply.code == 354:  # it takes a text for nobody: give it an empty one (RFC 2920 §3.1)
        yield _NOBODY
    elif not is_pipelined and reply.code != 421 and refusal[0] is not Stage.MAIL:
        yield _RSET
    return refusal


def _commands(letter: Letter, line: Carrier) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT, DATA, with what the server has offered to hear (RFC 1870, 6152, 6531)."""
    extra = f" SIZE={len(letter.data)}" if "SIZE" in line.features else ""
    if not letter.data.isascii():
        extra += " BODY=8BITMIME"
    if not (letter.recipient.isascii() and letter.sender.isascii()):
        extra += " SMTPUTF8"
    return (
        f"MAIL FROM:<{letter.sender}>{extra}\r\n".encode(),
        f"RCPT TO:<{letter.recipient}>\r\n".encode(),
        b"DATA\r\n",
    )


def _hopeless(letter: Letter, features: Mapping[str, str]) -> Answer | None:
    """What need not be tried: too large for this server, or nothing that it can take."""
    for stage, address in ((Stage.MAIL, letter.sender), (Stage.RCPT, letter.recipient)):
        if not _UNBREAKABLE.fullmatch(address):  # its owner has parsed it long ago; this is the last door
            return Answer(letter.id, stage, Reply(553, "5.1.3", "an address that would break out of its command"))
        if not address.isascii() and "SMTPUTF8" not in features:
            return Answer(letter.id, stage, Reply(553, "5.6.7", "the relay takes no addresses beyond ASCII"))
    limit = features.get("SIZE", "")
    if limit.isdigit() and 0 < int(limit) < len(letter.data):
        words = f"the message has {len(letter.data)} bytes, the relay takes {limit}"
        return Answer(letter.id, Stage.MAIL, Reply(552, "5.3.4", words))
    if not letter.data.isascii() and "8BITMIME" not in features:
        return Answer(letter.id, Stage.MAIL, Reply(554, "5.6.3", "the relay takes no bytes beyond ASCII"))
    return None


_UNBREAKABLE = re.compile(r"[^\r\n\0 <>]*")


def _is_good(reply: Reply | None, kind: int) -> bool:
    """2yz: done; 3yz: go on (354, the text may follow)."""
    return reply is not None and reply.code // 100 == kind


def _stuffed(data: bytes) -> bytes:
    """A dot before each line that begins with one (RFC 5321 §4.5.2)."""
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return b"." + data if data.startswith(b".") else data
