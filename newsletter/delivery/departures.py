"""Who left a newsletter, as one document for command line and API: in all, by day, and by issue with its rate."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from newsletter.delivery import ledger
from newsletter.issues.models import Issue
from subscribers import leavings
from subscribers.leavings import Leavings


def document(session: Session, newsletter: str, since: datetime) -> dict[str, Any]:
    """Ready for JSON. An issue's rate is its leavings over those to whom it was handed over."""
    of_days, of_issues = leavings.of_newsletter(session, newsletter, since)
    dates = _dates(session, [number for number in of_issues if number is not None])
    return {
        "newsletter": newsletter,
        "since": since.isoformat(timespec="seconds"),
        "all": leavings.together(of_days.values()).document(),
        "days": [{"date": day.isoformat(), **found.document()} for day, found in of_days.items()],
        "issues": [_of_issue(session, number, dates.get(number or 0), found) for number, found in of_issues.items()],
    }


def _of_issue(session: Session, number: int | None, day: str | None, found: Leavings) -> dict[str, Any]:
    """None: those who left out of no issue's mail, which has no rate."""
    got = None if number is None else ledger.totals(session, number).accepted
    return {"issue": number, "date": day, "readers": got, **found.document(got)}


def _dates(session: Session, numbers: list[int]) -> dict[int, str]:
    found = session.execute(select(col(Issue.id), col(Issue.issue_date)).where(col(Issue.id).in_(numbers)))
    return {number or 0: day.isoformat() for number, day in found}
