"""What nobody but a person may decide: uncertain deliveries, and a store that is older than the machine's memory."""

from email import message_from_bytes

import pytest
from sqlmodel import delete, select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.delivery import ledger
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import NeedsDecision, Refused
from newsletter.issues import states
from newsletter.issues.models import Decision, Issue, IssueState
from tests.builders import NOW
from tests.delivery.desks import CONFIG, Desk
from tests.sink import Sink


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
