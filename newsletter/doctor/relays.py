"""Who takes our mail: connection, TLS, login, and whether the relay lets us send. And the mailbox of leavings."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from newsletter.config import Config, Relay
from newsletter.delivery.dial import dial
from newsletter.delivery.line import Broken, Line
from newsletter.delivery.relays import all_of
from newsletter.delivery.replies import Stage
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.errors import ConfigError, MailboxDown, RelayDown
from newsletter.tracking import mailboxes

PATIENCE = dict.fromkeys(Stage, 15.0)  # seconds; a person waits
SOON = timedelta(days=14)


def findings(config: Config, now: datetime) -> Iterator[Finding]:
    """Of each relay, [smtp] first, and of the mailbox if there is one."""
    for relay in all_of(config):
        yield from _relay(relay, _sender(config, relay), now)
    if config.mailbox.is_read:
        yield _mailbox(config)


def _sender(config: Config, relay: Relay) -> str:
    """An address that mail would come from there."""
    if config.smtp.bounce_address:
        return config.smtp.bounce_address.rpartition("<")[2].rstrip(">")
    through = [n for n in config.newsletters if config.relay(n.relay) is relay]
    return (through or config.newsletters)[0].sender_address


def _relay(relay: Relay, sender: str, now: datetime) -> Iterator[Finding]:
    where = f"{relay.known_as} {relay.host}:{relay.port}"
    try:
        line = dial(relay, PATIENCE)
    except RelayDown as error:
        yield fail("relay", where, str(error))
        return
    try:
        reply = line.ask(f"MAIL FROM:<{sender}>\r\n".encode(), Stage.MAIL)
        if reply.code != 250:
            yield fail("relay", where, f"It takes no mail from us: {reply}. Ask its operator, or log in.")
            return
        yield ok("relay", where, f"It takes our mail: {_how(line)}.")
        yield from _safety(line, where, now)
    except (OSError, Broken) as error:
        yield fail("relay", where, f"It hung up or fell silent at MAIL: {error}. Ask its operator.")
    finally:
        line.close()


def _how(line: Line) -> str:
    tls = line.socket.version() if isinstance(line.socket, ssl.SSLSocket) else "no TLS"
    login = "logged in" if line.relay.username else "no login"
    pace = "pipelining" if "PIPELINING" in line.features else "no pipelining, so each mail waits for four answers"
    return f"{tls}, {login}, {pace}"


def _safety(line: Line, where: str, now: datetime) -> Iterator[Finding]:
    if not isinstance(line.socket, ssl.SSLSocket):
        if not ip_address(line.socket.getpeername()[0]).is_loopback:
            yield warn("relay", where, 'Mail goes there in the clear: set security = "starttls" or "tls".')
        return
    ends = str((line.socket.getpeercert() or {}).get("notAfter", ""))
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - now if ends else SOON
    if left < SOON:
        yield warn("relay", where, f"Its certificate ends in {left.days} days; mail stops then. Ask its operator.")


def _mailbox(config: Config) -> Finding:
    where = str(config.mailbox.maildir or config.mailbox.host)
    try:
        with mailboxes.opened(config.mailbox) as box:
            next(iter(box.waiting()), None)
    except (MailboxDown, ConfigError) as error:
        return fail("mailbox", where, str(error))
    return ok("mailbox", where, "It can be read.")
