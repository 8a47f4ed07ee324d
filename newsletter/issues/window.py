"""The articles that an issue may choose from: those since the last issue that readers have not been offered yet.

All of it depends on the store and the day alone, never on the clock, so a day drafted late or again is the same.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
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
MOST_REMEMBERED, REMEMBERED_CHARACTERS = 5_000, 500
RECOGNISED = timedelta(days=7)  # a story that goes on is known by what readers had so long ago
RETRACTED = (IssueState.CANCELLED, IssueState.SKIPPED)
UNSEEN = (*RETRACTED, IssueState.HELD)  # no reader had them: the next issue may choose from their articles again
PROMISED = (IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)


def pieces(
    session: Session,
    newsletter: Newsletter,
    sources: Iterable[Source],
    day: date,
    widened: timedelta = timedelta(0),
    wanted: Collection[int] = (),
) -> list[Piece]:
    """What the issue of `day` may choose from, the newest first; at most MOST_ARTICLES, and what editors wanted.

    A window that is `widened` lets in what readers were not offered before, though it was considered.
    """
    weights = {source.name: source.weight for source in sources}
    start, end = window(session, newsletter, day)
    in_time = col(Article.published_at).between(start - widened, end)
    past = _had_at_its_address(newsletter, day, only_offered=bool(widened))
    query = _columns().where(col(Article.source).in_(weights), in_time | col(Article.id).in_(wanted), ~past)
    return [_piece(row, weights[row.source]) for row in session.execute(_newest(query, MOST_ARTICLES))]


def among(
    session: Session, newsletter: Newsletter, sources: Iterable[Source], day: date, ids: Collection[int],
    wanted: Collection[int] = (),
) -> list[Piece]:  # fmt: skip
    """Of those articles, whenever they came out, what no other issue of ours brings; and what editors want."""
    weights = {source.name: source.weight for source in sources}
    past = _had_at_its_address(newsletter, day, only_offered=True)
    query = _columns().where(col(Article.source).in_(weights), col(Article.id).in_({*ids, *wanted}), ~past)
    return [_piece(row, weights[row.source]) for row in session.execute(_newest(query, MOST_ARTICLES))]


def between(
    session: Session, sources: Iterable[Source], start: datetime, end: datetime, seen_by: datetime
) -> list[Piece]:
    """What came out from `start` to `end` and was in the store at `seen_by`, the newest first; MOST_ARTICLES of it."""
    weights = {source.name: source.weight for source in sources}
    query = _columns().where(
        col(Article.source).in_(weights),
        col(Article.published_at).between(start, end),
        col(Article.first_seen_at) <= seen_by,
    )
    return [_piece(row, weights[row.source]) for row in session.execute(_newest(query, MOST_ARTICLES))]


def by_number(session: Session, sources: Iterable[Source], ids: Collection[int]) -> dict[int, Piece]:
    """Those articles, by their numbers."""
    weights = {source.name: source.weight for source in sources}
    rows = session.execute(_columns().where(col(Article.id).in_(ids)))
    return {row.id: _piece(row, weights.get(row.source, 1.0)) for row in rows}


def sent_of_late(session: Session, newsletter: Newsletter, sources: Iterable[Source], day: date) -> list[Piece]:
    """The picks that readers had, or are promised, in the week before `day`; each knows its issue's day."""
    weights = {source.name: source.weight for source in sources}
    query = (
        _columns()
        .add_columns(col(Issue.issue_date))
        .join(Pick, col(Pick.article_id) == col(Article.id))
        .join(Issue, col(Issue.id) == col(Pick.issue_id))
        .where(
            col(Issue.newsletter) == newsletter.slug,
            col(Issue.issue_date) < day,
            col(Issue.issue_date) >= day - RECOGNISED,
            col(Issue.state).not_in(UNSEEN),
        )
        .order_by(col(Issue.issue_date), col(Pick.position))
    )
    return [
        replace(_piece(row, weights.get(row.source, 1.0)), sent_on=row.issue_date) for row in session.execute(query)
    ]


def background(session: Session, sources: Iterable[Source], before: datetime) -> list[Piece]:
    """What the sources told in the two weeks before, the newest first; at most MOST_REMEMBERED."""
    weights = {source.name: source.weight for source in sources}
    published = col(Article.published_at)
    query = _columns(REMEMBERED_CHARACTERS).where(
        col(Article.source).in_(weights), published < before, published >= before - MEMORY
    )
    return [_piece(row, weights[row.source]) for row in session.execute(_newest(query, MOST_REMEMBERED))]


def free_of_late(session: Session, newsletter: Newsletter, sources: Iterable[Source], day: date) -> ColumnElement[bool]:
    """A condition: an article of the two weeks before the end of `day` that no issue of ours brought or is to bring."""
    _, end = window(session, newsletter, day)
    in_time = col(Article.published_at).between(end - MEMORY, end)
    of_theirs = col(Article.source).in_([source.name for source in sources])
    return in_time & of_theirs & ~_had_at_its_address(newsletter, day, only_offered=True)


def window(session: Session, newsletter: Newsletter, day: date) -> tuple[datetime, datetime]:
    """From six hours before the last issue was to be drafted until the end of `day`, both included, aware."""
    last = session.scalar(
        select(func.max(col(Issue.issue_date))).where(
            col(Issue.newsletter) == newsletter.slug,
            col(Issue.issue_date) < day,
            col(Issue.state).not_in(UNSEEN),
        )
    )
    start = newsletter.moment("draft_at", last or newsletter.day_before(day)) - OVERLAP
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=newsletter.zone)
    return start, midnight - timedelta(microseconds=1)


def _had_at_its_address(newsletter: Newsletter, day: date, only_offered: bool) -> ColumnElement[bool]:
    """Whether an earlier issue had the article or another one at its address before it, or a later one promises it.

    What was left out does not come back either, for it was judged when it was fresh, unless `only_offered`.
    """
    twin = aliased(Article)
    at_its_address = (col(twin.url) == col(Article.url)) & (col(Article.url) != "")
    had_twin = exists(select(col(twin.id)).where(at_its_address, _had(col(twin.id), newsletter, day, only_offered)))
    return _had(col(Article.id), newsletter, day, only_offered) | had_twin


def _had(article_id: Mapped[int | None], newsletter: Newsletter, day: date, only_offered: bool) -> ColumnElement[bool]:
    """Whether an earlier issue considered (or picked) this very article, or a later one is to bring it."""
    of_ours = col(Issue.newsletter) == newsletter.slug
    row = Pick if only_offered else Candidate
    earlier = select(col(row.id)).where(
        col(row.article_id) == article_id,
        col(row.issue_id) == col(Issue.id),
        of_ours,
        col(Issue.issue_date) < day,
        col(Issue.state).not_in(UNSEEN),
    )
    later = select(col(Pick.id)).where(
        col(Pick.article_id) == article_id,
        col(Pick.issue_id) == col(Issue.id),
        of_ours,
        col(Issue.issue_date) > day,
        col(Issue.state).in_(PROMISED),
    )
    return earlier.exists() | later.exists()


def _newest(query: Select[Any], most: int) -> Select[Any]:
    return query.order_by(col(Article.published_at).desc(), col(Article.source), col(Article.guid)).limit(most)


def _columns(body_characters: int = BODY_CHARACTERS) -> Select[Any]:
    """What a Piece is made of, without the rest of long bodies."""
    return select(
        col(Article.id),
        col(Article.source),
        col(Article.guid),
        col(Article.url),
        col(Article.title),
        col(Article.standfirst),
        func.substr(col(Article.body), 1, body_characters).label("body"),
        col(Article.section),
        col(Article.author),
        (col(Article.image) != "").label("has_image"),
        col(Article.published_at),
        col(Article.place),
        # What is pushed or written by hand without a date has no place, and is as new as it seems.
        ((col(Article.published_at) == col(Article.first_seen_at)) & (col(Article.place) > 0)).label("is_undated"),
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
        place=row.place,
        is_undated=bool(row.is_undated),
    )


def _plain(html: str) -> str:
    """The words of clean HTML, whose end may have been cut inside a tag."""
    return " ".join(unescape(TAG.sub(" ", html)).split())
