"""SMTP with kept, pipelined connections (RFC 5321, 2920).

Where the server offers PIPELINING, a message costs one round trip: the final dot of one message travels together with
MAIL, RCPT and DATA of the next. Every reply is read and matched to its command. `before_dot` is called just before a
final dot goes out, so that its caller can write down which delivery a crash would leave uncertain.

The standard library's client can't tell "not sent" from "may have been sent" when a connection breaks; here the stage
is always known.
"""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from newsletter.config import Smtp
from newsletter.delivery.replies import Fate, Reply, Stage, fate, parse
from newsletter.errors import GiveUp, RelayDown, TryLater

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
}
MAX_REPLY_BYTES = 65_536
MAX_MESSAGES = 1000  # on one connection, then a new one
MAX_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for one reader. `data` has CRLF line ends and ends with one; dots are stuffed here, at the wire."""

    id: int
    sender: str  # the envelope's
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay said of one letter, and at which stage. `reply` is None where the connection broke."""

    id: int
    stage: Stage
    reply: Reply | None

    @property
    def fate(self) -> Fate:
        return fate(self.stage, self.reply)


class Broken(Exception):
    """The connection broke, fell silent, or spoke no SMTP."""


class Connection:
    """One open, greeted, secured and logged-in connection. Not for several threads at once."""

    def __init__(self, smtp: Smtp, timeouts: dict[Stage, float] = TIMEOUTS) -> None:
        """Open it. Raises RelayDown; its `stop` says that trying again by itself would do harm."""
        self._smtp, self._timeouts = smtp, timeouts
        self._buffer = bytearray()
        self._last_lines: list[bytes] = []
        self._opened = monotonic()
        self._sent = 0
        self._is_broken = False
        self.features: dict[str, str] = {}
        self._socket = self._connect()
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_worn(self) -> bool:
        """Whether it has carried enough and a new one should take its place."""
        return self._sent >= MAX_MESSAGES or monotonic() - self._opened > MAX_SECONDS

    def send(self, letters: Iterable[Letter], before_dot: Callable[[int], None]) -> Iterator[Answer]:
        """Hand the letters over, one answer each, in their order. After an answer without a reply, and after a 421,
        the connection is of no more use and the iterator ends: letters without an answer were not handed over."""
        pipelined = "PIPELINING" in self.features
        coming = iter(letters)
        letter = next(coming, None)
        opened = False  # whether this letter's MAIL, RCPT and DATA are on the wire already
        while letter is not None:
            if (refusal := self._hopeless(letter)) is not None:
                yield refusal
                letter = next(coming, None)
                continue
            stage, reply = self._open_letter(letter, already=opened, pipelined=pipelined)
            opened = False
            if reply is None or reply.code != 354:
                yield Answer(letter.id, stage, reply)
                if reply is None or reply.code == 421:
                    return
                letter = next(coming, None)
                continue
            following = next(coming, None) if pipelined else None
            group = self._commands(following) if following and not self._hopeless(following) else b""
            before_dot(letter.id)
            final = self._final_dot(letter, group)
            self._sent += 1
            yield Answer(letter.id, Stage.DOT, final)
            if final is None or final.code == 421:
                return
            opened = bool(group)
            letter = following if pipelined else next(coming, None)

    def close(self) -> None:
        """Say QUIT and hang up; what the server thinks of it no longer matters."""
        if not self._is_broken:
            with suppress(OSError, Broken):
                self._socket.settimeout(2.0)
                self._socket.sendall(b"QUIT\r\n")
                self._read_reply()
        self._socket.close()

    # --- a letter ---------------------------------------------------------------------------------------------------

    def _commands(self, letter: Letter) -> bytes:
        return self._mail(letter) + self._rcpt(letter) + b"DATA\r\n"

    def _mail(self, letter: Letter) -> bytes:
        extra = f" SIZE={len(letter.data)}" if "SIZE" in self.features else ""
        extra += "" if letter.recipient.isascii() else " SMTPUTF8"
        return f"MAIL FROM:<{_checked(letter.sender)}>{extra}\r\n".encode()

    def _rcpt(self, letter: Letter) -> bytes:
        return f"RCPT TO:<{_checked(letter.recipient)}>\r\n".encode()

    def _open_letter(self, letter: Letter, *, already: bool, pipelined: bool) -> tuple[Stage, Reply | None]:
        """MAIL, RCPT, DATA. Returns (DATA, 354) when the text may follow, else the first refusal."""
        stage, first = Stage.MAIL, None
        try:
            if pipelined and not already:
                self._write(self._commands(letter), stage)
            for stage, command in (
                (Stage.MAIL, self._mail(letter)),
                (Stage.RCPT, self._rcpt(letter)),
                (Stage.DATA, b"DATA\r\n"),
            ):
                if not pipelined:
                    self._write(command, stage)
                reply = self._read(stage)
                good = reply.code == 354 if stage is Stage.DATA else reply.code // 100 == 2
                if not good and first is None:
                    first = (stage, reply)
                    if not pipelined or reply.code == 421:
                        break
            if first is None:
                return Stage.DATA, reply
            if pipelined and reply.code == 354:  # it takes a text for nobody: give it an empty one (RFC 2920 §3.1)
                self._write(b".\r\n", Stage.DATA)
                self._read(Stage.DOT)
            elif not pipelined and first[1].code != 421 and first[0] is not Stage.MAIL:
                self._write(b"RSET\r\n", Stage.MAIL)
                self._read(Stage.MAIL)
        except (OSError, Broken):
            self._is_broken = True
            return first or (stage, None)
        return first

    def _final_dot(self, letter: Letter, group: bytes) -> Reply | None:
        """The text, its final dot, and the next letter's commands in one go. Returns the reply to the dot."""
        data = letter.data
        if data.startswith(b".") or b"\r\n." in data:
            data = (b"." if data.startswith(b".") else b"") + data.replace(b"\r\n.", b"\r\n..")
        try:
            self._write(b"".join((data, b".\r\n", group)), Stage.DOT)
            return self._read(Stage.DOT)
        except (OSError, Broken):
            self._is_broken = True
            return None

    def _hopeless(self, letter: Letter) -> Answer | None:
        """What need not be tried: too large for this server, or an address that it can't take (RFC 1870, 6531)."""
        limit = self.features.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < len(letter.data):
            words = f"the message has {len(letter.data)} bytes, the relay takes {limit}"
            return Answer(letter.id, Stage.MAIL, Reply(552, "5.3.4", words))
        if not letter.recipient.isascii() and "SMTPUTF8" not in self.features:
            return Answer(letter.id, Stage.RCPT, Reply(553, "5.6.7", "the relay takes no addresses beyond ASCII"))
        return None

    # --- opening ----------------------------------------------------------------------------------------------------

    def _connect(self) -> socket.socket:
        host, port = self._smtp.host, self._smtp.port
        try:
            plain = socket.create_connection((host, port), timeout=self._timeouts[Stage.CONNECT])
        except OSError as error:
            raise RelayDown(
                f"The relay {host}:{port} can't be reached: {error}. Is [smtp] host and port right?"
            ) from error
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._secured(plain) if self._smtp.security == "tls" else plain

    def _secured(self, plain: socket.socket) -> ssl.SSLSocket:
        """TLS 1.2 or better, chain and host name verified (RFC 8314, 7817)."""
        context = ssl.create_default_context(cafile=str(self._smtp.ca_file) if self._smtp.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        plain.settimeout(self._timeouts[Stage.STARTTLS])
        try:
            return context.wrap_socket(plain, server_hostname=self._smtp.host)
        except (ssl.SSLError, OSError) as error:
            plain.close()
            reason = getattr(error, "verify_message", "") or str(error)
            raise RelayDown(
                f"No safe connection to the relay {self._smtp.host}: {reason}. Nothing was sent; "
                "[smtp] host must be the name in the relay's certificate, ca_file a private authority's.",
                stop=isinstance(error, ssl.SSLCertVerificationError),
            ) from error

    def _greet(self) -> None:
        self._expect(Stage.BANNER, None, 220)
        self._ehlo()
        if self._smtp.security == "starttls":
            if "STARTTLS" not in self.features:
                raise RelayDown(
                    f"The relay {self._smtp.host} offers no STARTTLS, so nothing was sent. Ask its operator; "
                    'only where the relay is this machine itself, set [smtp] security = "none".',
                    stop=True,
                )
            self._expect(Stage.STARTTLS, b"STARTTLS\r\n", 220)
            if self._buffer:
                raise RelayDown(
                    f"The relay {self._smtp.host} spoke out of turn before TLS; nothing was sent.", stop=True
                )
            self._socket = self._secured(self._socket)
            self._ehlo()  # what was said before TLS is forgotten (RFC 3207 §4.2)
        if self._smtp.username:
            self._log_in()

    def _ehlo(self) -> None:
        self._expect(Stage.EHLO, f"EHLO {_our_name()}\r\n".encode(), 250)
        self.features = {}
        for line in self._last_lines[1:]:
            word, _, rest = line[4:].decode("ascii", "replace").strip().partition(" ")
            self.features[word.upper()] = rest

    def _log_in(self) -> None:
        """AUTH PLAIN, else LOGIN, never without TLS (config refuses that)."""
        offered = self.features.get("AUTH", "").upper().split()
        user, password = self._smtp.username, self._smtp.password
        if "PLAIN" in offered:
            self._expect(Stage.AUTH, b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n", 235)
        elif "LOGIN" in offered:
            self._expect(Stage.AUTH, b"AUTH LOGIN\r\n", 334)
            self._expect(Stage.AUTH, b64encode(user.encode()) + b"\r\n", 334)
            self._expect(Stage.AUTH, b64encode(password.encode()) + b"\r\n", 235)
        else:
            raise RelayDown(f"The relay {self._smtp.host} offers no login that we speak (PLAIN, LOGIN).", stop=True)

    def _expect(self, stage: Stage, command: bytes | None, code: int) -> Reply:
        """Send and read; anything but `code` is RelayDown, in words that never hold what was sent."""
        try:
            if command is not None:
                self._write(command, stage)
            reply = self._read(stage)
        except (OSError, Broken) as error:
            raise RelayDown(f"The relay {self._smtp.host} hung up or fell silent at {stage}: {error}.") from error
        if reply.code == code:
            return reply
        hint = " Check [smtp] username and NEWSLETTER_SMTP_PASSWORD." if stage is Stage.AUTH else ""
        stop = fate(stage, reply) is Fate.STOPPED
        raise RelayDown(f"The relay {self._smtp.host} refuses us at {stage}: {reply}.{hint}", stop=stop)

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes, stage: Stage) -> None:
        self._socket.settimeout(self._timeouts[stage])
        self._socket.sendall(data)

    def _read(self, stage: Stage) -> Reply:
        self._socket.settimeout(self._timeouts[stage])
        return self._read_reply()

    def _read_reply(self) -> Reply:
        lines: list[bytes] = []
        while True:
            lines.append(self._read_line())
            if len(lines[-1]) < 4 or lines[-1][3:4] != b"-":
                break
            if sum(map(len, lines)) > MAX_REPLY_BYTES:
                raise Broken("a reply without end")
        self._last_lines = lines
        try:
            return parse(lines)
        except ValueError as error:
            raise Broken("it does not speak SMTP") from error

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_REPLY_BYTES:
                raise Broken("a reply without end")
            chunk = self._socket.recv(65_536)
            if not chunk:
                raise Broken("the connection was closed")
            self._buffer += chunk
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line


def hand_over(smtp: Smtp, envelope_from: str, recipient: str, data: bytes) -> str:
    """Send one message on a connection of its own and return the relay's words. For notices and tests, not for issues.

    `data` has CRLF line ends. Raises RelayDown, TryLater or GiveUp; a connection that broke after the final dot is
    TryLater too: a notice twice is better than none.
    """
    connection = Connection(smtp)
    try:
        answer = next(connection.send([Letter(0, envelope_from, recipient, data)], lambda _id: None))
    finally:
        connection.close()
    if answer.reply is None:
        raise TryLater(451, "4.4.2", f"the connection broke at {answer.stage}")
    if answer.fate is Fate.ACCEPTED:
        return str(answer.reply)
    kind = GiveUp if answer.reply.code // 100 == 5 else TryLater
    raise kind(answer.reply.code, answer.reply.status, answer.reply.text)


def _checked(address: str) -> str:
    """The address itself: nothing in it may end the command early. Its owner has parsed it long ago."""
    if any(c in address for c in "\r\n\0 <>"):
        raise ValueError("an address that would break out of its SMTP command")
    return address


def _our_name() -> str:
    """For EHLO: the host's full name, or its address in brackets where it has none (RFC 5321 §4.1.3)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
