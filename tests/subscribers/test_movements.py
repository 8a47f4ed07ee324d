"""How a list moves, a number a day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from subscribers import Proof, SubscriptionState, Way, erasure, movements, signup, unsubscribe
from subscribers.movements import Day
from tests.builders import FEW, NOW, add_readers
from tests.subscribers.conftest import KEYS, PROOF, a_reader, unsubscribe_token

LONDON = ZoneInfo("Europe/London")


def test_comings_and_goings_are_counted_by_the_day(session):
    """Confirmed and added ones come; who only asked does not; a leaving that was undone is none."""
    a_reader(session, "ann@example.com", now=NOW - timedelta(days=1))
    a_reader(session, "bob@example.com")
    add_readers(session, 1)
    signup.ask(session, KEYS, ["daily"], "carl@example.com", PROOF, NOW)
    a_reader(session, "ann@example.com", "weekly")
    for name in ("ann", "bob"):
        token = unsubscribe_token(session, f"{name}@example.com")
        unsubscribe.by_token(session, KEYS, token, Way.LINK, NOW)
    unsubscribe.undo(session, KEYS, unsubscribe_token(session, "bob@example.com"), NOW)
    today = NOW.date()
    assert movements.by_day(session, "daily", today - timedelta(days=2), today, LONDON) == [
        Day(today - timedelta(days=2), 0, 0),
        Day(today - timedelta(days=1), 1, 0),
        Day(today, 2, 1),
    ]


def test_a_day_is_the_newsletters_own(session):
    """Half an hour past midnight in Auckland is yesterday in UTC; a day may have 23 or 25 hours."""
    moment = datetime(2026, 3, 28, 11, 30, tzinfo=UTC)
    signup.add(session, KEYS, "daily", "ann@example.com", Proof("said so"), moment)
    auckland = ZoneInfo("Pacific/Auckland")
    days = movements.by_day(session, "daily", date(2026, 3, 28), date(2026, 3, 29), auckland)
    assert [day.joined for day in days] == [0, 1]
    signup.add(session, KEYS, "daily", "bob@example.com", Proof("said so"), datetime(2026, 10, 25, 23, 59, tzinfo=UTC))
    assert movements.by_day(session, "daily", date(2026, 10, 25), date(2026, 10, 25), LONDON)[0].joined == 1


def test_who_was_brought_in_with_others_has_come_until_they_are_erased(session):
    """An import keeps one row for all of them, and the number of those who are still there."""
    add_readers(session, FEW)
    erasure.erase(session, KEYS, "reader7@example.com", NOW)
    today = NOW.date()
    assert movements.by_day(session, "daily", today, today, LONDON) == [Day(today, FEW - 1, 0)]
    assert movements.by_day(session, "weekly", today, today, LONDON) == [Day(today, 0, 0)]


def test_who_stands_where_is_counted_by_state(session):
    """All that a newsletter knows of, also those who left."""
    add_readers(session, 3)
    unsubscribe.by_operator(session, "reader2@example.com", "daily", NOW)
    assert movements.standing(session, "daily") == {SubscriptionState.ACTIVE: 2, SubscriptionState.UNSUBSCRIBED: 1}
    assert movements.standing(session, "weekly") == {}
