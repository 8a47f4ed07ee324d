"""The door of counted links: on to where the issue's link leads, and nowhere else.

GET and HEAD change nothing about a reader, as everywhere: that a link was followed is an observation, written after the
answer is out, and what it says of robots is in `tracking/robots.py`. No cookie, and nothing of the request is kept.
Where a newsletter has stopped counting, or a browser asks not to be followed (Global Privacy Control), a link leads on
all the same and nothing is written.
"""

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.rendering.counted import Link
from newsletter.tracking import robots
from newsletter.web.dependencies import House
from newsletter.web.readers import bad_link
from subscribers.clicks import Following
from subscribers.tokens import Claim, Purpose, check


async def follow(request: Request) -> Response:
    """302 to the stored address of a link of that issue; 404, in words, for all else. A mail lives for years: old keys,
    and readers who have left or were erased, are no reason to keep somebody from an article."""
    house: House = request.app.state.house
    claim = check(house.keys, Purpose.CLICK, request.path_params["token"])
    issue = claim.detail if claim else 0
    links = house.clicks.known(issue) or (await run_in_threadpool(house.clicks.look_up, issue) if issue else None)
    link = links.links.get(_number(request.path_params["number"])) if links else None
    if claim is None or links is None or link is None:
        return await run_in_threadpool(bad_link, house)
    visit = _visit(request, house, claim, links.newsletter, link)
    return RedirectResponse(link.url, 302, background=BackgroundTask(house.clicks.note, visit) if visit else None)


def _visit(request: Request, house: House, claim: Claim, newsletter: str, link: Link) -> Following | None:
    """What is to be kept of it, if anything."""
    counts = any(paper.slug == newsletter and paper.clicks for paper in house.config.newsletters)
    if not counts or request.headers.get("sec-gpc") == "1":
        return None
    signs = robots.in_words(robots.of_request(request.method, request.headers))
    return Following(claim.subject, newsletter, claim.detail, link.number, link.section, house.now, signs)


def _number(words: str) -> int:
    """-1 for what is no number of ours."""
    return int(words) if words.isascii() and words.isdigit() and len(words) < 6 and words == str(int(words)) else -1
