"""Approved issue + audience → Delivery rows, in pages by key. One row before any byte.

A page is one INSERT … SELECT of its own transaction, first as if nobody had drawn any of it: PostgreSQL takes a third
less for that than for asking with each row. Where a row is there already the page begins again, and those are left
alone: drawing may be stopped at any line and started again, by anybody, also by two at once.
"""

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, cast, func, literal, null, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, update

from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.lanes import REST
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.rows import TABLE
from newsletter.issues.models import Issue
from subscribers import audience
from subscribers.models import Subscriber, Subscription

PAGE = 10_000  # subscribers' numbers of one transaction: what a claim reads of them stays in the cache of SQLite, and
# what PostgreSQL sorts in memory
PAGES_AT_ONCE = 2  # on PostgreSQL, where each keeps a core of the server busy; SQLite has one writer
NOTHING = 0  # in the place of an edition's number: they get none, and the ledger says why
NOBODY: Mapping[str, str] = {}
AT_ONCE: Mapping[str, datetime] = {}


@dataclass(frozen=True)
class Sets:
    """Which edition readers get, by the topics they have chosen: its number, None for the whole one, or NOTHING."""

    editions: Mapping[str, int | None] = field(default_factory=dict)  # those who want all are not in it
    others: int | None = None  # for a set that somebody chose a moment ago, and nobody else has
    why_nothing: str = ""


WHOLE = Sets()


def draw(
    database: Database, issue: Issue, now: datetime, lanes: Mapping[str, str] = NOBODY,
    waves: Mapping[str, datetime] = AT_ONCE, sets: Sets = WHOLE, rows: int = PAGE,
    whom: ColumnElement[bool] | None = None,
) -> None:  # fmt: skip
    """Put the whole audience of an issue into the ledger, and note that it is whole. Safe to call again.

    `lanes` says which domains have a lane of their own, `waves` when readers of a time zone are due (all others at
    once), `sets` which edition those get who have chosen topics, `whom` which readers get it at all.
    """
    if issue.drawn_at is not None:
        return
    readers = _readers(issue, lanes, waves, sets, whom, now)
    with database.reading() as session:
        last = audience.last_number(session)

    def put(after: int) -> None:
        page = _page(readers, after, rows, is_sqlite=database.is_sqlite)
        try:
            with database.transaction() as session:
                _may_be_lost(session)
                session.execute(_insert(session, issue, page, sets.why_nothing, now))
        except IntegrityError:  # some of it is drawn already
            with database.transaction() as session:
                session.execute(_insert(session, issue, page, sets.why_nothing, now).on_conflict_do_nothing())

    with ThreadPoolExecutor(1 if database.is_sqlite else PAGES_AT_ONCE) as pool:
        deque(pool.map(put, range(0, last, rows)), maxlen=0)  # raises what the first failed one did, and begins no more
    with database.transaction() as session:
        session.execute(
            update(Issue).where(col(Issue.id) == issue.id, col(Issue.drawn_at).is_(None)).values(drawn_at=now)
        )


def _may_be_lost(session: Session) -> None:
    """Don't wait for PostgreSQL's disk: the commit of `drawn_at` waits for all before it, and until then a server that
    falls over has drawn less, that is all. SQLite is waited for."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL synchronous_commit = off"))


def _page(readers: Select[Any], after: int, rows: int, *, is_sqlite: bool) -> Subquery:
    """Those with the next `rows` numbers beyond `after`, in no order. Asked for as "the next so many in order" each
    page would sort all that are left, for no index has them in it. Both tables are told the range: PostgreSQL takes
    none from one side of a join to the other, and read every subscriber for each page; SQLite would only compare."""
    for number in (col(Subscription.subscriber_id), *(() if is_sqlite else (col(Subscriber.id),))):
        readers = readers.where(number > after, number <= after + rows)
    return readers.order_by(None).subquery()


def add(
    session: Session, issue: Issue, subscriber_id: int, now: datetime, lanes: Mapping[str, str], sets: Sets,
    whom: ColumnElement[bool] | None,
) -> bool:  # fmt: skip
    """Put one reader into the ledger of an issue that was drawn before they came; False if they may not get it, have it
    already, or get nothing of it for their topics."""
    ledger.forget_tally(session, issue.id or 0)  # also where the new row is a skipped one
    readers = _readers(issue, lanes, AT_ONCE, sets, whom, now)
    one = readers.where(readers.selected_columns.subscriber_id == subscriber_id).subquery()
    made = _insert(session, issue, one, sets.why_nothing, now).on_conflict_do_nothing().returning(TABLE.c.state)
    return session.scalar(made) is DeliveryState.QUEUED


def _readers(
    issue: Issue, lanes: Mapping[str, str], waves: Mapping[str, datetime], sets: Sets,
    whom: ColumnElement[bool] | None, now: datetime,
) -> Select[Any]:  # fmt: skip
    """Who gets the issue at `now`, with what their row says: lane, due_at, edition_id."""
    return audience.selection(issue.newsletter, now, whom).add_columns(
        _chosen(col(Subscriber.domain), lanes, literal(REST)).label("lane"),
        _chosen(col(Subscriber.timezone), waves, literal(now, TABLE.c.due_at.type)).label("due_at"),
        _edition(sets).label("edition_id"),
    )


def _chosen(column: Mapped[str], values: Mapping[str, object], other: ColumnElement[object]) -> ColumnElement[object]:
    """SQL for `values.get(column, other)`: one WHEN for each different value."""
    keys: dict[object, list[str]] = {}
    for key, value in values.items():
        keys.setdefault(value, []).append(key)
    whens = [(column.in_(names), literal(value, other.type)) for value, names in keys.items()]
    if not whens:
        return other
    return case((column.in_(list(values)), case(*whens, else_=other)), else_=other)  # most are none of them: ask once


def _edition(sets: Sets) -> ColumnElement[int | None]:
    """SQL for the edition of a reader: its number, NULL for the whole one, 0 for none."""
    whole: ColumnElement[int | None] = cast(null(), TABLE.c.edition_id.type)  # PostgreSQL asks what kind of nothing
    if not sets.editions:
        return whole
    chosen = col(Subscription.topics)
    numbers = sorted({number for number in sets.editions.values() if number is not None})
    groups = [(chosen.in_(sorted(s for s, n in sets.editions.items() if n == number)), number) for number in numbers]
    known_whole = ["", *sorted(s for s, n in sets.editions.items() if n is None)]
    return case((chosen.in_(known_whole), whole), *groups, else_=whole if sets.others is None else sets.others)


def _insert(
    session: Session, issue: Issue, page: Subquery, why_nothing: str, now: datetime
) -> postgresql.Insert | sqlite.Insert:  # fmt: skip
    """The page into the ledger, shuffled: readers of one domain, imported together, come far apart."""
    gets_it = func.coalesce(page.c.edition_id, -1) != NOTHING
    rows: Select[tuple[object, ...]] = select(
        literal(issue.id),
        page.c.subscriber_id,
        page.c.subscription_id,
        func.nullif(page.c.edition_id, NOTHING),
        case((gets_it, DeliveryState.QUEUED.value), else_=DeliveryState.SKIPPED.value),
        page.c.lane,
        literal(0),
        case((gets_it, page.c.due_at)),
        literal(""),
        case((gets_it, ""), else_=why_nothing),
        literal(now, TABLE.c.changed_at.type),
    ).where(page.c.subscriber_id.is_not(None))  # without a WHERE SQLite takes ON CONFLICT for a join's ON
    golden = (page.c.subscriber_id % 2**31) * 2_654_435_761 % 2**32  # the golden ratio: neighbours land far apart
    kind = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return kind(TABLE).from_select(_COLUMNS, rows.order_by(golden))


_COLUMNS = [
    "issue_id", "subscriber_id", "subscription_id", "edition_id", "state", "lane", "attempts", "due_at", "status",
    "why", "changed_at",
]  # fmt: skip
