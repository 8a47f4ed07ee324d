"""A newsletter over time: its issues, one line each, and its list, one line a day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col
from sqlmodel import select as rows_of

from newsletter.config import Newsletter
from newsletter.delivery import tallies
from newsletter.delivery.ledger import Totals
from newsletter.issues.models import Issue, IssueState
from subscribers import Leavings, leavings, movements
from subscribers.models import Leaving
from subscribers.movements import Day

WENT_OUT = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT, IssueState.CANCELLED)


@dataclass(frozen=True)
class IssueLine:
    """One issue in a newsletter's history."""

    issue: Issue
    totals: Totals | None  # None: not added up (yet)
    left: int  # by a link in it, and not back


@dataclass(frozen=True)
class Figures:
    """What `over` returns: the issues newest first, the days oldest first."""

    issues: list[IssueLine] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    gone: Leavings = field(default_factory=Leavings)  # all who left in these days, where clicks are counted

    @property
    def joined(self) -> int:
        """Readers who came in these days."""
        return sum(day.joined for day in self.days)

    @property
    def left(self) -> int:
        """Readers who left in them."""
        return sum(day.left for day in self.days)


def over(session: Session, newsletter: Newsletter, last: date, days: int) -> Figures:
    """The `days` days that end with `last`, in the newsletter's zone. No row of the ledger is read."""
    first = last - timedelta(days=days - 1)
    return Figures(
        issues=_issues(session, newsletter, first, last),
        days=movements.by_day(session, newsletter.slug, first, last, newsletter.zone),
        gone=_gone(session, newsletter, first) if newsletter.clicks else Leavings(),
    )


def _gone(session: Session, newsletter: Newsletter, first: date) -> Leavings:
    """Who left since that day; each is read, so it is asked for only where it says what they had read."""
    since = datetime.combine(first, time(), newsletter.zone)
    return leavings.together(leavings.of_newsletter(session, newsletter.slug, since).days.values())


def _issues(session: Session, newsletter: Newsletter, first: date, last: date) -> list[IssueLine]:
    """Those that went out to anybody, or began to."""
    query = rows_of(Issue).where(
        col(Issue.newsletter) == newsletter.slug,
        col(Issue.issue_date).between(first, last),
        col(Issue.state).in_(WENT_OUT),
        col(Issue.drawn_at).is_not(None),
    )
    issues = list(session.exec(query.order_by(col(Issue.issue_date).desc())))
    numbers = [issue.id for issue in issues if issue.id is not None]
    totals, left = tallies.kept_totals(session, numbers), _left(session, numbers)
    return [IssueLine(one, totals.get(one.id or 0), left.get(one.id or 0, 0)) for one in issues]


def _left(session: Session, issues: Sequence[int]) -> dict[int, int]:
    """How many left out of each of these issues."""
    query = select(col(Leaving.issue), func.count()).where(
        col(Leaving.issue).in_(issues), col(Leaving.undone_at).is_(None)
    )
    return {issue: count for issue, count in session.execute(query.group_by(col(Leaving.issue))) if issue is not None}
