"""What became of the sources' articles: how often each source was picked, and its last items."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from newsletter.issues.models import Issue, Pick
from newsletter.sources.models import Article


@dataclass(frozen=True, slots=True)
class Item:
    """One of a source's articles, in a list of them."""

    article: int
    title: str
    url: str
    section: str
    published_at: datetime
    is_picked: bool  # for any issue


def by_source(session: Session, since: date) -> dict[str, int]:
    """How many picks each source has in the issues since that day; a source without any is missing."""
    query = select(col(Article.source), func.count()).join(Pick, col(Pick.article_id) == col(Article.id))
    query = query.join(Issue, col(Issue.id) == col(Pick.issue_id)).where(col(Issue.issue_date) >= since)
    return {row.source: row[1] for row in session.execute(query.group_by(col(Article.source)))}


def last_items(session: Session, source: str, limit: int) -> list[Item]:
    """A source's newest articles, the newest first."""
    is_picked = select(col(Pick.id)).where(col(Pick.article_id) == col(Article.id)).exists()
    columns = (col(Article.id), col(Article.title), col(Article.url), col(Article.section), col(Article.published_at))
    query = select(*columns, is_picked).where(col(Article.source) == source)
    newest = query.order_by(col(Article.published_at).desc(), col(Article.id)).limit(limit)
    return [Item(number or 0, *rest) for number, *rest in session.execute(newest)]
