"""Ledgers as a test wants them, without a send."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.issues.models import Issue, IssueState
from tests.builders import NOW, an_issue


def an_issue_with(
    session: Session, *groups: tuple[int, DeliveryState, dict[str, Any]], state: IssueState = IssueState.SENT,
    at: datetime = NOW,
) -> Issue:  # fmt: skip
    """An issue whose deliveries are `groups`: how many, their state, and what else their rows say."""
    issue = an_issue(session, state, at.date())
    issue.drawn_at = issue.started_at = at
    issue.finished_at = at + timedelta(minutes=5) if state in (IssueState.SENT, IssueState.CANCELLED) else None
    session.add(issue)
    number = 0
    for count, kind, values in groups:
        for _ in range(count):
            number += 1
            session.add(
                Delivery(
                    issue_id=issue.id or 0, subscriber_id=number, subscription_id=number, state=kind,
                    changed_at=at, **({"attempts": 1} | values),
                )
            )  # fmt: skip
    session.flush()
    return issue


GONE = {"code": 550, "status": "5.1.1", "why": "User unknown"}
FULL = {"code": 452, "status": "4.2.2", "why": "Mailbox full"}
TAKEN = {"code": 250, "status": "2.0.0", "why": "queued"}
