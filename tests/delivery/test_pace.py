"""How fast: the arithmetic of buckets, back-off, warm-up, hours and retries, on a clock that the tests hold."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.pace import PAUSE, Backoff, Bucket, opens_at, portions, retry_at, warm_up_cap
from tests.builders import NOW

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("per_minute", [60, 250, 600, 6_000, 120_000])
def test_a_bucket_keeps_its_rate_over_a_minute(per_minute: int):
    """Within 2 %, however irregularly it is asked, and after a restart that finds its one stored moment."""
    bucket, now, taken = Bucket(per_minute, NOW), NOW, 0
    pauses = [0.003, 0.02, 0.11, 0.26, 0.4]
    for turn in range(100_000):
        count = bucket.tokens(now, 200)
        bucket, taken = bucket.take(count, now), taken + count
        if turn == 50:
            bucket = Bucket(per_minute, bucket.free_at)  # a new process
        now += pauses[turn % len(pauses)] * SECOND
        if now >= NOW + timedelta(minutes=1):
            break
    most = 200 / min(pauses) * 60  # what can be asked for at all
    assert taken == pytest.approx(min(per_minute, most), rel=0.02, abs=1) or taken < per_minute == 120_000


def test_a_bucket_without_a_limit_gives_all():
    """0 is as fast as the relay takes them."""
    assert Bucket(0, NOW).tokens(NOW, 200) == 200


def test_a_bucket_says_when_a_portion_is_worth_asking_for():
    """Not one by one: a quarter of a second's worth, at least one."""
    assert Bucket(60, NOW + SECOND).ready_at(NOW) == NOW + SECOND
    assert Bucket(6_000, NOW).take(200, NOW).ready_at(NOW) > NOW + SECOND


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 5), (2, 15), (3, 30), (4, 60), (5, 120), (6, 240), (9, 240)])
def test_refused_ones_are_tried_after_5_15_30_60_120_240_minutes_with_jitter(attempts: int, minutes: int):
    """A fifth earlier or later, each its own, and all different from one another."""
    waits = [(retry_at(NOW, attempts, number) - NOW) / timedelta(minutes=1) for number in range(200)]
    assert 0.8 * minutes <= min(waits) < 0.85 * minutes
    assert 1.15 * minutes < max(waits) <= 1.2 * minutes
    assert len(set(waits)) == 200


def test_each_slow_down_halves_the_rate_and_a_hundred_accepted_ones_double_it():
    """Once a batch, however many of it complain."""
    slowed = Backoff().after([True, False, True, False], NOW)
    assert slowed.slowed(600) == 300
    assert slowed.after([False], NOW).slowed(600) == 150
    recovered = slowed.after([True] * 99, NOW)
    assert (recovered.slowed(600), recovered.after([True], NOW).slowed(600)) == (300, 600)


def test_the_third_slow_down_in_a_row_pauses_for_a_quarter_of_an_hour():
    """After it one more is enough to pause again; one accepted message ends the row."""
    twice = Backoff().after([False], NOW).after([False], NOW)
    assert twice.paused_until is None
    paused = twice.after([False], NOW)
    assert paused.paused_until == NOW + PAUSE
    later = NOW + PAUSE
    assert paused.after([False], later).paused_until == later + PAUSE
    assert paused.after([True, False], later).paused_until == NOW + PAUSE


def test_a_lane_without_a_limit_gets_one_when_it_asks_for_less():
    """600 a minute at first."""
    assert Backoff(halvings=1).slowed(0) == 600
    assert Backoff().slowed(0) == 0


def test_a_warm_up_grows_by_the_day_and_ends():
    """Before its first day as on it; after its last no cap at all."""
    first = date(2026, 11, 23)
    caps = [warm_up_cap([50, 100, 250], first, first + timedelta(days=n)) for n in range(-1, 4)]
    assert caps == [50, 50, 100, 250, None]
    assert warm_up_cap([], None, first) is None


@pytest.mark.parametrize(
    ("clock", "between", "opens"),
    [
        ("12:00", ("06:00", "22:00"), None),
        ("05:59", ("06:00", "22:00"), "23 06:00"),
        ("22:00", ("06:00", "22:00"), "24 06:00"),
        ("23:30", ("22:00", "02:00"), None),
        ("03:00", ("22:00", "02:00"), "23 22:00"),
    ],
)
def test_hours_of_sending(clock: str, between: tuple[str, str], opens: str | None):
    """Also over midnight."""
    here = datetime.combine(date(2026, 11, 23), time.fromisoformat(clock), tzinfo=ZoneInfo("Europe/London"))
    begin, end = map(time.fromisoformat, between)
    found = opens_at((begin, end), here)
    assert (found and f"{found:%d %H:%M}") == opens


@given(
    st.integers(1, 500),
    st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, 10_000), st.integers(0, 400)), max_size=8),
)
def test_portions_never_exceed_what_is_there_or_allowed_and_waste_nothing(
    limit: int, lanes: dict[int, tuple[int, int]]
):
    """Whatever waits and whatever may go."""
    waiting, may = {k: w for k, (w, _) in lanes.items()}, {k: m for k, (_, m) in lanes.items()}
    shares = portions(limit, waiting, may)
    assert all(0 < share <= min(waiting[key], may[key]) for key, share in shares.items())
    assert sum(shares.values()) == min(limit, sum(min(waiting[key], may[key]) for key in lanes))


def test_portions_mix_the_lanes_in_proportion():
    """Half of the list at one provider is half of each batch; what a slow lane may not have goes to the others."""
    waiting = {"google": 50_000, "microsoft": 25_000, "": 25_000}
    assert portions(200, waiting, dict.fromkeys(waiting, 200)) == {"google": 100, "microsoft": 50, "": 50}
    assert portions(200, waiting, {"google": 10, "microsoft": 200, "": 200})["google"] == 10


def test_the_clock_of_the_tests_is_utc():
    """So that the days of a warm-up are what they seem."""
    assert NOW.tzinfo is UTC
