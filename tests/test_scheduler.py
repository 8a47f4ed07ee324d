"""A wake at a moment: what is drafted, held, skipped and sent, decided by rows and the timetable alone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from newsletter import daily, scheduler
from newsletter.config import Config
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import StoreError
from newsletter.issues.models import Issue, IssueState
from newsletter.notices.models import Notice
from tests.builders import CONFIG, a_config
from tests.command import an_article_file

MONDAY = date(2026, 11, 23)
DRAFT_AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
LATE = SEND_AT + timedelta(hours=4)


class House:
    """A project in a folder, woken at moments that the test names."""

    def __init__(self, database: Database, folder: Path, config: Config) -> None:
        self.paper, self.folder = Paper(config, database), folder

    def wake(self, now: datetime) -> list[int]:
        return scheduler.wake(self.paper, self.paper.config.newsletters[0], now)

    def issues(self) -> dict[str, Issue]:
        with self.paper.database.reading() as session:
            return {str(i.issue_date): i for i in session.exec(select(Issue).order_by(col(Issue.issue_date)))}

    def words_to_editors(self) -> list[str]:
        with self.paper.database.reading() as session:
            return [notice.about["headline"] for notice in session.exec(select(Notice).order_by(col(Notice.id)))]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    (tmp_path / "articles").mkdir()
    return House(database, tmp_path, a_config(folder=tmp_path))


def test_at_draft_time_the_day_is_drafted_and_the_editors_are_told_once(house: House):
    """Waking again and again changes nothing more."""
    an_article_file(house.folder)
    for minutes in range(3):
        assert house.wake(DRAFT_AT + timedelta(minutes=minutes)) == []
    assert [(day, issue.state) for day, issue in house.issues().items()] == [("2026-11-23", IssueState.DRAFT)]
    assert house.words_to_editors() == ["Draft: The Harbour Daily, Monday 23 November"]


def test_before_draft_time_and_on_other_days_nothing_happens(house: House):
    """A mon-fri newsletter sleeps on Saturday."""
    an_article_file(house.folder)
    house.wake(DRAFT_AT - timedelta(minutes=1))
    house.wake(DRAFT_AT - timedelta(days=2))
    assert house.issues() == {}


def test_an_approved_issue_is_sent_at_its_time(house: House):
    """Not before; and what is to be sent is its number."""
    an_article_file(house.folder)
    house.wake(DRAFT_AT)
    issue_id = house.issues()["2026-11-23"].id or 0
    daily.approve(house.paper, issue_id, "test", DRAFT_AT)
    assert house.wake(SEND_AT - timedelta(seconds=1)) == []
    assert house.wake(SEND_AT) == [issue_id]


def test_an_unapproved_issue_waits_through_the_grace_time_and_is_held(house: House):
    """Nobody came: held, with the reason, and the editors are told."""
    an_article_file(house.folder)
    house.wake(DRAFT_AT)
    assert house.wake(SEND_AT + timedelta(hours=3)) == []
    assert house.issues()["2026-11-23"].state is IssueState.DRAFT
    assert house.wake(SEND_AT + timedelta(hours=3, seconds=1)) == []
    issue = house.issues()["2026-11-23"]
    assert (issue.state, issue.why) == (IssueState.HELD, "Nobody approved it by 09:30 Europe/London.")
    assert house.words_to_editors()[-1].startswith("Held:")


def test_too_few_articles_hold_the_issue_and_the_editors_are_told(house: House):
    """Never an empty issue."""
    house.wake(DRAFT_AT)
    assert house.issues()["2026-11-23"].state is IssueState.HELD
    assert house.words_to_editors() == ["Held: The Harbour Daily, Monday 23 November"]


def test_a_machine_that_was_off_holds_todays_issue_and_skips_the_days_before(house: House):
    """Every day ends in words; nothing stale is fired."""
    an_article_file(house.folder)
    house.wake(DRAFT_AT)
    an_article_file(house.folder, 2, "2026-11-26 04:30")
    assert house.wake(LATE + timedelta(days=3)) == []
    issues = house.issues()
    assert {day: issue.state for day, issue in issues.items()} == {
        "2026-11-23": IssueState.HELD,
        "2026-11-24": IssueState.SKIPPED,
        "2026-11-25": IssueState.SKIPPED,
        "2026-11-26": IssueState.HELD,
    }
    assert all(issue.why for issue in issues.values())


def test_a_first_start_in_the_afternoon_is_no_missed_morning(house: House):
    """A newsletter without a past begins with its next morning."""
    an_article_file(house.folder)
    house.wake(LATE)
    assert house.issues() == {}


def test_without_approval_a_faulty_issue_is_held_not_sent(database: Database, tmp_path: Path):
    """Nobody looks at it, so the check does: a fault that blocks holds it and the editors are told."""
    (tmp_path / "articles").mkdir()
    an_article_file(tmp_path)
    text = CONFIG.replace('slug = "daily"', 'slug = "daily"\napproval = "none"')
    house = House(database, tmp_path, a_config(text, tmp_path))
    templates = tmp_path / "templates" / "mail"
    templates.mkdir(parents=True)
    shipped = Path(__file__).parent.parent / "templates" / "mail" / "foot.txt"
    (templates / "foot.txt").write_text(shipped.read_text().replace("{{ unsubscribe_url }}", ""))
    house.wake(DRAFT_AT)
    assert house.wake(SEND_AT) == []
    issue = house.issues()["2026-11-23"]
    assert issue.state is IssueState.HELD
    assert "unsubscribe" in issue.why


def test_one_process_leads_and_another_takes_over(database: Database):
    """Of two that try, one wins; when it lets go, the other may."""
    with database.leadership() as first, database.leadership() as second:
        assert (first, second) == (True, False)
    with database.leadership() as again:
        assert again


def test_a_clock_that_lags_behind_what_the_store_has_seen_does_nothing(house: House):
    """A second machine with an old clock, a snapshot that wakes up in the past: no old issue is fired; the sentence
    says what to do. Cancelling forgets what a clock of the future has made."""
    an_article_file(house.folder)
    house.wake(DRAFT_AT)
    issue = house.issues()["2026-11-23"]
    daily.approve(house.paper, issue.id or 0, "ed", DRAFT_AT)
    old = DRAFT_AT - timedelta(days=3)
    with pytest.raises(StoreError, match="2026-11-20 05:30 UTC, but the database has seen 2026-11-23 05:30"):
        house.wake(old)
    assert house.wake(SEND_AT) == [issue.id]
    daily.cancel(house.paper, issue.id or 0, "ed", SEND_AT)
    house.wake(old)
