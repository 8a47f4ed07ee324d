"""The editions of an issue in the store: made again while the issue is a draft, frozen from its approval on."""

from datetime import datetime

from sqlmodel import Session, col, delete, select

from newsletter.errors import NotFound, Refused
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering.models import Edition
from newsletter.rendering.render import Rendered

WHOLE = ""  # the topics of the edition that holds every section


def keep(session: Session, issue: Issue, rendered: Rendered, now: datetime) -> Edition:
    """Store what was rendered, in the place of an earlier rendering. Refused once the issue is approved."""
    if issue.id is None or issue.state not in (IssueState.DRAFT, IssueState.HELD):
        raise Refused(f"The issue of {issue.issue_date} is {issue.state}: what readers get is frozen.")
    session.exec(delete(Edition).where(col(Edition.issue_id) == issue.id))
    edition = Edition(
        issue_id=issue.id,
        topics=WHOLE,
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


def all_of(session: Session, issue: Issue) -> list[Edition]:
    """Every edition of an issue, the one that holds every section first. NotFound for an issue that was never built."""
    whole = of(session, issue)
    others = select(Edition).where(Edition.issue_id == issue.id, Edition.topics != WHOLE).order_by(Edition.topics)
    return [whole, *session.exec(others)]


def of(session: Session, issue: Issue) -> Edition:
    """The edition that holds every section. NotFound for an issue that was never built."""
    found = session.exec(select(Edition).where(Edition.issue_id == issue.id, Edition.topics == WHOLE)).one_or_none()
    if found is None:
        why = issue.why or "it was not built yet"
        raise NotFound(f"The issue {issue.newsletter}/{issue.issue_date} has nothing to show: {why}.")
    return found
