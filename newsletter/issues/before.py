"""The issue before: what readers were told last, so that nobody tells them again."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from newsletter.issues import models
from newsletter.issues.models import Issue
from newsletter.issues.window import RETRACTED
from newsletter.sources.models import Article


@dataclass(frozen=True)
class Before:
    """The last issue that went out before another. `stories` are headlines with their addresses."""

    day: date
    subject: str
    stories: tuple[tuple[str, str], ...]


def before(session: Session, issue: Issue) -> Before | None:
    """What the newsletter's issue before `issue` was called and told; None for its first."""
    last = session.exec(
        select(Issue)
        .where(
            col(Issue.newsletter) == issue.newsletter,
            col(Issue.issue_date) < issue.issue_date,
            col(Issue.started_at).is_not(None),
            col(Issue.state).not_in(RETRACTED),
        )
        .order_by(col(Issue.issue_date).desc())
        .limit(1)
    ).first()
    if last is None:
        return None
    told = session.exec(
        select(col(Article.title), col(Article.url))
        .join(models.Pick, col(models.Pick.article_id) == col(Article.id))
        .where(col(models.Pick.issue_id) == last.id)
        .order_by(col(models.Pick.position))
    ).all()
    return Before(last.issue_date, last.subject, tuple((title, url) for title, url in told))
