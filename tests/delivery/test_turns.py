"""When a delivery has its turn: lanes that ask for less, the warm-up, the hours of sending, readers' own mornings."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.models import Lane
from newsletter.issues.models import Issue, IssueState
from subscribers.models import Subscriber
from tests.builders import NOW
from tests.delivery.desks import DAILY, Desk
from tests.sink import Sink

NO_ZONES = ("", "No/Such_Zone")  # those count as the newsletter's
CHANGING = ("Europe/London", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Pacific/Auckland")
ZONES = [*(f"Etc/GMT{n:+d}" for n in range(-12, 12)), *CHANGING, "Asia/Kolkata", *NO_ZONES]


def at_domains(desk: Desk, domains: dict[str, str]) -> None:
    """Move readers to other domains, the address and all: reader number → domain."""
    with desk.database.transaction() as session:
        for number, domain in domains.items():
            reader = session.exec(select(Subscriber).where(Subscriber.email == f"reader{number}@example.com")).one()
            reader.email, reader.domain = f"reader{number}@{domain}", domain
            reader.email_key = reader.email


def test_a_provider_that_asks_for_less_is_left_alone_and_the_others_go_on(desk: Desk):
    """Three "slow down" in a row pause its lane for a quarter of an hour; nobody else waits."""
    desk.readers(40)
    desk.flows = True
    at_domains(desk, {str(n): "gmail.com" if n % 2 else "googlemail.com" for n in range(1, 21)})
    with Sink() as sink:
        sink.refuse = lambda stage, word: "421 4.7.28 slow down" if stage == "RCPT" and "mail.com" in word else None
        totals = desk.send(sink, connections=1, rests=(0,) * 30)
        assert totals.accepted == 20
        assert totals.queued + totals.deferred == 20
        with desk.database.reading() as session:
            lane = session.get_one(Lane, "google")
        assert lane.paused_until is not None
        assert lane.paused_until - desk.clock() > timedelta(minutes=13)
        heard = sink.reached["RCPT"]
        assert heard < 30, "the lane was left alone after a few"
        sink.refuse = lambda stage, word: None
        desk.now = NOW + timedelta(minutes=16)
        desk.send(sink, connections=1)
    assert max(Counter(sink.recipients).values()) == 1


def test_a_single_domain_that_asks_for_less_is_put_aside(desk: Desk):
    """It shares a lane with everybody who has none of their own, and they do not wait for it."""
    desk.readers(30)
    at_domains(desk, {str(n): "slow.example" for n in range(1, 11)})
    with Sink() as sink:
        sink.refuse = lambda stage, word: "450 4.7.1 not so fast" if stage == "RCPT" and "slow" in word else None
        totals = desk.send(sink, connections=1)
        assert (totals.accepted, totals.deferred + totals.queued) == (20, 10)
        desk.now = NOW + timedelta(hours=1)
        sink.refuse = lambda stage, word: None
        assert desk.send(sink, connections=1) == ledger.Totals(accepted=30)


def test_a_warm_up_lets_so_many_go_a_day_and_the_others_wait(desk: Desk):
    """The day's allowance is in the ledger's company: another run, another process does not begin it anew."""
    desk.readers(12)
    ladder = {"warm_up": [5, 100], "warm_up_from": NOW.date()}
    with Sink() as sink:
        assert desk.send(sink, sending=ladder, deadline_hours=48) == ledger.Totals(accepted=5, queued=7)
        assert desk.send(sink, sending=ladder).accepted == 5
        desk.now = NOW + timedelta(days=1)
        assert desk.send(sink, sending=ladder) == ledger.Totals(accepted=12)


def test_out_of_hours_nothing_is_handed_over(desk: Desk):
    """05:30 is before 06:00; an hour later all of it goes."""
    desk.readers(3)
    hourly = DAILY.model_copy(update={"send_between": "06:00-22:00"})
    with Sink() as sink:
        assert desk.send(sink, newsletter=hourly) == ledger.Totals(queued=3)
        desk.now = NOW + timedelta(hours=1)
        assert desk.send(sink, newsletter=hourly) == ledger.Totals(accepted=3)


@pytest.mark.slow
@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_on_both_nights_of_changing_clocks_each_reader_gets_one_at_half_past_six(
    sqlite: Database, tmp_path: Path, day: date
):
    """24 zones, those that change their clocks that night, and two that are none; looked at every five minutes for
    three days by a clock of the test's own: each reader once, within five minutes of the hour."""
    desk = Desk(sqlite, tmp_path)
    zones = dict(zip(desk.readers(len(ZONES)), ZONES, strict=True))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with desk.database.transaction() as session:
        for email, zone in zones.items():
            session.exec(select(Subscriber).where(Subscriber.email == email)).one().timezone = zone
        session.get_one(Issue, desk.issue_id).issue_date = day
    hourly = DAILY.model_copy(update={"local_time": True})
    went: dict[str, datetime] = {}
    desk.now = midnight - timedelta(days=1)
    with Sink() as sink:
        desk.send(sink, newsletter=hourly)
        while desk.now < midnight + timedelta(days=2):
            with desk.database.reading() as session:
                is_due = ledger.has_due(session, desk.issue_id, desk.now)
            if is_due:
                desk.send(sink, newsletter=hourly)
                went |= {to: desk.now for to in sink.recipients if to not in went}
            desk.now += timedelta(minutes=5)
    assert Counter(sink.recipients) == Counter(list(zones))
    for email, zone in zones.items():
        local = went[email].astimezone(ZoneInfo("Europe/London" if zone in NO_ZONES else zone))
        assert f"{local:%Y-%m-%d %H:%M}" == f"{day} 06:30", zone
    assert desk.issue().state is IssueState.SENT
