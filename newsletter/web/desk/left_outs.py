"""What was left out of an issue, for the search beside it: the day's own, and what the store has of the days before."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, func

from newsletter.config import Config, Newsletter
from newsletter.issues import edits, models, window
from newsletter.issues.chosen import shown_source
from newsletter.issues.edits import Edits, Field
from newsletter.issues.models import Issue
from newsletter.sources.models import Article

MOST_LEFT_OUT = 30  # shown at once: the search finds the others
MOST_OLDER = 20


@dataclass(frozen=True)
class Left:
    """One article that was left out."""

    article: int
    title: str
    source: str
    section: str
    why: str
    score: float
    is_out: bool
    is_banned: bool
    day: str = ""  # of one from the days before: "Friday, 20 November"


@dataclass(frozen=True)
class LeftOuts:
    """What was found. `count` is how many of the day's own there are, of which the best are in `own`."""

    own: list[Left]
    count: int
    older: list[Left]


def left_outs(session: Session, config: Config, newsletter: Newsletter, issue: Issue, words: str) -> LeftOuts:
    """The best of what was left out and has these words in headline, standfirst or source; with words, also what the
    store has of the days before and no reader has had, the newest first."""
    edited = edits.of(session, newsletter, issue.issue_date)
    wanted = _has(config, words)
    rows, count = _own(session, issue, wanted)
    found = [_left(config, row, edited) for row in rows]
    return LeftOuts(found, count, _older(session, config, newsletter, issue, wanted) if words else [])


def _has(config: Config, words: str) -> ColumnElement[bool] | None:
    if not words:
        return None
    named = [source.name for source in config.sources if words.casefold() in source.shown_as.casefold()]
    has = [col(column).icontains(words, autoescape=True) for column in (Article.title, Article.standfirst)]
    return or_(*has, col(Article.source).in_(named))


def _own(session: Session, issue: Issue, wanted: ColumnElement[bool] | None) -> tuple[list[Any], int]:
    """The day's candidates that are no picks, by points of their stories."""
    is_pick = and_(
        col(models.Pick.issue_id) == col(models.Candidate.issue_id),
        col(models.Pick.article_id) == col(models.Candidate.article_id),
    )
    query = (
        columns(
            col(Article.id), col(Article.title), col(Article.source), col(Article.section),
            col(models.Candidate.why), col(models.Candidate.score),
        )
        .join(models.Candidate, col(models.Candidate.article_id) == col(Article.id))
        .join(models.Story, col(models.Story.id) == col(models.Candidate.story_id))
        .outerjoin(models.Pick, is_pick)
        .where(col(models.Candidate.issue_id) == issue.id, col(models.Pick.id).is_(None))
    )  # fmt: skip
    if wanted is not None:
        query = query.where(wanted)
    count = session.scalar(func.count().select().select_from(query.subquery())) or 0
    order = (col(models.Story.rank), col(models.Candidate.score).desc(), col(Article.id))
    return list(session.execute(query.order_by(*order).limit(MOST_LEFT_OUT))), count


def _older(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, wanted: ColumnElement[bool] | None
) -> list[Left]:
    free = window.free_of_late(session, newsletter, config.sources_of(newsletter), issue.issue_date)
    of_today = columns(col(models.Candidate.id)).where(
        col(models.Candidate.issue_id) == issue.id, col(models.Candidate.article_id) == col(Article.id)
    )
    is_pick = columns(col(models.Pick.id)).where(
        col(models.Pick.issue_id) == issue.id, col(models.Pick.article_id) == col(Article.id)
    )
    query = columns(
        col(Article.id), col(Article.title), col(Article.source), col(Article.section), col(Article.published_at)
    ).where(free, ~of_today.exists(), ~is_pick.exists())  # fmt: skip
    if wanted is not None:
        query = query.where(wanted)
    newest = query.order_by(col(Article.published_at).desc(), col(Article.id)).limit(MOST_OLDER)
    return [_as_older(config, newsletter, row) for row in session.execute(newest)]


def _as_older(config: Config, newsletter: Newsletter, row: Any) -> Left:
    there = row.published_at.astimezone(newsletter.zone)
    day = f"{there:%A}, {there.day} {there:%B}"
    return Left(row.id, row.title, shown_source(config, row.source), row.section, "", 0.0, False, False, day)


def _left(config: Config, row: Any, edited: Edits) -> Left:
    fields = edited.articles.get(row.id, {})
    return Left(
        article=row.id,
        title=row.title,
        source=shown_source(config, row.source),
        section=row.section,
        why=row.why,
        score=row.score,
        is_out=Field.OUT in fields,
        is_banned=Field.BAN in fields,
    )
