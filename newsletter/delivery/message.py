"""Edition + reader → the bytes on the wire (RFC 5322, 2045, 2369, 8058). Pure.

A message is made once an edition: headers that are the same for all, the text and the HTML part encoded with marks in
the places of a reader's own links. It is cut at the marks once; a reader costs a join of byte segments.

List headers are written by hand: the standard library folds and encodes a long List-Unsubscribe as if it were prose,
which makes it invalid (RFC 2047 §5) and the mail program's own button disappears.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256

from newsletter import links
from newsletter.config import Newsletter, Site
from newsletter.delivery.quoted_printable import encode
from newsletter.rendering import slots
from subscribers.tokens import LENGTH, Keys, Purpose, sign

HEAD = "MarkHead".ljust(LENGTH, "Z")  # where a reader's own headers go


@dataclass(frozen=True)
class Reader:
    """What a message needs to know of its reader."""

    delivery_id: int  # 0 in previews
    subscriber_id: int
    subscription_id: int
    email: str
    name: str = ""


@dataclass(frozen=True)
class Mould:
    """One edition's message, cut at its marks: `pieces[n]` is followed by the value of `marks[n]`."""

    site: Site
    issue_id: int
    domain: str  # right of the @ in Message-ID
    pieces: tuple[bytes, ...]
    marks: tuple[str, ...]

    def fill(self, reader: Reader, keys: Keys, now: datetime) -> bytes:
        """The message for one reader: CRLF lines, none over 998 octets, undotted."""
        tokens = self.tokens(reader, keys)
        values = {
            HEAD: self._head(reader, keys, tokens["unsubscribe"], now),
            slots.UNSUBSCRIBE: tokens["unsubscribe"].encode(),
            slots.PREFERENCES: tokens["preferences"].encode(),
        }
        return _join(self.pieces, self.marks, values)

    def tokens(self, reader: Reader, keys: Keys) -> dict[str, str]:
        """The reader's own tokens, by the names that `slots.fill` takes."""
        return {
            "unsubscribe": sign(keys, Purpose.UNSUBSCRIBE, reader.subscription_id, self.issue_id),
            "preferences": sign(keys, Purpose.PREFERENCES, reader.subscriber_id, self.issue_id),
        }

    def _head(self, reader: Reader, keys: Keys, unsubscribe: str, now: datetime) -> bytes:
        """The headers that differ from reader to reader. Date is of now; Message-ID stays for a delivery's life."""
        lines = (
            f"Date: {format_datetime(now)}",
            f"Message-ID: {message_id(keys, self.issue_id, reader.delivery_id, self.domain)}",
            f"To: {mailbox(reader.name, reader.email)}",
            f"List-Unsubscribe: <{links.unsubscribe(self.site, unsubscribe)}>",
            "",
        )
        return "\r\n".join(lines).encode()


def mould(site: Site, newsletter: Newsletter, issue_id: int, subject: str, html: str, text: str) -> Mould:
    """Make the message of an edition and cut it at its marks. `html` and `text` hold the marks of `slots`."""
    boundary = "=_" + sha256(f"{issue_id}\0{subject}\0{html}".encode()).hexdigest()[:24]
    whole = b"".join(
        (
            _prose_headers(newsletter, subject),
            HEAD.encode() + b"\r\n",
            _list_headers(site, newsletter, issue_id),
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(),
            _part(boundary, "plain", text),
            _part(boundary, "html", html),
            f"--{boundary}--\r\n".encode(),
        )
    )
    domain = newsletter.sender_address.rpartition("@")[2]
    pieces, marks = _cut(whole.replace(HEAD.encode() + b"\r\n", HEAD.encode()))
    return Mould(site, issue_id, domain, pieces, marks)


def message_id(keys: Keys, issue_id: int, delivery_id: int, domain: str) -> str:
    """The same for every attempt at one delivery, so that a receiver may notice a second copy (RFC 5322 §3.6.4)."""
    mac = hmac.digest(keys.address_key, b"message-id/%d/%d" % (issue_id, delivery_id), "sha256").hex()[:12]
    return f"<{issue_id}.{delivery_id}.{mac}@{domain}>"


def mailbox(name: str, address: str) -> str:
    """`Name <address>` for a header, folded; the name in encoded words where it must be (RFC 2047 §5)."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        return address
    if name.isascii() and len(name) <= 60:
        quoted = name if re.fullmatch(r"[A-Za-z0-9 ]+", name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
        return f"{quoted} <{address}>"
    words = Header(name, "utf-8", maxlinelen=75, header_name="To").encode(linesep="\r\n")
    return f"{words}\r\n <{address}>"


def _prose_headers(newsletter: Newsletter, subject: str) -> bytes:
    """From, Reply-To and Subject: people's words, which the standard library encodes well (RFC 2047)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(newsletter.sender)
    if newsletter.reply_to:
        message["Reply-To"] = _address(newsletter.reply_to)
    message["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    return message.as_bytes().removesuffix(b"\r\n")


def _list_headers(site: Site, newsletter: Newsletter, issue_id: int) -> bytes:
    """What makes it list mail (RFC 2369, 2919, 8058), and what keeps answering machines quiet (RFC 3834)."""
    domain = newsletter.sender_address.rpartition("@")[2]
    name = "".join(c for c in newsletter.title if c.isascii() and c not in '"\\<>')
    fields = {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f'"{name}" <{newsletter.slug}.{domain}>' if name.strip() else f"<{newsletter.slug}.{domain}>",
        "List-Archive": f"<{links.archive(site, newsletter.slug)}>",
        "List-Help": f"<{links.sign_up(site)}>",
        "List-Post": "NO",
        "Feedback-ID": f"{issue_id}:{newsletter.slug}:newsletter",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Content-Language": newsletter.language,
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")


def _part(boundary: str, kind: str, text: str) -> bytes:
    head = (
        f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode() + encode(text, slots.MARKS)


def _address(words: str) -> Address:
    name, address = parseaddr(words)
    return Address(name, addr_spec=address)


def _cut(whole: bytes) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """`whole` at its marks: one more piece than marks."""
    parts = re.split(b"(" + b"|".join(re.escape(mark.encode()) for mark in (HEAD, *slots.MARKS)) + b")", whole)
    return tuple(parts[0::2]), tuple(mark.decode() for mark in parts[1::2])


def _join(pieces: tuple[bytes, ...], marks: tuple[str, ...], values: Mapping[str, bytes]) -> bytes:
    out = [pieces[0]]
    for mark, piece in zip(marks, pieces[1:], strict=True):
        out.append(values[mark])
        out.append(piece)
    return b"".join(out)
