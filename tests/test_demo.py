"""What `newsletter demo` relies on besides the product itself."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter.demo import a_day_later

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize("begins", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)])
def test_the_second_morning_is_on_the_next_day_at_any_hour(begins: datetime):
    """Also in the nights when clocks are changed: a day of 25 hours is not over after 24."""
    for minutes in range(0, 3 * 24 * 60, 10):
        moment = begins + timedelta(minutes=minutes)
        later = a_day_later(moment, LONDON)
        assert later.astimezone(LONDON).date() - moment.astimezone(LONDON).date() == timedelta(days=1), moment
