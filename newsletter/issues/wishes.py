"""What editors wish of single articles: pinned at a place of a day's issue, or kept out of it. A redraft keeps it."""

from datetime import date, datetime

from sqlmodel import Session, col, delete, select

from newsletter.config import Newsletter
from newsletter.errors import NotFound, Refused
from newsletter.issues.models import EditorWish
from newsletter.picks.rules import Wishes
from newsletter.sources.models import Article


def pin(
    session: Session, newsletter: Newsletter, day: date, article_id: int, position: int, who: str, now: datetime
) -> None:
    """Put the article at `position`, from 1, whatever its points; the next draft of that day does it."""
    if not 1 <= position <= newsletter.most_on(day):
        raise Refused(f"There is no place {position}: {newsletter.slug} has {newsletter.most_on(day)} on that day.")
    _wish(session, newsletter, day, article_id, position, who, now)


def ban(session: Session, newsletter: Newsletter, day: date, article_id: int, who: str, now: datetime) -> None:
    """Keep the article out of that day's issue."""
    _wish(session, newsletter, day, article_id, None, who, now)


def forget(session: Session, newsletter: Newsletter, day: date, article_id: int) -> None:
    """Let points decide about the article again."""
    session.execute(
        delete(EditorWish).where(
            col(EditorWish.newsletter) == newsletter.slug,
            col(EditorWish.issue_date) == day,
            col(EditorWish.article_id) == article_id,
        )
    )


def of(session: Session, newsletter: Newsletter, day: date) -> Wishes:
    """All that editors wish of that day's issue."""
    rows = session.exec(
        select(EditorWish).where(EditorWish.newsletter == newsletter.slug, EditorWish.issue_date == day)
    ).all()
    return Wishes(
        pins={row.article_id: row.position for row in rows if row.position is not None},
        bans=frozenset(row.article_id for row in rows if row.position is None),
    )


def _wish(
    session: Session, newsletter: Newsletter, day: date, article_id: int, position: int | None, who: str, now: datetime
) -> None:
    if session.get(Article, article_id) is None:
        raise NotFound(f"There is no article {article_id}.")
    forget(session, newsletter, day, article_id)
    session.add(
        EditorWish(
            newsletter=newsletter.slug, issue_date=day, article_id=article_id, position=position, who=who, at=now
        )
    )
    session.flush()
