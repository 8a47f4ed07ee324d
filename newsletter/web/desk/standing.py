"""Where an issue stands, for whoever looks: what will happen and when, what the check says, who said yes, what may be
decided. One object that `desk/_decide.html` shows, on whatever page it stands."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlmodel import Session, col, select

from newsletter.config import Newsletter
from newsletter.daily import LATEST
from newsletter.editors import Role, Visitor
from newsletter.issues import approvals, states
from newsletter.issues.fate import Fate, fate
from newsletter.issues.models import Decision, Issue, IssueState
from newsletter.issues.timetable import send_moment
from newsletter.rendering import editions
from newsletter.rendering.preflight import Finding, Level, reports
from newsletter.web.dependencies import House
from newsletter.web.desk.counts import Counts

HISTORY = 12
PAST = {  # what a decision is called, once it is made
    "draft": "put back to draft", "held": "held", "approved": "approved", "sending": "let it go", "sent": "sent",
    "paused": "paused", "cancelled": "cancelled", "skipped": "skipped",
    "first approval": "approved, as the first of two",
    "send now": "sent it at once", "reminded": "reminded the editors",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the last check found. `level` is "good", "warn", "bad", or "" where nobody has looked since a change."""

    level: str
    words: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Everything that the decision bar shows."""

    issue: Issue
    newsletter: Newsletter
    fate: Fate
    send_at: datetime
    latest: datetime  # a new time lies before it
    readers: int
    verdict: Verdict
    has_edition: bool
    approved_by: list[str]  # who has said yes already, of those who are wanted
    missing: int  # editors who still have to approve it
    choices: frozenset[str]  # what they may do now: approve, hold, skip, reopen, cancel, reschedule, send-now, check
    history: list[Decision]  # the newest first

    @property
    def said_yes(self) -> str:
        """ "Ann has approved it; one more is wanted"."""
        return f"{' and '.join(self.approved_by)} approved it, one more is wanted." if self.approved_by else ""


def standing(request: Request, session: Session, visitor: Visitor, issue: Issue) -> Standing:
    """The issue as it stands at this moment."""
    house: House = request.app.state.house
    counts: Counts = request.app.state.counts
    newsletter = house.config.newsletter(issue.newsletter)
    rendered = [edition.rendered_at for edition in editions.every(session, issue)]
    yes = [d.who for d in approvals.so_far(session, issue, max(rendered))] if rendered else []
    missing = max(newsletter.approvals - len(yes), 1)
    return Standing(
        issue=issue,
        newsletter=newsletter,
        fate=fate(newsletter, issue, house.now, missing),
        send_at=send_moment(newsletter, issue.issue_date, issue),
        latest=newsletter.moment("send_at", issue.issue_date) + LATEST,
        readers=counts.readers(issue.newsletter).value,
        verdict=verdict(session, issue, max(rendered, default=None)),
        has_edition=bool(rendered),
        approved_by=yes if issue.state in (IssueState.DRAFT, IssueState.HELD) else [],
        missing=missing,
        choices=choices(issue, visitor, has_edition=bool(rendered), said_yes=visitor.name in yes),
        history=history(session, issue),
    )


def choices(issue: Issue, visitor: Visitor, *, has_edition: bool, said_yes: bool = False) -> frozenset[str]:
    """What `visitor` may decide about the issue now. Pure."""
    found: set[str] = set()
    moves = states.MOVES[issue.state]
    is_open = issue.state in (IssueState.DRAFT, IssueState.HELD)
    if visitor.may(Role.EDITOR) and has_edition and (is_open or issue.state is IssueState.APPROVED):
        found.add("check")
    if not visitor.may(Role.SENDER):
        return frozenset(found)
    if IssueState.APPROVED in moves and has_edition and not said_yes:
        found.add("approve")
    for state, name in ((IssueState.HELD, "hold"), (IssueState.SKIPPED, "skip"), (IssueState.CANCELLED, "cancel")):
        if state in moves:
            found.add(name)
    if is_open or issue.state is IssueState.APPROVED:
        found.add("reschedule")
    if issue.state is IssueState.APPROVED:
        found.add("send-now")
    if issue.state is IssueState.SKIPPED:
        found.add("reopen")
    return frozenset(found)


def verdict(session: Session, issue: Issue, rendered_at: datetime | None) -> Verdict:
    """What the newest check of this very edition says."""
    if rendered_at is None:
        return Verdict("", "There is nothing to check yet.")
    report = next((found for found in reports.of(session, issue) if found.at >= rendered_at), None)
    if report is None:
        return Verdict("", "Not checked since the last change.")
    blocks = sum(finding.level is Level.BLOCK for finding in report.findings)
    warnings = sum(finding.level is Level.WARN for finding in report.findings)
    if blocks:
        return Verdict("bad", f"Check: {_count(blocks, 'fault')} in the way", report.findings)
    return Verdict("warn", f"Check: {_count(warnings, 'warning')}", report.findings) if warnings else Verdict(
        "good", "Check: all well", report.findings
    )  # fmt: skip


def history(session: Session, issue: Issue) -> list[Decision]:
    """Who did what, the newest first."""
    query = select(Decision).where(Decision.issue_id == issue.id).order_by(col(Decision.id).desc()).limit(HISTORY)
    return list(session.exec(query))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
