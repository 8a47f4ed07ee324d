"""Where mails wait: a Maildir of the standard library, or an account on an IMAP server. Only heads are read.

A box hands out what nobody has read yet, and forgets or marks a mail when it is told to, never by itself.
"""

import mailbox
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from email.message import Message
from imaplib import IMAP4
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from newsletter.config.mailbox import Mailbox
from newsletter.errors import MailboxDown

MAX_HEAD_BYTES = 64_000
A_ROUND = 500  # mails at once; the others wait for the next time
TIMEOUT_SECONDS = 30
FLAGS = ":2,"  # between a name in a Maildir and what is known of its mail (https://cr.yp.to/proto/maildir.html)


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
    return maildir(settings.maildir) if settings.maildir else _imap(settings)


class Maildir:
    """A folder with `new` and `cur` in it, as mail servers deliver into. A mail is its file: it is never written anew.

    The library's own reads and writes whole mails where a file's name is all that is asked for, and fails at strange
    bytes in them.
    """

    def __init__(self, folder: Path) -> None:
        self._new, self._cur = folder / "new", folder / "cur"

    def waiting(self) -> Iterator[Waiting]:
        """Those without the flag S. A name begins with the second in which the mail came."""
        unread = (name for name in sorted(self._names()) if "S" not in name.partition(FLAGS)[2])
        for name in islice(unread, A_ROUND):
            with suppress(FileNotFoundError), self._file(name).open("rb") as file:  # else somebody has just read it
                yield Waiting(name, head_of(file.read(MAX_HEAD_BYTES)))

    def delete(self, name: str) -> None:
        """It may be gone already."""
        self._file(name).unlink(missing_ok=True)

    def keep(self, mail: bytes) -> None:
        """One more, marked as read: it is for people to look at. Makes the folder where no mail server ever did."""
        folder = self._new.parent
        for part in (folder, self._new, self._cur, folder / "tmp"):
            part.mkdir(mode=0o700, exist_ok=True)
        self.mark_read(mailbox.Maildir(folder, create=False).add(mail))

    def mark_read(self, name: str) -> None:
        """Its name gets the flag S, in `cur`; it may be gone already."""
        bare, _, flags = name.partition(FLAGS)
        with suppress(FileNotFoundError):
            self._file(name).rename(self._cur / f"{bare}{FLAGS}{''.join(sorted({*flags, 'S'}))}")

    def _names(self) -> list[str]:
        files = chain(self._new.iterdir(), self._cur.iterdir())
        return [file.name for file in files if not file.name.startswith(".")]

    def _file(self, name: str) -> Path:
        return (self._cur if FLAGS in name else self._new) / name


@contextmanager
def maildir(folder: Path) -> Iterator[Maildir]:
    """That Maildir. Raises MailboxDown, also while it is used."""
    try:
        yield Maildir(folder)
    except (OSError, mailbox.Error) as error:
        raise MailboxDown(f"The mailbox {folder} can't be read: {error}.") from error


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
                    yield Waiting(message.uid, _written(message.obj))

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


def _written(head: Message) -> bytes:
    """Its lines as they came; `as_bytes` fails at strange ones."""
    lines = "".join(f"{name}: {value}\n" for name, value in head.raw_items())
    return lines.encode("utf-8", "surrogateescape")[:MAX_HEAD_BYTES]


def head_of(mail: bytes) -> bytes:
    """Up to the first empty line, and no more than is read of any head."""
    data = mail[:MAX_HEAD_BYTES]
    ends = [at for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return data[: min(ends)] if ends else data
