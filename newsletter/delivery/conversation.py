"""The conversation on one line, letter after letter, without a socket: what to say, and what the replies mean.

Where the server offers PIPELINING, a letter costs one round trip: the final dot of one travels together with MAIL, RCPT
and DATA of the next (RFC 2920). Every reply is read and matched to its command.

It is a generator: it yields what it wants done and is sent the outcome.
    Ask     → the replies, fewer than stages where one said 421 or the connection broke or fell silent
    WANT    → the next letter as soon as there is one, or None
What it wants at once it asks its `Post` for. It returns a letter that it had taken and that was provably not handed
over, or None.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from newsletter.delivery.replies import Fate, Reply, Stage, fate


@dataclass(slots=True)
class Letter:
    """One message for one reader. `data` has CRLF line ends and ends with one; dots are stuffed here, at the wire.

    Looking at each byte takes longer than all else that is done with a letter here: who knows that there are none
    beyond ASCII, also in the addresses, and no line that begins with a dot, says so by `is_plain`.
    """

    id: int
    sender: str  # the envelope's
    recipient: str
    data: bytes
    is_plain: bool = False


class Answer:
    """What the relay said of one letter, and at which stage. `reply` is None where the connection broke."""

    __slots__ = ("fate", "id", "reply", "stage")

    def __init__(self, number: int, stage: Stage, reply: Reply | None) -> None:
        self.id, self.stage, self.reply = number, stage, reply
        self.fate = _ACCEPTED if reply and reply.code == 250 and stage is _AT_DOT else fate(stage, reply)  # nearly all


@dataclass(slots=True)
class Ask:
    """Send `data`, which may be nothing, and wait for a reply to each of `stages`. `dot` is the letter whose final dot
    is in it, if one is."""

    data: bytes
    stages: tuple[Stage, ...]
    dot: int | None = None


class Want:
    """Give me a letter when there is one."""


class Carrier(Protocol):
    """What a conversation must know of its line. `is_worn` is true also of one that broke or is closing (421)."""

    features: dict[str, str]
    sent: int

    @property
    def is_worn(self) -> bool:
        """Whether a new one should take its place."""

    @property
    def is_stale(self) -> bool:
        """Whether it has to be asked first if it is still there."""


class Post(Protocol):
    """Where letters come from and answers go to."""

    def take(self) -> Letter | None:
        """A letter that is at hand."""

    def keep(self, answer: Answer) -> None:
        """What became of one."""


Conversation = Generator[Ask | Want, Any, Letter | None]

WANT = Want()
_MAIL, _RCPT, _AT_DOT = Stage.MAIL, Stage.RCPT, Stage.DOT  # by a member's own name it is found slowly
_ACCEPTED = Fate.ACCEPTED
_OPENING = (_MAIL, _RCPT, Stage.DATA)
_PRINTED = bytes(set(range(33, 127)) - set(b"<>"))  # what may stand in an ASCII address
_DOT = (_AT_DOT,)
_DOT_AND_OPENING = (_AT_DOT, *_OPENING)
_RSET = Ask(b"RSET\r\n", (Stage.RSET,))
_NOBODY = Ask(b".\r\n", (Stage.DATA,))  # the empty text


def converse(line: Carrier, post: Post) -> Conversation:
    """Hand letters over until there is none, or the line is worn."""
    offer = Offer.of(line.features)
    is_pipelined = offer.pipelining
    letter: Letter | None = None
    opening = b""  # its MAIL, RCPT and DATA
    replies: Sequence[Reply] = ()  # to its MAIL, RCPT and DATA
    while letter or not line.is_worn:
        if letter is None:
            letter, opening = yield from _next(offer, post)
            if letter is None or (line.is_stale and not _is_alive((yield _RSET))):
                return letter
            replies = yield from _open(opening, is_pipelined)
        if not _is_welcome(replies):
            refusal = _refusal(replies)
            post.keep(Answer(letter.id, *refusal))
            yield from _tidy_up(refusal[0], replies, is_pipelined)
            letter = None
            continue
        line.sent += 1
        following, opening = _at_hand(offer, post) if is_pipelined and not line.is_worn else _NONE
        text = letter.data if letter.is_plain else _stuffed(letter.data)
        stages = _DOT_AND_OPENING if following else _DOT
        replies = yield Ask(b"".join((text, b".\r\n", opening)), stages, letter.id)
        final = replies[0] if replies else None
        post.keep(Answer(letter.id, _AT_DOT, final))
        if final is None or final.code == 421:
            return following
        letter, replies = following, replies[1:]
    return None


_Found = tuple[Letter | None, bytes]  # a letter and its opening, if there is one
_NONE: _Found = None, b""


def _next(offer: "Offer", post: Post) -> Generator[Want, Letter | None, _Found]:
    """The next letter that this relay may take at all, when there is one; the others are answered here."""
    found = _at_hand(offer, post)
    while found[0] is None:
        letter = yield WANT
        if letter is None:
            return _NONE
        found = _at_hand(offer, post, letter)
    return found


def _at_hand(offer: "Offer", post: Post, letter: Letter | None = None) -> _Found:
    """The same, if it is at hand; `letter` is looked at first."""
    while letter := letter or post.take():
        opening = offer.opening(letter)
        if isinstance(opening, bytes):
            return letter, opening
        post.keep(opening)
        letter = None
    return _NONE


def _open(commands: bytes, is_pipelined: bool) -> Generator[Ask, list[Reply], list[Reply]]:
    """MAIL, RCPT, DATA: in one go, or each when the one before has a good reply. Returns the replies."""
    if is_pipelined:
        return (yield Ask(commands, _OPENING))
    replies: list[Reply] = []
    for command, stage in zip(commands.splitlines(keepends=True), _OPENING, strict=True):
        heard = yield Ask(command, (stage,))
        replies += heard
        if not heard or not _is_good(heard[0], stage):
            break
    return replies


def _is_welcome(replies: Sequence[Reply]) -> bool:
    """Whether the text may follow upon these replies to MAIL, RCPT and DATA."""
    if len(replies) != len(_OPENING):
        return False
    mail, rcpt, data = replies
    return mail.code < 300 and rcpt.code < 300 and data.code // 100 == 3


def _refusal(replies: Sequence[Reply]) -> tuple[Stage, Reply | None]:
    """What is wrong with replies that are no welcome: the first bad one, or that there is none."""
    for stage, reply in zip(_OPENING, replies, strict=False):
        if not _is_good(reply, stage):
            return stage, reply
    return _OPENING[len(replies)], None


def _tidy_up(refused: Stage, replies: Sequence[Reply], is_pipelined: bool) -> Generator[Ask, list[Reply], None]:
    """After a refusal: make the line ready for the next letter, if it is still there."""
    last = replies[-1].code if replies else 421
    if is_pipelined and last == 354:  # it takes a text for nobody: give it an empty one (RFC 2920 §3.1)
        yield _NOBODY
    elif not is_pipelined and last != 421 and len(replies) > _OPENING.index(refused) > 0:
        yield _RSET


def _is_alive(replies: Sequence[Reply]) -> bool:
    """Whether RSET was answered as it should be."""
    return bool(replies) and _is_good(replies[0], Stage.RSET)


def _is_good(reply: Reply, stage: Stage) -> bool:
    """2yz: done; to DATA 3yz: go on, the text may follow."""
    return reply.code // 100 == (3 if stage is Stage.DATA else 2)


@dataclass(frozen=True)
class Offer:
    """What the server has offered to hear (RFC 1870, 2920, 6152, 6531), and what we say to it."""

    pipelining: bool
    size: bool
    most_bytes: int  # of a message; a very large number if it has not said
    eight_bit: bool
    utf8: bool

    @classmethod
    def of(cls, features: Mapping[str, str]) -> "Offer":
        """From the lines of its EHLO."""
        limit = features.get("SIZE", "")
        most_bytes = int(limit) if limit.isdigit() else 0  # which also says nothing (RFC 1870 §4)
        return cls(
            "PIPELINING" in features, "SIZE" in features, most_bytes or 2**63,
            "8BITMIME" in features, "SMTPUTF8" in features,
        )  # fmt: skip

    def opening(self, letter: Letter) -> bytes | Answer:
        """MAIL, RCPT, DATA: a line each. Or what need not be tried: an address that would break out of its command, and
        what this server can't take."""
        size = len(letter.data)
        extra = f" SIZE={size}" if self.size else ""
        if not letter.is_plain:
            if not letter.data.isascii():
                extra += " BODY=8BITMIME"
            if not (letter.recipient.isascii() and letter.sender.isascii()):
                extra += " SMTPUTF8"
        opening = f"MAIL FROM:<{letter.sender}>{extra}\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode()
        if opening.translate(None, _PRINTED) == self._bones and letter.is_plain and size <= self.most_bytes:
            return opening  # nearly always
        return self._refusal(letter) or opening

    @cached_property
    def _bones(self) -> bytes:
        """What is left of an opening without all that an address may hold: one with more would break out of it."""
        usual = (
            b"MAIL FROM:<> SIZE=\r\nRCPT TO:<>\r\nDATA\r\n" if self.size else b"MAIL FROM:<>\r\nRCPT TO:<>\r\nDATA\r\n"
        )
        return usual.translate(None, _PRINTED)

    def _refusal(self, letter: Letter) -> Answer | None:
        for stage, address in ((_MAIL, letter.sender), (_RCPT, letter.recipient)):
            if not address.isprintable() or " " in address or "<" in address or ">" in address:
                # its owner has parsed it long ago; this is the last door
                return Answer(letter.id, stage, Reply(553, "5.1.3", "an address that would break out of its command"))
            if not (self.utf8 or address.isascii()):
                return Answer(letter.id, stage, Reply(553, "5.6.7", "the relay takes no addresses beyond ASCII"))
        if self.most_bytes < len(letter.data):
            words = f"the message has {len(letter.data)} bytes, the relay takes {self.most_bytes}"
            return Answer(letter.id, _MAIL, Reply(552, "5.3.4", words))
        if not (self.eight_bit or letter.is_plain or letter.data.isascii()):
            return Answer(letter.id, _MAIL, Reply(554, "5.6.3", "the relay takes no bytes beyond ASCII"))
        return None


def _stuffed(data: bytes) -> bytes:
    """A dot before each line that begins with one (RFC 5321 §4.5.2)."""
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return b"." + data if data.startswith(b".") else data
