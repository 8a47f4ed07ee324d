"""Editors' decisions through `daily`: two who approve, a change that takes it back, another hour, nobody who came."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from newsletter import daily, scheduler
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import Refused
from newsletter.issues.acts import Write
from newsletter.issues.edits import Field
from newsletter.issues.models import Decision, Issue, IssueState
from newsletter.issues.texts import Said
from newsletter.notices.models import Notice
from tests.builders import CONFIG, a_config
from tests.command import an_article_file

MONDAY = date(2026, 11, 23)
DRAFT_AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Morning:
    """A draft of one Monday, made by the clock at draft time."""

    def __init__(self, database: Database, folder: Path, keys: str = "") -> None:
        (folder / "articles").mkdir(exist_ok=True)
        an_article_file(folder)
        self.paper = Paper(a_config(CONFIG + keys, folder), database)
        self.newsletter = self.paper.config.newsletters[0]
        assert self.wake(DRAFT_AT) == []

    def wake(self, now: datetime) -> list[int]:
        return scheduler.wake(self.paper, self.newsletter, now)

    @property
    def issue(self) -> Issue:
        with self.paper.database.reading() as session:
            return session.exec(select(Issue)).one()

    @property
    def number(self) -> int:
        return self.issue.id or 0

    def decisions(self) -> list[tuple[str, str]]:
        with self.paper.database.reading() as session:
            return [(d.act, d.who) for d in session.exec(select(Decision).order_by(col(Decision.id)))]

    def mails(self) -> list[str]:
        with self.paper.database.reading() as session:
            return [notice.about["headline"] for notice in session.exec(select(Notice).order_by(col(Notice.id)))]


@pytest.fixture
def by_two(database: Database, tmp_path: Path) -> Morning:
    return Morning(database, tmp_path, "approvals = 2\n")


def test_the_first_of_two_is_noted_and_the_second_must_be_somebody_else(by_two: Morning):
    """Until then it does not go out, and the others are told that one more is wanted."""
    assert daily.approve(by_two.paper, by_two.number, "Ann", DRAFT_AT + MINUTE).state is IssueState.DRAFT
    with pytest.raises(Refused, match="another editor too"):
        daily.approve(by_two.paper, by_two.number, "Ann", DRAFT_AT + 2 * MINUTE)
    assert by_two.wake(SEND_AT) == []
    assert daily.approve(by_two.paper, by_two.number, "Bob", SEND_AT + MINUTE).state is IssueState.APPROVED
    assert ("first approval", "Ann") in by_two.decisions()
    assert "A second yes is wanted: The Harbour Daily, Monday 23 November" in by_two.mails()


def test_a_draft_made_anew_or_held_takes_the_first_yes_away(by_two: Morning):
    """It was for what there was to see then."""
    daily.approve(by_two.paper, by_two.number, "Ann", DRAFT_AT + MINUTE)
    daily.draft(by_two.paper, by_two.newsletter, MONDAY, DRAFT_AT + 2 * MINUTE)
    assert daily.approve(by_two.paper, by_two.number, "Bob", DRAFT_AT + 3 * MINUTE).state is IssueState.DRAFT
    daily.hold(by_two.paper, by_two.number, "Bob", "wait for the vote", DRAFT_AT + 4 * MINUTE)
    assert daily.approve(by_two.paper, by_two.number, "Cas", DRAFT_AT + 5 * MINUTE).state is IssueState.HELD
    assert daily.approve(by_two.paper, by_two.number, "Ann", DRAFT_AT + 6 * MINUTE).state is IssueState.APPROVED


def test_a_change_takes_the_approval_back(database: Database, tmp_path: Path):
    """It is a draft again, and wants a new yes; so does a first yes of two."""
    morning = Morning(database, tmp_path, "approvals = 2\n")
    for who in ("Ann", "Bob"):
        daily.approve(morning.paper, morning.number, who, DRAFT_AT + MINUTE)
    assert morning.issue.state is IssueState.APPROVED
    _write_subject(morning, "She sails", DRAFT_AT + 2 * MINUTE)
    assert (morning.issue.state, morning.issue.approved_at) == (IssueState.DRAFT, None)
    daily.approve(morning.paper, morning.number, "Ann", DRAFT_AT + 3 * MINUTE)
    _write_subject(morning, "She sinks", DRAFT_AT + 4 * MINUTE)
    daily.approve(morning.paper, morning.number, "Bob", DRAFT_AT + 5 * MINUTE)
    assert morning.issue.approved_at is None


def _write_subject(morning: Morning, words: str, now: datetime) -> None:
    said = Said(Field.SUBJECT, morning.issue.subject, words)
    daily.change(morning.paper, morning.number, Write(None, (said,)), "Cas", now)


def test_an_issue_goes_out_at_the_time_it_was_given(database: Database, tmp_path: Path):
    """Neither at the newsletter's hour nor before its own; the grace time counts from its own."""
    morning = Morning(database, tmp_path)
    daily.approve(morning.paper, morning.number, "Ann", DRAFT_AT + MINUTE)
    daily.reschedule(morning.paper, morning.number, SEND_AT + 5 * HOUR, "Ann", DRAFT_AT + 2 * MINUTE)
    assert morning.wake(SEND_AT) == morning.wake(SEND_AT + 5 * HOUR - MINUTE) == []
    assert morning.wake(SEND_AT + 5 * HOUR) == [morning.number]
    assert morning.wake(SEND_AT + 8 * HOUR) == [morning.number]
    morning.wake(SEND_AT + 8 * HOUR + MINUTE)
    assert morning.issue.state is IssueState.HELD


def test_a_new_time_lies_within_a_day_of_the_old_one_and_not_behind(database: Database, tmp_path: Path):
    """Yesterday's news is no issue."""
    morning = Morning(database, tmp_path)
    for wrong in (DRAFT_AT, SEND_AT + 25 * HOUR):
        with pytest.raises(Refused, match="A new time lies between now and"):
            daily.reschedule(morning.paper, morning.number, wrong, "Ann", DRAFT_AT + MINUTE)
    assert morning.issue.send_at is None


def test_send_now_wants_an_approval_and_then_does_not_wait(database: Database, tmp_path: Path):
    """A draft is not sent by it; an approved issue is due at once."""
    morning = Morning(database, tmp_path)
    with pytest.raises(Refused, match="approve it first"):
        daily.send_now(morning.paper, morning.number, "Ann", DRAFT_AT + MINUTE)
    daily.approve(morning.paper, morning.number, "Ann", DRAFT_AT + MINUTE)
    daily.send_now(morning.paper, morning.number, "Ann", DRAFT_AT + 2 * MINUTE)
    assert morning.wake(DRAFT_AT + 2 * MINUTE) == [morning.number]


def test_nobody_came_and_the_policy_is_to_send(database: Database, tmp_path: Path):
    """At send_at, not before; the schedule approves it, alone even where two are wanted."""
    morning = Morning(database, tmp_path, 'unapproved = "send"\napprovals = 2\n')
    assert morning.wake(SEND_AT - MINUTE) == []
    assert morning.wake(SEND_AT) == [morning.number]
    assert ("approved", "schedule") in morning.decisions()


def test_nobody_came_and_the_policy_is_to_hold(database: Database, tmp_path: Path):
    """The default: it waits through the grace time, then it is held and the editors are told."""
    morning = Morning(database, tmp_path)
    assert morning.wake(SEND_AT + 3 * HOUR) == []
    assert ("held", "schedule") not in morning.decisions()
    morning.wake(SEND_AT + 3 * HOUR + MINUTE)
    assert morning.issue.state is IssueState.HELD
    assert morning.mails()[-1] == "Held: The Harbour Daily, Monday 23 November"


def test_before_the_deadline_the_editors_are_reminded_once(database: Database, tmp_path: Path):
    """Twenty minutes before, unless somebody has approved it; a new time has a reminder of its own."""
    morning = Morning(database, tmp_path)
    reminder = "Not approved yet: The Harbour Daily, Monday 23 November"
    morning.wake(SEND_AT - 21 * MINUTE)
    assert reminder not in morning.mails()
    for minutes in (20, 19, 5):
        morning.wake(SEND_AT - minutes * MINUTE)
    assert morning.mails().count(reminder) == 1
    daily.reschedule(morning.paper, morning.number, SEND_AT + HOUR, "Ann", SEND_AT - 4 * MINUTE)
    morning.wake(SEND_AT + HOUR - 20 * MINUTE)
    assert morning.mails().count(reminder) == 2


def test_no_reminder_is_sent_about_an_approved_issue(database: Database, tmp_path: Path):
    """Somebody came."""
    morning = Morning(database, tmp_path)
    daily.approve(morning.paper, morning.number, "Ann", DRAFT_AT + MINUTE)
    morning.wake(SEND_AT - 20 * MINUTE)
    assert len(morning.mails()) == 1


def test_an_editor_skips_a_day_and_says_why(database: Database, tmp_path: Path):
    """Today's draft, or a day to come; nothing is drafted or sent on it."""
    morning = Morning(database, tmp_path)
    daily.skip(morning.paper, morning.newsletter, MONDAY, "Ann", "the printers are on strike", DRAFT_AT + MINUTE)
    assert (morning.issue.state, morning.issue.why) == (IssueState.SKIPPED, "the printers are on strike")
    tuesday = MONDAY + timedelta(days=1)
    daily.skip(morning.paper, morning.newsletter, tuesday, "Ann", "so they are tomorrow", DRAFT_AT + 2 * MINUTE)
    assert morning.wake(DRAFT_AT + timedelta(days=1)) == morning.wake(SEND_AT + timedelta(days=1)) == []
    with database.reading() as session:
        assert {issue.state for issue in session.exec(select(Issue))} == {IssueState.SKIPPED}


def test_a_skipped_day_is_taken_up_again(database: Database, tmp_path: Path):
    """A draft under the next number, which goes its way; only a skipped day, and not days later."""
    morning = Morning(database, tmp_path)
    daily.skip(morning.paper, morning.newsletter, MONDAY, "Ann", "the printers are on strike", DRAFT_AT + MINUTE)
    daily.reopen(morning.paper, morning.newsletter, MONDAY, "Ann", "the strike is off", DRAFT_AT + 2 * MINUTE)
    issue = morning.issue
    assert (issue.state, issue.why, issue.finished_at, issue.number) == (IssueState.DRAFT, "", None, 1)
    with pytest.raises(Refused, match="only a skipped day"):
        daily.reopen(morning.paper, morning.newsletter, MONDAY, "Ann", "again", DRAFT_AT + 3 * MINUTE)
    with pytest.raises(Refused, match="was never skipped"):
        daily.reopen(morning.paper, morning.newsletter, MONDAY + timedelta(days=1), "Ann", "why not", DRAFT_AT)
    daily.approve(morning.paper, morning.number, "Ann", DRAFT_AT + 4 * MINUTE)
    assert morning.wake(SEND_AT) == [morning.number]
    with pytest.raises(Refused, match="more than a day ago"):
        daily.reopen(morning.paper, morning.newsletter, MONDAY, "Ann", "late", SEND_AT + timedelta(days=2))
