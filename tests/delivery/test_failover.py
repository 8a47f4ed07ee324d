"""A relay that fails in mid-send: another takes over, and nobody is asked about twice."""

from collections import Counter

import pytest

from newsletter.delivery import ledger
from newsletter.delivery.models import DeliveryState
from newsletter.errors import RelayDown
from newsletter.issues.models import IssueState
from tests.delivery.desks import Desk
from tests.sink import HANG_UP, Sink

READERS = 60


def test_what_the_dead_relay_may_have_taken_is_not_given_to_the_next(desk: Desk):
    """It takes two letters whose answers never come, then it is gone: those are uncertain, the rest goes elsewhere."""
    addresses, unheard = desk.readers(READERS), set[str]()

    def die(stage: str, word: str) -> str | None:
        if stage == "dot" and first.nth > 20:
            unheard.add(word)
            return "250 then hang up"
        return HANG_UP if stage == "banner" and first.reached["dot"] > 20 else None

    with Sink(refuse=die) as first, Sink() as spare:
        totals = desk.send(first, spare=spare)
    taken = Counter(first.recipients + spare.recipients)
    assert set(taken.values()) == {1}
    assert set(taken) == set(addresses)
    unanswered = {address for address in addresses if desk.delivery(address).state is DeliveryState.UNCERTAIN}
    assert unanswered == unheard
    assert totals == ledger.Totals(accepted=READERS - len(unanswered), uncertain=len(unanswered))
    assert len(spare.recipients) == READERS - len(first.recipients) > 0
    assert desk.issue().state is IssueState.SENT


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL"])
def test_a_relay_that_refuses_us_gives_way_at_once(desk: Desk, stage: str):
    """A permanent refusal of the sender is no trouble of the readers: the other relay takes them all."""
    addresses = desk.readers(10)
    with Sink(rules={stage: "550 5.7.1 not you"}) as first, Sink() as spare:
        assert desk.send(first, spare=spare) == ledger.Totals(accepted=10)
    assert first.taken == []
    assert Counter(spare.recipients) == Counter(addresses)


def test_where_no_relay_is_left_nothing_is_lost(desk: Desk):
    """Both are down: everybody waits in the queue, and the next run begins with the first one again."""
    addresses = desk.readers(10)
    with Sink(rules={"banner": HANG_UP}) as first, Sink(rules={"banner": HANG_UP}) as spare:
        with pytest.raises(RelayDown):
            desk.send(first, spare=spare)
        assert desk.totals() == ledger.Totals(queued=10)
        first.rules.clear()
        assert desk.send(first, spare=spare) == ledger.Totals(accepted=10)
    assert Counter(first.recipients) == Counter(addresses)
    assert spare.taken == []
