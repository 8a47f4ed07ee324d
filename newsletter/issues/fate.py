"""What will happen to an issue if nobody does anything, and when: the sentence that is always in sight. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.config import Newsletter
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import send_moment


@dataclass(frozen=True)
class Fate:
    """`at` that moment it is `sent` or `held`; `words` say it all: "It goes out at 06:30 if somebody approves it"."""

    at: datetime | None
    outcome: str  # "sent", "held", or "" where nothing happens by itself
    words: str


def fate(newsletter: Newsletter, issue: Issue, now: datetime, missing: int = 1) -> Fate:
    """What the clock does with the issue. `missing` is how many editors still have to approve a draft."""
    send_at = send_moment(newsletter, issue.issue_date, issue)
    held_at = send_at + timedelta(minutes=newsletter.grace_minutes)
    send_words, held_words = _clock(newsletter, issue, send_at), _clock(newsletter, issue, held_at)
    if issue.state not in (IssueState.DRAFT, IssueState.APPROVED):
        return Fate(None, "", _REST.get(issue.state, ""))
    if issue.state is IssueState.APPROVED or not newsletter.waits_for_editors:
        return _goes_out(newsletter, issue, now)
    who = "two editors approve it" if missing == 2 else "somebody approves it"
    if newsletter.approvals == 2 and missing == 1:
        who = "a second editor approves it"
    if now < send_at:
        return Fate(send_at, "held", f"It goes out at {send_words} if {who}. Else it is held at {held_words}.")
    if now < held_at:
        return Fate(held_at, "held", f"It goes out as soon as {who}. Else it is held at {held_words}.")
    return Fate(held_at, "held", f"Its time ended at {held_words}, so it is held. It still goes out as soon as {who}.")


def _goes_out(newsletter: Newsletter, issue: Issue, now: datetime) -> Fate:
    """Nobody has to do anything more. Who approves late means it to go out (timetable.turn)."""
    send_at = send_moment(newsletter, issue.issue_date, issue)
    latest = max(send_at, issue.approved_at or send_at) + timedelta(minutes=newsletter.grace_minutes)
    if now > latest:
        return Fate(latest, "held", f"Its time ended at {_clock(newsletter, issue, latest)}, so it is held.")
    if now >= send_at:
        return Fate(send_at, "sent", "It goes out now.")
    whoever = ""
    if issue.state is IssueState.DRAFT:
        is_asked = newsletter.approval == "required"
        whoever = ", whether somebody approves it or not" if is_asked else ", by itself"
    return Fate(send_at, "sent", f"It goes out at {_clock(newsletter, issue, send_at)}{whoever}.")


_REST = {
    IssueState.HELD: "It stays here until somebody approves, skips or cancels it.",
    IssueState.PAUSED: "It waits until somebody lets it go on.",
    IssueState.SENDING: "It is on its way.",
}


def _clock(newsletter: Newsletter, issue: Issue, moment: datetime) -> str:
    there = moment.astimezone(newsletter.zone)
    return f"{there:%H:%M %Z}" if there.date() == issue.issue_date else f"{there:%H:%M %Z} on {there:%A}"
