"""An edition before it goes: a reader's very bytes, a test copy to an editor, and the check. daily.py decides by it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from sqlmodel import Session

from newsletter.delivery import connections, message
from newsletter.errors import PreflightFailed
from newsletter.issues import assemble, pictures
from newsletter.issues.before import before
from newsletter.issues.models import Issue
from newsletter.issues.topics import narrowed
from newsletter.paper import Paper
from newsletter.rendering import editions, preflight
from newsletter.rendering.models import Edition
from newsletter.rendering.preflight import Case, Finding, Level, reports, support
from newsletter.rendering.preflight.reports import Occasion


def a_reader(email: str = "reader@example.com") -> message.Reader:
    """Somebody to show a message to: the links are theirs and lead nowhere."""
    return message.Reader(delivery_id=0, subscriber_id=0, subscription_id=0, email=email)


def message_as(
    paper: Paper, issue: Issue, edition: Edition, reader: message.Reader, now: datetime, *, counts: bool = False
) -> bytes:  # fmt: skip
    """The very bytes that `reader` would get of that edition; unless it `counts`, its links are straight."""
    newsletter, site = paper.config.newsletter(issue.newsletter), paper.config.site
    made = message.of_edition(site, newsletter, edition, counts=counts)
    return made.fill(reader, paper.config.keys, now)


def send_test(paper: Paper, issue_id: int, email: str, now: datetime) -> str:
    """One copy to an editor, marked as a test in its subject. Returns the relay's words."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        newsletter, site = paper.config.newsletter(issue.newsletter), paper.config.site
        edition = editions.of(session, issue)
    made = message.of_edition(site, newsletter, edition, mark="[Test] ")
    data = made.fill(a_reader(email), paper.config.keys, now)
    return connections.hand_over(paper.config.smtp, newsletter.sender_address, email, data)


def checked(paper: Paper, issue_id: int, now: datetime, occasion: Occasion) -> tuple[Edition, list[Finding]]:
    """The edition that was looked at, and what was found. No transaction is held while others are asked."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        whole, *others = editions.all_of(session, issue)
        case = _case(session, paper, issue, whole)
    levels = paper.config.preflight
    asked = (Occasion.CHECK,) if levels.look_outside == "check" else (Occasion.CHECK, Occasion.APPROVAL)
    findings = preflight.findings(
        case, levels, look_outside=levels.look_outside != "never" and occasion in asked
    )  # fmt: skip
    for edition in others:  # their links are among the whole one's: nobody is asked again
        findings = preflight.more(findings, _narrowed(paper, issue, case, edition), levels, edition.topics)
    with paper.database.transaction() as session:
        reports.keep(session, issue, occasion, findings, now)
    return whole, findings


def require_no_fault(findings: Sequence[Finding]) -> None:
    """Raise PreflightFailed with the first fault that blocks, if there is one."""
    faults = tuple(finding for finding in findings if finding.level is Level.BLOCK)
    if faults:
        more = f" {len(faults) - 1} more: `newsletter check` shows all." if len(faults) > 1 else ""
        raise PreflightFailed(f"{faults[0].message}{more}", faults)


def _case(session: Session, paper: Paper, issue: Issue, edition: Edition) -> Case:
    """Everything that the rules look at."""
    newsletter, site = paper.config.newsletter(issue.newsletter), paper.config.site
    return Case(
        form=edition,
        contents=assemble.contents(session, paper.config, newsletter, issue),
        site_url=site.url,
        min_articles=newsletter.min_articles,
        support=support.load(paper.config.folder),
        message=_sample(paper, issue, edition),
        media_dir=site.media_dir,
        before=before(session, issue),
        collecting=paper.config.collecting,
        lost=pictures.lost(session, newsletter, issue),
    )


def _narrowed(paper: Paper, issue: Issue, whole: Case, edition: Edition) -> Case:
    """The same for an edition that holds some sections only."""
    least = paper.config.newsletter(issue.newsletter).topic_min_articles
    contents, sample = narrowed(whole.contents, edition.topics), _sample(paper, issue, edition)
    return replace(whole, form=edition, contents=contents, min_articles=least, message=sample)


def _sample(paper: Paper, issue: Issue, edition: Edition) -> EmailMessage:
    """The message as its first reader would get it."""
    moment = paper.config.newsletter(issue.newsletter).moment("send_at", issue.issue_date)
    data = message_as(paper, issue, edition, a_reader(), moment, counts=True)
    return message_from_bytes(data, policy=policy.default)
