"""What a relay refuses, and what it breaks off: tried again, given up, or put before somebody."""

from collections import Counter
from datetime import timedelta

import pytest

from newsletter.delivery import ledger
from newsletter.delivery.models import DeliveryState
from newsletter.errors import RelayDown
from newsletter.issues.models import IssueState
from tests.builders import NOW
from tests.delivery.desks import Desk
from tests.sink import HANG_UP, Sink


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


def test_nobody_twice_when_the_relay_hangs_up_again_and_again(desk: Desk):
    """Every tenth conversation breaks before a dot: all get theirs, none twice, none uncertain."""
    addresses = desk.readers(100)
    with Sink() as sink:
        sink.refuse = lambda stage, _word: HANG_UP if stage == "RCPT" and sink.nth % 10 == 0 else None
        assert desk.send(sink) == ledger.Totals(accepted=100)
    assert Counter(sink.recipients) == Counter(addresses)


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
