"""Double opt-in: ask, confirm, an operator's add."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, func, select

from newsletter.database import Database
from subscribers import (
    NotAllowed,
    NotAnAddress,
    Proof,
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    signup,
    suppression,
    unsubscribe,
)
from subscribers.models import Consent, Subscriber
from subscribers.signup import Outcome
from subscribers.tokens import Keys, Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, standing, unsubscribe_token

DAY = timedelta(days=1)


def ask(session: Session, email: str = "ann@example.com", newsletters=("daily",), now=NOW):
    return signup.ask(session, KEYS, newsletters, email, PROOF, now)


def test_asking_makes_nobody_a_reader_and_confirming_does(session):
    """Nothing is mailed to an address whose owner has not answered."""
    due = ask(session)
    assert audience.count(session, "daily", NOW) == 0
    result = signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW + timedelta(hours=1))
    assert (result.outcome, result.newsletters) == (Outcome.GOOD, ("daily",))
    assert audience.count(session, "daily", NOW + DAY) == 1
    acts = session.exec(select(Consent.act, Consent.wording, Consent.network_address).order_by(col(Consent.id))).all()
    assert acts == [("asked", PROOF.wording, "192.0.2.1"), ("confirmed", PROOF.wording, "192.0.2.1")]


def test_a_thousand_sign_ups_of_one_address_make_one_mail(session):
    """A form must not fill a stranger's mailbox, whatever spelling and whatever newsletter is asked for."""
    due = [
        ask(session, email, (slug,)) for email in ("ann@example.com", "ANN@Example.com") for slug in ("daily", "weekly")
    ]
    assert [bool(d) for d in due] == [True, False, False, False]
    assert ask(session, now=NOW + DAY - timedelta(minutes=1)) is None
    assert ask(session, now=NOW + DAY) is not None


def test_two_boxes_ticked_are_confirmed_by_one_mail(session):
    """One mail, one button, all that was asked for with it."""
    due = ask(session, newsletters=("daily", "weekly"))
    assert due.newsletters == ("daily", "weekly")
    assert signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW).newsletters == ("daily", "weekly")
    assert audience.count(session, "weekly", NOW) == 1


def test_a_link_is_good_for_seven_days_and_once(session):
    """Later it is stale; a second press says that it is done."""
    token = confirm_token(ask(session))
    assert signup.look(session, KEYS, token, NOW + 7 * DAY).outcome is Outcome.GOOD
    assert signup.confirm(session, KEYS, token, PROOF, NOW + 7 * DAY + DAY / 24).outcome is Outcome.STALE
    assert signup.confirm(session, KEYS, token, PROOF, NOW + DAY).outcome is Outcome.GOOD
    assert signup.confirm(session, KEYS, token, PROOF, NOW + DAY).outcome is Outcome.ALREADY
    assert len(session.exec(select(Consent).where(Consent.act == "confirmed")).all()) == 1


def test_a_used_link_does_not_bring_back_who_left(session):
    """Only a fresh double opt-in does: the old mail lies in the mailbox for years."""
    due = ask(session)
    signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW)
    unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com"), Way.HEADER, NOW)
    assert signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW + DAY).outcome is Outcome.STALE
    assert audience.count(session, "daily", NOW + DAY) == 0


def test_leaving_takes_back_an_open_question(session):
    """Asked again, then pressed leave in an old mail: the later word counts."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    unsubscribe.by_token(session, KEYS, token, Way.LINK, NOW)
    due = ask(session, now=NOW + DAY)
    unsubscribe.by_token(session, KEYS, token, Way.LINK, NOW + DAY)
    assert signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW + DAY).outcome is Outcome.STALE


def test_a_fresh_opt_in_brings_back_who_left(session):
    """The person's own word, newer than the leaving."""
    a_reader(session)
    unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com"), Way.LINK, NOW)
    due = ask(session, now=NOW + DAY)
    assert standing(session, "ann@example.com").state is SubscriptionState.UNSUBSCRIBED
    signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW + DAY)
    assert audience.count(session, "daily", NOW + DAY) == 1


@pytest.mark.parametrize(
    "reason", [SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE, SuppressionReason.ERASURE]
)
def test_a_fresh_opt_in_lifts_a_suppression(session, reason):
    """Deliverability §2.3; after a hard bounce the mail has evidently arrived."""
    a_reader(session)
    suppression.suppress_address(session, KEYS, "ann@example.com", reason, "", NOW)
    assert audience.count(session, "daily", NOW) == 0
    due = ask(session, now=NOW + DAY)
    signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW + DAY)
    assert audience.count(session, "daily", NOW + DAY) == 1


def test_what_an_operator_has_forbidden_no_form_lifts(session):
    """No mail is sent, nobody is stored, and a link that was on its way does nothing."""
    suppression.suppress_address(session, KEYS, "ann@example.com", SuppressionReason.MANUAL, "asked by phone", NOW)
    assert ask(session) is None
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 0
    due = ask(session, "bob@example.com")
    suppression.suppress_address(session, KEYS, "bob@example.com", SuppressionReason.MANUAL, "", NOW)
    assert signup.confirm(session, KEYS, confirm_token(due), PROOF, NOW).outcome is Outcome.STALE


def test_who_gets_it_already_is_not_mailed(session):
    """The door says the same as to everybody."""
    a_reader(session)
    assert ask(session, now=NOW + DAY) is None
    assert ask(session, newsletters=("daily", "weekly"), now=NOW + DAY).newsletters == ("weekly",)


def test_forged_and_borrowed_tokens_confirm_nothing(session):
    """Every character counts, and a token for one purpose is none for another."""
    due = ask(session)
    token = confirm_token(due)
    forged = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    borrowed = [sign(KEYS, p, due.subscription_id, due.asked_at) for p in Purpose if p is not Purpose.CONFIRM]
    strange = ["", "x", token + "A", token[:-1], "ü" * 44, sign(KEYS, Purpose.CONFIRM, 10**9, due.asked_at)]
    for bad in (*forged, *borrowed, *strange):
        assert signup.confirm(session, KEYS, bad, PROOF, NOW).outcome is Outcome.UNKNOWN
    assert audience.count(session, "daily", NOW) == 0


def test_a_link_signed_with_an_old_key_still_confirms(session):
    """Keys are rotated while mails lie unread."""
    rotated = Keys((b"n" * 32, *KEYS.secrets))
    assert signup.confirm(session, rotated, confirm_token(ask(session)), PROOF, NOW).outcome is Outcome.GOOD


def test_an_operator_adds_with_a_proof_and_without_raising_the_dead(session):
    """Active at once; who has left or is suppressed is refused with a sentence."""
    proof = Proof("signed the list at the open day", "command line")
    signup.add(session, KEYS, "daily", "ann@example.com", proof, NOW)
    assert audience.count(session, "daily", NOW) == 1
    with pytest.raises(NotAllowed, match="proof of consent"):
        signup.add(session, KEYS, "daily", "bob@example.com", Proof("  "), NOW)
    with pytest.raises(NotAnAddress):
        signup.add(session, KEYS, "daily", "bob", proof, NOW)
    unsubscribe.by_operator(session, "ann@example.com", "daily", NOW)
    with pytest.raises(NotAllowed, match="left daily on 2026-11-23"):
        signup.add(session, KEYS, "daily", "ann@example.com", proof, NOW)
    suppression.suppress_address(session, KEYS, "cay@example.com", SuppressionReason.COMPLAINT, "", NOW)
    with pytest.raises(NotAllowed, match="suppressed \\(complaint"):
        signup.add(session, KEYS, "daily", "cay@example.com", proof, NOW)


def test_a_refused_add_leaves_nobody_behind(database: Database):
    """The transaction of a refusal is undone."""
    with database.transaction() as session:
        suppression.suppress_address(session, KEYS, "cay@example.com", SuppressionReason.ERASURE, "", NOW)
    with pytest.raises(NotAllowed), database.transaction() as session:
        signup.add(session, KEYS, "daily", "cay@example.com", PROOF, NOW)
    with database.reading() as session:
        assert session.exec(select(Subscriber)).all() == []


def test_questions_that_nobody_answered_are_forgotten(session):
    """A stranger's address typed into the form is not kept; readers, and who has left, are."""
    ask(session, "nobody@example.com")
    a_reader(session, "ann@example.com")
    a_reader(session, "bob@example.com")
    unsubscribe.by_operator(session, "bob@example.com", None, NOW)
    assert signup.forget_unconfirmed(session, NOW + 29 * DAY) == 0
    assert signup.forget_unconfirmed(session, NOW + 31 * DAY) == 1
    assert session.exec(select(Subscriber.email).order_by(Subscriber.email)).all() == [
        "ann@example.com",
        "bob@example.com",
    ]
    assert set(session.exec(select(Consent.subscriber_id))) == set(session.exec(select(Subscriber.id)))
