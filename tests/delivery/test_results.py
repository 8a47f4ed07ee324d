"""What became of an issue, and how a newsletter does over time, in words and numbers."""

from datetime import timedelta

from newsletter.database import Database
from newsletter.delivery import figures, results, tallies
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.results import Refusal
from newsletter.issues.models import IssueState
from subscribers import Way, unsubscribe
from tests.builders import NOW, a_config, add_readers, an_issue
from tests.delivery.ledgers import FULL, GONE, TAKEN, an_issue_with
from tests.subscribers.conftest import KEYS, unsubscribe_token

ACCEPTED, FAILED = DeliveryState.ACCEPTED, DeliveryState.FAILED
DAILY = a_config().newsletters[0]


def test_refusals_are_told_by_reason_the_commonest_first(database: Database):
    """Replies that mean the same are one line, with the server's own words for an example."""
    with database.transaction() as session:
        issue_id = an_issue_with(
            session,
            (1, FAILED, FULL | {"code": 552, "status": "5.2.2"}),
            (2, FAILED, GONE),
            (1, FAILED, GONE | {"lane": "google", "why": "The account does not exist"}),
            (1, DeliveryState.DEFERRED, FULL),
            (4, ACCEPTED, TAKEN),
        ).id or 0  # fmt: skip
        found = results.of(session, issue_id)
    assert found.refusals == [
        Refusal(FAILED, "there is no such mailbox", "550 5.1.1", "User unknown", 3),
        Refusal(DeliveryState.DEFERRED, "the mailbox is full", "452 4.2.2", "Mailbox full", 1),
        Refusal(FAILED, "the mailbox is full", "552 5.2.2", "Mailbox full", 1),
    ]


def test_providers_come_by_size_and_all_others_last(database: Database):
    """A lane is a mailbox provider; a relay of its own is named."""
    with database.transaction() as session:
        issue_id = an_issue_with(
            session,
            (9, ACCEPTED, TAKEN),
            (2, ACCEPTED, TAKEN | {"lane": "google"}),
            (3, ACCEPTED, TAKEN | {"lane": "second/yahoo"}),
            (1, FAILED, GONE | {"lane": "google"}),
        ).id or 0  # fmt: skip
        found = results.of(session, issue_id).providers
    assert [(one.name, one.totals.selected, one.totals.failed) for one in found] == [
        ("Google", 3, 1), ("Yahoo, by second", 3, 0), ("All others", 9, 0)
    ]  # fmt: skip


def test_who_left_after_an_issue_is_counted_by_way(database: Database):
    """With the reason they gave; one that came back counts as undone."""
    with database.transaction() as session:
        addresses = add_readers(session, 3)
        issue_id = an_issue_with(session, (3, ACCEPTED, TAKEN)).id or 0
        for address, way in zip(addresses, (Way.HEADER, Way.LINK, Way.LINK), strict=True):
            unsubscribe.by_token(session, KEYS, unsubscribe_token(session, address, issue=issue_id), way, NOW)
        unsubscribe.undo(session, KEYS, unsubscribe_token(session, addresses[2], issue=issue_id), NOW)
        unsubscribe.say_why(session, KEYS, unsubscribe_token(session, addresses[0], issue=issue_id), "Too long", NOW)
        found = results.of(session, issue_id).leavings
    assert (found.left, found.undone, dict(found.ways)) == (2, 1, {"header": 1, "link": 1})
    assert found.reasons == ["Too long"]


def test_domains_that_refuse_are_named(database: Database):
    """The lane of all others is many servers: which of them said no?"""
    with database.transaction() as session:
        add_readers(session, 3)
        issue_id = an_issue_with(session, (2, FAILED, GONE), (1, ACCEPTED, TAKEN)).id or 0
        assert results.of(session, issue_id).domains == [("example.com", 2)]


def test_a_newsletter_over_time_reads_no_ledger(database: Database):
    """Issues that went out with their kept sums, one without them as not added up, drafts not at all."""
    with database.transaction() as session:
        old = an_issue_with(session, (3, ACCEPTED, TAKEN), (1, FAILED, GONE), at=NOW - timedelta(days=2)).id or 0
    tallies.keep_missing(database)
    with database.transaction() as session:
        add_readers(session, 2)
        now = an_issue_with(session, (5, ACCEPTED, TAKEN), state=IssueState.SENDING).id
        an_issue(session, IssueState.DRAFT, (NOW + timedelta(days=1)).date())
        token = unsubscribe_token(session, "reader1@example.com", issue=old)
        unsubscribe.by_token(session, KEYS, token, Way.LINK, NOW)
        found = figures.over(session, DAILY, NOW.date(), days=30)
    assert [(line.issue.id, line.totals and line.totals.selected, line.left) for line in found.issues] == [
        (now, None, 0), (old, 4, 1)
    ]  # fmt: skip
    assert (found.joined, found.left, len(found.days)) == (2, 1, 30)
    assert (found.days[-1].day, found.days[-1].joined) == (NOW.date(), 2)
