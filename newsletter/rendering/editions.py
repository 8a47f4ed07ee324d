"""The editions of an issue in the store: made again while the issue is a draft, frozen from its approval on."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session, col, delete, select

from newsletter.errors import NotFound, Refused
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.topics import WHOLE
from newsletter.rendering.models import Edition

if TYPE_CHECKING:
    from newsletter.rendering.render import Rendered


def keep(session: Session, issue: Issue, rendered: "Rendered", now: datetime) -> Edition:
    """Store the whole edition, in the place of all that were rendered before. Refused once the issue is approved."""
    _require_open(issue)
    session.exec(delete(Edition).where(col(Edition.issue_id) == issue.id))
    return _add(session, issue, WHOLE, rendered, now)


def add(session: Session, issue: Issue, topics: str, rendered: "Rendered", now: datetime) -> Edition:
    """Store one more, that holds some sections only (`issues.topics` names it). Refused once the issue is approved."""
    _require_open(issue)
    return _add(session, issue, topics, rendered, now)


def all_of(session: Session, issue: Issue) -> list[Edition]:
    """Every edition of an issue, the one that holds every section first. NotFound for an issue that was never built."""
    of(session, issue)
    return every(session, issue)


def every(session: Session, issue: Issue) -> list[Edition]:
    """The same; none of an issue that was never built."""
    return list(session.exec(select(Edition).where(Edition.issue_id == issue.id).order_by(Edition.topics)))


def of(session: Session, issue: Issue) -> Edition:
    """The edition that holds every section. NotFound for an issue that was never built."""
    found = session.exec(select(Edition).where(Edition.issue_id == issue.id, Edition.topics == WHOLE)).one_or_none()
    if found is None:
        why = issue.why or "it was not built yet"
        raise NotFound(f"The issue {issue.newsletter}/{issue.issue_date} has nothing to show: {why}.")
    return found


def _require_open(issue: Issue) -> None:
    if issue.id is None or issue.state not in (IssueState.DRAFT, IssueState.HELD):
        raise Refused(f"The issue of {issue.issue_date} is {issue.state}: what readers get is frozen.")


def _add(session: Session, issue: Issue, topics: str, rendered: "Rendered", now: datetime) -> Edition:
    edition = Edition(
        issue_id=issue.id or 0,
        topics=topics,
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=rendered.html,
        text=rendered.text,
        template_digest=rendered.template_digest,
        rendered_at=now,
    )
    session.add(edition)
    session.flush()
    return edition
