"""One line to a relay: its socket, the bytes that wait to go out, and the replies that have come in.

A line is opened by `dial` with blocking reads and writes; once it carries letters it never blocks: `push` and `pull` do
what can be done at once, and the caller waits for many lines together.
"""

import socket
import ssl
from contextlib import suppress
from time import monotonic

from newsletter.config import Relay
from newsletter.delivery.replies import Reply, Stage, parse, parse_burst, parse_line

# Seconds, at least (RFC 5321 §4.5.3.2). An early end after the final dot makes duplicates, hence ten minutes.
TIMEOUTS = {
    Stage.CONNECT: 60.0,
    Stage.BANNER: 300.0,
    Stage.EHLO: 300.0,
    Stage.STARTTLS: 120.0,
    Stage.AUTH: 120.0,
    Stage.MAIL: 300.0,
    Stage.RCPT: 300.0,
    Stage.DATA: 120.0,
    Stage.DOT: 600.0,
    Stage.RSET: 20.0,  # nothing is lost by asking on another line
}
QUIT_SECONDS = 2.0
STALE_SECONDS = 10.0  # of silence, after which a line is asked whether it is still there
MAX_REPLY_BYTES = 65_536
_A_LETTERS = 4  # replies: to the final dot of one letter, and to MAIL, RCPT and DATA of the next
CHUNK = 8192  # bytes read at once: the replies to a few commands
_NOTHING = memoryview(b"")
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Broken(Exception):
    """The connection broke, fell silent, or spoke no SMTP."""


class Line:
    """An open connection. `features` is what EHLO offered; `sent` counts the letters it has carried."""

    def __init__(self, plain: socket.socket, relay: Relay, timeouts: dict[Stage, float]) -> None:
        self.socket = plain
        self.relay, self.timeouts = relay, timeouts
        self.features: dict[str, str] = {}
        self.sent = 0
        self.last_lines: list[bytes] = []  # of the last reply, whole
        self.is_closing = False  # it broke, or the relay said 421
        self._last_used = monotonic()
        self._wears_at = self._last_used + relay.seconds_per_connection
        self._most_letters = relay.messages_per_connection
        self.unread = b""  # bytes that have come and that no reply was made of yet
        self._outgoing = _NOTHING

    @property
    def is_worn(self) -> bool:
        """Whether it has carried enough and a new one should take its place; each carries one letter at least."""
        if self.is_closing or not self.sent:
            return self.is_closing
        return self.sent >= self._most_letters or monotonic() > self._wears_at

    @property
    def is_stale(self) -> bool:
        """Whether it has been silent for so long that the relay, or a box on the way, may have forgotten it."""
        return monotonic() - self._last_used > STALE_SECONDS

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes of ours wait until the other side takes them."""
        return bool(self._outgoing)

    # --- waiting for it: while it is opened and closed ---------------------------------------------------------------

    def ask(self, command: bytes, stage: Stage) -> Reply:
        """Write, wait, read. Raises Broken or OSError."""
        self.socket.settimeout(self.timeouts[stage])
        if command:
            self.socket.sendall(command)
        while (reply := self.reply()) is None:
            self._pull()
        return reply

    def close(self) -> None:
        """Say QUIT, unless it is no use, and hang up; what the server thinks of it no longer matters."""
        with suppress(OSError, Broken):
            self.timeouts = self.timeouts | {Stage.RSET: QUIT_SECONDS}
            if not self.is_closing:
                self.ask(b"QUIT\r\n", Stage.RSET)
        self.socket.close()

    # --- not waiting: while it carries letters -----------------------------------------------------------------------

    def push(self, data: bytes = b"") -> bool:
        """Send `data` after what still waits to go out, as far as it goes at once. Returns whether that was all. Raises
        OSError."""
        if self._outgoing:
            data = bytes(self._outgoing) + data
        sent = 0
        try:
            sent = self.socket.send(data)
            while sent < len(data):
                sent += self.socket.send(memoryview(data)[sent:])
        except _NOT_NOW:
            pass
        self._outgoing = memoryview(data)[sent:] if sent < len(data) else _NOTHING
        return self._outgoing is _NOTHING

    def hear(self, most: int) -> list[Reply]:
        """Take in what has come, and return the next replies that are here whole, up to `most`; none after a 421 or
        what is no SMTP. Raises Broken or OSError."""
        self._pull()
        return (most == _A_LETTERS and self._usual()) or self._replies(most)

    def _pull(self) -> None:
        link = self.socket
        try:
            chunk = link.recv(CHUNK)
            while chunk and isinstance(link, ssl.SSLSocket) and link.pending():
                self.unread += chunk
                chunk = link.recv(CHUNK)
        except _NOT_NOW:
            return
        if not chunk:
            raise Broken("the connection was closed")
        self.unread = self.unread + chunk if self.unread else chunk

    def _replies(self, most: int) -> list[Reply]:
        found: list[Reply] = []
        while self.unread and len(found) < most and not self.is_closing:
            try:
                reply = self.reply()
            except Broken:
                if not found:
                    raise
                self.is_closing = True
                break
            if reply is None:
                break
            found.append(reply)
        return found

    def _usual(self) -> list[Reply]:
        """All that is here, if it is the answer to a letter and the beginning of the next: the first line has a number
        of its own, the others are always the same."""
        first, _, others = self.unread.partition(b"\n")
        same = parse_burst(others)
        if len(same) != _A_LETTERS - 1 or first[3:4] == b"-":
            return []
        try:
            reply = parse_line(first)
        except ValueError:
            return []
        if reply.code == 421:
            return []
        self.unread, self._last_used = b"", monotonic()
        return [reply, *same]

    def reply(self) -> Reply | None:
        """The next reply that is here whole; None if there is none. Raises Broken."""
        incoming = self.unread
        end = incoming.find(b"\n") + 1
        try:
            if end and incoming[3:4] != b"-":  # nearly all replies are one line
                self.last_lines = [incoming[:end].rstrip()]
                reply = parse_line(self.last_lines[0])
            elif found := _whole(incoming):
                self.last_lines, end = found
                reply = parse(self.last_lines)
            elif len(incoming) > MAX_REPLY_BYTES:
                raise Broken("a reply without end")
            else:
                return None
        except ValueError as error:
            raise Broken("it does not speak SMTP") from error
        self.unread = incoming[end:]
        self._last_used = monotonic()
        self.is_closing |= reply.code == 421
        return reply


def _whole(incoming: bytes) -> tuple[list[bytes], int] | None:
    """The lines of a reply of several, and how long it is; None if its last one has not come yet."""
    lines: list[bytes] = []
    start = 0
    while end := incoming.find(b"\n", start) + 1:
        lines.append(incoming[start:end].rstrip())
        if lines[-1][3:4] != b"-":
            return lines, end
        start = end
    return None
