"""Pages in the desk's look: one environment of Jinja, one set of headers, the navigation, and refusals in words.

Nothing inline and nothing from elsewhere: scripts and styles are files of ours. A request of htmx gets a refusal as a
sentence for the page's own line (`#said`), any other one gets a page.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from newsletter.config import Config, Newsletter
from newsletter.editors import Role
from newsletter.editors.sessions import Visitor
from newsletter.errors import NotFound
from newsletter.rendering import environment
from newsletter.web.dependencies import House
from newsletter.web.desk.cells import labelled
from newsletter.web.desk.door import Door, NotLoggedIn, WrongToken, form_token
from newsletter.wordbook import begun

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with none at all, browsers hide the origin of our own forms too
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
HOME = "/desk"
TO_THE_LINE = {"HX-Retarget": "#said", "HX-Reswap": "innerHTML"}
PAGES = (  # the navigation; a page that has no door yet, or wants more than the editor's role, is not shown
    ("Today", "/desk"),
    ("Figures", "/desk/figures"),
    ("Readers", "/desk/readers"),
    ("Sources", "/desk/sources"),
    ("People", "/desk/people"),
    ("Audit", "/desk/audit"),
)


@dataclass(frozen=True)
class NavigationLink:
    """One word of the navigation."""

    title: str
    path: str
    is_here: bool


class Frame:
    """What all pages of the desk share; made once by `create_desk`."""

    def __init__(self, config: Config, doors: Sequence[Door]) -> None:
        self._config = config
        self._least = {door.path: door.least for door in doors if not door.changes}
        self.root = urlsplit(config.site.url).path  # where a proxy puts us under a folder
        self._environment = environment.of_project(config.folder)
        self._environment.filters |= {
            "number": number,
            "clock": clock,
            "day": day,
            "moment": moment,
            "iso": iso,
            "until": until,
            "short": short,
            "span": span,
            "capitalize_first": begun,
        }
        self._environment.globals |= {"site": config.site, "newsletters": config.newsletters, "root": self.root}

    def text(self, name: str, /, **values: object) -> str:
        """templates/desk/NAME.html with `values`."""
        return labelled(self._environment.get_template(f"desk/{name}.html").render(values))

    def navigation(self, visitor: Visitor | None, path: str) -> list[NavigationLink]:
        """The pages that this editor may open."""
        if visitor is None or visitor.awaits_code:
            return []
        return [
            NavigationLink(title, self.root + page, page == path or (page != "/desk" and path.startswith(page)))
            for title, page in PAGES
            if (least := self._least.get(page)) and visitor.may(least)
        ]

    @property
    def first(self) -> Newsletter:
        """Whose colour a page has that is about no newsletter."""
        return self._config.newsletters[0]


def desk_page(
    request: Request, editor: Visitor | None, name: str, /, status: int = 200, *, paper: Newsletter | None = None,
    **values: object,
) -> HTMLResponse:  # fmt: skip
    """templates/desk/NAME.html, a whole page or a piece of one, with `values` and what base.html wants.

    `paper` is the newsletter it is about, whose colour it has. Templates find `editor`,
    `form_token`, `now`, `may` and `here` too.
    """
    house: House = request.app.state.house
    frame: Frame = request.app.state.frame
    named = {
        "editor": editor,
        "form_token": form_token(house, editor) if editor else "",
        "here": request.url.path,
        "navigation": frame.navigation(editor, request.url.path),
        "paper": paper or frame.first,
        "now": house.now,
        "may": lambda role: editor is not None and editor.may(Role(role)),
    }
    return HTMLResponse(frame.text(name, **{**named, **values}), status, HEADERS)


def inside(path: str) -> str:
    """`path` if it is one of the desk's own, else the desk itself: a link or a field must not lead elsewhere."""
    is_ours = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    return path if is_ours and not set("\\\r\n") & set(path) else HOME


def redirect(request: Request, path: str) -> Response:
    """See `path` of the desk next, by GET (303): what a form answers when it is done."""
    frame: Frame = request.app.state.frame
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": frame.root + path})
    return RedirectResponse(frame.root + path, 303, HEADERS)


def refusal(request: Request, error: Exception) -> Response:
    """What can't be done, in words and in the desk's look."""
    if isinstance(error, NotLoggedIn):
        return _log_in_first(request)
    status, title, text = _words(error)
    answer = _said(request, status, text)
    answer.headers.update(getattr(error, "headers", None) or {})
    if request.headers.get("hx-request"):
        return _with_new_token(request, error, answer)
    visitor = getattr(request.state, "visitor", None)
    return desk_page(request, visitor, "message", status, title=title, text=text)


def _with_new_token(request: Request, error: Exception, answer: HTMLResponse) -> HTMLResponse:
    """An open page of an older login learns the token of the new one. The door has seen that it is a page of ours, and
    no other site's script can read the answer."""
    if not isinstance(error, WrongToken):
        return answer
    answer = _said(
        request, error.status_code, "You have logged in anew meanwhile. Press it once more: nothing is lost."
    )
    answer.headers["HX-Trigger"] = json.dumps({"new-token": {"token": error.wanted}})
    return answer


def _words(error: Exception) -> tuple[int, str, str]:
    if not isinstance(error, HTTPException):
        return (
            (404, "There is nothing here", str(error)) if isinstance(error, NotFound) else (409, "Not now", str(error))
        )
    title, text = {
        403: ("Not with this role, or not from there", ""),
        404: ("There is nothing here", "Perhaps it has moved, or the address was cut in two."),
        405: ("Not like this", "This address wants its button pressed."),
        413: ("Too much at once", "What was sent is larger than this form takes."),
    }.get(error.status_code, ("That did not work", "Please try again."))
    is_ours = error.detail not in ("", "Not Found", "Method Not Allowed", "Content Too Large")
    return error.status_code, title, error.detail if is_ours else text


def _said(request: Request, status: int, text: str) -> HTMLResponse:
    """A sentence for the page's own line; the rest of the page stays as it is."""
    frame: Frame = request.app.state.frame
    return HTMLResponse(frame.text("_said", text=text, link=""), status, {**HEADERS, **TO_THE_LINE})


def _log_in_first(request: Request) -> Response:
    """A look goes to the login and comes back; an act says so and loses nothing that was typed."""
    frame: Frame = request.app.state.frame
    if request.headers.get("hx-request"):
        return _logged_out_line(frame)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method in ("GET", "HEAD"):
        return RedirectResponse(f"{frame.root}/desk/login?next={quote(path)}", 303, HEADERS)
    text = "You have been logged out, so nothing was changed. Log in, then go back one page: what you typed is there."
    return desk_page(request, None, "message", 401, title="Log in first", text=text)


def _logged_out_line(frame: Frame) -> Response:
    text = "You have been logged out. Log in in a new tab, then do it once more here: what you typed stays."
    return HTMLResponse(frame.text("_said", text=text, link="/desk/login"), 401, {**HEADERS, **TO_THE_LINE})


# --- how things are written ----------------------------------------------------------------------------------------


def number(value: float) -> str:
    """12345 → "12,345"."""
    return f"{value:,}"


def day(value: date) -> str:
    """ "Tuesday, 24 November 2026"."""
    return f"{value:%A}, {value.day} {value:%B %Y}"


def short(value: date) -> str:
    """ "24 Nov 2026"."""
    return f"{value.day} {value:%b %Y}"


def span(value: timedelta) -> str:
    """ "40 seconds", "2 min", "1 h 05 min", "3 days": as exact as anybody wants to know."""
    seconds = max(0, round(value.total_seconds()))
    minutes = (seconds + 30) // 60
    hours = minutes // 60
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02} min" if hours < 48 else f"{hours // 24} days"


def clock(value: datetime, newsletter: Newsletter) -> str:
    """ "06:30", in the newsletter's zone."""
    return f"{value.astimezone(newsletter.zone):%H:%M}"


def moment(value: datetime, newsletter: Newsletter) -> str:
    """ "24 Nov 06:30 GMT", in the newsletter's zone."""
    there = value.astimezone(newsletter.zone)
    return f"{there.day} {there:%b %H:%M %Z}"


def until(value: datetime, now: datetime) -> str:
    """ "in 43 min", "in 5 h 02 min", "in 3 days", "now": how long it is until then."""
    minutes = -((now - value) // timedelta(minutes=1))
    if minutes <= 0:
        return "now"
    if minutes < 60:
        return f"in {minutes} min"
    return f"in {minutes // 60} h {minutes % 60:02} min" if minutes < 48 * 60 else f"in {round(minutes / 1440)} days"


def iso(value: datetime) -> str:
    """For <time datetime>."""
    return value.astimezone(UTC).isoformat(timespec="seconds")
