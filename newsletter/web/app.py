"""Every door for browsers on one page: the route table, and what holds for all of them.

GET and HEAD change nothing, whatever the route: mail scanners open every link. No page of readers runs a script; the
editors' desk is an app of its own (`web/desk`). The log names a route's pattern and never its path, for tokens stand
in paths.
"""

import gc
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.config import Config
from newsletter.database import Database
from newsletter.rendering import colours
from newsletter.web import api, archive, desk, following, preferences, readers, sign_up
from newsletter.web.clicks import Clicks
from newsletter.web.departures import Departures
from newsletter.web.dependencies import House, HouseDep, SignUpShares
from newsletter.web.http import BoundedHttp
from newsletter.web.pages import Pages
from newsletter.wordbook import marked

LOOK = ["GET", "HEAD"]
ACT = ["POST"]
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
MAX_BODY_BYTES = 100_000
STREAMS_END_SECONDS = 3  # at a shutdown: pages that watch a send hold a line open for minutes
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # tokens stand in addresses
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_KEPT_BY_NOBODY = [(b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex")]
_OF_PRIVATE = {name for name, _ in _KEPT_BY_NOBODY}
SIGN_UP = "/subscribe"  # its answer shows an address; the pages below it are for everybody
PRIVATE = ("/confirm/", "/u/", "/preferences/", "/c/")

log = structlog.get_logger(__name__)


def create_app(
    config: Config,
    database: Database,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sends_notices: bool = True,
) -> FastAPI:
    """The site of one config and one database. `clock` says what time it is."""
    app = FastAPI(title=config.site.name, docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY)
    shares, departures, clicks = SignUpShares(config.sign_up), Departures(database, clock), Clicks(database)
    app.state.house = House(config, database, Pages(config), shares, departures, clicks, clock, sends_notices)

    app.router.routes += [
        _Plain("/u/{token}", readers.leave, methods=ACT),  # the first to be tried: thousands may come in a minute
        _Plain("/c/{token}/{number}", following.follow, methods=LOOK),
    ]
    app.router.routes.extend(_routes())
    app.mount(api.PATH, api.create_api(app.state.house))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))

    app.add_exception_handler(HTTPException, _refusal)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(_DeskDoor, desk=desk.create_desk(app.state.house))
    app.add_middleware(_Doorkeeper)
    return app


@cache
def _routes() -> tuple[APIRoute, ...]:
    """The readers' pages. Made once: FastAPI takes milliseconds to read an endpoint, and no route knows a house."""
    table = (
        ("/", sign_up.home, LOOK),
        ("/subscribe/{newsletter}", sign_up.paper, LOOK),
        ("/subscribe", sign_up.subscribe, ACT),
        ("/confirm/{token}", readers.confirm_page, LOOK),
        ("/confirm/{token}", readers.confirm, ACT),
        ("/u/{token}", readers.leave_page, LOOK),
        ("/u/{token}/undo", readers.undo, ACT),
        ("/u/{token}/why", readers.say_why, ACT),
        ("/preferences/{token}", preferences.page, LOOK),
        ("/preferences/{token}", preferences.choose, ACT),
        ("/archive/{newsletter}", archive.archive, LOOK),
        ("/archive/{newsletter}/feed.xml", archive.feed, LOOK),
        ("/archive/{newsletter}/{day}", archive.issue, LOOK),
        ("/articles/{token}", archive.article, LOOK),
        ("/media/{name}", archive.media, LOOK),
        ("/accent/{newsletter}.css", accent, LOOK),
        ("/healthz", healthy, LOOK),
    )
    return tuple(APIRoute(path, endpoint, methods=methods) for path, endpoint, methods in table)


def server(config: Config, database: Database) -> uvicorn.Server:
    """Ready to `run()` on web.host and web.port."""
    return serving(create_app(config, database), config.web.host, config.web.port)


def serving(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Any app of ours. uvicorn's own access log is off: it would hold tokens."""
    gc.freeze()  # what is loaded stays: going through it for garbage took 85 ms, in which nobody had an answer
    settings = uvicorn.Config(
        app, host=host, port=port, http=BoundedHttp, access_log=False, log_config=None,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
    )  # fmt: skip
    return uvicorn.Server(settings)


def accent(newsletter: str, house: HouseDep) -> Response:
    """A newsletter's one colour, readable on light and on dark paper."""
    colour = next((n.accent for n in house.config.newsletters if n.slug == newsletter), colours.BLACK)
    text = f":root {{ --accent-light: {colours.on_light(colour)}; --accent-dark: {colours.on_dark(colour)}; }}\n"
    return Response(text, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


def healthy(house: HouseDep) -> Response:
    """200 while the store answers."""
    with house.database.reading() as session:
        session.connection()
    return Response("ok\n", media_type="text/plain")


def _refusal(request: Request, error: Exception) -> Response:
    """What can't be answered, as a page in words."""
    assert isinstance(error, HTTPException)
    house: House = request.app.state.house
    title, text = {
        404: (marked("There is nothing here"), marked("Perhaps it has moved, or a link was cut in two.")),
        405: (marked("Not like this"), marked("This address wants its button pressed.")),
        413: (marked("Too much at once"), marked("What was sent is larger than any form here.")),
    }.get(error.status_code, (marked("That did not work"), marked("Please try again.")))
    if error.status_code == 404 and error.detail != "Not Found":
        text = error.detail
    words = house.pages.words()
    page = house.pages.page("message", error.status_code, title=words.gettext(title), text=words.gettext(text))
    page.headers.update(error.headers or {})
    return page


def _with_ours(headers: Iterable[tuple[bytes, bytes]], is_private: bool) -> list[tuple[bytes, bytes]]:
    """An answer's raw headers and ours: what it says itself stays, but for what is said of private pages."""
    stays = [pair for pair in headers if not (is_private and pair[0] in _OF_PRIVATE)]
    said = {name for name, _ in stays}
    return stays + [pair for pair in _HEADERS if pair[0] not in said] + (_KEPT_BY_NOBODY if is_private else [])


class _DeskDoor:
    """Hands on what is the editors': /desk and all below it, with paths as its own table has them."""

    def __init__(self, app: ASGIApp, desk: ASGIApp) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_desk = scope["type"] == "http" and (path == desk.PATH or path.startswith(f"{desk.PATH}/"))
        await (self._desk if is_desk else self._app)(scope, receive, send)


class _Plain(Route):
    """A route without FastAPI's reading of parameters, which says who it is as FastAPI's own do: the log asks."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self}


class _Doorkeeper:
    """Puts our headers on every answer, and writes one line for it into the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = ended = time.monotonic()
        status = 500
        is_private = scope["path"].startswith(PRIVATE) or scope["path"] == SIGN_UP

        async def send_with_headers(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_ours(message["headers"], is_private)
            await send(message)
            ended = time.monotonic()  # what is done after the answer is nobody's waiting

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "")
            milliseconds = round((ended - began) * 1000)
            log.info("Answered.", action="web", method=scope["method"], route=route, status=status, ms=milliseconds)
