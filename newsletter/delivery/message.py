"""Edition + reader → the bytes on the wire (RFC 5322, 2045, 2369, 8058). Pure.

A message is made once an edition: headers that are the same for all, the text and the HTML part encoded, each in the
encoding that makes it smaller, and cut where a reader's own words go. A reader costs four headers, a few short lines,
a join, and a signature where the newsletter has a key.

List headers are written by hand: the standard library folds and encodes a long List-Unsubscribe as if it were prose,
which makes it invalid (RFC 2047 §5) and the mail program's own button disappears.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter import links
from newsletter.config import Newsletter, Site
from newsletter.delivery import base64_lines, dkim, prose
from newsletter.delivery.base64_lines import Base64
from newsletter.delivery.dkim import Signer
from newsletter.delivery.quoted_printable import QuotedPrintable
from newsletter.rendering import slots
from subscribers.mac import Mac
from subscribers.tokens import Keys, Purpose, sign


class Reader(NamedTuple):
    """What a message needs to know of its reader."""

    delivery_id: int  # 0 in previews
    subscriber_id: int
    subscription_id: int
    email: str
    name: str = ""


@dataclass(frozen=True)
class Part:
    """One part of a message: `head` is its boundary line and headers, `content` its encoded text."""

    head: bytes
    content: QuotedPrintable | Base64
    is_html: bool

    def filled(self, values: Mapping[str, str]) -> list[bytes]:
        """The part for the reader whose `values` these are, by mark, to be joined."""
        return [self.head, *self.content.filled(values)]


@dataclass(frozen=True)
class Mould:
    """One edition's message: what is the same for all, and the places for what is a reader's own."""

    site: Site
    issue_id: int
    domain: str  # right of the @ in Message-ID
    zone: ZoneInfo  # of Date
    top: bytes  # the headers before a reader's own
    rest: bytes  # the headers after them
    parts: tuple[Part, ...]
    end: bytes  # the last boundary line
    signer: Signer
    leave_address: str = ""  # where a mail takes its reader off

    def fill(self, reader: Reader, keys: Keys, now: datetime) -> bytes:
        """The message for one reader, signed: CRLF lines, none over 998 octets, undotted."""
        unsubscribe, preferences = self._tokens(reader, keys)
        name = prose.one_line(reader.name)
        words = {slots.UNSUBSCRIBE: unsubscribe, slots.PREFERENCES: preferences, slots.NAME: name}
        out: list[bytes] = []
        for part in self.parts:
            out += part.filled(words | {slots.NAME: escape(name)} if part.is_html and name else words)
        out.append(self.end)
        heads = (self.top, self._head(reader, keys, unsubscribe, name, now), self.rest)
        if not self.signer.keys:
            return b"".join((*heads, b"\r\n", *out))
        body = b"".join(out)
        return b"".join((self.signer.headers(heads, body, now), *heads, b"\r\n", body))

    def tokens(self, reader: Reader, keys: Keys) -> dict[str, str]:
        """The reader's own tokens, by the names that `slots.fill` takes."""
        return dict(zip(("unsubscribe", "preferences"), self._tokens(reader, keys), strict=True))

    def _tokens(self, reader: Reader, keys: Keys) -> tuple[str, str]:
        return (
            sign(keys, Purpose.UNSUBSCRIBE, reader.subscription_id, self.issue_id),
            sign(keys, Purpose.PREFERENCES, reader.subscriber_id, self.issue_id),
        )

    def _head(self, reader: Reader, keys: Keys, unsubscribe: str, name: str, now: datetime) -> bytes:
        """The headers that differ from reader to reader. Date is of now; Message-ID stays for a delivery's life."""
        return (
            f"Date: {_date(int(now.timestamp()), self.zone)}\r\n"
            f"Message-ID: {message_id(keys, self.issue_id, reader.delivery_id, self.domain)}\r\n"
            f"To: {prose.mailbox(name, reader.email)}\r\n"
            f"List-Unsubscribe: <{links.unsubscribe(self.site, unsubscribe)}>{self._by_mail(unsubscribe)}\r\n"
        ).encode()

    def _by_mail(self, unsubscribe: str) -> str:
        """The second way of that header, where there is a mailbox for it (RFC 2369 §3.2)."""
        return f", <{links.unsubscribe_by_mail(self.leave_address, unsubscribe)}>" if self.leave_address else ""


def mould(site: Site, newsletter: Newsletter, issue_id: int, subject: str, html: str, text: str) -> Mould:
    """Make the message of an edition. `html` and `text` hold the marks of `slots`; without `html` it is the text alone,
    one part. ConfigError for a key that is missing or wrong."""
    if not html:
        return _text_alone(site, newsletter, issue_id, subject, text)
    boundary = "=_" + sha256(f"{issue_id}\0{subject}\0{html}".encode()).hexdigest()[:24]
    mime = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n'
    return Mould(
        site=site,
        issue_id=issue_id,
        domain=newsletter.sender_domain,
        zone=newsletter.zone,
        top=_prose_headers(newsletter, subject),
        rest=_list_headers(site, newsletter, issue_id) + mime.encode(),
        parts=(_part(f"--{boundary}", "plain", text), _part(f"\r\n--{boundary}", "html", html)),
        end=f"\r\n--{boundary}--\r\n".encode(),
        signer=dkim.signer(newsletter.dkim),
        leave_address=newsletter.leave_address,
    )


def _text_alone(site: Site, newsletter: Newsletter, issue_id: int, subject: str, text: str) -> Mould:
    """The same headers for those who want no HTML, and one part (RFC 2045 §5.2)."""
    part = _part("MIME-Version: 1.0", "plain", text.rstrip("\r\n") + "\n")
    return Mould(
        site=site,
        issue_id=issue_id,
        domain=newsletter.sender_domain,
        zone=newsletter.zone,
        top=_prose_headers(newsletter, subject),
        rest=_list_headers(site, newsletter, issue_id) + part.head.removesuffix(b"\r\n"),
        parts=(replace(part, head=b""),),
        end=b"\r\n" if isinstance(part.content, Base64) else b"",  # the other's own last line has its end
        signer=dkim.signer(newsletter.dkim),
        leave_address=newsletter.leave_address,
    )


def message_id(keys: Keys, issue_id: int, delivery_id: int, domain: str) -> str:
    """The same for every attempt at one delivery, so that a receiver may notice a second copy (RFC 5322 §3.6.4)."""
    mac = _mac(keys.address_key, issue_id)(b"%d" % delivery_id).hex()[:12]
    return f"<{issue_id}.{delivery_id}.{mac}@{domain}>"


@lru_cache(maxsize=16)
def _mac(key: bytes, issue_id: int) -> Mac:
    return Mac(key, b"message-id/%d/" % issue_id)


@lru_cache(maxsize=8)
def _date(seconds: int, zone: ZoneInfo) -> str:
    """Of a second since 1970: thousands of messages have the same."""
    return format_datetime(datetime.fromtimestamp(seconds, zone))


def _prose_headers(newsletter: Newsletter, subject: str) -> bytes:
    """From, Reply-To and Subject: people's words."""
    fields = {"From": newsletter.sender, "Reply-To": newsletter.reply_to}
    lines = [f"{name}: {prose.mailbox(*parseaddr(value), len(name) + 2)}" for name, value in fields.items() if value]
    return "\r\n".join([*lines, f"Subject: {prose.subject(subject)}", ""]).encode()


def _list_headers(site: Site, newsletter: Newsletter, issue_id: int) -> bytes:
    """What makes it list mail (RFC 2369, 2919, 8058), and what keeps answering machines quiet (RFC 3834)."""
    domain = newsletter.sender_domain
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


def _part(boundary: str, kind: str, text: str) -> Part:
    literals, places = slots.cut(text)
    plain = QuotedPrintable.of(literals, places)
    content = Base64.of(literals, places) if base64_lines.size(literals) < plain.size else plain
    head = (
        f"{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {content.name}\r\n\r\n"
    )
    return Part(head.encode(), content, is_html=kind == "html")
