"""The only moves an issue may make, as one table, and the one function that makes them.

A move is a conditional UPDATE: of two processes that decide at once, one wins and the other is told so. Every move is
written down as a Decision.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from newsletter.errors import NotFound, Refused
from newsletter.issues.models import Decision, Issue, IssueState, Pick

DRAFT, APPROVED, SENDING, SENT = IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING, IssueState.SENT
HELD, PAUSED, CANCELLED, SKIPPED = IssueState.HELD, IssueState.PAUSED, IssueState.CANCELLED, IssueState.SKIPPED

MOVES: dict[IssueState, tuple[IssueState, ...]] = {
    DRAFT: (APPROVED, HELD, CANCELLED, SKIPPED),
    HELD: (DRAFT, APPROVED, CANCELLED, SKIPPED),
    APPROVED: (DRAFT, SENDING, HELD, CANCELLED),
    SENDING: (PAUSED, SENT, CANCELLED),
    PAUSED: (SENDING, CANCELLED),
    SENT: (),
    CANCELLED: (),
    SKIPPED: (DRAFT,),
}
OVER = (SENT, CANCELLED, SKIPPED)  # nothing more happens by itself; only a skipped day can be taken up again
NAMES_ITS_REASON = (HELD, PAUSED, CANCELLED, SKIPPED)  # `Issue.why` says why it stands there
PARTICIPLES = {DRAFT: "put back to draft", SENDING: "sent"}  # where the state's own word does not fit "it can be …"
LONGEST_WHY = 500


def move(session: Session, issue_id: int, to: IssueState, who: str, why: str, now: datetime) -> Issue:
    """Bring the issue to state `to` because `who` decided so, and write the decision down.

    NotFound if there is no such issue; Refused, with what is possible instead, if the table has no such move or if
    somebody else decided first.
    """
    issue = session.get(Issue, issue_id, populate_existing=True)
    if issue is None:
        raise NotFound(f"There is no issue {issue_id}.")
    if to not in MOVES[issue.state]:
        raise Refused(_refusal(issue, to))
    if to is APPROVED:
        _require_nothing_twice(session, issue)
    won = session.execute(
        update(Issue)
        .where(col(Issue.id) == issue_id, col(Issue.state) == issue.state)
        .values(_changes(issue, to, why, now))
        .execution_options(synchronize_session=False)
        .returning(col(Issue.id))
    ).scalar_one_or_none()
    session.refresh(issue)
    if won is None:
        raise Refused(f"Somebody else decided first. {_refusal(issue, to)}")
    session.add(Decision(issue_id=issue_id, act=str(to), who=who, why=why[:LONGEST_WHY], at=now))
    session.flush()
    return issue


def reopen(session: Session, issue_id: int, who: str, why: str, now: datetime) -> None:
    """Take a sent issue up again: some of its deliveries are to go once more, or a new reader gets it. When it was sent
    stays as it was."""
    reopened = update(Issue).where(col(Issue.id) == issue_id, col(Issue.state) == SENT)
    won = session.execute(
        reopened.values(state=SENDING).returning(col(Issue.id)),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if won is not None:
        note(session, issue_id, "reopened", who, why, now)


def note(session: Session, issue_id: int, act: str, who: str, why: str, now: datetime) -> None:
    """Write a decision down that moves the issue nowhere."""
    session.add(Decision(issue_id=issue_id, act=act, who=who, why=why[:LONGEST_WHY], at=now))
    session.flush()


def was_noted(session: Session, issue_id: int, act: str, since: datetime) -> bool:
    """Whether such a decision was written down at `since` or after."""
    query = select(col(Decision.id)).where(
        col(Decision.issue_id) == issue_id, col(Decision.act) == act, col(Decision.at) >= since
    )
    return session.exec(query.limit(1)).first() is not None


def _require_nothing_twice(session: Session, issue: Issue) -> None:
    """Refused if another issue has brought one of its picks to readers, or will: a held one may wait for days."""
    other, own = aliased(Pick), aliased(Pick)
    query = (
        select(Issue)
        .join(other, col(other.issue_id) == col(Issue.id))
        .join(own, col(own.article_id) == col(other.article_id))
        .where(
            col(own.issue_id) == issue.id,
            col(Issue.id) != issue.id,
            col(Issue.newsletter) == issue.newsletter,
            col(Issue.state).in_((APPROVED, SENDING, PAUSED, SENT)),
        )
        .order_by(col(Issue.issue_date))
        .limit(1)
    )
    twice = session.exec(query).first()
    if twice is not None:
        name = f"{issue.newsletter}/{issue.issue_date}"
        raise Refused(
            f"An article of {name} is in {twice.newsletter}/{twice.issue_date}, which is {twice.state}: "
            f"make it anew with `newsletter draft {issue.newsletter} --date {issue.issue_date}`, or cancel it."
        )


def _changes(issue: Issue, to: IssueState, why: str, now: datetime) -> dict[str, Any]:
    """The columns that a move changes."""
    changes: dict[str, Any] = {"state": to, "why": why[:LONGEST_WHY] if to in NAMES_ITS_REASON else ""}
    if to is APPROVED:
        changes["approved_at"] = now
    if to in (DRAFT, HELD):
        changes["approved_at"] = None
    if to is SENDING and issue.started_at is None:
        changes["started_at"] = now
    if to in OVER:
        was_sent = issue.finished_at if to is SENT else None  # and reopened since
        changes["finished_at"] = was_sent or now
    elif issue.state in OVER:
        changes["finished_at"] = None
    return changes


def _refusal(issue: Issue, to: IssueState) -> str:
    """Why the move is not possible, and what is: "Issue daily/2026-11-23 is sending: it can be paused or cancelled"."""
    name = f"Issue {issue.newsletter}/{issue.issue_date}"
    if not MOVES[issue.state]:
        return f"{name} is {issue.state}: nothing more can be decided about it."
    if issue.state is SKIPPED:
        return f"{name} is skipped: `newsletter reopen` takes the day up again."
    words = [PARTICIPLES.get(state, str(state)) for state in MOVES[issue.state] if state is not SENT]
    possible = f"{', '.join(words[:-1])} or {words[-1]}"
    if to is issue.state:
        return f"{name} is {issue.state} already; it can be {possible}."
    return f"{name} is {issue.state} and can't be {PARTICIPLES.get(to, str(to))} now; it can be {possible}."
