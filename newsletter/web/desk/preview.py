"""What readers get, to look at: the very bytes in a frame that can do nothing, and the line that inboxes show.

The frame's page has a policy of its own: sandboxed, no script, no forms. By day or by night is fixed in the style
sheet's own media query, for the pane shows what its button says whatever the editor's screen is set to; a reader's
links lead to nobody's subscription, so that a click in the pane signs nobody off.
"""

import json
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlmodel import Session
from starlette.exceptions import HTTPException

from newsletter import daily, proof
from newsletter.config import Newsletter
from newsletter.editors import Role
from newsletter.errors import NewsletterError, NotFound
from newsletter.issues import find
from newsletter.issues.contents import Sponsor
from newsletter.issues.models import Issue
from newsletter.picks.reasons import shortened
from newsletter.rendering import by_topics, editions, slots
from newsletter.rendering.models import Edition
from newsletter.web.dependencies import House, HouseDep, ReadingDep
from newsletter.web.desk import board
from newsletter.web.desk.door import EditorDep
from newsletter.web.desk.frame import HEADERS, desk_page
from subscribers import SubscribersError, directory
from subscribers.topics import packed

VIEWS = {
    "desktop": "Desktop",
    "tablet": "Tablet",
    "phone": "Phone",
    "text": "Text",
    "source": "Source",
    "diff": "Changes",
}
FRAMED = ("desktop", "tablet", "phone")
INBOXES = (("Gmail, on a laptop", 70, 100), ("Apple Mail, on a phone", 41, 90), ("Outlook", 54, 55))
NIGHT = "(prefers-color-scheme: dark)"
POLICY = (
    "sandbox allow-popups; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Look:
    """How somebody wants to see it."""

    view: str = "desktop"
    dark: bool = False
    pictures: bool = True
    reader: str = ""  # an address
    topics: str = ""  # "City, World"

    def href(self, **changes: Any) -> str:
        """The query of the same look with `changes`."""
        named = {**vars(self), **changes}
        given = {
            "view": named["view"], "dark": "1" if named["dark"] else "", "pictures": "" if named["pictures"] else "0",
            "reader": named["reader"], "topics": named["topics"],
        }  # fmt: skip
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True)
class Inbox:
    """The line as three mail programs cut it, and how long subject and preheader are."""

    subject: str
    preheader: str
    sender: str
    cuts: tuple[tuple[str, str, str], ...]


def look(
    request: Request, issue_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep,
    view: str = "desktop", dark: bool = False, pictures: bool = True, reader: str = "", topics: str = "",
) -> Response:  # fmt: skip
    """The pane at the right."""
    issue = find.by_number(session, str(issue_id))
    looked = Look(view, dark, pictures, reader.strip(), topics.strip())
    return desk_page(
        request, editor, "_look", paper=house.config.newsletter(issue.newsletter), issue=issue, look=looked,
        **values(session, house, issue, looked),
    )  # fmt: skip


def bytes_(
    issue_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep,
    view: str = "desktop", dark: bool = False, pictures: bool = True, reader: str = "", topics: str = "",
) -> Response:  # fmt: skip
    """What stands in the frame."""
    if reader and not editor.may(Role.EDITOR):
        raise HTTPException(403, "To look as a reader wants the role editor.")
    issue = find.by_number(session, str(issue_id))
    try:
        edition, name = _edition(session, house, issue, reader.strip(), topics.strip())
    except (NewsletterError, SubscribersError) as error:
        return _answer(f"<!doctype html><title>Preview</title><p>{escape(str(error))}</p>", "text/html", pictures)
    if view == "text":
        return _answer(_filled(edition.text, name), "text/plain", pictures)
    if view == "source":
        made = proof.message_as(daily.Paper(house.config, house.database), issue, edition, proof.a_reader(), house.now)
        return _answer(made.decode("utf-8", "replace"), "text/plain", pictures)
    html = edition.html.replace(f"@media {NIGHT}", "@media all" if dark else "@media not all")
    return _answer(_filled(html, escape(name)), "text/html", pictures)


def values(session: Session, house: House, issue: Issue, looked: Look) -> dict[str, Any]:
    """What the pane's template wants."""
    newsletter = house.config.newsletter(issue.newsletter)
    is_diff = looked.view == "diff"
    return {
        "views": VIEWS,
        "framed": looked.view in FRAMED,
        "differences": board.differences(session, house.config, newsletter, issue) if is_diff else [],
        "choosable": [rule.name for rule in house.config.sections_of(newsletter)],
    }


def inbox(newsletter: Newsletter, issue: Issue) -> Inbox:
    """The issue's line in the inbox."""
    cuts = tuple(
        (name, shortened(issue.subject, subject), shortened(issue.preheader, preheader))
        for name, subject, preheader in INBOXES
    )
    return Inbox(issue.subject, issue.preheader, newsletter.sender.partition("<")[0].strip(), cuts)


def sponsor_of(words: str) -> Sponsor:
    """The slot that a field's words say; an empty one for none."""
    return Sponsor(**json.loads(words)) if words else Sponsor("", "", "")


def _edition(session: Session, house: House, issue: Issue, email: str, topics: str) -> tuple[Edition, str]:
    """The edition for that reader or those topics, and the reader's name."""
    newsletter = house.config.newsletter(issue.newsletter)
    if not email and not topics:
        return editions.of(session, issue), ""
    chosen, name = packed([words.strip() for words in topics.split(",") if words.strip()]), ""
    if email:
        person = directory.show(session, house.keys, email)
        subscription = next((one for one in person.subscriptions if one.newsletter == issue.newsletter), None)
        if subscription is None:
            raise NotFound(f"That person does not get {newsletter.title}.")
        chosen, name = subscription.topics, person.subscriber.name
    found = by_topics.shown(session, house.config, newsletter, issue, chosen)
    if found is None:
        raise NotFound("Who has chosen these topics gets nothing of this issue.")
    return found, name


def _filled(text: str, name: str) -> str:
    return slots.fill(text, unsubscribe="preview", preferences="preview", name=name)


def _answer(text: str, kind: str, pictures: bool) -> Response:
    policy = POLICY.format(pictures="'self' https: http: data:" if pictures else "'none'")
    headers = {**HEADERS, "Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=headers)
