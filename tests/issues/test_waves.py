"""Readers' own mornings, over both nights when the clocks change."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import Due, turn, waves
from tests.builders import CONFIG, NOW, a_config

HOURS = [f"Etc/GMT{n:+d}" for n in range(-12, 12)]  # 24 zones, of POSIX's contrary sign
CHANGING = [
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Asia/Kolkata",
    "Pacific/Auckland",
]
LOCAL = a_config(CONFIG.replace('timezone = "Europe/London"', 'timezone = "Europe/London"\nlocal_time = true'))
DAILY = LOCAL.newsletters[0]
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1)])
def test_each_reader_is_due_once_at_half_past_six_in_their_own_zone(day: date):
    """An issue that is ready in time: on its own date, in 24 zones and those that change their clocks that night."""
    due = waves(DAILY, day, [*HOURS, *CHANGING], datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1))
    assert len(due) == len(HOURS) + len(CHANGING)
    for zone, moment in due.items():
        assert f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == f"{day} 06:30"


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_clock_that_looks_every_minute_sends_each_zone_once_within_five_minutes(day: date):
    """Two days of looking: when does each zone's wave go?"""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    due = waves(DAILY, day, [*HOURS, *CHANGING], start)
    went: Counter[str] = Counter()
    for number in range(3 * 24 * 60):
        now = start + number * MINUTE
        for zone in [zone for zone in due if due[zone] <= now and not went[zone]]:
            went[zone] += 1
            assert now - due[zone] < 5 * MINUTE
    assert went == Counter(list(due))


def test_a_zone_that_is_no_zone_counts_as_the_newsletters():
    """Empty, misspelt, a path, a folder: none is dropped."""
    bad = ["", "Europe/Lundon", "../../etc/passwd", "Europe", "\0", "x" * 64]
    assert set(waves(DAILY, NOW.date(), bad, NOW).values()) == {datetime(2026, 11, 23, 6, 30, tzinfo=UTC)}


def test_whose_hour_has_just_passed_gets_it_at_once_and_others_the_next_morning():
    """Ready at 05:30 in London: in Paris it is 06:30, in Athens an hour late, in Auckland the evening."""
    due = waves(DAILY, NOW.date(), ["Europe/Paris", "Europe/Athens", "Pacific/Auckland", "America/New_York"], NOW)
    assert due["Europe/Paris"] == due["Europe/Athens"] == NOW
    assert f"{due['Pacific/Auckland'].astimezone(ZoneInfo('Pacific/Auckland')):%d %H:%M}" == "24 06:30"
    assert f"{due['America/New_York'].astimezone(ZoneInfo('America/New_York')):%d %H:%M}" == "23 06:30"


def test_an_issue_that_is_ready_early_begins_with_the_first_wave():
    """Approved the day before, it is morning in the east first; unapproved, it waits for its own hour to be held."""
    issue = Issue(newsletter="daily", issue_date=NOW.date(), number=1, drafted_at=NOW, state=IssueState.APPROVED)
    first = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)  # 06:30 in Auckland
    assert turn(DAILY, NOW.date(), issue, first - MINUTE, first).due is Due.NOTHING
    assert turn(DAILY, NOW.date(), issue, first, first).due is Due.SEND
    issue.state = IssueState.DRAFT
    assert turn(DAILY, NOW.date(), issue, first, first).due is Due.NOTHING
