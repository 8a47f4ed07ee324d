"""START HERE: the day of an issue, one line a stage.

sources ─Article→ picks ─Pick→ issues ─Issue→ rendering ─Edition→ delivery ─Delivery→ mailboxes

Each verb of this page is one call for the doors (command line, web, clock). All are safe to call again: a stage does
what is left to do, and a row in the database says what is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy
from threading import Event

from sqlmodel import Session

from newsletter import notices
from newsletter.config import Config, Newsletter
from newsletter.database import Database
from newsletter.delivery import ledger, message, send, transport
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.send import Clock, OnProgress
from newsletter.errors import PreflightFailed
from newsletter.issues import assemble, states
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering import editions, preflight, render
from newsletter.rendering.preflight import Finding, Level
from newsletter.rendering.templates import Templates
from newsletter.sources import collect
from newsletter.sources.collect import SourceReport


@dataclass(frozen=True)
class Paper:
    """What every stage works with: the file that says what should be, and the database that holds what is."""

    config: Config
    database: Database


def gather(paper: Paper, now: datetime) -> list[SourceReport]:
    """1. Read all sources into the store; one report a source, the bad ones with their reason."""
    return collect.refresh(paper.database, paper.config, now)


def draft(paper: Paper, newsletter: Newsletter, day: date, now: datetime) -> Issue:
    """2–4. Pick and build that day's issue; a draft is made anew, an approved issue is left as it is."""
    with paper.database.transaction() as session:
        issue = assemble.draft(session, paper.config, newsletter, day, now)
        if issue.state in (IssueState.DRAFT, IssueState.HELD):
            contents = assemble.contents(session, paper.config, newsletter, issue)
            if contents.items:
                templates = Templates(paper.config.folder)
                editions.keep(session, issue, render.edition(contents, templates, paper.config.site), now)
    return issue


def check(session: Session, paper: Paper, issue: Issue) -> list[Finding]:
    """What speaks against sending it: the edition's faults and the message's, as the first reader would get it."""
    newsletter = paper.config.newsletter(issue.newsletter)
    edition = editions.of(session, issue)
    contents = assemble.contents(session, paper.config, newsletter, issue)
    sample = message_as(session, paper, issue, a_reader(), newsletter.moment("send_at", issue.issue_date))
    parsed = message_from_bytes(sample, policy=policy.default)
    found = preflight.findings(edition, contents, site_url=paper.config.site.url, min_articles=newsletter.min_articles)
    return [*found, *preflight.headers(parsed)]


def approve(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """An editor says yes: from now on the edition is frozen. Raises PreflightFailed if a fault blocks it."""
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        if IssueState.APPROVED in states.MOVES[issue.state]:
            _require_no_fault(check(session, paper, issue))
        return states.move(session, issue_id, IssueState.APPROVED, who, "", now)


def deliver(
    paper: Paper, issue_id: int, who: str, clock: Clock,
    on_progress: OnProgress = lambda _totals: None, stopping: Event | None = None,
) -> ledger.Totals:  # fmt: skip
    """5. Send it to everybody; started again it goes on. A draft that nobody need approve is approved first."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
    newsletter = paper.config.newsletter(issue.newsletter)
    if issue.state is IssueState.DRAFT and newsletter.approval == "none":
        approve(paper, issue_id, who, clock())
    config = paper.config
    return send.send(
        paper.database, config.site, config.smtp, newsletter, config.keys, issue_id,
        clock=clock, who=who, on_progress=on_progress, stopping=stopping,
    )  # fmt: skip


# --- decisions ------------------------------------------------------------------------------------------------------


def hold(paper: Paper, issue_id: int, who: str, why: str, now: datetime) -> Issue:
    """It does not go out by itself; the editors are told why. Approving it again lets it go."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.HELD, who, why, now)
        notices.issue_held(session, paper.config.newsletter(issue.newsletter), issue, now)
        return issue


def cancel(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """No reader who has not got it gets it; those whose turn had not come are skipped, and the ledger says why."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.CANCELLED, who, "cancelled by the editors", now)
        for state in (DeliveryState.QUEUED, DeliveryState.DEFERRED):
            ledger.give_up(session, issue_id, state, DeliveryState.SKIPPED, "the issue was cancelled", now)
        return issue


def pause(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """Every sender stops within a second, wherever it runs; what is on the wire gets its answer."""
    with paper.database.transaction() as session:
        return states.move(session, issue_id, IssueState.PAUSED, who, "paused by the editors", now)


def resume(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """Let a paused issue go on; after a long pause its deadline begins anew, for somebody has decided so."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.SENDING, who, "", now)
        if issue.deadline_at is not None and now > issue.deadline_at:
            issue.deadline_at = now + timedelta(hours=paper.config.smtp.deadline_hours)
        return issue


def skip(paper: Paper, newsletter: Newsletter, day: date, why: str, now: datetime) -> Issue:
    """Note that a day has no issue, and why: every day ends in words."""
    with paper.database.transaction() as session:
        issue = assemble.draft(session, paper.config, newsletter, day, now)
        return states.move(session, issue.id or 0, IssueState.SKIPPED, "schedule", why, now)


# --- looking --------------------------------------------------------------------------------------------------------


def a_reader(email: str = "reader@example.com") -> message.Reader:
    """Somebody to show a message to: the links are theirs and lead nowhere."""
    return message.Reader(delivery_id=0, subscriber_id=0, subscription_id=0, email=email)


def message_as(session: Session, paper: Paper, issue: Issue, reader: message.Reader, now: datetime) -> bytes:
    """The very bytes that `reader` would get."""
    newsletter, site = paper.config.newsletter(issue.newsletter), paper.config.site
    edition = editions.of(session, issue)
    made = message.mould(site, newsletter, issue.id or 0, edition.subject, edition.html, edition.text)
    return made.fill(reader, paper.config.keys, now.astimezone(newsletter.zone))


def send_test(paper: Paper, issue_id: int, email: str, now: datetime) -> str:
    """One copy to an editor, marked as a test in its subject. Returns the relay's words."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        newsletter, site = paper.config.newsletter(issue.newsletter), paper.config.site
        edition = editions.of(session, issue)
    made = message.mould(site, newsletter, issue_id, f"[Test] {edition.subject}", edition.html, edition.text)
    data = made.fill(a_reader(email), paper.config.keys, now.astimezone(newsletter.zone))
    return transport.hand_over(paper.config.smtp, newsletter.sender_address, email, data)


def _require_no_fault(findings: Sequence[Finding]) -> None:
    faults = tuple(finding for finding in findings if finding.level is Level.BLOCK)
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise PreflightFailed(f"{faults[0].message}{more} (`newsletter check` shows all).", faults)
