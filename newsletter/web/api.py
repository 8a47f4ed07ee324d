"""The door for programs: articles in, numbers of who left out. JSON both ways, and no caller without a key.

A key is looked at in constant time, a network that guesses is sent away, and a body is bounded before it is read.
Errors are `{"error": "one sentence", "problems": [{"where", "why"}]}`. docs/api.md tells it to those who call.
"""

import hmac
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from newsletter.delivery import departures
from newsletter.sources import push
from newsletter.web.allowance import Allowance, network_of
from newsletter.web.dependencies import BodyDep, House, HouseDep, ReadingDep, client_of

PATH = "/api/v1"
MAX_BODY_BYTES = 2_000_000
CALLS_AN_HOUR = 1_200  # for one network
WRONG_KEYS_AN_HOUR = 30
MOST_DAYS = 3_660
NO_KEYS = "No API key is set: put one into NEWSLETTER_API_KEY, or into a file that web.api_key_file names."


def create_api(house: House) -> FastAPI:
    """The app below PATH."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    api.state.house = house
    api.state.calls, api.state.wrong_keys = Allowance(CALLS_AN_HOUR), Allowance(WRONG_KEYS_AN_HOUR)
    api.add_api_route("/articles", take_articles, methods=["POST"])
    api.add_api_route("/newsletters/{newsletter}/leavings", leavings, methods=["GET"])
    api.add_exception_handler(HTTPException, _refused)
    api.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    return api


def take_articles(request: Request, house: HouseDep, body: BodyDep) -> Response:
    """Store an article, or all of a list: 201 if one of them is new, 200 if all were known by their ids."""
    if refusal := _refusal_of(request, house):
        return refusal
    try:
        taken = push.take(house.database, house.config, push.parse(body), house.now)
    except push.BadPush as error:
        return _error(422, str(error), problems=[asdict(problem) for problem in error.problems])
    status = 201 if any(one.outcome == "new" for one in taken) else 200
    return JSONResponse({"articles": [asdict(one) for one in taken]}, status)


def leavings(newsletter: str, request: Request, house: HouseDep, session: ReadingDep, days: str = "90") -> Response:
    """Who left a newsletter in the last `days`, in numbers; no person stands in it."""
    if refusal := _refusal_of(request, house):
        return refusal
    if newsletter not in {n.slug for n in house.config.newsletters}:
        return _error(404, "There is no such newsletter.")
    if not (days.isascii() and days.isdigit() and 1 <= int(days[:5]) <= MOST_DAYS):
        return _error(422, f"days: a whole number from 1 to {MOST_DAYS:,}.")
    return JSONResponse(departures.document(session, newsletter, house.now - timedelta(days=int(days[:5]))))


def _refusal_of(request: Request, house: House) -> Response | None:
    """What a caller gets who has no right to call, or has called too often."""
    caller, now = network_of(client_of(request)), house.now
    wait = {"Retry-After": str(3600 - now.minute * 60 - now.second)}
    if not _has_key(request, house.config.web.api_keys):
        if not request.app.state.wrong_keys.takes(caller, now):
            return _error(429, "Too many wrong keys have come from your network in this hour.", headers=wait)
        words = "This wants the header `Authorization: Bearer KEY` with a key that is valid here."
        return _error(401, words if house.config.web.api_keys else NO_KEYS, headers={"WWW-Authenticate": "Bearer"})
    if not request.app.state.calls.takes(caller, now):
        return _error(429, "Too many calls have come from your network in this hour; a call takes 100.", headers=wait)
    return None


def _has_key(request: Request, keys: tuple[str, ...]) -> bool:
    """Whether the caller shows one of the keys. All are compared, each in constant time."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    same = [hmac.compare_digest(shown.strip().encode(), key.encode()) for key in keys]
    return scheme.lower() == "bearer" and any(same)


def _error(status: int, words: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    return JSONResponse({"error": words, **more}, status, headers)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {
        404: "There is nothing here; articles go to POST /api/v1/articles.",
        405: "This is not understood here; docs/api.md says what is.",
        413: f"The body is larger than {MAX_BODY_BYTES:,} bytes; send fewer articles at once.",
    }.get(error.status_code, error.detail)
    return _error(error.status_code, words, headers=dict(error.headers or {}))
