"""An issue's rows read back: what was chosen with what is named beside it, what was left out, and where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter import links
from newsletter.config import Config
from newsletter.issues import models
from newsletter.issues.models import Issue, Story
from newsletter.picks.choose import MOST_ALSO
from newsletter.sources.models import Article

BEST_FIRST = (  # within a story: the order of `choose`
    col(models.Candidate.score).desc(),
    col(Article.published_at).desc(),
    col(Article.source),
    col(Article.guid),
)
WITHOUT_BODY = defer(Article.body)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Chosen:
    """A pick with its article, and the other sources' articles that are named beside it."""

    pick: models.Pick
    article: Article
    also: tuple[Article, ...]
    points: dict[str, float]  # by part


def chosen_for(session: Session, issue: Issue) -> list[Chosen]:
    """The issue's picks in the order of the mail."""
    rows = session.exec(
        select(models.Pick, Article, col(models.Candidate.points))
        .join(Article, col(Article.id) == col(models.Pick.article_id))
        .join(models.Candidate, _is_its_pick())
        .where(col(models.Pick.issue_id) == issue.id)
        .order_by(col(models.Pick.position))
    ).all()
    beside = _beside(session, [pick.story_id for pick, _, _ in rows])
    return [
        Chosen(pick, article, tuple(beside.get(pick.story_id, [])[:MOST_ALSO]), points)
        for pick, article, points in rows
    ]


def left_out(session: Session, issue: Issue) -> list[tuple[Article, models.Candidate]]:
    """What was considered and not picked, with its reason: by the points of the stories, then of the articles."""
    rows = session.exec(
        select(Article, models.Candidate)
        .join(models.Candidate, col(models.Candidate.article_id) == col(Article.id))
        .join(Story, col(Story.id) == col(models.Candidate.story_id))
        .outerjoin(models.Pick, _is_its_pick())
        .where(col(models.Candidate.issue_id) == issue.id, col(models.Pick.id).is_(None))
        .order_by(col(Story.rank), *BEST_FIRST)
        .options(WITHOUT_BODY)
    ).all()
    return [(article, candidate) for article, candidate in rows]


def url_of(config: Config, article: Article) -> str:
    """Where a reader finds the article: its own page, or the one that we make for it."""
    assert article.id is not None
    return article.url or links.article(config.site, config.keys, article.id)


def shown_source(config: Config, name: str) -> str:
    """A source as readers know it; its bare name where the config has it no more."""
    return next((source.shown_as for source in config.sources if source.name == name), name)


def wants_subscription(config: Config, article: Article) -> bool:
    """Whether readers need one for the article's page: it says so itself, or the config says it of its source."""
    return article.is_paid or any(source.paid for source in config.sources if source.name == article.source)


def _is_its_pick() -> ColumnElement[bool]:
    same_issue = col(models.Pick.issue_id) == col(models.Candidate.issue_id)
    return and_(same_issue, col(models.Pick.article_id) == col(models.Candidate.article_id))


def _beside(session: Session, stories: Sequence[int]) -> dict[int, list[Article]]:
    """The articles that are named beside the picks, by story, the best first."""
    found: dict[int, list[Article]] = {}
    rows = session.exec(
        select(col(models.Candidate.story_id), Article)
        .join(Article, col(Article.id) == col(models.Candidate.article_id))
        .where(col(models.Candidate.story_id).in_(stories), col(models.Candidate.is_beside))
        .order_by(*BEST_FIRST)
        .options(WITHOUT_BODY)
    )
    for story_id, article in rows:
        found.setdefault(story_id, []).append(article)
    return found
