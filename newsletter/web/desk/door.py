"""Who passes a door of the desk: one place for session, role, origin and form token, so that no page can forget one.

A request that would change something must come from our own pages (Sec-Fetch-Site, Origin) and carry the editor's form
token, as a field or as a header. What it did is written into the audit when the endpoint has answered.
"""

import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from newsletter.editors import Role, audit, sessions
from newsletter.editors.sessions import Visitor
from newsletter.web.dependencies import House, client_of

LOOK = ("GET", "HEAD")
ACT = ("POST",)
NOBODY = None  # the door stands before the login
TOKEN_FIELD, TOKEN_HEADER = "form_token", "x-form-token"
COOKIE = "newsletter_desk"
MAX_BODY_BYTES = 200_000
Answering = Callable[[Request], Coroutine[Any, Any, Response]]
MAX_FIELDS, MAX_FILES = 1_000, 1


class NotLoggedIn(HTTPException):
    """Nobody is there, or nobody any more."""

    def __init__(self) -> None:
        super().__init__(401)


class WrongToken(HTTPException):
    """A page of another login, or of nobody's. `wanted` is the token of this one."""

    def __init__(self, wanted: str) -> None:
        super().__init__(403, "This form is of another login. Load the page again, then send it once more.")
        self.wanted = wanted


@dataclass(frozen=True)
class Door:
    """One row of the route table. `act` is what the audit calls it; `max_body_bytes` bounds what may be sent."""

    path: str
    methods: tuple[str, ...]
    endpoint: Callable[..., Any]
    least: Role | None
    act: str = ""
    max_body_bytes: int = MAX_BODY_BYTES
    response_class: type[Response] = HTMLResponse

    @property
    def changes(self) -> bool:
        """Whether it does something, or only shows."""
        return self.methods == ACT

    def route(self) -> APIRoute:
        """What FastAPI serves."""
        return _GuardedRoute(self)


class _GuardedRoute(APIRoute):
    """A route that asks its door first, and writes down what was done."""

    def __init__(self, door: Door) -> None:
        self._door = door
        super().__init__(
            door.path, door.endpoint, methods=list(door.methods), response_model=None,
            response_class=door.response_class, max_body_size=door.max_body_bytes,
        )  # fmt: skip

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                await _pass(request, self._door)
                visitor: Visitor | None = request.state.visitor
                if self._door.act and visitor:
                    return await _written_down(request, self._door, visitor, answer)
                return await answer(request)
            finally:
                await request.close()  # a file that came with the form

        return guarded


def _editor(request: Request) -> Visitor:
    visitor: Visitor | None = request.state.visitor
    assert visitor is not None  # the door has seen to it
    return visitor


EditorDep = Annotated[Visitor, Depends(_editor)]


def says(request: Request, details: str, about: str = "") -> None:
    """More words for the audit about what this request did, and to what: "daily/2026-11-23"."""
    record: audit.Record = request.state.record
    record.details, record.about = details, about or record.about


def form_token(house: House, visitor: Visitor) -> str:
    """What the pages of this login carry and nobody else's can know. A page that is older than the login gets the new
    one with its refusal (frame.py), for what stands in its fields is not to be lost."""
    words = f"newsletter/desk-form/{visitor.id}/{visitor.session_id}"
    return hmac.digest(house.keys.signing[1], words.encode(), "sha256").hex()[:43]


async def _pass(request: Request, door: Door) -> None:
    """Let the request through, or raise what its sender gets."""
    house: House = request.app.state.house
    request.state.about = request.url.path
    if door.changes and not _is_from_our_pages(request, house):
        request.state.visitor = None
        raise HTTPException(403, "This came from another site's page, so nothing was done.")
    token = request.cookies.get(COOKIE, "")
    visitor = await run_in_threadpool(_look, house, token) if token else None
    request.state.visitor = visitor
    if door.least is NOBODY:
        return
    if visitor is None or visitor.awaits_code:
        raise NotLoggedIn
    if not visitor.may(door.least):
        words = f"This wants the role {door.least}; yours is {visitor.role}. An admin can change that."
        raise HTTPException(403, words)
    if door.changes:
        await _require_token(request, house, visitor)


def _look(house: House, token: str) -> Visitor | None:
    with house.database.reading() as session:
        return sessions.look(session, token, house.now)


def _is_from_our_pages(request: Request, house: House) -> bool:
    """What browsers say about where a request comes from; a program that says nothing has no cookie to misuse."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    parts = urlsplit(house.config.site.url)
    return origin == f"{parts.scheme}://{parts.netloc}" or urlsplit(origin).netloc == request.headers.get("host", "")


async def _require_token(request: Request, house: House, visitor: Visitor) -> None:
    form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS)
    shown = request.headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD) or ""
    wanted = form_token(house, visitor)
    if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(), wanted.encode()):
        raise WrongToken(wanted)


async def _written_down(request: Request, door: Door, visitor: Visitor, answer: Answering) -> Response:
    """Answer, and have the act stand in the audit as soon as anything of it is committed; not if it was refused."""
    house: House = request.app.state.house
    record = audit.Record(visitor.name, door.act, house.now, client_of(request), request.state.about)
    request.state.record = record

    done = False
    try:
        with house.database.accompanied(record.keep):
            response = await answer(request)
        done = response.status_code < 400
        return response
    finally:
        await run_in_threadpool(_close, house, record, visitor, done)


def _close(house: House, record: audit.Record, visitor: Visitor, done: bool) -> None:
    with house.database.transaction() as session:
        record.close(session, done)
        if done:
            sessions.acted(session, visitor.session_id, house.now)
