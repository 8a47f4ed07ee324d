"""Which issue somebody means."""

from datetime import UTC, date, datetime

import pytest

from newsletter.database import Database
from newsletter.errors import NotFound
from newsletter.issues.find import find
from newsletter.issues.models import Issue
from tests.builders import NOW, a_config


def stored(database: Database, day: date) -> int:
    with database.transaction() as session:
        issue = Issue(newsletter="daily", issue_date=day, number=1, drafted_at=NOW)
        session.add(issue)
        session.flush()
        return issue.id or 0


def test_an_issue_goes_by_its_number_its_day_or_today(database: Database):
    """All three are the same issue."""
    number = stored(database, date(2026, 11, 23))
    with database.reading() as session:
        for words in (str(number), "daily/2026-11-23", "daily/today"):
            assert find(session, a_config(), words, NOW).id == number


def test_today_is_the_newsletters_own_day(sqlite: Database):
    """At half past eleven at night in UTC it may be tomorrow where the readers are."""
    config = a_config()
    tokyo = config.model_copy(
        update={"newsletters": (config.newsletters[0].model_copy(update={"timezone": "Asia/Tokyo"}),)}
    )
    number = stored(sqlite, date(2026, 11, 24))
    with sqlite.reading() as session:
        assert find(session, tokyo, "daily/today", datetime(2026, 11, 23, 23, 30, tzinfo=UTC)).id == number


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("99", "There is no issue 99"),
        ("99999999999999999999", "There is no issue"),
        ("weekly/today", "There is no newsletter 'weekly'"),
        ("daily/2026-11-24", "There is no issue daily/2026-11-24. The newest is daily/2026-11-23;"),
        ("daily/yesterday", "'yesterday' is no day: write it as 2026-11-23, or today."),
        ("daily", "'daily' names no issue"),
        ("", "'' names no issue"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(sqlite: Database, words: str, sentence: str):
    """Every wrong word gets a sentence that helps."""
    stored(sqlite, date(2026, 11, 23))
    with sqlite.reading() as session, pytest.raises(NotFound) as error:
        find(session, a_config(), words, NOW)
    assert str(error.value).startswith(sentence)
