"""What stops a send, and what an editor should look at first. Pure: an edition in, findings out.

Each rule is a function of its own in `RULES`; a finding says what is wrong, where, and what to do. `findings` looks at
an edition as it was rendered, `headers` at a finished message as a mailbox provider would.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from lxml import html as lxml_html

from newsletter.issues.contents import Contents
from newsletter.rendering import slots

BLOCK_BYTES = 100_000  # Gmail cuts a message off at about 102 kB, and the unsubscribe link with it
WARN_BYTES = 90_000
LONGEST_SUBJECT = 90  # characters; inboxes show 35 to 55
PREHEADER = (40, 150)  # characters, at least and at most
TEMPLATE_SYNTAX = re.compile(r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|%%[A-Z_]+%%|\*\|[A-Z_:]+\|\*", re.DOTALL)
_ALL_MARKS = re.compile(r"Mark[A-Z][A-Za-z]+?Z{3,}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_REQUIRED = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Id", "MIME-Version")
_ONE_CLICK = "List-Unsubscribe=One-Click"


class Level(StrEnum):
    """How grave it is: `block` stops the send, `warn` should be looked at, `note` is good to know."""

    BLOCK = "block"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `message` says what to do; `where` is a part of the edition, a picture or an address."""

    rule: str
    level: Level
    message: str
    where: str = ""


class Form(Protocol):
    """An edition, as it comes from `render` or out of the store."""

    @property
    def subject(self) -> str: ...
    @property
    def preheader(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Case:
    """What the rules look at."""

    form: Form
    contents: Contents
    page: lxml_html.HtmlElement
    site_url: str
    min_articles: int

    @property
    def links(self) -> list[str]:
        return [str(link.get("href", "")) for link in self.page.iter("a")]


def findings(form: Form, contents: Contents, *, site_url: str, min_articles: int) -> list[Finding]:
    """What is wrong with an edition of `contents`; an empty list is a clean bill. Blocks come first."""
    page = lxml_html.document_fromstring(form.html or "<p></p>")
    case = Case(form, contents, page, site_url, min_articles)
    found = [finding for rule in RULES for finding in rule(case)]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def blocks(found: list[Finding]) -> bool:
    """Whether any of the findings stops a send."""
    return any(finding.level is Level.BLOCK for finding in found)


def headers(message: EmailMessage) -> list[Finding]:
    """What a mailbox provider would miss in a message (parsed with `email.policy.default`)."""
    return [*_missing_headers(message), *_unsubscribe_headers(message), *_parts(message)]


# --- rules of an edition --------------------------------------------------------------------------------------------


def _unsubscribe_link(case: Case) -> Iterator[Finding]:
    advice = "Put {{ unsubscribe_url }} back into the template"
    if not any(slots.UNSUBSCRIBE in link for link in case.links):
        yield Finding("unsubscribe-link", Level.BLOCK, f"The mail has no link to unsubscribe. {advice}.", "html")
    if slots.UNSUBSCRIBE not in case.form.text:
        yield Finding("unsubscribe-link", Level.BLOCK, f"The text part has no link to unsubscribe. {advice}.", "text")


def _postal_address(case: Case) -> Iterator[Finding]:
    address = _squeezed(case.contents.postal_address)
    if not address:
        yield Finding("postal-address", Level.BLOCK, "Set site.postal_address in config.toml: the law asks for it.")
        return
    for part, words in (("html", _visible(case.page)), ("text", case.form.text)):
        if address not in _squeezed(words):
            message = (
                "The postal address is not in this part; the law asks for it. Put {{ issue.postal_address }} back."
            )
            yield Finding("postal-address", Level.BLOCK, message, part)


def _unresolved(case: Case) -> Iterator[Finding]:
    own_words = repr(case.contents)
    for part, words in _texts(case):
        for mark in dict.fromkeys(_ALL_MARKS.findall(words)):
            if mark not in slots.MARKS:
                message = f"{mark[:20]}… is no mark that we know, so no reader's link would take its place."
                yield Finding("unresolved-mark", Level.BLOCK, message, part)
        for syntax in dict.fromkeys(TEMPLATE_SYNTAX.findall(words)):
            quoted = syntax[:40]
            if repr(syntax)[1:-1] in own_words:
                message = f"An article's own words hold {quoted!r}. If that is not meant, edit or drop it."
                yield Finding("template-syntax", Level.WARN, message, part)
            else:
                message = f"The template left {quoted!r} in the mail. Correct the template."
                yield Finding("template-syntax", Level.BLOCK, message, part)


def _size(case: Case) -> Iterator[Finding]:
    size = len(case.form.html.encode())
    message = f"The HTML is {size / 1000:.0f} kB; Gmail cuts a mail off at about 102 kB. Drop stories or shorten them."
    if size > BLOCK_BYTES:
        yield Finding("size", Level.BLOCK, message, "html")
    elif size > WARN_BYTES:
        yield Finding("size", Level.WARN, message, "html")


def _pictures(case: Case) -> Iterator[Finding]:
    for picture in case.page.iter("img"):
        where = str(picture.get("src", ""))[:200]
        if not (picture.get("alt") or "").strip():
            message = "A picture has no alternative text, and half of all readers see none. Say what it shows."
            yield Finding("picture-alt", Level.WARN, message, where)
        if not picture.get("width"):
            message = "A picture has no width, so Outlook shows it as large as it is. Give it one in the template."
            yield Finding("picture-width", Level.WARN, message, where)


def _text_part(case: Case) -> Iterator[Finding]:
    if not case.form.text.strip():
        yield Finding("text-part", Level.BLOCK, "The text part is empty; correct digest.txt.", "text")
        return
    missing = [link for link in dict.fromkeys(case.links) if _is_web(link) and link not in case.form.text]
    if missing:
        message = f"The text part lacks {len(missing)} of the mail's links; those who read it can't follow them."
        yield Finding("text-links", Level.WARN, message, missing[0][:200])


def _subject(case: Case) -> Iterator[Finding]:
    subject = case.form.subject.strip()
    if not subject:
        yield Finding("subject", Level.BLOCK, "There is no subject. Write one.", "subject")
    elif len(subject) > LONGEST_SUBJECT:
        message = f"The subject has {len(subject)} characters; inboxes show 35 to 55. Shorten it."
        yield Finding("subject", Level.WARN, message, "subject")


def _preheader(case: Case) -> Iterator[Finding]:
    length, (least, most) = len(case.form.preheader.strip()), PREHEADER
    if not length:
        message = "There is no preheader, so inboxes show the masthead after the subject. Write one."
        yield Finding("preheader", Level.WARN, message, "preheader")
    elif not least <= length <= most:
        message = f"The preheader has {length} characters; {least} to {most} fill the line that inboxes show."
        yield Finding("preheader", Level.NOTE, message, "preheader")


def _own_links(case: Case) -> Iterator[Finding]:
    host = urlsplit(case.site_url).hostname
    plain = [link for link in case.links if link.startswith("http://") and urlsplit(link).hostname == host]
    if not plain:
        return
    if host in _LOOPBACK:
        message = "Links lead to this machine only. Before real readers get them, set site.url to an https address."
        yield Finding("own-links", Level.NOTE, message, plain[0][:200])
    else:
        message = f"{len(plain)} links to our own site are not https. Set site.url to an https address."
        yield Finding("own-links", Level.WARN, message, plain[0][:200])


def _enough_items(case: Case) -> Iterator[Finding]:
    have = len(case.contents.items)
    if have < case.min_articles:
        message = f"The issue has {have} of at least {case.min_articles} stories. Add some, or lower min_articles."
        yield Finding("too-few", Level.BLOCK, message)


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    _unsubscribe_link,
    _postal_address,
    _unresolved,
    _size,
    _pictures,
    _text_part,
    _subject,
    _preheader,
    _own_links,
    _enough_items,
)


# --- rules of a message ---------------------------------------------------------------------------------------------


def _missing_headers(message: EmailMessage) -> Iterator[Finding]:
    for name in _REQUIRED:
        count = len(message.get_all(name, []))
        if count != 1:
            words = "is missing" if not count else f"is there {count} times"
            yield Finding("headers", Level.BLOCK, f"The header {name} {words}; exactly one is needed.", name)
    if not str(message.get("List-Id", "<x>")).strip().endswith(">"):
        yield Finding("headers", Level.BLOCK, "List-Id must end in <name.of.a.domain> (RFC 2919).", "List-Id")


def _unsubscribe_headers(message: EmailMessage) -> Iterator[Finding]:
    raw = next((str(value) for name, value in message.raw_items() if name.lower() == "list-unsubscribe"), "")
    addresses = re.findall(r"<([^<>]*)>", raw)
    if raw and ("=?" in raw or sum(_is_web(address) for address in addresses) != 1):
        message_ = "List-Unsubscribe needs exactly one https address in < >, and no encoded words (RFC 8058)."
        yield Finding("headers", Level.BLOCK, message_, "List-Unsubscribe")
    if [str(value) for value in message.get_all("List-Unsubscribe-Post", [])] != [_ONE_CLICK]:
        message_ = f"List-Unsubscribe-Post must be {_ONE_CLICK}, once (RFC 8058)."
        yield Finding("headers", Level.BLOCK, message_, "List-Unsubscribe-Post")


def _parts(message: EmailMessage) -> Iterator[Finding]:
    parts = [part.get_content_type() for part in message.iter_parts()] if message.is_multipart() else []
    if message.get_content_type() != "multipart/alternative" or parts != ["text/plain", "text/html"]:
        message_ = "The body must be multipart/alternative: text/plain, then text/html (RFC 2046)."
        yield Finding("parts", Level.BLOCK, message_, "Content-Type")


# --- what rules share -----------------------------------------------------------------------------------------------


def _texts(case: Case) -> list[tuple[str, str]]:
    """Each part as a reader sees it, and the addresses of the HTML, where marks stand."""
    shown = "\n".join([_visible(case.page), *case.links])
    return [
        ("subject", case.form.subject),
        ("preheader", case.form.preheader),
        ("html", shown),
        ("text", case.form.text),
    ]


def _visible(page: lxml_html.HtmlElement) -> str:
    hidden = {"style", "script", "head", "title"}
    body = page.find("body")
    if body is None:
        return ""
    return " ".join(
        str(text) for text in body.xpath(".//text()") if (text.getparent().tag if text.is_text else "") not in hidden
    )


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))
