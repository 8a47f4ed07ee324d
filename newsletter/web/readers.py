"""Readers' doors: confirm, leave. GET and HEAD show and change nothing; POST acts.

Leaving follows RFC 8058: the token is the authority, whatever the body; never a redirect, never a question first.
A link that we never signed gets one same page everywhere.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import BackgroundTasks, Request, Response
from fastapi.responses import PlainTextResponse
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from newsletter import notices
from newsletter.config import Newsletter
from newsletter.errors import ConfigError
from newsletter.web.archive import latest_issue
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, client_of, field
from subscribers import Confirmation, Proof, Way, language_of, signup, unsubscribe
from subscribers.signup import Outcome
from subscribers.tokens import Purpose, sign
from subscribers.unsubscribe import Standing


def confirm_page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """The button: a link alone confirms nothing, for scanners open links."""
    found = signup.look(session, house.keys, token, house.now)
    return _confirmation(house, token, found, language_of(session, found.subscriber_id))


def confirm(token: str, request: Request, house: HouseDep, later: BackgroundTasks) -> Response:
    """The button was pressed: active from now on."""
    proof = Proof("pressed the button behind the confirmation mail", house.config.site.url, client_of(request))
    with house.database.transaction() as session:
        result = signup.confirm(session, house.keys, token, proof, house.now)
        given = _welcomed(session, house, result) if result.outcome is Outcome.GOOD else set()
        language = language_of(session, result.subscriber_id)
    if result.outcome is not Outcome.GOOD:
        return _confirmation(house, token, result, language)
    if house.sends_notices:
        later.add_task(notices.deliver_due, house.database, house.config, house.now)
    joined = _named(house, result.newsletters)
    with house.database.reading() as session:
        latest = {n.slug: latest_issue(session, n.slug) for n in joined}
    next_issues = {n.slug: notices.next_issue(n, house.now) for n in joined}
    return house.pages.page(
        "confirmed",
        paper=joined[0],
        wordbook=house.pages.words(joined[0], language),
        joined=joined,
        latest=latest,
        next_issues=next_issues,
        given=given,
    )


def _welcomed(session: Session, house: House, result: Confirmation) -> set[str]:
    """Welcome a newcomer to each newsletter; those whose newest issue is on its way to them."""
    given = set()
    for slug in result.newsletters:
        paper = next((n for n in house.config.newsletters if n.slug == slug), None)
        if paper and notices.give_latest(session, house.config, paper, result.subscriber_id, house.now):
            given.add(slug)
        notices.welcome(session, slug, result.subscriber_id, house.now, with_issue=slug in given)
    return given


def leave_page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """One question, one button. Opening it changes nothing, however often and by whatever."""
    standing = unsubscribe.look(session, house.keys, token, house.now)
    if standing is None:
        return bad_link(house)
    return _left(house, token, standing) if standing.has_left else _standing_page(house, "leave", token, standing)


async def leave(request: Request) -> Response:
    """RFC 8058 §3: no login, no cookie, no particular body. Only our own page says that it was the page.

    Mail providers POST thousands of these in a minute and read none of the answers, so theirs is one line.
    """
    house: House = request.app.state.house
    token = request.path_params["token"]
    way = Way.LINK if b"way=link" in await request.body() else Way.HEADER
    asked = unsubscribe.departure(house.keys, token, way)
    slug = await house.departures.take(asked) if asked else None
    if slug is None:
        return await run_in_threadpool(bad_link, house)
    if way is Way.LINK:
        return await run_in_threadpool(_left_now, house, token)
    paper = _newsletter(house, slug)
    return PlainTextResponse(house.pages.words(paper).say("You have left %(title)s", title=paper.title) + "\n")


def undo(token: str, house: HouseDep) -> Response:
    """Back on the list, for the minutes after a leaving."""
    with house.database.transaction() as session:
        standing = unsubscribe.undo(session, house.keys, token, house.now)
    if standing is None:
        return bad_link(house)
    return _left(house, token, standing) if standing.has_left else _standing_page(house, "stayed", token, standing)


def say_why(token: str, house: HouseDep, form: FormDep) -> Response:
    """The reason, asked for only after the leaving. Who said nothing is asked still."""
    reason = field(form, "reason").strip()
    with house.database.transaction() as session:
        standing = unsubscribe.say_why(session, house.keys, token, reason, house.now)
    return _left(house, token, standing, thanks=bool(reason)) if standing else bad_link(house)


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


def _named(house: House, slugs: Sequence[str]) -> list[Newsletter]:
    return [n for n in house.config.newsletters if n.slug in slugs] or [house.config.newsletters[0]]


def _newsletter(house: House, slug: str) -> Newsletter:
    """The one of that name; the first where config.toml has dropped it: its readers must still be able to leave."""
    try:
        return house.config.newsletter(slug)
    except ConfigError:
        return house.config.newsletters[0]


def _confirmation(house: House, token: str, found: Confirmation, language: str) -> Response:
    if found.outcome is Outcome.UNKNOWN:
        return bad_link(house)
    named = _named(house, found.newsletters)
    status = 410 if found.outcome is Outcome.STALE else 200
    words = house.pages.words(named[0], language)
    return house.pages.page(
        "confirm", status, paper=named[0], wordbook=words, named=named, token=token, outcome=found.outcome.value
    )


def _standing_page(house: House, page: str, token: str, standing: Standing, **values: Any) -> Response:
    """A page about one reader and one newsletter."""
    manage = sign(house.keys, Purpose.PREFERENCES, standing.subscriber_id)
    paper = _newsletter(house, standing.newsletter)
    words = house.pages.words(paper, standing.language)
    return house.pages.page(page, paper=paper, wordbook=words, token=token, standing=standing, manage=manage, **values)


def _left_now(house: House, token: str) -> Response:
    with house.database.reading() as session:
        standing = unsubscribe.look(session, house.keys, token, house.now)
    return _left(house, token, standing) if standing else bad_link(house)


def _left(house: House, token: str, standing: Standing, *, thanks: bool = False) -> Response:
    return _standing_page(house, "left", token, standing, thanks=thanks)
