"""How often a server may be asked: `newsletter.sources.manners`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Event

import pytest

from newsletter.sources import manners
from newsletter.sources.manners import Turns

NOW = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": 'MAX-AGE="600"', "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "9000"}, 0),
        ({"cache-control": "s-maxage=600"}, 0),  # for shared caches; we are none
        ({"cache-control": "no-store, max-age=600"}, 0),
        ({"cache-control": "no-cache"}, 0),
        ({"cache-control": "max-age=-5"}, 0),
        ({"cache-control": "max-age=" + "9" * 400}, 999_999_999),
        ({"date": "Mon, 23 Nov 2026 05:00:00 GMT", "expires": "Mon, 23 Nov 2026 06:00:00 GMT"}, 3600),
        ({"date": "Mon, 23 Nov 2026 05:00:00 GMT", "expires": "0"}, 0),
        ({"expires": "Mon, 23 Nov 2026 06:00:00 GMT"}, 0),  # from when?
        ({"cache-control": "max-age=60", "date": "x", "expires": "Mon, 23 Nov 2026 06:00:00 GMT"}, 60),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_its_headers_say(headers: dict[str, str], seconds: int):
    """RFC 9111 §4.2: max-age less the age in caches, else Expires less Date, else nothing is said."""
    assert manners.lifetime(headers) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("ttl", "period", "frequency", "minutes"),
    [
        ("", "", "", 0),
        ("60", "", "", 60),
        (" 15 ", "hourly", "1", 60),
        ("", "daily", "4", 360),
        ("", "Hourly", "0", 60),
        ("x", "now and then", "-1", 0),
        ("9" * 4_400, "yearly", "x", 999_999_999),
    ],
)
def test_a_feed_rests_for_as_long_as_it_says(ttl: str, period: str, frequency: str, minutes: int):
    """RSS's ttl in minutes, or RSS 1.0's syndication period by its frequency; what is no number counts as unsaid."""
    assert manners.rest_of_feed(ttl, period, frequency) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("Mon, 23 Nov 2026 07:30:00 GMT", 7200),
        ("Mon, 23 Nov 2026 03:30:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("1e9", 0),
        ("999999999", 86_400),
        ("Fri, 23 Nov 2096 07:30:00 GMT", 86_400),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_the_most(said: str, seconds: int):
    """RFC 9110 §10.2.3. A slip of the server's clock must not silence a source for years."""
    assert manners.wait(said, NOW) == timedelta(seconds=seconds)


def test_a_source_is_due_when_config_and_feed_both_say_so():
    """Never more often than the config wants, less often if the feed wants it, and never more than six hours later."""
    assert manners.next_check(NOW, HALF_AN_HOUR, timedelta(0)) == NOW + HALF_AN_HOUR
    assert manners.next_check(NOW, HALF_AN_HOUR, timedelta(hours=2)) == NOW + timedelta(hours=2)
    assert manners.next_check(NOW, HALF_AN_HOUR, timedelta(days=300_000)) == NOW + timedelta(hours=6)
    assert manners.is_due(None, NOW)
    assert manners.is_due(NOW + timedelta(seconds=30), NOW)
    assert not manners.is_due(NOW + timedelta(minutes=2), NOW)


def test_a_failing_source_is_tried_ever_later():
    """The wait doubles, up to two hours: it is asked again after as long as it has been failing."""
    waits = [
        manners.next_try(NOW, HALF_AN_HOUR, NOW - timedelta(minutes=minutes)) - NOW for minutes in (0, 30, 60, 900)
    ]
    assert waits == [HALF_AN_HOUR, HALF_AN_HOUR, timedelta(hours=1), timedelta(hours=2)]


def test_one_server_gets_no_more_than_its_share_and_delays_no_other():
    """Two at once at one host; a third waits for one of them, and meanwhile another host is asked."""
    turns = Turns(per_host=2)
    third_is_in, others_done = Barrier(3), Event()
    with ThreadPoolExecutor(4) as threads:

        def at_busy(_: int) -> bool:
            with turns.at("https://busy.example/feed"):
                try:
                    third_is_in.wait(0.2)
                except BrokenBarrierError:
                    others_done.wait(5)
                    return False
                return True

        busy = threads.map(at_busy, range(3))
        with turns.at("https://other.example/feed"):
            others_done.set()
        assert not any(busy)
