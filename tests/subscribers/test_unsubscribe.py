"""Leaving: at once, as often as one likes, with an undo for some minutes."""

import hmac
import struct
import threading
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlmodel import select

from newsletter.database import Database
from subscribers import (
    NotKnown,
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    preferences,
    suppression,
    unsubscribe,
)
from subscribers.models import Leaving
from subscribers.tokens import Keys, Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, MINUTE, a_reader, standing, the, unsubscribe_token

LATER = NOW + timedelta(days=30)


def test_a_leaving_is_written_down_with_its_issue_its_way_and_how_long_it_was(session):
    """What the desk and the rates are made of."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com", issue=214)
    left = the(unsubscribe.by_token(session, KEYS, token, Way.HEADER, LATER))
    assert left.has_left
    assert left.masked_email == "a…@e….com"
    row = session.exec(select(Leaving)).one()
    assert (row.issue, row.way, row.reader_since, row.at) == (214, Way.HEADER, NOW, LATER)
    assert audience.count(session, "daily", LATER) == 0


def test_leaving_twice_is_leaving_once(session):
    """The second press says the same and writes nothing."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    first = unsubscribe.by_token(session, KEYS, token, Way.HEADER, LATER)
    assert unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER) == first
    assert len(session.exec(select(Leaving)).all()) == 1


@pytest.mark.slow
def test_five_presses_at_once_are_one_leaving(database: Database):
    """Mail providers repeat a POST; PostgreSQL would let two transactions write the row."""
    with database.transaction() as session:
        a_reader(session)
        token = unsubscribe_token(session, "ann@example.com")
    answers = []

    def press() -> None:
        with database.transaction() as session:
            answers.append(unsubscribe.by_token(session, KEYS, token, Way.HEADER, LATER))

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer and answer.has_left for answer in answers)
    assert len(answers) == 5
    with database.reading() as session:
        assert len(session.exec(select(Leaving)).all()) == 1


def test_looking_changes_nothing(session):
    """GET and HEAD come from scanners."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    assert not the(unsubscribe.look(session, KEYS, token, LATER)).has_left
    assert standing(session, "ann@example.com").state is SubscriptionState.ACTIVE
    assert not session.dirty
    assert not session.new


def test_forged_and_borrowed_tokens_take_nobody_off(session):
    """Purpose-bound, every character of it; a key that is still kept is good for years."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com", issue=7)
    number = the(standing(session, "ann@example.com").id)
    forged = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    borrowed = [sign(KEYS, purpose, number, 7) for purpose in Purpose if purpose is not Purpose.UNSUBSCRIBE]
    for bad in (*forged, *borrowed, "", "x" * 44, sign(KEYS, Purpose.UNSUBSCRIBE, 10**12, 0)):
        assert unsubscribe.by_token(session, KEYS, bad, Way.HEADER, LATER) is None
        assert unsubscribe.undo(session, KEYS, bad, LATER) is None
    assert audience.count(session, "daily", LATER) == 1
    rotated = Keys((b"n" * 32, *KEYS.secrets))
    assert unsubscribe.by_token(session, rotated, token, Way.HEADER, LATER) is not None


def test_a_token_of_the_old_kind_still_leaves(session):
    """Mails from before the MAC changed are read for years; theirs is bound to its purpose too."""
    a_reader(session)
    number = the(standing(session, "ann@example.com").id)
    secret = b"a key that signed long before this"
    old = Keys((secret,))
    body = struct.pack(">BQQ", sha256(b"newsletter/key-id/" + secret).digest()[0], number, 7)
    tokens = {
        purpose: urlsafe_b64encode(
            body + hmac.digest(secret, b"newsletter/token/" + purpose.encode() + b"\0" + body, "sha256")[:16]
        ).decode()
        for purpose in Purpose
    }
    wanted = tokens.pop(Purpose.UNSUBSCRIBE)
    assert all(unsubscribe.by_token(session, old, bad, Way.HEADER, LATER) is None for bad in tokens.values())
    assert unsubscribe.by_token(session, KEYS, wanted, Way.HEADER, LATER) is None
    assert unsubscribe.by_token(session, Keys((*KEYS.secrets, secret)), wanted, Way.HEADER, LATER) is not None


def test_a_leaving_can_be_undone_for_ten_minutes(session):
    """After that only a fresh double opt-in brings the reader back."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    assert the(unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER)).may_undo
    assert not the(unsubscribe.undo(session, KEYS, token, LATER + 9 * MINUTE)).has_left
    assert session.exec(select(Leaving)).one().undone_at == LATER + 9 * MINUTE
    assert audience.count(session, "daily", LATER) == 1
    unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER)
    assert the(unsubscribe.undo(session, KEYS, token, LATER + 10 * MINUTE)).has_left
    assert audience.count(session, "daily", LATER) == 0


@pytest.mark.parametrize("way", [Way.OPERATOR, Way.COMPLAINT])
def test_only_ones_own_leaving_can_be_undone_by_a_link(session, way):
    """A link does not undo a complaint or an operator's act."""
    number = a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    unsubscribe.leave(session, number, "daily", way, None, LATER)
    assert the(unsubscribe.undo(session, KEYS, token, LATER)).has_left


def test_undo_does_not_lift_a_suppression(session):
    """The never-mail list always wins."""
    number = a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER)
    suppression.suppress_subscriber(session, number, SuppressionReason.COMPLAINT, "", LATER)
    unsubscribe.undo(session, KEYS, token, LATER)
    assert audience.count(session, "daily", LATER) == 0


def test_undo_goes_back_to_a_pause(session):
    """Who had paused had not asked for mail."""
    number = a_reader(session)
    preferences.pause(session, number, "daily", LATER + timedelta(days=9), NOW)
    token = unsubscribe_token(session, "ann@example.com")
    unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER)
    unsubscribe.undo(session, KEYS, token, LATER)
    assert standing(session, "ann@example.com").state is SubscriptionState.PAUSED


def test_a_reason_is_kept_once_on_one_line(session):
    """Asked for after leaving, never before; a stranger's words are cut and cleaned."""
    a_reader(session)
    token = unsubscribe_token(session, "ann@example.com")
    unsubscribe.say_why(session, KEYS, token, "before I left", NOW)
    assert session.exec(select(Leaving)).all() == []
    assert the(unsubscribe.by_token(session, KEYS, token, Way.LINK, LATER)).may_say_why
    said = the(unsubscribe.say_why(session, KEYS, token, "too\r\nmuch\0 " + "x" * 2000, LATER))
    unsubscribe.say_why(session, KEYS, token, "something else", LATER)
    reason = session.exec(select(Leaving)).one().reason
    assert reason.startswith("too much")
    assert len(reason) <= 1000
    assert not said.may_say_why


def test_leaving_one_newsletter_leaves_the_others_and_leaving_all_leaves_none(session):
    """A leaving counts for what it was said of."""
    number = a_reader(session)
    a_reader(session, newsletter="weekly", now=NOW + MINUTE)
    unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com"), Way.LINK, LATER)
    assert audience.count(session, "weekly", LATER) == 1
    assert unsubscribe.leave_all(session, number, Way.PREFERENCES, 5, LATER) == 1
    assert audience.count(session, "weekly", LATER) == 0


def test_an_operator_takes_somebody_off_by_address(session):
    """In any spelling of the mailbox; a stranger's address is said to be one."""
    a_reader(session)
    assert unsubscribe.by_operator(session, "ANN@example.com", "daily", LATER) == 1
    assert unsubscribe.by_operator(session, "ann@example.com", None, LATER) == 0
    with pytest.raises(NotKnown):
        unsubscribe.by_operator(session, "zoe@example.com", None, LATER)
