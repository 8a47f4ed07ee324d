"""Readers' doors: confirm, choose, leave. GET and HEAD show and change nothing; POST acts.

Leaving follows RFC 8058: the token is the authority, whatever the body; never a redirect, never a question first.
A link that we never signed gets one same page everywhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from fastapi import BackgroundTasks, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from newsletter import notices
from newsletter.config import Newsletter
from newsletter.errors import ConfigError
from newsletter.web.archive import latest_issue
from newsletter.web.dependencies import BodyDep, FormDep, House, HouseDep, ReadingDep, client_of, field
from newsletter.web.sign_up import wording
from subscribers import Confirmation, Proof, Way, preferences, signup, unsubscribe
from subscribers.preferences import Preferences
from subscribers.signup import Outcome
from subscribers.tokens import Purpose, sign
from subscribers.unsubscribe import Standing

PAUSE_WEEKS = ("1", "2", "4")


def confirm_page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """The button: a link alone confirms nothing, for scanners open links."""
    return _confirmation(house, token, signup.look(session, house.keys, token, house.now))


def confirm(token: str, request: Request, house: HouseDep, later: BackgroundTasks) -> Response:
    """The button was pressed: active from now on."""
    proof = Proof("pressed the button behind the confirmation mail", house.config.site.url, client_of(request))
    with house.database.transaction() as session:
        result = signup.confirm(session, house.keys, token, proof, house.now)
        if result.outcome is Outcome.GOOD:
            for slug in result.newsletters:
                notices.welcome(session, slug, result.subscriber_id, house.now)
    if result.outcome is not Outcome.GOOD:
        return _confirmation(house, token, result)
    if house.sends_notices:
        later.add_task(notices.deliver_due, house.database, house.config, house.now)
    joined = _named(house, result.newsletters)
    with house.database.reading() as session:
        latest = {n.slug: latest_issue(session, n.slug) for n in joined}
    next_issues = {n.slug: notices.next_issue(n, house.now) for n in joined}
    return house.pages.page("confirmed", paper=joined[0], joined=joined, latest=latest, next_issues=next_issues)


def leave_page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """One question, one button. Opening it changes nothing, however often and by whatever."""
    standing = unsubscribe.look(session, house.keys, token, house.now)
    if standing is None:
        return bad_link(house)
    return _left(house, token, standing) if standing.has_left else _standing_page(house, "leave", token, standing)


def leave(token: str, house: HouseDep, body: BodyDep) -> Response:
    """RFC 8058 §3: no login, no cookie, no particular body. Only our own page says that it was the page."""
    way = Way.LINK if b"way=link" in body else Way.HEADER
    with house.database.transaction() as session:
        standing = unsubscribe.by_token(session, house.keys, token, way, house.now)
    return _left(house, token, standing) if standing else bad_link(house)


def undo(token: str, house: HouseDep) -> Response:
    """Back on the list, for the minutes after a leaving."""
    with house.database.transaction() as session:
        standing = unsubscribe.undo(session, house.keys, token, house.now)
    if standing is None:
        return bad_link(house)
    return _left(house, token, standing) if standing.has_left else _standing_page(house, "stayed", token, standing)


def say_why(token: str, house: HouseDep, form: FormDep) -> Response:
    """The reason, asked for only after the leaving."""
    with house.database.transaction() as session:
        standing = unsubscribe.say_why(session, house.keys, token, field(form, "reason"), house.now)
    return _left(house, token, standing, thanks=True) if standing else bad_link(house)


def preferences_page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """One reader's newsletters, a pause, a name."""
    page = preferences.look(session, house.keys, token, house.now)
    return _preferences(house, token, page) if page else bad_link(house)


def choose(token: str, request: Request, house: HouseDep, form: FormDep, later: BackgroundTasks) -> Response:
    """One choice of that page."""
    with house.database.transaction() as session:
        page = preferences.look(session, house.keys, token, house.now)
        if page is None:
            return bad_link(house)
        said = _chosen(session, house, page, form, client_of(request))
        page = preferences.look(session, house.keys, token, house.now)
    if house.sends_notices:
        later.add_task(notices.deliver_due, house.database, house.config, house.now)
    return _preferences(house, token, page, said) if page else bad_link(house)


def bad_link(house: House) -> Response:
    """The one answer to every link that we never signed, or whose person is gone."""
    words = house.pages.words()
    return house.pages.page(
        "message",
        404,
        title=words.say("This link does not work"),
        text=words.say(
            "Perhaps it was cut in two by a mail program. Copy the whole of it, or begin at the front page."
        ),
    )


def _chosen(session: Session, house: House, page: Preferences, form: FormData, client: str) -> str:
    """Do what one button of the preferences page asks for, and say it. "" for what is no button of ours."""
    act, who, words = field(form, "act"), page.subscriber_id, house.pages.words()
    if act == "name":
        preferences.rename(session, who, field(form, "name"))
        return words.say("Your name is saved.")
    if act == "leave-all":
        unsubscribe.leave_all(session, who, Way.PREFERENCES, page.issue, house.now)
        return words.say("You have left everything. No more issues will come.")
    newsletter = next((n for n in house.config.newsletters if n.slug == field(form, "newsletter")), None)
    if newsletter is None:
        return ""
    return _chosen_of(session, house, page, newsletter, act, field(form, "weeks"), client)


def _chosen_of(
    session: Session, house: House, page: Preferences, newsletter: Newsletter, act: str, weeks: str, client: str
) -> str:
    """The same for one newsletter. Starting one is asking: the mailbox confirms, not whoever holds the link."""
    who, slug, title, words = page.subscriber_id, newsletter.slug, newsletter.title, house.pages.words()
    if act == "leave":
        unsubscribe.leave(session, who, slug, Way.PREFERENCES, page.issue, house.now)
        return words.say("You have left %(title)s", title=title)
    if act == "pause" and weeks in PAUSE_WEEKS:
        preferences.pause(session, who, slug, house.now + timedelta(weeks=int(weeks)), house.now)
        return words.say("%(title)s is paused.", title=title)
    if act == "resume":
        preferences.resume(session, who, slug, house.now)
        return words.say("%(title)s comes again.", title=title)
    if act == "join":
        proof = Proof(wording(newsletter), f"{house.config.site.url}/preferences", client)
        due = preferences.join(session, house.keys, who, slug, proof, house.now)
        if due is not None:
            notices.ask_to_confirm(session, due, house.now)
        return words.say("Look in your mailbox: press the button in our mail, and %(title)s is yours.", title=title)
    return ""


def _named(house: House, slugs: Sequence[str]) -> list[Newsletter]:
    return [n for n in house.config.newsletters if n.slug in slugs] or [house.config.newsletters[0]]


def _newsletter(house: House, slug: str) -> Newsletter:
    """The one of that name; the first where config.toml has dropped it: its readers must still be able to leave."""
    try:
        return house.config.newsletter(slug)
    except ConfigError:
        return house.config.newsletters[0]


def _confirmation(house: House, token: str, found: Confirmation) -> Response:
    if found.outcome is Outcome.UNKNOWN:
        return bad_link(house)
    named = _named(house, found.newsletters)
    status = 410 if found.outcome is Outcome.STALE else 200
    return house.pages.page("confirm", status, paper=named[0], named=named, token=token, outcome=found.outcome.value)


def _standing_page(house: House, page: str, token: str, standing: Standing, **values: Any) -> Response:
    """A page about one reader and one newsletter."""
    manage = sign(house.keys, Purpose.PREFERENCES, standing.subscriber_id)
    paper = _newsletter(house, standing.newsletter)
    return house.pages.page(page, paper=paper, token=token, standing=standing, manage=manage, **values)


def _left(house: House, token: str, standing: Standing, *, thanks: bool = False) -> Response:
    return _standing_page(house, "left", token, standing, thanks=thanks)


def _preferences(house: House, token: str, page: Preferences, said: str = "") -> Response:
    undo = {
        c.newsletter: sign(house.keys, Purpose.UNSUBSCRIBE, c.subscription_id, page.issue or 0) for c in page.choices
    }
    gets_any = any(c.state in signup.MAILED for c in page.choices)
    return house.pages.page(
        "preferences", token=token, page=page, said=said, undo=undo, weeks=PAUSE_WEEKS, gets_any=gets_any
    )
