"""The send loop: nobody twice, nobody lost in silence, leaving always wins, and the sum is right at every moment."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from time import monotonic
from typing import Protocol

import pytest
from sqlmodel import delete, select

from newsletter import daily
from newsletter.config import Config, Smtp
from newsletter.config.sending import Sending
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import ledger, plan
from newsletter.delivery.models import Delivery, DeliveryState, Lane
from newsletter.delivery.send import send
from newsletter.errors import NeedsDecision, Refused, RelayDown
from newsletter.issues import states
from newsletter.issues.models import Decision, Issue, IssueState
from subscribers import audience, unsubscribe
from subscribers.models import Subscriber
from tests.builders import NOW, a_config, add_readers, an_issue
from tests.sink import HANG_UP, Sink

CONFIG = a_config()
DAILY = CONFIG.newsletters[0]
NOTHING: dict[str, object] = {}


class Listening(Protocol):
    """A relay of any make."""

    port: int


class Desk:
    """A project whose relay is a sink: draft, send, look."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.now = database, folder, NOW
        self.made, self.flows = monotonic(), False
        with database.transaction() as session:
            self.issue_id = an_issue(session).id or 0

    def clock(self) -> datetime:
        """`now`, and what has passed since the desk was made if `flows`: for what waits a second by itself."""
        return self.now + timedelta(seconds=monotonic() - self.made if self.flows else 0)

    def config(self, sink: Listening, sending: dict[str, object] = NOTHING, **smtp) -> Config:
        relay = {"port": sink.port, "security": "none", "journal_dir": self.folder / "journal", "connections": 2}
        tables = {"smtp": Smtp.model_validate(relay | smtp), "sending": Sending.model_validate(sending)}
        return CONFIG.model_copy(update=tables)

    def readers(self, count: int) -> list[str]:
        with self.database.transaction() as session:
            return add_readers(session, count)

    def send(self, sink: Listening, rests=(0, 0, 0, 0), newsletter=DAILY, stopping=None, **changes) -> ledger.Totals:
        return send(
            self.database, self.config(sink, **changes), newsletter, self.issue_id,
            clock=self.clock, who="test", rests=rests, stopping=stopping,
        )  # fmt: skip

    def totals(self) -> ledger.Totals:
        with self.database.reading() as session:
            return ledger.totals(session, self.issue_id)

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.issue_id)

    def delivery(self, address: str) -> Delivery:
        number = int(address.removeprefix("reader").partition("@")[0])
        with self.database.reading() as session:
            rows = session.exec(select(Delivery).order_by(Delivery.subscriber_id)).all()  # type: ignore[arg-type]
            return rows[number - 1]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def test_every_reader_gets_one_and_the_issue_is_sent(desk: Desk):
    """The plain morning: one message each, all accepted, the issue closed."""
    addresses = desk.readers(30)
    with Sink() as sink:
        totals = desk.send(sink)
    assert sorted(sink.recipients) == sorted(addresses)
    assert totals == ledger.Totals(accepted=30)
    assert desk.issue().state is IssueState.SENT
    assert list((desk.folder / "journal").glob("*.journal")) == []


def test_a_sent_issue_is_not_sent_again(desk: Desk):
    """Starting it once more is refused in words, and nobody gets a second copy."""
    desk.readers(3)
    with Sink() as sink:
        desk.send(sink)
        with pytest.raises(Refused, match="is sent"):
            desk.send(sink)
    assert len(sink.taken) == 3


def test_a_draft_is_not_sent(desk: Desk):
    """Only what was approved goes out; the sentence says what to do."""
    desk.readers(1)
    with desk.database.transaction() as session:
        states.move(session, desk.issue_id, IssueState.DRAFT, "test", "", NOW)
    with Sink() as sink, pytest.raises(Refused, match="newsletter approve"):
        desk.send(sink)
    assert sink.taken == []


def test_two_senders_at_once_share_the_list(desk: Desk):
    """Two processes on one issue: every reader once. Neither gets an answer before both are at work."""
    addresses = desk.readers(500)
    both = threading.Barrier(2, timeout=30)

    def wait_for_both(stage: str, _word: str) -> None:
        if stage == "banner":
            both.wait()

    with Sink() as sink:
        sink.refuse = wait_for_both
        threads = [threading.Thread(target=desk.send, args=(sink,), kwargs={"connections": 1}) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Counter(sink.recipients) == Counter(addresses)
    assert desk.totals() == ledger.Totals(accepted=500)


def test_one_who_left_after_the_audience_was_drawn_gets_nothing(desk: Desk):
    """Leaving is checked again when a delivery is claimed; the row says why it was skipped."""
    addresses = desk.readers(3)
    plan.draw(desk.database, desk.issue(), NOW)
    with desk.database.transaction() as session:
        unsubscribe.by_operator(session, addresses[1], "daily", NOW)
    with Sink() as sink:
        totals = desk.send(sink)
    assert len(sink.taken) == len(addresses) - 1
    assert (totals.accepted, totals.skipped) == (2, 1)
    with desk.database.reading() as session:
        [why] = session.exec(select(Delivery.why).where(Delivery.state == DeliveryState.SKIPPED)).all()
    assert why == "unsubscribed"


def test_a_temporary_refusal_is_tried_again_when_its_time_has_come(desk: Desk):
    """Deferred with code and words; not before five minutes (± a fifth), then accepted."""
    desk.readers(3)
    refused = "reader2@example.com"
    with Sink() as sink:
        sink.refuse = lambda stage, word: "450 4.7.1 greylisted" if (stage, word) == ("RCPT", refused) else None
        assert desk.send(sink) == ledger.Totals(accepted=2, deferred=1)
        row = desk.delivery(refused)
        assert (row.code, row.status, row.why, row.attempts) == (450, "4.7.1", "greylisted", 1)
        assert row.due_at is not None
        assert timedelta(minutes=4) <= row.due_at - NOW <= timedelta(minutes=6)
        assert desk.issue().state is IssueState.SENDING
        sink.refuse = lambda stage, word: None
        assert desk.send(sink).deferred == 1
        desk.now = NOW + timedelta(minutes=6)
        assert desk.send(sink) == ledger.Totals(accepted=3)
    assert Counter(sink.recipients).most_common(1)[0][1] == 1
    assert desk.issue().state is IssueState.SENT


def test_a_permanent_refusal_is_recorded_with_code_and_words(desk: Desk):
    """550 ends that delivery and no other; the issue is sent."""
    desk.readers(2)
    with Sink() as sink:
        sink.refuse = lambda stage, word: "550 5.1.1 no such user" if word == "reader1@example.com" else None
        assert desk.send(sink) == ledger.Totals(accepted=1, failed=1)
    row = desk.delivery("reader1@example.com")
    assert (row.state, row.code, row.status, row.why) == (DeliveryState.FAILED, 550, "5.1.1", "no such user")
    assert desk.issue().state is IssueState.SENT


def test_what_is_refused_until_the_deadline_has_failed_with_the_last_words(desk: Desk):
    """Twenty hours after the start nobody gets a stale issue; the relay's last words stay."""
    desk.readers(1)
    with Sink(rules={"RCPT": "451 4.3.0 try later"}) as sink:
        desk.send(sink)
        desk.now = NOW + timedelta(hours=21)
        assert desk.send(sink) == ledger.Totals(failed=1)
    assert desk.delivery("reader1@example.com").why == "try later"
    assert desk.issue().state is IssueState.SENT


def test_a_connection_that_breaks_after_the_dot_leaves_one_uncertain(desk: Desk):
    """Never sent again by itself; everybody else gets theirs."""
    addresses = desk.readers(20)
    with Sink() as sink:
        sink.refuse = lambda stage, word: "250 then hang up" if (stage, word) == ("dot", addresses[4]) else None
        totals = desk.send(sink, connections=1)
        assert totals == ledger.Totals(accepted=19, uncertain=1)
    assert Counter(sink.recipients) == Counter(addresses)
    assert "may have taken it" in desk.delivery(addresses[4]).why


def test_a_relay_that_is_down_loses_nothing(desk: Desk):
    """One clear sentence; the queue is whole; later everybody gets it."""
    addresses = desk.readers(5)
    with Sink() as gone:
        pass
    with pytest.raises(RelayDown, match="can't be reached"):
        desk.send(gone, rests=())
    assert desk.totals() == ledger.Totals(queued=5)
    with Sink() as sink:
        assert desk.send(sink) == ledger.Totals(accepted=5)
    assert sorted(sink.recipients) == sorted(addresses)


def test_a_relay_that_refuses_the_sender_pauses_the_issue(desk: Desk):
    """Trying again by itself would do harm: the issue is paused with the relay's words, the queue is whole."""
    desk.readers(5)
    with Sink(rules={"MAIL": "553 5.7.1 sender not allowed"}) as sink, pytest.raises(RelayDown, match="not allowed"):
        desk.send(sink)
    assert desk.totals() == ledger.Totals(queued=5)
    issue = desk.issue()
    assert (issue.state, "sender not allowed" in issue.why) == (IssueState.PAUSED, True)


def test_pausing_from_elsewhere_stops_the_run_and_nothing_is_lost(desk: Desk):
    """The run sees it, puts back what it has not handed over, and going on later completes the list."""
    addresses = desk.readers(700)
    paused = threading.Event()

    def pause_at_the_hundredth(stage: str, word: str) -> str | None:
        if stage == "dot" and sink.reached["dot"] == 100 and not paused.is_set():
            paused.set()
            with desk.database.transaction() as session:
                states.move(session, desk.issue_id, IssueState.PAUSED, "test", "a typo", NOW)
        return None

    with Sink() as sink:
        sink.refuse = pause_at_the_hundredth
        totals = desk.send(sink, connections=1)
        assert totals.selected == totals.accepted + totals.queued == 700
        assert totals.queued > 0, "nothing is claimed any more of an issue that is paused"
        with desk.database.transaction() as session:
            states.move(session, desk.issue_id, IssueState.SENDING, "test", "", NOW)
        assert desk.send(sink) == ledger.Totals(accepted=700)
    assert Counter(sink.recipients) == Counter(addresses)


def test_drawing_the_audience_again_changes_nothing(desk: Desk):
    """Drawing stopped half-way and started again, also in small pages: one row a reader."""
    desk.readers(7)
    undrawn = desk.issue()
    for _ in range(2):
        plan.draw(desk.database, undrawn, NOW, rows=3)
    with desk.database.reading() as session:
        assert audience.count(session, "daily", NOW) == 7
    assert desk.totals() == ledger.Totals(queued=7)


def test_nobody_twice_when_the_relay_hangs_up_again_and_again(desk: Desk):
    """Every tenth conversation breaks before a dot: all get theirs, none twice, none uncertain."""
    addresses = desk.readers(100)
    with Sink() as sink:
        sink.refuse = lambda stage, _word: HANG_UP if stage == "RCPT" and sink.reached["RCPT"] % 10 == 0 else None
        assert desk.send(sink) == ledger.Totals(accepted=100)
    assert Counter(sink.recipients) == Counter(addresses)


# --- lanes, pace, brake ---------------------------------------------------------------------------------------------


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


def test_too_many_hard_refusals_pause_the_issue(desk: Desk):
    """A list full of dead addresses, or a relay that takes us for spam: stop before all of it is burnt."""
    desk.readers(60)
    with Sink(rules={"RCPT": "550 5.7.1 looks like spam"}) as sink, pytest.raises(RelayDown, match="looks like spam"):
        desk.send(sink, sending={"refused_after": 10}, connections=1)
    totals = desk.totals()
    assert totals.failed < 60
    assert totals.selected == totals.failed + totals.queued == 60
    assert desk.issue().state is IssueState.PAUSED
    assert "refused for good" in desk.issue().why


def test_readers_get_it_when_it_is_half_past_six_where_they_are(desk: Desk):
    """local_time: each zone's wave at its own hour, nobody twice, nobody dropped for a zone that is none."""
    desk.readers(4)
    zones = {"reader1@example.com": "Europe/Berlin", "reader2@example.com": "America/New_York",
             "reader3@example.com": "No/Such_Zone"}  # fmt: skip
    with desk.database.transaction() as session:
        for email, zone in zones.items():
            session.exec(select(Subscriber).where(Subscriber.email == email)).one().timezone = zone
    hourly = DAILY.model_copy(update={"local_time": True})
    went: dict[str, str] = {}
    desk.now = NOW - timedelta(hours=1)  # 04:30 in London
    with Sink() as sink:
        for _ in range(10 * 4):
            desk.send(sink, newsletter=hourly) if desk.issue().state is not IssueState.SENT else None
            went |= {to: f"{desk.now:%H:%M}" for to in sink.recipients if to not in went}
            desk.now += timedelta(minutes=15)
    assert sorted(Counter(sink.recipients).values()) == [1, 1, 1, 1]
    assert went == {
        "reader1@example.com": "05:30", "reader2@example.com": "11:30",
        "reader3@example.com": "06:30", "reader4@example.com": "06:30",
    }  # fmt: skip


# --- what somebody must decide --------------------------------------------------------------------------------------


def test_an_uncertain_delivery_is_sent_again_only_if_somebody_says_so_and_is_known_by_its_message_id(desk: Desk):
    """The same Message-ID both times, so that a receiver may notice; the sent issue is taken up for it."""
    addresses = desk.readers(3)
    with Sink() as sink:
        sink.refuse = lambda stage, word: "250 then hang up" if (stage, word) == ("dot", addresses[0]) else None
        assert desk.send(sink, connections=1) == ledger.Totals(accepted=2, uncertain=1)
        assert desk.issue().state is IssueState.SENT
        sink.refuse = lambda stage, word: None
        with desk.database.reading() as session:
            [lost] = ledger.listed(session, desk.issue_id, DeliveryState.UNCERTAIN, 10)
        daily.resolve(Paper(CONFIG, desk.database), desk.issue_id, [lost.id or 0], "ed", NOW, again=True)
        assert desk.send(sink) == ledger.Totals(accepted=3)
    copies = [message_from_bytes(m.data)["Message-ID"] for m in sink.taken if m.recipient == addresses[0]]
    assert len(copies) == 2
    assert len(set(copies)) == 1


def test_an_uncertain_delivery_can_be_counted_as_sent_and_no_other_can(desk: Desk):
    """The decision is written down; what is not uncertain is refused by its number, and nothing changes."""
    addresses = desk.readers(2)
    paper = Paper(CONFIG, desk.database)
    with Sink() as sink:
        sink.refuse = lambda stage, word: "250 then hang up" if (stage, word) == ("dot", addresses[0]) else None
        desk.send(sink, connections=1)
    lost, fine = desk.delivery(addresses[0]), desk.delivery(addresses[1])
    with pytest.raises(Refused, match=f"^{fine.id}: no uncertain"):
        daily.resolve(paper, desk.issue_id, [lost.id or 0, fine.id or 0], "ed", NOW, again=False)
    assert desk.totals().uncertain == 1
    daily.resolve(paper, desk.issue_id, [lost.id or 0], "ed", NOW, again=False)
    assert desk.totals() == ledger.Totals(accepted=2)
    with desk.database.reading() as session:
        last = session.exec(select(Decision).order_by(Decision.id.desc())).first()  # type: ignore[union-attr]
    assert last is not None
    assert (last.act, last.who) == ("resolved", "ed")


def test_a_store_restored_from_a_backup_sends_nothing_twice_by_itself(desk: Desk):
    """The database knows less than this machine's journals: the issue is held until somebody decides."""
    desk.readers(3)
    with Sink() as sink:
        desk.send(sink)
        with desk.database.transaction() as session:  # as it was before the morning
            session.execute(delete(Delivery))
            issue = session.get_one(Issue, desk.issue_id)
            issue.state, issue.claims, issue.drawn_at, issue.started_at = IssueState.APPROVED, 0, None, None
        with pytest.raises(NeedsDecision, match="restored from a backup"):
            desk.send(sink)
        assert desk.issue().state is IssueState.HELD
        assert len(sink.taken) == 3
        with desk.database.transaction() as session:
            states.move(session, desk.issue_id, IssueState.APPROVED, "ed", "", NOW)
        desk.send(sink)
        assert len(sink.taken) == 6, "somebody has decided so"
