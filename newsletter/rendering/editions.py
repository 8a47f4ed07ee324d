"""The editions of an issue in the store: made again while the issue is a draft, frozen from its approval on."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session, col, delete, select

from newsletter.errors import NotFound, Refused
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.topics import WHOLE
from newsletter.rendering import counted
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition

if TYPE_CHECKING:
    from newsletter.rendering.render import Rendered


def keep(
    session: Session, issue: Issue, rendered: "Rendered", now: datetime, links: Sequence[Link] = ()
) -> Edition:  # fmt: skip
    """Store the whole edition, in the place of all that were rendered before; `links` are those that are to be counted.
    Refused once the issue is approved."""
    _require_open(issue)
    session.exec(delete(Edition).where(col(Edition.issue_id) == issue.id))
    return _add(session, issue, WHOLE, rendered, now, links)


def add(
    session: Session, issue: Issue, topics: str, rendered: "Rendered", now: datetime, links: Sequence[Link] = ()
) -> Edition:  # fmt: skip
    """Store one more, that holds some sections only (`issues.topics` names it); `links` are the whole one's. Refused
    once the issue is approved."""
    _require_open(issue)
    return _add(session, issue, topics, rendered, now, links)


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
        why = (issue.why or "it was not built yet").rstrip(".")
        name = f"{issue.newsletter}/{issue.issue_date}"
        again = f"`newsletter draft {issue.newsletter} --date {issue.issue_date}` builds it anew"
        raise NotFound(f"The issue {name} has nothing to show: {why}; {again}.")
    return found


def links_of(session: Session, issue_id: int) -> tuple[Link, ...]:
    """The links of an issue that are counted; none of an issue that counts none, or that there is not."""
    query = select(Edition.links).where(Edition.issue_id == issue_id, Edition.topics == WHOLE)
    return counted.kept(session.exec(query).one_or_none() or ())


def _require_open(issue: Issue) -> None:
    if issue.id is None or issue.state not in (IssueState.DRAFT, IssueState.HELD):
        raise Refused(f"The issue of {issue.issue_date} is {issue.state}: what readers get is frozen.")


def _add(
    session: Session, issue: Issue, topics: str, rendered: "Rendered", now: datetime, links: Sequence[Link]
) -> Edition:  # fmt: skip
    edition = Edition(
        issue_id=issue.id or 0,
        topics=topics,
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=rendered.html,
        text=rendered.text,
        links=[link._asdict() for link in links],
        template_digest=rendered.template_digest,
        rendered_at=now,
    )
    session.add(edition)
    session.flush()
    return edition
