"""The send loop: every reader one, leaving always wins, and whoever pauses or starts twice does no harm."""

import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

import pytest
from sqlalchemy import event, text
from sqlmodel import col, delete, select

from newsletter.database import Database
from newsletter.delivery import ledger, plan, sender
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import Refused
from newsletter.issues import states
from newsletter.issues.models import IssueState
from newsletter.tracking import inbox
from subscribers import SuppressionReason, Way, audience, erasure, suppression, unsubscribe
from tests.builders import NOW, an_issue
from tests.delivery.desks import Desk
from tests.sink import Sink
from tests.subscribers.conftest import KEYS, unsubscribe_token


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
    both = threading.Barrier(2, timeout=60)

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


def by_a_mail(desk: Desk, token: str) -> None:
    assert inbox.take(desk.database, KEYS, f"To: leave+{token}@example.com\n\n".encode(), NOW)


def by_the_header(desk: Desk, token: str) -> None:
    with desk.database.transaction() as session:
        assert unsubscribe.by_token(session, KEYS, token, Way.HEADER, NOW)


def by_an_operator(desk: Desk, _token: str) -> None:
    with desk.database.transaction() as session:
        unsubscribe.by_operator(session, "reader2@example.com", "daily", NOW)


def by_a_complaint(desk: Desk, _token: str) -> None:
    with desk.database.transaction() as session:
        suppression.suppress_address(session, KEYS, "reader2@example.com", SuppressionReason.COMPLAINT, "", NOW)


def by_an_erasure(desk: Desk, _token: str) -> None:
    with desk.database.transaction() as session:
        erasure.erase(session, KEYS, "reader2@example.com", NOW)


GOING: dict[Callable[[Desk, str], None], str] = {
    by_a_mail: "unsubscribed",
    by_the_header: "unsubscribed",
    by_an_operator: "unsubscribed",
    by_a_complaint: "suppressed: complaint",
    by_an_erasure: "erased",
}


@pytest.mark.parametrize("goes", GOING, ids=lambda goes: goes.__name__)
def test_one_who_left_after_the_audience_was_drawn_gets_nothing(desk: Desk, goes: Callable[[Desk, str], None]):
    """Leaving is checked again when a delivery is claimed, by whatever way; the row says why it was skipped."""
    addresses = desk.readers(3)
    plan.draw(desk.database, desk.issue(), NOW)
    with desk.database.reading() as session:
        token = unsubscribe_token(session, addresses[1], issue=desk.issue_id)
    goes(desk, token)
    with Sink() as sink:
        totals = desk.send(sink)
    assert sorted(sink.recipients) == [addresses[0], addresses[2]]
    assert (totals.accepted, totals.skipped) == (2, 1)
    with desk.database.reading() as session:
        [why] = session.exec(select(Delivery.why).where(Delivery.state == DeliveryState.SKIPPED)).all()
    assert why == GOING[goes]


def test_pausing_from_elsewhere_stops_the_run_and_nothing_is_lost(desk: Desk):
    """The run sees it, puts back what it has not handed over, and going on later completes the list."""
    addresses = desk.readers(700)
    paused = threading.Event()

    def pause_at_the_hundredth(stage: str, word: str) -> str | None:
        if stage == "dot" and sink.nth == 100 and not paused.is_set():
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


def test_a_quick_wire_finds_the_next_batch_claimed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """While the lines still carry the end of a batch the next one is in hand already; nobody gets two for it."""
    monkeypatch.setattr(sender, "MOST_BATCH", 40)
    monkeypatch.setattr(sender, "BATCH_SECONDS", 1e9)  # whatever this machine does is quick
    addresses, in_hand = desk.readers(200), set[int]()

    def look_near_the_end_of_the_first(stage: str, word: str) -> str | None:
        if stage == "dot" and sink.nth == 36:
            deadline = monotonic() + 60
            while max(in_hand, default=0) <= 40 and monotonic() < deadline:
                in_hand.add(desk.totals().in_hand)
        return None

    with Sink() as sink:
        sink.refuse = look_near_the_end_of_the_first
        assert desk.send(sink, connections=1) == ledger.Totals(accepted=200)
    assert max(in_hand) > 40
    assert Counter(sink.recipients) == Counter(addresses)


def test_drawing_the_audience_again_changes_nothing(desk: Desk):
    """Drawing stopped half-way and started again, also in other pages of which some is there: one row a reader."""
    desk.readers(7)
    undrawn = desk.issue()
    for rows in (3, 3, 5):
        plan.draw(desk.database, undrawn, NOW, rows=rows)
        with desk.database.transaction() as session:
            session.execute(delete(Delivery).where(col(Delivery.subscriber_id) == 4))
    plan.draw(desk.database, undrawn, NOW, rows=5)
    with desk.database.reading() as session:
        assert audience.count(session, "daily", NOW) == 7
    assert desk.totals() == ledger.Totals(queued=7)


PEOPLE = """INSERT INTO subscriber (email, email_key, address_hash, domain, name, language, timezone, created_at)
  SELECT n || '@example.com', n || '@example.com', md5(n::text), 'example.com', '', '', '', now()
  FROM generate_series(1, 5000) AS n"""
READERS = """INSERT INTO subscription (subscriber_id, newsletter, state, changed_at)
  SELECT id, 'daily', 'active', now() FROM subscriber"""


@pytest.mark.usefixtures("as_new")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_page_of_the_audience_reads_its_own_readers_only(database: Database):
    """PostgreSQL takes a range from no side of a join to the other: it read all subscribers for each page."""
    said: list[tuple[str, object]] = []
    with database.transaction() as session:
        for statement in (PEOPLE, READERS, "ANALYZE subscriber, subscription"):
            session.execute(text(statement))
        issue = an_issue(session)
    event.listen(database.engine, "before_cursor_execute", lambda *all_: said.append((all_[2], all_[3])))
    plan.draw(database, issue, NOW, rows=250)
    statement, values = next(one for one in said if one[0].startswith("INSERT INTO delivery"))
    with database.reading() as session:
        steps = session.connection().exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()  # type: ignore[arg-type]
        assert ledger.totals(session, issue.id or 0).queued == 5000
    assert not [step for step in steps if "Seq Scan on subscri" in step]
