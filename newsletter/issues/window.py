"""The articles that an issue may choose from: those since the last issue that readers have not been offered yet.

All of it depends on the store and the day alone, never on the clock, so a day drafted late or again is the same.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from html import unescape
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, select
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import Session, col

from newsletter.config import Newsletter, Source
from newsletter.issues.models import Candidate, Issue, IssueState, Pick
from newsletter.picks.piece import Piece
from newsletter.sources.models import Article

TAG = re.compile(r"<[^>]*(?:>|$)")
OVERLAP = timedelta(hours=6)  # a feed may tell of an article this long after it came out
MOST_ARTICLES = 10_000  # the newest; more than any day has, so that memory stays bounded
BODY_CHARACTERS = 6_000  # of the HTML, read to tell stories apart
MEMORY = timedelta(days=14)  # of what the sources said before: it shows which words are always there
MOST_REMEMBERED = 5_000
RETRACTED = (IssueState.CANCELLED, IssueState.SKIPPED)  # their articles are free again
PROMISED = (IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)


def pieces(session: Session, newsletter: Newsletter, sources: Iterable[Source], day: date) -> list[Piece]:
    """What the issue of `day` may choose from, the newest first; at most MOST_ARTICLES."""
    weights = {source.name: source.weight for source in sources}
    start, end = window(session, newsletter, day)
    query = (
        _columns()
        .where(
            col(Article.source).in_(weights),
            col(Article.published_at).between(start, end),
            ~_was_considered(newsletter, day),
        )
        .order_by(col(Article.published_at).desc(), col(Article.source), col(Article.guid))
        .limit(MOST_ARTICLES)
    )
    return [_piece(row, weights[row.source]) for row in session.execute(query)]


def background(session: Session, sources: Iterable[Source], before: datetime) -> list[Piece]:
    """What the sources told in the two weeks before, the newest first; at most MOST_REMEMBERED."""
    weights = {source.name: source.weight for source in sources}
    published = col(Article.published_at)
    query = (
        _columns()
        .where(col(Article.source).in_(weights), published < before, published >= before - MEMORY)
        .order_by(published.desc(), col(Article.source), col(Article.guid))
        .limit(MOST_REMEMBERED)
    )
    return [_piece(row, weights[row.source]) for row in session.execute(query)]


def window(session: Session, newsletter: Newsletter, day: date) -> tuple[datetime, datetime]:
    """From six hours before the last issue was to be drafted until the end of `day`, both included, aware."""
    last = session.scalar(
        select(func.max(col(Issue.issue_date))).where(
            col(Issue.newsletter) == newsletter.slug,
            col(Issue.issue_date) < day,
            col(Issue.state).not_in(RETRACTED),
        )
    )
    start = newsletter.moment("draft_at", last or newsletter.day_before(day)) - OVERLAP
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=newsletter.zone)
    return start, midnight - timedelta(microseconds=1)


def _was_considered(newsletter: Newsletter, day: date) -> ColumnElement[bool]:
    """Whether an earlier issue had the article or another one at its address before it, or a later one promises it.

    What was left out does not come back either: it was judged when it was fresh.
    """
    twin = aliased(Article)
    at_its_address = (col(twin.url) == col(Article.url)) & (col(Article.url) != "")
    had_twin = exists(select(col(twin.id)).where(at_its_address, _had(col(twin.id), newsletter, day)))
    return _had(col(Article.id), newsletter, day) | had_twin


def _had(article_id: Mapped[int | None], newsletter: Newsletter, day: date) -> ColumnElement[bool]:
    """Whether an earlier issue considered this very article, or a later one is to bring it."""
    of_ours = col(Issue.newsletter) == newsletter.slug
    earlier = select(col(Candidate.id)).where(
        col(Candidate.article_id) == article_id,
        col(Candidate.issue_id) == col(Issue.id),
        of_ours,
        col(Issue.issue_date) < day,
        col(Issue.state).not_in(RETRACTED),
    )
    later = select(col(Pick.id)).where(
        col(Pick.article_id) == article_id,
        col(Pick.issue_id) == col(Issue.id),
        of_ours,
        col(Issue.issue_date) > day,
        col(Issue.state).in_(PROMISED),
    )
    return earlier.exists() | later.exists()


def _columns() -> Select[Any]:
    """What a Piece is made of, without the rest of long bodies."""
    return select(
        col(Article.id),
        col(Article.source),
        col(Article.guid),
        col(Article.url),
        col(Article.title),
        col(Article.standfirst),
        func.substr(col(Article.body), 1, BODY_CHARACTERS).label("body"),
        col(Article.section),
        col(Article.author),
        (col(Article.image) != "").label("has_image"),
        col(Article.published_at),
    )


def _piece(row: Row[Any], weight: float) -> Piece:
    return Piece(
        id=row.id,
        source=row.source,
        guid=row.guid,
        url=row.url,
        title=row.title,
        standfirst=row.standfirst,
        text=_plain(row.body),
        section=row.section,
        author=row.author,
        has_image=bool(row.has_image),
        published_at=row.published_at,
        weight=weight,
    )


def _plain(html: str) -> str:
    """The words of clean HTML, whose end may have been cut inside a tag."""
    return " ".join(unescape(TAG.sub(" ", html)).split())
