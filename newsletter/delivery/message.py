"""Edition + reader → the bytes on the wire (RFC 5322, 2045, 2369, 8058). Pure.

A message is made once an edition: headers that are the same for all, the text and the HTML part encoded, each in the
encoding that makes it smaller, and cut where a reader's own words go. A reader costs four headers, a few short lines,
a join, and a signature where the newsletter has a key.

List headers are written by hand: the standard library folds and encodes a long List-Unsubscribe as if it were prose,
which makes it invalid (RFC 2047 §5) and the mail program's own button disappears.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter import links
from newsletter.config import Newsletter, Site
from newsletter.delivery import dkim, prose
from newsletter.delivery.base64_lines import Base64
from newsletter.delivery.body import Body, Part
from newsletter.delivery.dkim import Signer
from newsletter.rendering import counted, slots
from newsletter.rendering.models import Edition
from subscribers import Format
from subscribers.mac import keyed
from subscribers.tokens import Keys, Purpose, signer


class Reader(NamedTuple):
    """What a message needs to know of its reader."""

    delivery_id: int  # 0 in previews
    subscriber_id: int
    subscription_id: int
    email: str
    name: str = ""


ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # RFC 8058 §3.1
Filler = Callable[[int, int, int, str, str], bytes]  # of what a Reader holds


@dataclass(frozen=True)
class Mould:
    """One edition's message: what is the same for all, and the places for what is a reader's own."""

    issue_id: int
    domain: str  # right of the @ in Message-ID
    zone: ZoneInfo  # of Date
    top: bytes  # the headers before a reader's own
    unsubscribe: tuple[bytes, ...]  # List-Unsubscribe, cut where the token goes
    rest: bytes  # the headers after a reader's own
    body: Body
    signer: Signer

    @cached_property
    def is_ascii(self) -> bool:
        """Whether no message has a byte beyond ASCII but in its reader's address."""
        return all(piece.isascii() for piece in (self.top, *self.unsubscribe, self.rest))

    def fill(self, reader: Reader, keys: Keys, now: datetime) -> bytes:
        """The message for one reader, signed: CRLF lines, none over 998 octets, undotted."""
        return self.filler(keys, now)(*reader)

    def filler(self, keys: Keys, now: datetime) -> Filler:
        """`fill` for many readers at one moment: what is the same for all of them is done once.

        Date is of now. Message-ID is the same for every attempt at one delivery, so that a receiver may notice a second
        copy (RFC 5322 §3.6.4): its part that nobody can guess is by the oldest key, which never changes.
        """
        unsubscribe, preferences, click, mark = _marks(keys)
        before, after = f"Date: {_date(now, self.zone)}\r\nMessage-ID: <{self.issue_id}.", f"@{self.domain}>\r\nTo: "
        issue_id, top, header, rest, filled = self.issue_id, self.top, self.unsubscribe, self.rest, self.body.filled
        signer, counts = self.signer if self.signer.keys else None, self.body.counts

        def message(number: int, subscriber_id: int, subscription_id: int, email: str, name: str) -> bytes:
            leave, choose = unsubscribe(subscription_id, issue_id), preferences(subscriber_id, issue_id)
            name, to = prose.addressee(name, email)
            head = f"{before}{number}.{mark(b'%d' % number).hex()}{after}{to}".encode()
            heads = (top, head, leave.join(header), rest)
            body = filled(leave, choose, name, click(subscriber_id, issue_id) if counts else b"")
            if signer is None:
                return b"".join((*heads, b"\r\n", *body))
            whole = b"".join(body)
            return b"".join((signer.headers(heads, whole, now), *heads, b"\r\n", whole))

        return message

    def tokens(self, reader: Reader, keys: Keys) -> dict[str, str]:
        """The reader's own tokens, by the names that `slots.fill` takes."""
        unsubscribe, preferences, _, _ = _marks(keys)
        return {
            "unsubscribe": unsubscribe(reader.subscription_id, self.issue_id).decode(),
            "preferences": preferences(reader.subscriber_id, self.issue_id).decode(),
        }


def of_edition(
    site: Site, newsletter: Newsletter, edition: Edition, form: Format = Format.HTML, mark: str = "",
    *, counts: bool = False,
) -> Mould:  # fmt: skip
    """The message of a stored edition, for readers who want that format; `mark` comes before its subject. `counts`: its
    links are counted, where the newsletter counts them at all."""
    html, text = edition.html if form is Format.HTML else "", edition.text
    if counts and newsletter.clicks and edition.links:
        html, text = counted.laid_in(html, text, counted.kept(edition.links), site)
    return mould(site, newsletter, edition.issue_id, mark + edition.subject, html, text)


def mould(site: Site, newsletter: Newsletter, issue_id: int, subject: str, html: str, text: str) -> Mould:
    """Make the message of an edition. `html` and `text` hold the marks of `slots`; without `html` it is the text alone,
    one part. ConfigError for a key that is missing or wrong."""
    mime, body = _multipart(issue_id, subject, html, text) if html else _text_alone(text)
    return Mould(
        issue_id=issue_id,
        domain=newsletter.sender_domain,
        zone=newsletter.zone,
        top=_prose_headers(newsletter, subject),
        unsubscribe=_unsubscribe_header(site, newsletter.leave_address),
        rest=_list_headers(site, newsletter, issue_id) + mime,
        body=body,
        signer=dkim.signer(newsletter.dkim),
    )


def _multipart(issue_id: int, subject: str, html: str, text: str) -> tuple[bytes, Body]:
    """Its MIME headers, and the text before the HTML (RFC 2046 §5.1.4)."""
    boundary = "=_" + sha256(f"{issue_id}\0{subject}\0{html}".encode()).hexdigest()[:24]
    mime = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n'
    parts = Part.of(f"--{boundary}\r\n", "plain", text), Part.of(f"\r\n--{boundary}\r\n", "html", html)
    return mime.encode(), Body(parts, f"\r\n--{boundary}--\r\n".encode())


def _text_alone(text: str) -> tuple[bytes, Body]:
    """The same for those who want no HTML, and one part (RFC 2045 §5.2)."""
    part = Part.of("MIME-Version: 1.0\r\n", "plain", text.rstrip("\r\n") + "\n")
    end = b"\r\n" if isinstance(part.content, Base64) else b""  # the other's own last line has its end
    return part.head.removesuffix(b"\r\n"), Body([replace(part, head=b"")], end)


class _Marks(NamedTuple):
    """What makes the tokens of a message, and a part of its Message-ID."""

    unsubscribe: Callable[[int, int], bytes]
    preferences: Callable[[int, int], bytes]
    click: Callable[[int, int], bytes]
    message_id: Callable[[bytes], bytes]


@lru_cache(maxsize=4)
def _marks(keys: Keys) -> _Marks:
    leave, choose, click = (
        signer(keys, purpose) for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.CLICK)
    )
    return _Marks(leave, choose, click, keyed(keys.secrets[-1], "message id", 6))


def _date(now: datetime, zone: ZoneInfo) -> str:
    return format_datetime(now.replace(microsecond=0).astimezone(zone))


def _prose_headers(newsletter: Newsletter, subject: str) -> bytes:
    """From, Reply-To and Subject: people's words."""
    fields = {"From": newsletter.sender, "Reply-To": newsletter.reply_to}
    lines = [f"{name}: {prose.mailbox(*parseaddr(value), len(name) + 2)}" for name, value in fields.items() if value]
    return "\r\n".join([*lines, f"Subject: {prose.subject(subject)}", ""]).encode()


def _list_headers(site: Site, newsletter: Newsletter, issue_id: int) -> bytes:
    """What makes it list mail (RFC 2369, 2919, 8058), and what keeps answering machines quiet (RFC 3834)."""
    domain = newsletter.sender_domain
    name = "".join(c for c in newsletter.title if c.isascii() and c not in '"\\<>')
    fields = ONE_CLICK | {
        "List-Id": f'"{name}" <{newsletter.slug}.{domain}>' if name.strip() else f"<{newsletter.slug}.{domain}>",
        "List-Archive": f"<{links.archive(site, newsletter.slug)}>",
        "List-Help": f"<{links.sign_up(site)}>",
        "List-Post": "NO",
        "Feedback-ID": f"{issue_id}:{newsletter.slug}:newsletter",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Content-Language": newsletter.language,
    }
    return _lines(fields)


def leaving(site: Site, newsletter: Newsletter, token: str) -> bytes:
    """Both headers of one-click unsubscribing, for a mail that is no issue; `token` is its reader's."""
    header = token.encode().join(_unsubscribe_header(site, newsletter.leave_address))
    return header.removeprefix(b"\r\n") + _lines(ONE_CLICK)


def _lines(fields: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")


def _unsubscribe_header(site: Site, leave_address: str) -> tuple[bytes, ...]:
    """List-Unsubscribe, cut where the reader's token goes: the link (RFC 8058), and a mail where there is a mailbox for
    it (RFC 2369 §3.2). It begins with the end of the line before."""
    ways = [links.unsubscribe(site, slots.UNSUBSCRIBE)]
    if leave_address:
        ways.append(links.unsubscribe_by_mail(leave_address, slots.UNSUBSCRIBE))
    header = f"\r\nList-Unsubscribe: {', '.join(f'<{way}>' for way in ways)}\r\n"
    return tuple(piece.encode() for piece in header.split(slots.UNSUBSCRIBE))
