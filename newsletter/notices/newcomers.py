"""The newest issue at once, for whoever has just confirmed: a row of its ledger like any other, so never twice."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.config import Config, Newsletter
from newsletter.delivery import plan, whom
from newsletter.delivery.lanes import Lanes
from newsletter.issues import states
from newsletter.issues.models import Issue, IssueState
from newsletter.notices.calendar import next_issue

WHO = "sign-up"
SOON = timedelta(hours=1)  # the next one comes within so long: one is enough


def give_latest(
    session: Session, config: Config, newsletter: Newsletter, subscriber_id: int, now: datetime
) -> Issue | None:
    """Queue the newest issue for a newcomer, if the newsletter wants that and it is no older than it says. None if they
    get none: they have it already, it is not for them, or the next one comes within the hour.

    Whoever sends takes it up: `run` within a minute.
    """
    issue = _latest(session, newsletter, now)
    if issue is None or issue.id is None or next_issue(newsletter, now) - now <= SOON:
        return None
    sets, readers = whom.sets(session, config, newsletter, issue), whom.of_issue(config, newsletter, issue, now)
    lanes = Lanes.of(config, newsletter).by_domain
    if not plan.add(session, issue, subscriber_id, now, lanes, sets, readers):
        return None
    if issue.state is IssueState.SENT:  # nothing of it is open: its deadline is this reader's
        issue.deadline_at = now + timedelta(hours=config.smtp.deadline_hours)
        session.add(issue)
        session.flush()
        states.reopen(session, issue.id, WHO, "a new reader gets it at once", now)
    return issue


def _latest(session: Session, newsletter: Newsletter, now: datetime) -> Issue | None:
    """The newest issue that is out and whose audience is drawn, held while it is looked at; None if it is too old."""
    if newsletter.welcome_issue_days == 0:
        return None
    oldest = now.astimezone(newsletter.zone).date() - timedelta(days=newsletter.welcome_issue_days)
    query = select(Issue).where(
        Issue.newsletter == newsletter.slug,
        Issue.issue_date >= oldest,
        col(Issue.state).in_((IssueState.SENT, IssueState.SENDING)),
        col(Issue.drawn_at).is_not(None),
    )
    return session.exec(query.order_by(col(Issue.issue_date).desc()).limit(1).with_for_update()).first()
