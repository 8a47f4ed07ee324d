"""A send as people watch it, and why servers say no: pure but for one count."""

from datetime import timedelta

import pytest

from newsletter.database import Database
from newsletter.delivery import progress, reasons
from newsletter.delivery.ledger import Totals
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.progress import Sample
from newsletter.issues.models import IssueState
from tests.builders import NOW
from tests.delivery.ledgers import GONE, TAKEN, an_issue_with

SECOND = timedelta(seconds=1)


def samples(*settled: int) -> list[Sample]:
    """One every ten seconds."""
    return [Sample(NOW + 10 * n * SECOND, count) for n, count in enumerate(settled)]


def test_the_rate_is_that_of_the_last_minute():
    """What was an hour ago says nothing of when it will be done."""
    kept: list[Sample] = []
    for sample in [Sample(NOW - timedelta(hours=1), 0), *samples(1000, 1500, 2000)]:
        kept = progress.recent(kept, sample)
    assert len(kept) == 3
    assert progress.a_second(kept) == 50


def test_too_little_is_no_rate():
    """One look is none, two within a second are noise."""
    assert progress.a_second([]) is None
    assert progress.a_second(samples(5)) is None
    assert progress.a_second([Sample(NOW, 0), Sample(NOW + SECOND, 90)]) is None


def test_a_rate_is_never_below_nothing():
    """Deliveries that go back into the queue are no speed backwards."""
    assert progress.a_second(samples(100, 90)) == 0


def test_a_clock_that_was_set_back_begins_anew():
    """Samples of the future measure nothing."""
    assert progress.recent(samples(1, 2), Sample(NOW - SECOND, 3)) == [Sample(NOW - SECOND, 3)]


def test_time_left_counts_whose_turn_has_not_come():
    """Deferred ones have their own time; without a rate nobody can say."""
    totals = Totals(queued=90, in_hand=10, accepted=50, deferred=7)
    assert progress.time_left(totals, 50) == 2 * SECOND
    assert progress.time_left(totals, 0) is None
    assert progress.time_left(totals, None) is None


def test_progress_is_told_by_lane_and_together(database: Database):
    """One count for both."""
    with database.transaction() as session:
        groups = [(2, DeliveryState.ACCEPTED, TAKEN | {"lane": "google"}), (1, DeliveryState.FAILED, GONE)]
        issue = an_issue_with(session, *groups, (4, DeliveryState.QUEUED, {}), state=IssueState.SENDING)
        lanes = progress.by_lane(session, issue.id or 0)
    assert lanes == {"": Totals(queued=4, failed=1), "google": Totals(accepted=2)}
    assert progress.together(lanes) == Totals(queued=4, failed=1, accepted=2)
    assert progress.settled(progress.together(lanes)) == 3


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (550, "5.1.1", "there is no such mailbox"),
        (452, "4.2.2", "the mailbox is full"),
        (421, "4.7.0", "they ask for less mail at once"),
        (550, "5.7.0", "refused by their rules"),
        (550, "5.7.99", "refused by their rules"),
        (550, "5.0.0", "the mailbox can't be reached, or they refuse us"),
        (554, "", "refused without a reason"),
        (459, "", "refused for now"),
        (559, "9.9.9.9", "refused for good"),
        (None, "", "no reply came"),
    ],
)
def test_why_a_server_says_no_is_said_in_words(code, status, words):
    """The enhanced status first (RFC 3463), then the code; something is said of any reply."""
    assert reasons.in_words(code, status) == words


def test_the_numbers_stand_as_in_the_reply():
    """For whoever wants to look them up."""
    assert [reasons.numbers(550, "5.1.1"), reasons.numbers(550, ""), reasons.numbers(None, "")] == [
        "550 5.1.1", "550", ""
    ]  # fmt: skip
