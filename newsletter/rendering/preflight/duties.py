"""What the law and the mailbox providers demand: a way out, an address, the right headers, a text part."""

import re
from collections.abc import Iterator
from email.message import EmailMessage

from newsletter.rendering import slots
from newsletter.rendering.preflight.findings import Case, Fault, is_web, squeezed

REQUIRED_HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Id", "MIME-Version")
ONE_CLICK = "List-Unsubscribe=One-Click"


def unsubscribe_link(case: Case) -> Iterator[Fault]:
    advice = "Put {{ unsubscribe_url }} back into the template"
    if not any(slots.UNSUBSCRIBE in link for link in case.links):
        yield Fault(f"The mail has no link to unsubscribe. {advice}.", "html")
    if case.form.text.strip() and slots.UNSUBSCRIBE not in case.form.text:
        yield Fault(f"The text part has no link to unsubscribe. {advice}.", "text")


def postal_address(case: Case) -> Iterator[Fault]:
    """The law asks for the publisher's address, in both parts."""
    address = squeezed(case.contents.postal_address)
    if not address:
        yield Fault("Set site.postal_address in config.toml: the law asks for it.")
        return
    for part, words in (("html", case.words), ("text", case.form.text)):
        if words.strip() and address not in squeezed(words):
            yield Fault(
                "The postal address is not in this part; the law asks for it. Put {{ issue.postal_address }} back.",
                part,
            )


def headers(case: Case) -> Iterator[Fault]:
    """RFC 5322 §3.6, 2369, 2919 and 8058."""
    if case.message is None:
        return
    yield from _missing(case.message)
    yield from _unsubscribe_headers(case.message)


def _missing(message: EmailMessage) -> Iterator[Fault]:
    for name in REQUIRED_HEADERS:
        count = len(message.get_all(name, []))
        if count != 1:
            words = "is missing" if not count else f"is there {count} times"
            yield Fault(f"The header {name} {words}; exactly one is needed.", name)
    if not str(message.get("List-Id", "<x>")).strip().endswith(">"):
        yield Fault("List-Id must end in <name.of.a.domain> (RFC 2919).", "List-Id")


def _unsubscribe_headers(message: EmailMessage) -> Iterator[Fault]:
    raw = next((str(value) for name, value in message.raw_items() if name.lower() == "list-unsubscribe"), "")
    addresses = re.findall(r"<([^<>]*)>", raw)
    if raw and ("=?" in raw or sum(is_web(address) for address in addresses) != 1):
        yield Fault(
            "List-Unsubscribe needs exactly one https address in < >, and no encoded words (RFC 8058).",
            "List-Unsubscribe",
        )
    if [str(value) for value in message.get_all("List-Unsubscribe-Post", [])] != [ONE_CLICK]:
        yield Fault(f"List-Unsubscribe-Post must be {ONE_CLICK}, once (RFC 8058).", "List-Unsubscribe-Post")


def parts(case: Case) -> Iterator[Fault]:
    message = case.message
    if message is None:
        return
    kinds = [part.get_content_type() for part in message.iter_parts()] if message.is_multipart() else []
    if message.get_content_type() != "multipart/alternative" or kinds != ["text/plain", "text/html"]:
        yield Fault("The body must be multipart/alternative: text/plain, then text/html (RFC 2046).", "Content-Type")


def text_part(case: Case) -> Iterator[Fault]:
    if not case.form.text.strip():
        yield Fault("The text part is empty; correct the design's .txt template.", "text")


def text_links(case: Case) -> Iterator[Fault]:
    """Who reads the text part can follow every link of the mail."""
    if not case.form.text.strip():
        return
    missing = [link for link in case.links if is_web(link) and not slots.has_marks(link) and link not in case.form.text]
    if missing:
        yield Fault(
            f"The text part lacks {len(missing)} of the mail's links; those who read it can't follow them.",
            missing[0][:200],
        )
