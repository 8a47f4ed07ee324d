"""Approved issue + audience → Delivery rows, in pages by key. One row before any byte.

A page is one INSERT … SELECT of its own transaction, and a row that is there already is left alone: drawing may be
stopped at any line and started again, by anybody, also by two at once.
"""

from datetime import datetime

from sqlalchemy import Insert, Select, Subquery, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, update

from newsletter.database import Database
from newsletter.delivery.ledger import TABLE
from newsletter.delivery.models import DeliveryState
from newsletter.issues.models import Issue
from subscribers import audience

PAGE = 50_000  # rows of one transaction: about half a second


def draw(database: Database, issue: Issue, now: datetime, rows: int = PAGE) -> None:
    """Put the whole audience of an issue into the ledger, and note that it is whole. Safe to call again."""
    if issue.drawn_at is not None:
        return
    after = 0
    while (last := _page(database, issue, after, rows, now)) is not None:
        after = last
    with database.transaction() as session:
        session.execute(
            update(Issue).where(col(Issue.id) == issue.id, col(Issue.drawn_at).is_(None)).values(drawn_at=now)
        )


def _page(database: Database, issue: Issue, after: int, rows: int, now: datetime) -> int | None:
    """Insert the next `rows` subscribers beyond `after`; returns the last one's id, None if there is none."""
    readers = audience.selection(issue.newsletter, now)
    subscriber = readers.selected_columns.subscriber_id
    page = readers.where(subscriber > after).limit(rows).subquery()
    with database.transaction() as session:
        last: int | None = session.scalar(select(func.max(page.c.subscriber_id)))
        if last is not None:
            session.execute(_insert(session, issue, page, now))
    return last


def _insert(session: Session, issue: Issue, page: Subquery, now: datetime) -> Insert:
    names = ["issue_id", "subscriber_id", "subscription_id", "state", "lane", "attempts", "due_at", "status", "why"]
    names.append("changed_at")
    rows: Select[tuple[object, ...]] = select(
        literal(issue.id),
        page.c.subscriber_id,
        page.c.subscription_id,
        literal(DeliveryState.QUEUED.value),
        literal(""),
        literal(0),
        literal(now, TABLE.c.due_at.type),
        literal(""),
        literal(""),
        literal(now, TABLE.c.changed_at.type),
    ).where(page.c.subscriber_id.is_not(None))  # without a WHERE SQLite takes ON CONFLICT for a join's ON
    kind = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return kind(TABLE).from_select(names, rows).on_conflict_do_nothing()
