"""The way in: a page for the site and one for each newsletter, and what the form does, ours or another site's.

The answer is the same, and comes from the same work, whether an address is known, new or suppressed: it is written
down, and looked at when the page is out (`subscribers.wishes`). Our own pages carry when they were made, signed. One
that was sent off too quickly for a person, or lay open for too long, is shown once more: a person presses again. A
form on another site can't carry that; `sign_up.sites` says which sites' forms are taken as they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from html import escape

from fastapi import BackgroundTasks, Request, Response
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from newsletter import links, notices
from newsletter.config import Newsletter, Site
from newsletter.web.archive import latest_issue
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, client_of, field
from newsletter.wordbook import Wordbook, marked
from subscribers import Address, NotAnAddress, Proof, parse, slips, wishes
from subscribers.tokens import Keys, Purpose, check, sign

SEEN_ELSEWHERE = "(the words of a form on another site)"
TRAP = "second_line"  # a field that people don't see and no browser fills in; robots do
QUICKEST = timedelta(seconds=2)  # from opening the page to pressing its button
LONGEST = timedelta(days=1)


class Age(Enum):
    """How long a form had been open when its button was pressed."""

    RIGHT = "right"
    QUICK = "quick"  # quicker than people are, though a browser that fills in for them may be
    STALE = "stale"
    ELSEWHERE = "elsewhere"  # no page of ours


@dataclass(frozen=True)
class Asked:
    """What a form said."""

    email: str
    offered: tuple[Newsletter, ...]  # on the page that it came from
    wanted: tuple[Newsletter, ...]
    sure: str  # the address that we had asked about already
    age: Age
    token: str  # of the page

    @property
    def paper(self) -> Newsletter | None:
        """Whose page it was; None for the site's."""
        return self.offered[0] if len(self.offered) == 1 else None


def home(house: HouseDep, session: ReadingDep) -> Response:
    """What the newsletters are, and the form."""
    offered = house.config.newsletters
    return _page(house, offered, latest={n.slug: latest_issue(session, n.slug) for n in offered})


def paper(newsletter: str, house: HouseDep, session: ReadingDep) -> Response:
    """The same for one newsletter alone, in its own colour and language."""
    offered = tuple(n for n in house.config.newsletters if n.slug == newsletter)
    if not offered:
        raise HTTPException(404, marked("There is no such newsletter."))
    return _page(house, offered, latest={newsletter: latest_issue(session, newsletter)})


def subscribe(request: Request, house: HouseDep, form: FormDep, later: BackgroundTasks) -> Response:
    """Somebody asks. The answer is the same whether the address is known, new or suppressed."""
    asked = _asked(request, house, form)
    words = house.pages.words(asked.paper)
    if field(form, TRAP):
        return _done(house, asked)
    newsletter_error = "" if asked.wanted else words.say("Tick the one you want.")
    try:
        address = parse(asked.email)
    except NotAnAddress as error:
        email_error = _what_is_wrong(error, words)
        return _again(house, asked, newsletter_error=newsletter_error, email_error=email_error)
    if newsletter_error:
        return _again(house, asked, newsletter_error=newsletter_error)
    likelier = slips.meant(asked.email)
    if likelier and asked.sure != asked.email:  # asked once, never changed by us
        question = words.say(
            "Did you mean %(email)s? If your own is right, press the button once more.", email=likelier
        )
        return _again(house, asked, email_error=question, sure=asked.email)
    if asked.age is not Age.RIGHT:
        return _again(house, asked, note=words.say("Is all of this right? Then press the button once more."))
    if not house.sign_ups.of_places(client_of(request), house.now):
        title = words.say("Too many at once")
        text = words.say("Very many sign-ups have come in this hour. Please try again later.")
        return house.pages.page("message", 429, paper=asked.paper, title=title, text=text)
    if house.sign_ups.of_address(address.key, house.now):
        _note(house, asked, address, _proof(request, house, asked, form))
        later.add_task(_look, house)
    return _done(house, asked)


def wording(newsletter: Newsletter) -> str:
    """What somebody agrees to, as the page says it and as it is kept."""
    words = Wordbook(newsletter.language, newsletter.words)
    wish = words.say(
        "Send me %(title)s, %(rhythm)s. I can leave at any time with one press.",
        title=newsletter.title,
        rhythm=notices.rhythm(newsletter, words),
    )
    if not newsletter.clicks:
        return wish
    noted = words.say("Which of its links I follow is noted.")
    return f"{wish} {noted}"


def embeddable(site: Site, newsletter: Newsletter) -> str:
    """The form as plain HTML for another site's page: no script, no style, nothing from our host until it is sent."""
    words = Wordbook(newsletter.language, newsletter.words)
    label, button = words.say("Your e-mail address"), words.say("Get %(title)s", title=newsletter.title)
    return _EMBEDDABLE.format(
        action=escape(links.sign_up_action(site)),
        language=escape(newsletter.language),
        slug=escape(newsletter.slug),
        trap=TRAP,
        empty=escape(words.say("Leave this empty")),
        label=escape(label),
        button=escape(button),
        wording=escape(wording(newsletter)),
    )


_EMBEDDABLE = """<form method="post" action="{action}" lang="{language}" novalidate>
<input type="hidden" name="page" value="{slug}">
<div hidden><label>{empty} <input type="text" name="{trap}" tabindex="-1" autocomplete="off"></label></div>
<label for="newsletter-email">{label}</label>
<input type="email" id="newsletter-email" name="email" required autocomplete="email">
<button type="submit">{button}</button>
<p>{wording}</p>
</form>
"""


def _note(house: House, asked: Asked, address: Address, proof: Proof) -> None:
    """One statement, whatever the address."""
    with house.database.transaction() as session:
        wishes.note(session, house.keys, [n.slug for n in asked.wanted], address, proof, house.now)


def _look(house: House) -> None:
    """After the answer: whom to mail."""
    notices.ask_those_who_wished(house.database, house.config, house.now)
    if house.sends_notices:
        notices.deliver_due(house.database, house.config, house.now)


def _asked(request: Request, house: House, form: FormData) -> Asked:
    every, token = house.config.newsletters, field(form, "form")
    offered = tuple(n for n in every if n.slug == field(form, "page")) or every
    ticked = tuple(n for n in offered if n.slug in form.getlist("newsletter"))
    age = _age_of(house.keys, token, int(house.now.timestamp()))
    if age is Age.ELSEWHERE and _is_of_an_own_site(request, house.config.sign_up.sites):
        age = Age.RIGHT
    return Asked(
        email=field(form, "email").strip(),
        offered=offered,
        wanted=offered if len(offered) == 1 else ticked,
        sure=field(form, "sure"),
        age=age,
        token=token,
    )


def _age_of(keys: Keys, token: str, now: int) -> Age:
    claim = check(keys, Purpose.FORM, token)
    if claim is None:
        return Age.ELSEWHERE
    open_for = timedelta(seconds=now - claim.subject)
    if open_for < QUICKEST:
        return Age.QUICK
    return Age.RIGHT if open_for <= LONGEST else Age.STALE


def _is_of_an_own_site(request: Request, sites: Sequence[str]) -> bool:
    return not sites or request.headers.get("origin", "").lower() in sites


def _what_is_wrong(error: NotAnAddress, words: Wordbook) -> str:
    """The reason itself in English, for it comes in no other language; else that there is one."""
    if words.language.partition("-")[0] == "en":
        return str(error)
    return words.say("No mail can reach this address. Please look at it again.")


def _proof(request: Request, house: House, asked: Asked, form: FormData) -> Proof:
    """What our own page said, if it was ours; of another site's form we know the address at most."""
    site, network = house.config.site, client_of(request)
    if check(house.keys, Purpose.FORM, field(form, "form")) is None:
        origin = request.headers.get("origin", "").replace("null", "")  # what a browser says that may not tell
        return Proof(SEEN_ELSEWHERE, request.headers.get("referer", "").partition("?")[0] or origin, network)
    where = links.sign_up_to(site, asked.paper.slug) if field(form, "page") and asked.paper else links.sign_up(site)
    return Proof(" ".join(wording(n) for n in asked.wanted), where, network)


def _done(house: House, asked: Asked) -> Response:
    return house.pages.page("asked", paper=asked.paper, email=asked.email)


def _again(house: House, asked: Asked, **values: object) -> Response:
    """The same page with what was typed, and what is wrong with it. Its age goes on; a new page may be quick."""
    is_ours = asked.age in (Age.QUICK, Age.RIGHT) and asked.token
    token = asked.token if is_ours else _token(house, open_for=QUICKEST)
    typed = {"email": asked.email, "ticked": asked.wanted, "form": token}
    return _page(house, asked.offered, 422, **(typed | values))


def _page(house: House, offered: Sequence[Newsletter], status: int = 200, **values: object) -> Response:
    is_of_one = len(offered) == 1
    shown: dict[str, object] = {
        "offered": offered,
        "page": offered[0].slug if is_of_one and len(house.config.newsletters) > 1 else "",
        "latest": {},
        "email": "",
        "ticked": (),
        "email_error": "",
        "newsletter_error": "",
        "note": "",
        "sure": "",  # the address that we have asked about
        "trap": TRAP,
        "form": _token(house),
    } | values
    return house.pages.page("home", status, paper=offered[0] if is_of_one else None, wording=wording, **shown)


def _token(house: House, open_for: timedelta = timedelta(0)) -> str:
    """When a page was made, signed."""
    return sign(house.keys, Purpose.FORM, int((house.now - open_for).timestamp()))
