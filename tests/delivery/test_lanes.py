"""Lanes: who is in which, and that all processes share one pace, which a restart does not forget."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.database import Database
from newsletter.delivery import lanes
from newsletter.delivery.lanes import ALL, REST, Lanes
from tests.builders import CONFIG, NOW, a_config
from tests.delivery.desks import Desk
from tests.sink import Sink

LIMITED = """
[sending]
messages_per_minute = 3000
[[sending.lanes]]
domains = ["gmail.com"]
messages_per_minute = 600
[[sending.lanes]]
domains = ["small.example"]
messages_per_minute = 60
[[relays]]
name = "second"
host = "127.0.0.1"
domains = ["outlook.com"]
"""


def the_lanes(more: str = LIMITED) -> Lanes:
    config = a_config(CONFIG + more)
    return Lanes.of(config, config.newsletters[0])


def test_a_providers_domains_share_a_lane_and_a_relay_has_its_own():
    """gmail.com is googlemail.com; a domain with a relay of its own is apart from its provider's others."""
    found = the_lanes()
    assert found.by_domain["gmail.com"] == found.by_domain["googlemail.com"] == "google"
    assert found.by_domain["small.example"] == "small.example"
    assert found.by_domain["outlook.com"] == "second/microsoft"
    assert found.by_domain["hotmail.com"] == "microsoft"
    assert "reader.example" not in found.by_domain
    assert found.relay_of("second/microsoft").known_as == "second"
    assert found.relay_of("a lane of last year") is found.relay_of(REST)
    assert found.limits == {ALL: 3000, "google": 600, "small.example": 60}


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_processes_share_one_rate_and_a_restart_does_not_forget_it(database: Database, processes: int):
    """A minute by the tests' own clock, asked four times a second by each process: within 2 % of what is configured,
    lane by lane and in all; in the middle everybody is restarted."""
    counts = {"google": 0, "small.example": 0, REST: 0}
    rules = the_lanes()
    for tick in range(240):
        rules = the_lanes() if tick == 120 else rules
        for process in range(processes):
            now = NOW + timedelta(seconds=tick / 4 + process * 0.03)
            with database.transaction() as session:
                opened = lanes.opening(session, rules, counts, 200, now)
                room = opened.limit
                for lane in counts:
                    taken = min(opened.may[lane], room)
                    counts[lane], room = counts[lane] + taken, room - taken
                    lanes.take(opened, rules, {lane: taken}, now)
    assert counts["google"] == pytest.approx(600, rel=0.02)
    assert counts["small.example"] == pytest.approx(60, abs=1)
    assert sum(counts.values()) == pytest.approx(3000, rel=0.02)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("senders", [1, 2])
def test_a_real_minute_of_sending_keeps_the_configured_rate(sqlite: Database, tmp_path: Path, senders: int):
    """600 a minute by the machine's clock, with one process and with two. They are stopped and started again: while a
    process starts nothing goes, and then no minute has more than its due. One may have less: where a busy machine makes
    a sender late by more than a moment, that is not caught up."""
    desk = Desk(sqlite, tmp_path)
    desk.readers(720)
    desk.flows = True
    moments: list[float] = []
    stopping = threading.Event()

    def note(stage: str, _word: str) -> None:
        if stage == "dot":
            moments.append(desk.clock().timestamp())
            if len(moments) == 60:
                stopping.set()

    with Sink() as sink:
        sink.refuse = note
        limits: dict[str, object] = {"messages_per_minute": 600, "senders": senders}
        desk.send(sink, stopping=stopping, sending=limits)
        before = len(moments)
        desk.send(sink, sending=limits)
    assert in_a_minute(moments, moments[before]) > 400
    assert max(in_a_minute(moments, first) for first in moments) <= 612, "a new start gives nothing away"


def in_a_minute(moments: list[float], first: float) -> int:
    return sum(first <= moment < first + 60 for moment in moments)
