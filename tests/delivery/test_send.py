"""The send loop: nobody twice, nobody lost in silence, leaving always wins, and the sum is right at every moment."""

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from newsletter.config import Config, Smtp
from newsletter.config.sending import Sending
from newsletter.database import Database
from newsletter.delivery import ledger, plan
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.send import send
from newsletter.errors import Refused, RelayDown
from newsletter.issues import states
from newsletter.issues.models import Issue, IssueState
from subscribers import audience, unsubscribe
from tests.builders import NOW, a_config, add_readers, an_issue
from tests.sink import HANG_UP, Sink

CONFIG = a_config()
DAILY = CONFIG.newsletters[0]
NOTHING: dict[str, object] = {}


class Desk:
    """A project whose relay is a sink: draft, send, look."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.now = database, folder, NOW
        with database.transaction() as session:
            self.issue_id = an_issue(session).id or 0

    def config(self, sink: Sink, sending: dict[str, object] = NOTHING, **smtp) -> Config:
        relay = {"port": sink.port, "security": "none", "journal_dir": self.folder / "journal", "connections": 2}
        tables = {"smtp": Smtp.model_validate(relay | smtp), "sending": Sending.model_validate(sending)}
        return CONFIG.model_copy(update=tables)

    def readers(self, count: int) -> list[str]:
        with self.database.transaction() as session:
            return add_readers(session, count)

    def send(self, sink: Sink, rests=(0, 0, 0, 0), **changes) -> ledger.Totals:
        return send(
            self.database, self.config(sink, **changes), DAILY, self.issue_id,
            clock=lambda: self.now, who="test", rests=rests,
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
