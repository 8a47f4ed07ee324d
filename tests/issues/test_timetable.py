"""The one place where the clock is held against the rules."""

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.config import Newsletter
from newsletter.issues.fate import fate
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import Due, turn

DAY = date(2026, 11, 23)
DRAFT_AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
GRACE = timedelta(minutes=180)
MINUTE = timedelta(minutes=1)


def daily(**changes) -> Newsletter:
    values = {"slug": "daily", "title": "Daily", "sender": "daily@example.com", "timezone": "Europe/London"}
    return Newsletter.model_validate(values | changes)


def an_issue(state: IssueState, approved_at: datetime | None = None) -> Issue:
    return Issue(
        newsletter="daily", issue_date=DAY, number=1, state=state, drafted_at=DRAFT_AT, approved_at=approved_at
    )


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (DRAFT_AT - MINUTE, Due.NOTHING),
        (DRAFT_AT, Due.DRAFT),
        (SEND_AT + GRACE, Due.DRAFT),
        (SEND_AT + GRACE + MINUTE, Due.DRAFT_AND_HOLD),
        (SEND_AT + timedelta(days=1), Due.SKIP),
    ],
)
def test_a_day_without_an_issue_is_drafted_in_time_or_said_to_be_late(now: datetime, due: Due):
    """A machine that was off catches up within the grace time, holds later that day, and skips past days."""
    assert turn(daily(), DAY, None, now).due is due


@pytest.mark.parametrize(
    ("state", "approval", "now", "due"),
    [
        (IssueState.DRAFT, "required", SEND_AT, Due.NOTHING),
        (IssueState.DRAFT, "required", SEND_AT + GRACE + MINUTE, Due.HOLD),
        (IssueState.DRAFT, "none", SEND_AT - MINUTE, Due.NOTHING),
        (IssueState.DRAFT, "none", SEND_AT, Due.SEND),
        (IssueState.DRAFT, "none", SEND_AT + GRACE + MINUTE, Due.HOLD),
        (IssueState.APPROVED, "required", SEND_AT - MINUTE, Due.NOTHING),
        (IssueState.APPROVED, "required", SEND_AT, Due.SEND),
        (IssueState.APPROVED, "required", SEND_AT + GRACE + MINUTE, Due.HOLD),
        (IssueState.SENDING, "required", SEND_AT + timedelta(hours=10), Due.SEND),
        (IssueState.PAUSED, "required", SEND_AT, Due.NOTHING),
        (IssueState.HELD, "required", SEND_AT, Due.NOTHING),
        (IssueState.SENT, "required", SEND_AT, Due.NOTHING),
        (IssueState.CANCELLED, "required", SEND_AT, Due.NOTHING),
    ],
)
def test_each_state_has_its_turn(state: IssueState, approval: str, now: datetime, due: Due):
    """Sent at its time when approved (or when nobody need approve), held when late, never fired stale."""
    assert turn(daily(approval=approval), DAY, an_issue(state), now).due is due


def test_who_approves_late_means_it_to_go_out():
    """An editor's yes after the hour starts the grace time anew; an old approval does not."""
    late = SEND_AT + timedelta(hours=5)
    assert turn(daily(), DAY, an_issue(IssueState.APPROVED, late), late + MINUTE).due is Due.SEND
    assert turn(daily(), DAY, an_issue(IssueState.APPROVED, late), late + GRACE + MINUTE).due is Due.HOLD
    assert turn(daily(), DAY, an_issue(IssueState.APPROVED, DRAFT_AT), late).due is Due.HOLD


def test_held_for_want_of_approval_says_until_when_one_waited():
    """The reason is a sentence with the newsletter's own clock."""
    assert turn(daily(), DAY, an_issue(IssueState.DRAFT), SEND_AT + GRACE + MINUTE).why == (
        "Nobody approved it by 09:30 Europe/London."
    )


@pytest.mark.parametrize("approval", ["none", "required"])
def test_what_goes_out_by_itself_is_told_as_the_clock_will_do_it(approval: str):
    """Before its hour, after it, and when it is too late: the sentence and the turn agree."""
    newsletter, issue = daily(approval=approval, unapproved="send"), an_issue(IssueState.DRAFT)
    for now, words in ((SEND_AT - MINUTE, "It goes out at 06:30 GMT"), (SEND_AT, "It goes out now."),
                       (SEND_AT + GRACE + MINUTE, "Its time ended at 09:30 GMT, so it is held.")):  # fmt: skip
        told, due = fate(newsletter, issue, now), turn(newsletter, DAY, issue, now).due
        assert told.words.startswith(words)
        assert (told.outcome == "held") == (due is Due.HOLD)


@pytest.mark.parametrize(
    ("zone", "day", "send_at", "expected"),
    [
        ("America/New_York", date(2026, 3, 8), "02:30", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # the hour is skipped
        ("America/New_York", date(2026, 11, 1), "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # it comes twice
        ("Asia/Kolkata", date(2026, 11, 23), "06:30", datetime(2026, 11, 23, 1, 0, tzinfo=UTC)),
    ],
)
def test_the_hours_of_summer_time_come_once(zone: str, day: date, send_at: str, expected: datetime):
    """In the gap the send comes after it, in the fold the first time only."""
    newsletter = daily(timezone=zone, draft_at="00:10", send_at=send_at, days="daily")
    assert newsletter.moment("send_at", day).astimezone(UTC) == expected
