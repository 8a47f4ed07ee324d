"""Coming in and going out: the password, the code, an invitation. What is wrong is said in the same words always."""

from datetime import timedelta
from math import ceil

from fastapi import Request, Response

from newsletter.editors import invitations, login, sessions
from newsletter.editors.login import Caller, Entry
from newsletter.editors.sessions import Visitor
from newsletter.errors import Refused
from newsletter.web.allowance import network_of
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, client_of, field
from newsletter.web.desk.door import COOKIE, EditorDep
from newsletter.web.desk.frame import HOME, Frame, desk_page, inside, redirect


def page(request: Request, next: str = HOME) -> Response:
    """Address and password. Who is logged in goes on."""
    visitor: Visitor | None = request.state.visitor
    if visitor and not visitor.awaits_code:
        return redirect(request, inside(next))
    return _form(request, "", next)


def enter(request: Request, house: HouseDep, form: FormDep) -> Response:
    """The first step."""
    email, after = field(form, "email"), field(form, "next")
    entry = login.with_password(house.database, email, field(form, "password"), caller_of(request), house.now)
    if not entry.token:
        return _form(request, email, after, entry)
    step = f"/desk/login/code?next={inside(after)}" if entry.awaits_code else inside(after)
    return _with_cookie(redirect(request, step), request, house, entry)


def code_page(request: Request, next: str = HOME) -> Response:
    """The second step's page."""
    visitor: Visitor | None = request.state.visitor
    if visitor is None or not visitor.awaits_code:
        return redirect(request, "/desk/login")
    return _code_form(request, next)


def enter_code(request: Request, house: HouseDep, form: FormDep) -> Response:
    """The second step."""
    visitor: Visitor | None = request.state.visitor
    if visitor is None or not visitor.awaits_code:
        return redirect(request, "/desk/login")
    after = field(form, "next")
    entry = login.with_code(house.database, house.keys, visitor, field(form, "code"), caller_of(request), house.now)
    if not entry.token:
        return _code_form(request, after, entry)
    return _with_cookie(redirect(request, inside(after)), request, house, entry)


def leave(request: Request, house: HouseDep, editor: EditorDep) -> Response:
    """The session ends, here and at once."""
    with house.database.transaction() as session:
        sessions.end(session, editor.session_id, house.now)
    answer = redirect(request, "/desk/login")
    answer.delete_cookie(COOKIE, path=_cookie_path(request))
    return answer


def invitation(request: Request, token: str, house: HouseDep, session: ReadingDep) -> Response:
    """Choose a password. The link alone changes nothing, for scanners open links."""
    invited = invitations.look(session, token, house.now)
    if invited is None:
        return desk_page(request, None, "message", 404, title="Nobody is invited by this", text=invitations.GONE)
    return desk_page(request, None, "invitation", invited=invited, wrong="")


def accept(request: Request, token: str, house: HouseDep, form: FormDep) -> Response:
    """The password is chosen: to the login with it."""
    with house.database.reading() as session:
        invited = invitations.look(session, token, house.now)
    if invited is None:
        return desk_page(request, None, "message", 404, title="Nobody is invited by this", text=invitations.GONE)
    try:
        login.accept(
            house.database, token, field(form, "password"), field(form, "again"), caller_of(request), house.now
        )
    except Refused as error:
        return desk_page(request, None, "invitation", 422, invited=invited, wrong=str(error))
    return redirect(request, "/desk/login")


def _form(request: Request, email: str, after: str, entry: Entry | None = None) -> Response:
    status, wrong, headers = _outcome(entry)
    answer = desk_page(request, None, "login", status, email=email, after=inside(after), wrong=wrong)
    answer.headers.update(headers)
    return answer


def _code_form(request: Request, after: str, entry: Entry | None = None) -> Response:
    status, wrong, headers = _outcome(entry)
    answer = desk_page(request, None, "code", status, after=inside(after), wrong=wrong)
    answer.headers.update(headers)
    return answer


def _outcome(entry: Entry | None) -> tuple[int, str, dict[str, str]]:
    """Status, words and headers of a form that is shown (again)."""
    if entry is None:
        return 200, "", {}
    if entry.wait:
        seconds = ceil(entry.wait / timedelta(seconds=1))
        words = f"{seconds} seconds" if seconds < 90 else f"{ceil(seconds / 60)} minutes"
        return 429, f"Too many wrong tries. Please wait {words}, then try again.", {"Retry-After": str(seconds)}
    return 422, entry.wrong, {}


def _with_cookie(answer: Response, request: Request, house: House, entry: Entry) -> Response:
    answer.set_cookie(
        COOKIE, entry.token, max_age=int(sessions.LIFE.total_seconds()), path=_cookie_path(request),
        secure=house.config.site.url.startswith("https://"), httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


def _cookie_path(request: Request) -> str:
    frame: Frame = request.app.state.frame
    return f"{frame.root}/desk"


def caller_of(request: Request) -> Caller:
    """From where the request comes."""
    address = client_of(request)
    return Caller(network_of(address), address, request.headers.get("user-agent", ""))
