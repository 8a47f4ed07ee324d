"""The page to choose on, behind the link in every mail: one calm column, each choice folded away until it is wanted.

GET and HEAD show and change nothing; POST is one button. The link may be in a stranger's hands: the address is masked
and can't be changed here, and one more newsletter is confirmed by the mailbox.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

from fastapi import BackgroundTasks, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from newsletter import notices
from newsletter.config import Newsletter
from newsletter.issues.timetable import pause_day, pause_ends
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, client_of
from newsletter.web.dependencies import field as field_of
from newsletter.web.readers import bad_link
from newsletter.web.sign_up import wording
from newsletter.wordbook import Wordbook, language_names
from subscribers import Format, Proof, Way, preferences, signup, unsubscribe
from subscribers.preferences import Choice, Manner, Preferences
from subscribers.tokens import Purpose, sign

LONGEST_PAUSE = timedelta(days=366)
USUAL_PAUSE = timedelta(weeks=2)  # what the field says until somebody changes it
AREAS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a button did, or what was wrong beside which field: "topics", "until"."""

    words: str = ""
    wrong: dict[tuple[str, str], str] = field(default_factory=dict)  # by newsletter and field


@dataclass(frozen=True)
class Line:
    """One newsletter on the page."""

    newsletter: Newsletter
    state: str  # a SubscriptionState's word, or "" where they never met
    paused_until: date | None
    topics: tuple[tuple[str, bool], ...]  # each section with whether they get it; empty where there is no choice
    undo: str  # a token to take a leaving back

    @property
    def chosen(self) -> list[str]:
        """The sections they have chosen; none if they get all."""
        names = [name for name, ticked in self.topics if ticked]
        return names if len(names) < len(self.topics) else []


def page(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """Where a reader stands, and what they may choose."""
    found = preferences.look(session, house.keys, token, house.now)
    return _page(house, token, found, Said()) if found else bad_link(house)


def choose(token: str, request: Request, house: HouseDep, form: FormDep, later: BackgroundTasks) -> Response:
    """One choice of that page."""
    with house.database.transaction() as session:
        found = preferences.look(session, house.keys, token, house.now)
        if found is None:
            return bad_link(house)
        said = _act(session, house, found, form, client_of(request))
        found = preferences.look(session, house.keys, token, house.now)
    if house.sends_notices:
        later.add_task(notices.deliver_due, house.database, house.config, house.now)
    return _page(house, token, found, said) if found else bad_link(house)


def _act(session: Session, house: House, found: Preferences, form: FormData, client: str) -> Said:
    """Do what one button asks for, and say it. Nothing for what is no button of ours."""
    act, who = field_of(form, "act"), found.subscriber_id
    if act == "manner":
        manner = _manner(form, found.manner)
        preferences.settle(session, who, manner)
        return Said(_words(house, manner).say("Saved."))
    words = _words(house, found.manner)
    if act in ("note-nothing", "note-again"):
        preferences.note_clicks(session, who, act == "note-again")
        nothing = words.say("From now on nothing is noted, and what was is forgotten.")
        return Said(nothing if act == "note-nothing" else words.say("Saved."))
    if act == "leave-all":
        unsubscribe.leave_all(session, who, Way.PREFERENCES, found.issue, house.now)
        return Said(words.say("You have left everything. No more issues will come."))
    newsletter = next((n for n in house.config.newsletters if n.slug == field_of(form, "newsletter")), None)
    if newsletter is None:
        return Said()
    if act == "topics":
        return _choose_topics(session, house, found, newsletter, form.getlist("topic"), words)
    if act == "pause":
        return _pause(session, house, found, newsletter, field_of(form, "until"), words)
    return _come_or_go(session, house, found, newsletter, act, client, words)


def _choose_topics(
    session: Session,
    house: House,
    found: Preferences,
    newsletter: Newsletter,
    ticked: Iterable[object],
    words: Wordbook,
) -> Said:
    """All of them ticked is all, also those to come."""
    sections = _sections(house, newsletter)
    wanted = [name for name in sections if name in set(ticked)]
    if not wanted:
        wrong = words.say("Tick at least one. If you want none of them, leave.")
        return Said(wrong={(newsletter.slug, "topics"): wrong})
    chosen = wanted if len(wanted) < len(sections) else []
    if not preferences.choose_topics(session, found.subscriber_id, newsletter.slug, chosen, house.now):
        return Said()
    return Said(words.say("Saved. It holds from the next issue of %(title)s on.", title=newsletter.title))


def _pause(
    session: Session, house: House, found: Preferences, newsletter: Newsletter, until: str, words: Wordbook
) -> Said:
    """Until a day that is to come, and within a year: longer is leaving."""
    first, last = _pause_bounds(house, newsletter)
    try:
        day = date.fromisoformat(until.strip())
    except ValueError:
        day = None
    if day is None or not first <= day <= last:
        wrong = words.say("Name a day from tomorrow on, within a year.")
        return Said(wrong={(newsletter.slug, "until"): wrong})
    if not preferences.pause(session, found.subscriber_id, newsletter.slug, pause_ends(newsletter, day), house.now):
        return Said()
    return Said(words.say("%(title)s is paused.", title=newsletter.title))


def _come_or_go(
    session: Session, house: House, found: Preferences, newsletter: Newsletter, act: str, client: str, words: Wordbook
) -> Said:
    """Leave one, end a pause, or ask for one more: the mailbox confirms that, not whoever holds the link."""
    who, slug, title = found.subscriber_id, newsletter.slug, newsletter.title
    if act == "leave":
        unsubscribe.leave(session, who, slug, Way.PREFERENCES, found.issue, house.now)
        return Said(words.say("You have left %(title)s", title=title))
    if act == "resume":
        preferences.resume(session, who, slug, house.now)
        return Said(words.say("%(title)s comes again.", title=title))
    if act == "join":
        proof = Proof(wording(newsletter), f"{house.config.site.url}/preferences", client)
        due = preferences.join(session, house.keys, who, slug, proof, house.now)
        if due is not None:
            notices.ask_to_confirm(session, due, house.now)
        return Said(
            words.say("Look in your mailbox: press the button in our mail, and %(title)s is yours.", title=title)
        )
    return Said()


def _manner(form: FormData, before: Manner) -> Manner:
    """What the form says of it; a word that is none of ours leaves that as it was."""
    language, zone, form_word = (field_of(form, name) for name in ("language", "timezone", "format"))
    return Manner(
        name=preferences.one_line(field_of(form, "name")),
        language=language if language in ("", *language_names()) else before.language,
        timezone=zone if not zone or zone in zones().get(zone.partition("/")[0], ()) else before.timezone,
        format=Format(form_word) if form_word in list(Format) else before.format,
    )


@lru_cache(maxsize=1)
def zones() -> dict[str, list[str]]:
    """The time zones that somebody may live in, by part of the world."""
    names = sorted(available_timezones())
    return {area: [name for name in names if name.startswith(f"{area}/")] for area in AREAS}


def _words(house: House, manner: Manner) -> Wordbook:
    """The page speaks as its reader wants it to."""
    return house.pages.words(reader=manner.language)


def _sections(house: House, newsletter: Newsletter) -> list[str]:
    """What readers of it may choose from; a single section is no choice."""
    names = [rule.name for rule in house.config.sections_of(newsletter)]
    return names if newsletter.topics and len(names) > 1 else []


def _pause_bounds(house: House, newsletter: Newsletter) -> tuple[date, date]:
    today = house.now.astimezone(newsletter.zone).date()
    return today + timedelta(days=1), today + LONGEST_PAUSE


def _page(house: House, token: str, found: Preferences, said: Said) -> Response:
    lines = [_line(house, newsletter, found) for newsletter in house.config.newsletters]
    return house.pages.page(
        "preferences",
        422 if said.wrong else 200,
        wordbook=_words(house, found.manner),
        token=token,
        page=found,
        said=said,
        lines=lines,
        bounds={n.slug: _pause_bounds(house, n) for n in house.config.newsletters},
        usual_pause=house.now.astimezone(house.config.newsletters[0].zone).date() + USUAL_PAUSE,
        languages=language_names(),
        zones=zones(),
        counts_clicks=any(n.clicks for n in house.config.newsletters),
        gets_any=any(c.state in signup.MAILED for c in found.choices),
    )


def _line(house: House, newsletter: Newsletter, found: Preferences) -> Line:
    choice = found.of(newsletter.slug)
    return Line(
        newsletter=newsletter,
        state=choice.state.value if choice else "",
        paused_until=pause_day(newsletter, choice.paused_until) if choice and choice.paused_until else None,
        topics=_ticked(_sections(house, newsletter), choice),
        undo=sign(house.keys, Purpose.UNSUBSCRIBE, choice.subscription_id, found.issue or 0) if choice else "",
    )


def _ticked(sections: list[str], choice: Choice | None) -> tuple[tuple[str, bool], ...]:
    """A section that is gone counts for nothing: who had chosen no other gets all."""
    chosen = set(sections) & choice.topics if choice else set()
    return tuple((name, not chosen or name in chosen) for name in sections)
