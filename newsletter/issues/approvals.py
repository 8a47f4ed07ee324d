"""Approval by two: the first yes is noted, the second one, by somebody else, approves.

A first yes is for what was there to see: a draft made anew or changed, a hold, a taken-back approval, and it is gone.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.issues.models import Decision, Issue, IssueState

FIRST = "first approval"
_UNDOES = (IssueState.HELD, IssueState.DRAFT, "drafted", "changed")


def so_far(session: Session, issue: Issue, rendered_at: datetime) -> list[Decision]:
    """Who has said yes to the edition that was rendered at `rendered_at`, of an issue that is not approved yet."""
    query = select(Decision).where(Decision.issue_id == issue.id).order_by(col(Decision.id))
    return standing(session.exec(query), rendered_at)


def standing(decisions: Iterable[Decision], rendered_at: datetime) -> list[Decision]:
    """Those of an issue's decisions, oldest first, that are a yes which still counts. Pure."""
    found: list[Decision] = []
    for decision in decisions:
        if decision.act == FIRST and decision.at >= rendered_at:
            found.append(decision)
        elif decision.act in _UNDOES:
            found.clear()
    return found
