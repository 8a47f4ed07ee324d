"""Where mails wait: a Maildir of the standard library, or an account on an IMAP server. Only heads are read.

A box hands out what nobody has read yet, and forgets or marks a mail when it is told to, never by itself.
"""

import mailbox
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from imaplib import IMAP4
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from newsletter.config.mailbox import Mailbox
from newsletter.errors import MailboxDown

MAX_HEAD_BYTES = 64_000
A_ROUND = 500  # mails at once; the others wait for the next time
TIMEOUT_SECONDS = 30


class Waiting(NamedTuple):
    """A mail that nobody has read: its name in the box, and the bytes of its head."""

    name: str
    head: bytes


class Box(Protocol):
    """One mailbox."""

    def waiting(self) -> Iterator[Waiting]:
        """At most A_ROUND of them, the oldest first."""

    def delete(self, name: str) -> None:
        """It has done its work."""

    def mark_read(self, name: str) -> None:
        """It is for people to look at."""


def opened(settings: Mailbox) -> AbstractContextManager[Box]:
    """The box that config names. Raises MailboxDown, also while it is used."""
    return _maildir(settings.maildir) if settings.maildir else _imap(settings)


class Maildir:
    """A folder with `new` and `cur` in it, as mail servers deliver into."""

    def __init__(self, folder: Path) -> None:
        self._box = mailbox.Maildir(folder, create=False)

    def waiting(self) -> Iterator[Waiting]:
        """Those without the flag S."""
        unread = (name for name in sorted(self._box.keys()) if not self._has_been_read(name))
        for name in islice(unread, A_ROUND):
            with self._box.get_file(name) as file:
                yield Waiting(name, _head(file.read(MAX_HEAD_BYTES)))

    def delete(self, name: str) -> None:
        self._box.discard(name)

    def mark_read(self, name: str) -> None:
        message = self._box[name]
        message.set_subdir("cur")
        message.add_flag("S")
        self._box[name] = message

    def _has_been_read(self, name: str) -> bool:
        return "S" in self._box[name].get_flags()


@contextmanager
def _maildir(folder: Path) -> Iterator[Box]:
    try:
        yield Maildir(folder)
    except (OSError, mailbox.Error) as error:
        raise MailboxDown(f"The mailbox {folder} can't be read: {error or 'there is no such Maildir'}.") from error


@contextmanager
def _imap(settings: Mailbox) -> Iterator[Box]:
    try:
        from imap_tools import AND, BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted, MailMessageFlags
        from imap_tools.errors import ImapToolsError
    except ImportError as error:
        raise MailboxDown("Reading a mailbox over IMAP needs imap-tools: pip install 'newsletter[mailbox]'.") from error

    class Imap:
        def __init__(self, box: BaseMailBox) -> None:
            self._box = box

        def waiting(self) -> Iterator[Waiting]:
            found = self._box.fetch(AND(seen=False), limit=A_ROUND, mark_seen=False, headers_only=True, bulk=100)
            for message in found:
                if message.uid:
                    yield Waiting(message.uid, message.obj.as_bytes()[:MAX_HEAD_BYTES])

        def delete(self, name: str) -> None:
            self._box.delete(name)

        def mark_read(self, name: str) -> None:
            self._box.flag(name, MailMessageFlags.SEEN, True)

    where = {"host": settings.host, "port": settings.port, "timeout": TIMEOUT_SECONDS}
    trust = ssl.create_default_context(cafile=settings.ca_file)
    try:
        if settings.security == "none":
            box: BaseMailBox = MailBoxUnencrypted(**where)
        else:
            kind = MailBox if settings.security == "tls" else MailBoxStartTls
            box = kind(**where, ssl_context=trust)
        try:
            box.login(settings.username, settings.password, settings.folder)
        except ImapToolsError:
            box.client.shutdown()
            raise
        with box:
            yield Imap(box)
    except (OSError, ImapToolsError, IMAP4.error) as error:
        raise MailboxDown(f"The mailbox on {settings.host} can't be read: {error}.") from error


def _head(data: bytes) -> bytes:
    """Up to the first empty line."""
    ends = [at for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return data[: min(ends)] if ends else data
