"""Who came and who went, a number a day: how a newsletter's list moves. No person stands in it.

A coming is an act of consent that made somebody a reader (confirmed, added, imported by themselves or with others); a
going is a leaving that was
not taken back. What an erasure has forgotten is in neither: the numbers are those of the people that there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlmodel import Session, SQLModel, col

from subscribers import batch
from subscribers.consent import IMPORTED
from subscribers.models import Consent, GroupConsent, Leaving, Subscription, SubscriptionState

JOINING = ("confirmed", "added", IMPORTED)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a list, in the newsletter's zone."""

    day: date
    joined: int
    left: int


def by_day(session: Session, newsletter: str, first: date, last: date, zone: tzinfo) -> list[Day]:
    """Every day from `first` to `last`, with those on which nobody moved. Each is a range of three indices."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    alone = _counts(session, Consent, days, zone, _joining(newsletter))
    together = _counts(session, GroupConsent, days, zone, col(GroupConsent.newsletter) == newsletter, _people())
    left = _counts(session, Leaving, days, zone, _leaving(newsletter))
    return [Day(day, alone[n] + together[n], left[n]) for n, day in enumerate(days)]


def standing(session: Session, newsletter: str) -> dict[SubscriptionState, int]:
    """How many people stand where with a newsletter, suppressed ones too. Each is a range of one index, counted in
    half the time that grouping takes."""
    counts = [
        select(func.count())
        .select_from(Subscription)
        .where(col(Subscription.newsletter) == newsletter, col(Subscription.state) == state)
        .scalar_subquery()
        for state in SubscriptionState
    ]
    found = session.execute(select(*counts)).one()
    return {state: count for state, count in zip(SubscriptionState, found, strict=True) if count}


def _joining(newsletter: str) -> ColumnElement[bool]:
    return (col(Consent.newsletter) == newsletter) & col(Consent.act).in_(JOINING)


def _leaving(newsletter: str) -> ColumnElement[bool]:
    return (col(Leaving.newsletter) == newsletter) & col(Leaving.undone_at).is_(None)


def _people() -> ColumnElement[int]:
    return func.coalesce(func.sum(col(GroupConsent.people)), 0)


def _counts(
    session: Session,
    model: type[SQLModel],
    days: Sequence[date],
    zone: tzinfo,
    wanted: ColumnElement[bool],
    how_many: ColumnElement[int] | None = None,
) -> list[int]:
    spans = _spans(days, zone)
    at = model.__table__.c.at  # type: ignore[attr-defined]
    within = (
        select(func.count() if how_many is None else how_many)
        .select_from(model)
        .where(wanted, at >= spans.c.start, at < spans.c.end)
    )
    query = select(spans.c.number, within.correlate(spans).scalar_subquery()).order_by(spans.c.number)
    return [count for _, count in session.execute(query)]


def _spans(days: Sequence[date], zone: tzinfo) -> Subquery:
    """When each day begins and ends: 23 or 25 hours apart where clocks change."""
    moments = [(n, _midnight(day, zone), _midnight(day + timedelta(days=1), zone)) for n, day in enumerate(days)]
    return batch.rows(moments, number="bigint", start="timestamptz", end="timestamptz")


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
