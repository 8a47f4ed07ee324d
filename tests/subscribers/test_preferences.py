"""What a reader may choose by a link that may have been forwarded."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from subscribers import SubscriptionState, Way, audience, preferences, unsubscribe
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, the, unsubscribe_token

WEEK = timedelta(weeks=1)


def look(session, number: int, now=NOW):
    return preferences.look(session, KEYS, sign(KEYS, Purpose.PREFERENCES, number, 9), now)


def test_the_page_shows_no_whole_address(session):
    """Whoever holds a forwarded mail learns nothing."""
    page = look(session, a_reader(session))
    assert page.masked_email == "a…@e….com"
    assert page.issue == 9
    assert page.of("daily").state is SubscriptionState.ACTIVE
    assert page.of("weekly") is None


def test_a_pause_holds_until_its_day_and_ends_by_itself(session):
    """Nobody has to remember to come back."""
    number = a_reader(session)
    assert preferences.pause(session, number, "daily", NOW + 2 * WEEK, NOW)
    assert look(session, number).of("daily").state is SubscriptionState.PAUSED
    assert audience.count(session, "daily", NOW + WEEK) == 0
    assert look(session, number, NOW + 2 * WEEK).of("daily").state is SubscriptionState.ACTIVE
    assert audience.count(session, "daily", NOW + 2 * WEEK) == 1


def test_a_pause_can_be_ended(session):
    """At once."""
    number = a_reader(session)
    preferences.pause(session, number, "daily", NOW + 2 * WEEK, NOW)
    assert preferences.resume(session, number, "daily", NOW)
    assert audience.count(session, "daily", NOW) == 1


def test_neither_pause_nor_resume_brings_back_who_left(session):
    """Leaving always wins."""
    number = a_reader(session)
    unsubscribe.leave(session, number, "daily", Way.LINK, None, NOW)
    assert not preferences.pause(session, number, "daily", NOW - WEEK, NOW)
    assert not preferences.resume(session, number, "daily", NOW)
    assert audience.count(session, "daily", NOW + WEEK) == 0


def test_one_more_newsletter_is_asked_for_and_not_given(session):
    """The mailbox confirms, not the holder of the link."""
    number = a_reader(session)
    due = the(preferences.join(session, KEYS, number, "weekly", PROOF, NOW))
    assert due.newsletters == ("weekly",)
    assert audience.count(session, "weekly", NOW) == 0


def test_a_name_is_one_clean_line(session):
    """It will stand in a header."""
    number = a_reader(session)
    preferences.rename(session, number, " Ann\r\nBcc: x\0 Lee " + "x" * 300)
    assert look(session, number).manner.name.startswith("Ann Bcc: x Lee")
    assert len(look(session, number).manner.name) == 200


def test_only_a_token_for_it_opens_the_page(session):
    """A link to leave is no link to choose."""
    a_reader(session)
    assert preferences.look(session, KEYS, unsubscribe_token(session, "ann@example.com"), NOW) is None
    assert preferences.look(session, KEYS, sign(KEYS, Purpose.PREFERENCES, 10**9), NOW) is None


NAMES = st.text(max_size=8) | st.sampled_from(
    ["Ann Lee", " Ann  Lee ", "Ann\nLee", "a" * 201, "\u200b", "Jörg", "\x00"]
)


@given(st.lists(NAMES, max_size=5) | st.lists(st.sampled_from(["Ann Lee", "Jörg", ""]), max_size=5))
def test_many_names_are_on_one_line_as_each_alone_is(names):
    """However plain the others are; mostly all are."""
    assert preferences.one_line_each(names) == list(map(preferences.one_line, names))
