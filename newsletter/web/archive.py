"""What was sent, for everybody: the list, the frozen issue of a day, a feed, and what issues point to on our site.

A sent issue's page is the very HTML of its edition, without a reader's own links. It is a stranger's bytes to a
browser all the same: its policy lets no script run and nothing load but pictures.
"""

import re
from datetime import date

from fastapi import Response
from fastapi.responses import FileResponse, HTMLResponse
from markupsafe import Markup
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException

from newsletter import links
from newsletter.config import Newsletter
from newsletter.errors import ConfigError
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering.models import Edition
from newsletter.rendering.webview import for_the_web
from newsletter.sources.models import Article
from newsletter.web.dependencies import House, HouseDep, ReadingDep
from newsletter.wordbook import marked
from subscribers.tokens import Purpose, check

A_PAGE = 60
IN_A_FEED = 30
OUT = (IssueState.SENT, IssueState.SENDING, IssueState.PAUSED)
ISSUE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: http:; font-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ARTICLE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https: http:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FOREVER = "public, max-age=31536000, immutable"
_MEDIA_NAME = re.compile(r"[0-9a-f]{16,64}\.(?:jpg|jpeg|png|gif|webp)")


def archive(newsletter: str, house: HouseDep, session: ReadingDep, before: str = "") -> Response:
    """The issues that are out, the newest first; `before` is a date to go on from."""
    paper = _newsletter(house, newsletter)
    found = out(session, newsletter, _date(before), A_PAGE + 1)
    more = found[A_PAGE - 1].issue_date if len(found) > A_PAGE else None
    return house.pages.page("archive", paper=paper, issues=found[:A_PAGE], more=more)


def issue(newsletter: str, day: str, house: HouseDep, session: ReadingDep, edition: str = "") -> Response:
    """The frozen issue of a day, as it was mailed: whole, or the edition that the link in a mail names."""
    _newsletter(house, newsletter)
    when = _date(day)
    found = session.exec(
        select(Edition.topics, Edition.html)
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(*_is_out(newsletter), Issue.issue_date == when, (col(Edition.topics) == "") | bool(edition))
    ).all()
    pages = {links.edition_word(topics) if topics else "": html for topics, html in found}
    html = pages.get(edition, pages.get(""))
    if when is None or html is None:
        raise HTTPException(404, marked("There is no issue of that day."))
    page = HTMLResponse(for_the_web(html, house.config.site))
    page.headers["Content-Security-Policy"] = ISSUE_POLICY
    return page


def feed(newsletter: str, house: HouseDep, session: ReadingDep) -> Response:
    """The archive as an Atom feed (RFC 4287)."""
    paper = _newsletter(house, newsletter)
    issues = out(session, newsletter, None, IN_A_FEED)
    site = house.config.site
    text = house.pages.text(
        "feed.xml",
        paper,
        issues=[(i, links.web_view(site, newsletter, i.issue_date)) for i in issues],
        archive_url=links.archive(site, newsletter),
        feed_url=links.archive_feed(site, newsletter),
    )
    return Response(text, media_type="application/atom+xml")


def article(token: str, house: HouseDep, session: ReadingDep) -> Response:
    """A folder's piece on a page of its own."""
    claim = check(house.keys, Purpose.ARTICLE, token)
    found = session.get(Article, claim.subject) if claim else None
    if found is None:
        raise HTTPException(404, marked("There is no such article."))
    source = next((s.shown_as for s in house.config.sources if s.name == found.source), found.source)
    page = house.pages.page(
        "article",
        article=found,
        body=Markup(found.body),  # noqa: S704 — allow-listed when it was collected
        source=source,
        image=links.media(house.config.site, found.image),
        published=found.published_at.astimezone(house.config.newsletters[0].zone),
    )
    page.headers["Content-Security-Policy"] = ARTICLE_POLICY
    return page


def media(name: str, house: HouseDep) -> Response:
    """A picture of a folder's article, named by its own hash: it never changes."""
    file = house.config.site.media_dir / name
    if not _MEDIA_NAME.fullmatch(name) or not file.is_file():
        raise HTTPException(404, marked("There is no such picture."))
    return FileResponse(file, headers={"Cache-Control": FOREVER})


def out(session: Session, newsletter: str, before: date | None, limit: int) -> list[Issue]:
    """Issues that readers have got, the newest first."""
    statement = select(Issue).where(*_is_out(newsletter)).order_by(col(Issue.issue_date).desc()).limit(limit)
    if before is not None:
        statement = statement.where(Issue.issue_date < before)
    return list(session.exec(statement))


def latest_issue(session: Session, newsletter: str) -> Issue | None:
    """The newest one of those."""
    return next(iter(out(session, newsletter, None, 1)), None)


def _is_out(newsletter: str) -> tuple[bool, ...]:
    return (
        Issue.newsletter == newsletter,
        col(Issue.state).in_(OUT),  # type: ignore[return-value]
        col(Issue.started_at).is_not(None),
    )


def _newsletter(house: House, slug: str) -> Newsletter:
    try:
        return house.config.newsletter(slug)
    except ConfigError:
        raise HTTPException(404, marked("There is no newsletter of that name.")) from None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
