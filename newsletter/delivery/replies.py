"""What a relay's reply means: one table from stage and reply to what becomes of the delivery. Pure.

Permanent or temporary is decided here and nowhere else. The first digit decides, then the stage (RFC 5321 §4.2);
the words are for people. `None` in place of a reply is a connection that broke or fell silent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache


class Stage(StrEnum):
    """How far a conversation had come."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "final dot"
    RSET = "RSET"  # between letters: is an idle connection still good?


class Fate(StrEnum):
    """What becomes of a delivery."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # this message was refused for now: it is tried again later
    FAILED = "failed"  # this message was refused for good
    RELEASED = "released"  # nothing was said about this message: it goes back into the queue, the relay is given a rest
    STOPPED = "stopped"  # the relay refuses us, not the reader: back into the queue, and the run stops
    UNCERTAIN = "uncertain"  # the final dot was on the wire and no reply came (RFC 1047)


@dataclass(frozen=True)
class Reply:
    """One SMTP reply: `status` is the enhanced code at its start (RFC 2034) or ""; `text` its lines, joined."""

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.status, self.text) if part)

    @cached_property
    def written(self) -> str:
        """As the journal has it: always three parts."""
        return f"{self.code} {self.status or '-'} {self.text}"


MAX_WORDS = 500  # characters of a reply that are kept
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


def parse(lines: Sequence[bytes]) -> Reply:
    """A reply out of its raw lines. Raises ValueError if they are none (RFC 5321 §4.2)."""
    if len(lines) == 1:
        return parse_line(lines[0])
    if any(line[:3] != lines[0][:3] for line in lines):
        raise ValueError("not an SMTP reply")
    first, *others = (parse_line(line) for line in lines)
    texts = [first.text, *(line.text for line in others)]
    return Reply(first.code, first.status, " ".join(texts)[:MAX_WORDS].strip())


@lru_cache(maxsize=128)  # "250 2.1.5 Ok" comes three times a message
def parse_line(line: bytes) -> Reply:
    """A reply of one line, or one line of several. Raises ValueError."""
    code = int(line[:3])
    if not 200 <= code <= 599 or line[3:4] not in b" -":
        raise ValueError("not an SMTP reply")
    text = _printable(line[4:].rstrip())
    found = _ENHANCED.match(text)
    status = found[1] if found and found[1][0] == str(code)[0] else ""
    return Reply(code, status, text.removeprefix(status).strip()[:MAX_WORDS])


@lru_cache(maxsize=128)
def parse_burst(raw: bytes) -> tuple[Reply, ...]:
    """Several replies of one line each; () if `raw` is anything else, or one of them closes the line."""
    lines = raw.splitlines()
    if not raw.endswith(b"\n") or any(line[3:4] == b"-" for line in lines):
        return ()
    try:
        found = tuple(parse_line(line.rstrip()) for line in lines)
    except ValueError:
        return ()
    return () if any(reply.code == 421 for reply in found) else found


def fate(stage: Stage, reply: Reply | None) -> Fate:
    """The table. Unknown replies count as temporary; a retry has an end elsewhere."""
    if reply is None:
        return Fate.UNCERTAIN if stage is Stage.DOT else Fate.RELEASED
    kind = reply.code // 100
    if kind == 2 and stage is _DOT:
        return _ACCEPTED
    if stage in _BEFORE_THE_MESSAGE:
        return Fate.STOPPED if kind == 5 else Fate.RELEASED
    if stage is Stage.MAIL:  # the sender, not the reader, is refused; 552 there is our size (RFC 1870)
        return Fate.STOPPED if kind == 5 else Fate.RELEASED
    if stage is Stage.RCPT and reply.code == 552:
        return Fate.DEFERRED  # "too many recipients" of old servers (RFC 5321 §4.5.3.1.10)
    if kind == 5:
        return Fate.FAILED
    if reply.code == 421 and stage is not Stage.DOT:
        return Fate.RELEASED  # the server is closing: it says nothing of this reader
    return Fate.DEFERRED


_DOT, _ACCEPTED = Stage.DOT, Fate.ACCEPTED  # asked for with each message: the name of a member is looked up slowly
_BEFORE_THE_MESSAGE = (Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
