"""Opening a line: connect, be greeted, make it safe, log in (RFC 5321, 3207, 8314, 4954).

Nothing but EHLO, STARTTLS and QUIT is said before the certificate has been checked, and a login is never said in the
clear. What the relay offered before TLS is forgotten after it.
"""

import socket
import ssl
from base64 import b64encode
from functools import lru_cache
from pathlib import Path

from newsletter.config import Relay
from newsletter.delivery.line import TIMEOUTS, Broken, Line
from newsletter.delivery.replies import Fate, Reply, Stage, fate
from newsletter.errors import ConfigError, RelayDown


def dial(relay: Relay, timeouts: dict[Stage, float] = TIMEOUTS) -> Line:
    """An open, greeted, secured and logged-in line. Raises RelayDown; its `stop` says that trying again by itself
    would do harm."""
    line = Line(_connected(relay, timeouts), relay, timeouts)
    try:
        if relay.security == "tls":
            _secure(line)
        _expect(line, Stage.BANNER, b"", 220)
        _introduce(line)
        if relay.security == "starttls":
            _start_tls(line)
        if relay.username:
            _log_in(line)
    except BaseException:
        line.close()
        raise
    line.socket.setblocking(False)
    return line


def _connected(relay: Relay, timeouts: dict[Stage, float]) -> socket.socket:
    try:
        plain = socket.create_connection((relay.host, relay.port), timeout=timeouts[Stage.CONNECT])
    except OSError as error:
        raise RelayDown(
            f"The relay {relay.host}:{relay.port} can't be reached: {error}. "
            f"Are host and port of {_table(relay)} right?"
        ) from error
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def _introduce(line: Line) -> None:
    """EHLO, and what it offers. A relay without EHLO is none of ours: submission needs it (RFC 6409)."""
    _expect(line, Stage.EHLO, f"EHLO {_our_name()}\r\n".encode(), 250)
    offers = (text[4:].decode("ascii", "replace").strip().partition(" ") for text in line.last_lines[1:])
    line.features = {word.upper(): rest for word, _, rest in offers}


def _start_tls(line: Line) -> None:
    relay = line.relay
    if "STARTTLS" not in line.features:
        raise RelayDown(
            f"The relay {relay.host} offers no STARTTLS, so nothing was sent. Ask its operator; "
            f'only where the relay is this machine itself, set security = "none" in {_table(relay)}.',
            stop=True,
        )
    _expect(line, Stage.STARTTLS, b"STARTTLS\r\n", 220)
    if line.unread:  # somebody on the way put words in the relay's mouth, to be believed after TLS
        raise RelayDown(f"The relay {relay.host} spoke out of turn before TLS; nothing was sent.", stop=True)
    _secure(line)
    _introduce(line)


def _secure(line: Line) -> None:
    """TLS 1.2 or better, chain and host name verified (RFC 8314, 7817)."""
    relay = line.relay
    line.socket.settimeout(line.timeouts[Stage.STARTTLS])
    try:
        line.socket = _context(relay.ca_file).wrap_socket(line.socket, server_hostname=relay.host)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "verify_message", "") or str(error)
        raise RelayDown(
            f"No safe connection to the relay {relay.host}: {reason}. Nothing was sent; host in {_table(relay)} must "
            "be the name in the relay's certificate, ca_file a private authority's.",
            stop=isinstance(error, ssl.SSLCertVerificationError),
        ) from error


@lru_cache(maxsize=16)  # reading the system's authorities takes longer than a handshake
def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _log_in(line: Line) -> None:
    """XOAUTH2 where the file wants it, else AUTH PLAIN, else LOGIN; config refuses a login without TLS."""
    relay = line.relay
    offered = line.features.get("AUTH", "").upper().split()
    try:
        user, secret = relay.username, relay.password
    except ConfigError as error:
        raise RelayDown(str(error), stop=True) from error
    if relay.auth == "xoauth2" and "XOAUTH2" in offered:
        words = f"user={user}\1auth=Bearer {secret}\1\1"
        _expect(line, Stage.AUTH, b"AUTH XOAUTH2 " + _coded(words), 235)
    elif relay.auth == "password" and "PLAIN" in offered:
        _expect(line, Stage.AUTH, b"AUTH PLAIN " + _coded(f"\0{user}\0{secret}"), 235)
    elif relay.auth == "password" and "LOGIN" in offered:
        _expect(line, Stage.AUTH, b"AUTH LOGIN\r\n", 334)
        _expect(line, Stage.AUTH, _coded(user), 334)
        _expect(line, Stage.AUTH, _coded(secret), 235)
    else:
        wanted = "XOAUTH2" if relay.auth == "xoauth2" else "PLAIN or LOGIN"
        raise RelayDown(f"The relay {relay.host} offers no login by {wanted}: set auth in {_table(relay)}.", stop=True)


def _expect(line: Line, stage: Stage, command: bytes, code: int) -> None:
    """Send and read; anything but `code` is RelayDown, in words that never hold what was sent."""
    try:
        reply = line.ask(command, stage)
        if stage is Stage.AUTH and reply.code == 334 and code == 235:  # XOAUTH2's way to say why not
            reply = line.ask(b"\r\n", stage)
    except (OSError, Broken) as error:
        line.is_closing = True
        raise RelayDown(f"The relay {line.relay.host} hung up or fell silent at {stage}: {error}.") from error
    if reply.code != code:
        raise _refused(line.relay, stage, reply)


def _refused(relay: Relay, stage: Stage, reply: Reply) -> RelayDown:
    hint = f" Check username and password of {_table(relay)}." if stage is Stage.AUTH else ""
    stop = fate(stage, reply) is Fate.STOPPED
    return RelayDown(f"The relay {relay.host} refuses us at {stage}: {reply}.{hint}", stop=stop)


def _coded(words: str) -> bytes:
    return b64encode(words.encode()) + b"\r\n"


def _table(relay: Relay) -> str:
    """Where in the file it stands."""
    return "[smtp]" if relay.known_as == "smtp" else f'the [[relays]] table "{relay.known_as}"'


def _our_name() -> str:
    """For EHLO: the host's full name, or its address in brackets where it has none (RFC 5321 §4.1.3)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
