"""One notice → one message: its words from templates/notices, its headers by the standard library.

The first line of a `.txt` template is the subject. Nothing that a stranger typed into a form stands in any of them.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from sqlmodel import Session, col, select

from newsletter import links
from newsletter.config import Config, Newsletter
from newsletter.delivery import dkim
from newsletter.delivery.message import leaving
from newsletter.editors import invitations
from newsletter.editors.models import Invitation
from newsletter.errors import ConfigError
from newsletter.issues.models import Issue, IssueState
from newsletter.notices.calendar import next_issue, rhythm
from newsletter.notices.models import Notice, NoticeKind
from newsletter.rendering import colours, environment, inline, slots
from newsletter.rendering.models import Edition
from newsletter.rendering.plaintext import wrapped
from newsletter.wordbook import Wordbook, spoken
from subscribers import Recipient, audience, email_of, language_of
from subscribers.tokens import Purpose, sign

_INLINED = re.compile(r'<style id="inlined">(.*?)</style>\n?', re.DOTALL)
LINE = 76  # octets of a quoted-printable line (RFC 2045 §6.7); the library's own 78 is two too many


@dataclass(frozen=True)
class Letter:
    """A message with CRLF line ends, and its envelope."""

    envelope_from: str
    recipient: str
    data: bytes


def letter_of(session: Session, config: Config, notice: Notice, now: datetime) -> Letter | None:
    """The message of a notice; None if it is no longer wanted: its reader has left or is erased."""
    try:
        newsletter = config.newsletter(notice.newsletter)
    except ConfigError:
        return None
    found = _READERS[notice.kind](session, config, newsletter, notice, now)
    if found is None:
        return None
    to, values = found
    words = _words(session, newsletter, notice)
    accent = {"light": colours.on_light(newsletter.accent), "dark": colours.on_dark(newsletter.accent)}
    values |= {"site": config.site, "newsletter": newsletter, "accent": accent, "wordbook": words, "wrapped": wrapped}
    templates = _environment(config.folder)
    subject, _, text = templates.get_template(f"notices/{notice.kind}.txt").render(values).partition("\n")
    html = templates.get_template(f"notices/{notice.kind}.html").render(values, subject=subject.strip())
    message = _message(newsletter, to, subject.strip(), text.strip() + "\n", _inlined(html), now)
    message["Content-Language"] = words.language
    message["Message-ID"] = _message_id(config, notice, newsletter)
    envelope = parseaddr(config.smtp.bounce_address)[1] or newsletter.sender_address
    token = values.get("unsubscribe_token")
    ways_out = leaving(config.site, newsletter, token) if token else b""  # the library would fold and encode the link
    return Letter(envelope, to.addr_spec, dkim.signer(newsletter.dkim).sign(ways_out + message.as_bytes(), now))


def _words(session: Session, newsletter: Newsletter, notice: Notice) -> Wordbook:
    """The reader's language, if they have chosen one; editors' mails are English."""
    if notice.kind is NoticeKind.EDITORS:
        return Wordbook("en", newsletter.words)
    return spoken(newsletter.language, newsletter.words, language_of(session, notice.subscriber_id or 0))


def _inlined(html: str) -> str:
    """`html` with its rules for day and desk in style attributes: some mail programs drop every <style>."""
    css = "".join(_INLINED.findall(html))
    return inline.put_in(_INLINED.sub("", html), css)


def _confirm(
    session: Session, config: Config, _newsletter: Newsletter, notice: Notice, _now: datetime
) -> tuple[Address, dict[str, Any]] | None:
    email = email_of(session, notice.subscriber_id or 0)
    about = notice.about
    titles = [n.title for n in config.newsletters if n.slug in about["newsletters"]]
    if email is None or not titles:
        return None
    url = links.confirm(config.site, config.keys, about["subscription"], about["asked_at"])
    return _address(email), {"titles": titles, "confirm_url": url}


def _welcome(
    session: Session, config: Config, newsletter: Newsletter, notice: Notice, now: datetime
) -> tuple[Address, dict[str, Any]] | None:
    number = notice.subscriber_id or 0
    reader = audience.recipients(session, newsletter.slug, [number], now)[number]
    if not isinstance(reader, Recipient):
        return None
    latest = session.exec(
        select(Issue)
        .where(Issue.newsletter == newsletter.slug, col(Issue.state).in_((IssueState.SENT, IssueState.SENDING)))
        .order_by(col(Issue.issue_date).desc())
        .limit(1)
    ).first()
    token = sign(config.keys, Purpose.UNSUBSCRIBE, reader.subscription_id)
    return _address(reader.email), {
        "rhythm": rhythm(newsletter, _words(session, newsletter, notice)),
        "next_issue": next_issue(newsletter, now),
        "with_issue": bool(notice.about.get("with_issue")),
        "latest_subject": latest.subject if latest else "",
        "latest_url": links.web_view(config.site, newsletter.slug, latest.issue_date) if latest else "",
        "preferences_url": links.preferences(config.site, sign(config.keys, Purpose.PREFERENCES, number)),
        "unsubscribe_url": links.unsubscribe(config.site, token),
        "unsubscribe_token": token,
    }


def _editors(
    session: Session, config: Config, _newsletter: Newsletter, notice: Notice, _now: datetime
) -> tuple[Address, dict[str, Any]]:
    about = notice.about
    shown = about["issue"] if about["shows_it"] else None
    edition = session.exec(select(Edition).where(Edition.issue_id == shown, Edition.topics == "")).first()
    name, address = parseaddr(notice.editor)
    preview = slots.fill(edition.text, unsubscribe="…", preferences="…") if edition else ""
    return Address(name, addr_spec=address), {
        "headline": about["headline"],
        "sentences": about["sentences"],
        "commands": about["commands"],
        "desk_url": _desk_url(session, config, about),
        "button": "Choose a password" if "invitation" in about else "",
        "inbox_subject": edition.subject if edition else "",
        "inbox_preheader": edition.preheader if edition else "",
        "preview": preview,
    }


def _desk_url(session: Session, config: Config, about: dict[str, Any]) -> str:
    """Where the button leads: to the issue, to the choice of a password, or to the desk."""
    invitation = session.get(Invitation, about.get("invitation", 0))
    if invitation is not None:
        return links.invitation(config.site, invitations.token_of(config.keys, invitation))
    return links.desk(config.site, f"/issues/{about['issue']}" if about["issue"] else "")


_READERS = {NoticeKind.CONFIRM: _confirm, NoticeKind.WELCOME: _welcome, NoticeKind.EDITORS: _editors}


def _message(newsletter: Newsletter, to: Address, subject: str, text: str, html: str, now: datetime) -> EmailMessage:
    needs_utf8 = not to.addr_spec.isascii()  # RFC 6532: such an address stands in the header as it is
    message = EmailMessage(policy=SMTP.clone(max_line_length=LINE, utf8=needs_utf8))
    name, address = parseaddr(newsletter.sender)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = to
    if newsletter.reply_to:
        name, address = parseaddr(newsletter.reply_to)
        message["Reply-To"] = Address(name, addr_spec=address)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: answering machines stay quiet
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _address(email: str) -> Address:
    """In two parts: the library refuses a local part outside ASCII when it is to parse it itself."""
    local, _, domain = email.rpartition("@")
    return Address(username=local, domain=domain)


def _message_id(config: Config, notice: Notice, newsletter: Newsletter) -> str:
    """The same for every attempt at one notice."""
    mac = hmac.digest(config.keys.address_key, f"notice/{notice.id}".encode(), "sha256").hex()[:12]
    return f"<notice.{notice.id}.{mac}@{newsletter.sender_address.rpartition('@')[2]}>"


@lru_cache(maxsize=8)
def _environment(project: Path) -> Environment:
    return environment.of_project(project)
