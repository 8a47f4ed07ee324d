"""One count for all who look, and charts that have words."""

import threading

import pytest

from newsletter.web.desk import charts
from newsletter.web.desk.charts import Part, Point, Swing
from newsletter.web.desk.gauge import Gauge
from tests.builders import NOW


class Store:
    """Something that is counted in as many seconds as `cost`, on a clock of its own."""

    def __init__(self, cost: float) -> None:
        self.cost, self.seconds, self.counts = cost, 100.0, 0

    def timer(self) -> float:
        return self.seconds

    def count(self, key: str, _now: object) -> int:
        self.seconds += self.cost
        self.counts += 1
        return self.counts


def test_a_long_count_is_made_as_seldom_as_its_share_allows():
    """A second of counting at a tenth of the time: once in ten seconds, however many look."""
    store = Store(cost=1)
    gauge = Gauge(store.count, share=0.1, timer=store.timer)
    for _ in range(50):
        assert gauge.read("a", NOW).value == 1
    store.seconds += 8.9
    assert gauge.read("a", NOW).value == 1
    store.seconds += 0.2
    assert gauge.read("a", NOW).value == 2


def test_a_short_count_is_made_at_every_look():
    """What costs nothing is always true now."""
    store = Store(cost=0)
    gauge = Gauge(store.count, timer=store.timer)
    assert [gauge.read("a", NOW).value for _ in range(3)] == [1, 2, 3]


def test_who_decides_sees_what_was_decided():
    """The next look after an act counts anew."""
    store = Store(cost=1)
    gauge = Gauge(store.count, timer=store.timer)
    gauge.read("a", NOW)
    gauge.forget("a")
    assert gauge.read("a", NOW).value == 2


def test_while_one_counts_the_others_get_the_last_figure_at_once():
    """Ten pages do not wait for each other."""
    going, may_end = threading.Event(), threading.Event()
    counts: list[int] = []

    def count(_key: str, _now: object) -> int:
        counts.append(1)
        if len(counts) == 2:
            going.set()
            may_end.wait()
        return len(counts)

    gauge = Gauge(count)
    assert gauge.read("a", NOW).value == 1
    slow = threading.Thread(target=gauge.read, args=("a", NOW))
    slow.start()
    going.wait()
    assert gauge.read("a", NOW).value == 1
    may_end.set()
    slow.join()
    assert len(counts) == 2


def test_a_count_that_fails_does_not_leave_others_waiting():
    """The error is the asker's; the next one tries again."""
    counts: list[int] = []

    def count(_key: str, _now: object) -> int:
        counts.append(1)
        if len(counts) == 1:
            raise OSError("the database is away")
        return 7

    gauge = Gauge(count)
    with pytest.raises(OSError, match="away"):
        gauge.read("a", NOW)
    assert gauge.read("a", NOW).value == 7


def test_a_chart_has_a_title_and_its_story_in_words():
    """For whoever can't see it; and each column says its own when pointed at."""
    points = [Point("22 Nov", 10), Point("23 Nov", 40)]
    for svg in (charts.columns("a", "Refused", points, "refused"), charts.line("a", "Readers", points, "readers")):
        assert 'role="img"' in svg
        assert 'aria-labelledby="a-title a-words"' in svg
        assert "22 Nov to 23 Nov: between 10 (22 Nov) and 40 (23 Nov)" in svg
    assert "<title>23 Nov: 40 refused</title>" in charts.columns("a", "Refused", points, "refused")


def test_a_chart_of_nothing_says_so():
    """No division by nothing, no empty sentence."""
    assert "Nothing yet." in charts.columns("a", "Refused", [], "refused")
    assert "Nothing yet." in charts.line("a", "Readers", [], "readers")
    assert "Nothing yet: 0 joined" in charts.swings("a", "Moves", [], "joined", "left")
    assert "Nothing yet." in charts.whole("a", "How far", [])


def test_words_in_a_chart_are_words():
    """A label with a tag in it is shown, not obeyed."""
    svg = charts.columns("a", "<script>", [Point("<b>", 1)], "&")
    assert "<script>" not in svg
    assert "&lt;b&gt;: 1 &amp;" in svg


def test_one_of_a_million_is_still_seen():
    """A part that is there has a sliver; one that is not has none."""
    svg = charts.whole("a", "How far", [Part("x", "accepted", 999_999), Part("y", "failed", 1), Part("z", "left", 0)])
    assert 'class="y" x="640" y="0" width="1.5"' in svg
    assert 'class="z"' not in svg
    assert "999,999 accepted, 1 failed." in svg


def test_comings_stand_above_the_line_and_goings_below():
    """To one scale."""
    svg = charts.swings("a", "Moves", [Swing("22 Nov", 3, 1)], "joined", "left")
    assert 'class="chart-up" x="80" y="0" width="480" height="120"' in svg
    assert 'class="chart-down" x="80" y="120" width="480" height="40"' in svg
    assert "3 joined, 1 left; at most 3 and 1 in a day." in svg
