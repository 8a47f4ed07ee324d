"""Followings of links, kept: with what speaks against a person, of nobody who left, for a time, erased with them."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.rendering.counted import TRAP
from newsletter.scheduler import Clockwork
from newsletter.tracking import clicks, robots
from newsletter.tracking.clicks import MOST_OF_A_MAIL
from newsletter.tracking.robots import Sign
from subscribers import Way, directory, erasure, preferences, unsubscribe
from subscribers import clicks as kept_clicks
from subscribers.clicks import Followed, Following
from subscribers.models import Click
from tests.builders import NOW, a_config
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token

SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(hours=1)
NOBODY = frozenset[Sign]()


def visit(reader: int, link: int = 1, at=LATER, issue: int = 7, signs=NOBODY, section: str = "City") -> Following:
    return Following(reader, "daily", issue, link, section, at, robots.in_words(signs))


def rows(session: Session) -> list[tuple[int, int, str]]:
    found = session.exec(select(Click).order_by(col(Click.id)).execution_options(populate_existing=True))
    return [(row.subscriber_id, row.link, row.signs) for row in found]


@pytest.fixture
def session(database: Database):
    with database.transaction() as session:
        yield session


@pytest.fixture
def readers(session: Session) -> list[int]:
    """Ann, Bob and Cay; the relay took their mail of issue 7 at NOW."""
    found = [a_reader(session, f"{name}@example.com") for name in ("ann", "bob", "cay")]
    for number in found:
        state = DeliveryState.ACCEPTED
        session.add(Delivery(issue_id=7, subscriber_id=number, subscription_id=1, state=state, changed_at=NOW))
    session.flush()
    return found


def test_followings_are_counted_by_link_people_apart_from_robots(session, readers):
    """A person who comes twice is one; what shows a sign is told apart, not hidden."""
    ann, bob, cay = readers
    some = [visit(ann), visit(ann, at=LATER + SECOND), visit(bob), visit(bob, 2), visit(cay, 2, signs={Sign.AGENT})]
    assert clicks.keep(session, [*some, visit(ann, 1, issue=8)]) == 6
    assert kept_clicks.of_issue(session, 7) == {1: Followed(2, Counter()), 2: Followed(1, Counter(agent=1))}
    assert kept_clicks.people_of_issue(session, 7) == 2
    assert kept_clicks.of_issue(session, 9) == {}


def test_what_comes_with_the_mail_itself_is_a_scanner(session, readers):
    """By the moment at which the relay took it; of a row that is still in hand nobody can have read the mail."""
    ann, bob, cay = readers
    row = session.exec(select(Delivery).where(Delivery.subscriber_id == bob)).one()
    row.state, row.changed_at = DeliveryState.IN_HAND, LATER - SECOND
    session.exec(select(Delivery).where(Delivery.subscriber_id == cay)).one().state = DeliveryState.UNCERTAIN
    session.flush()
    clicks.keep(session, [visit(ann, at=NOW + 3 * SECOND), visit(bob), visit(cay, at=NOW + 3 * SECOND)])
    assert rows(session) == [(ann, 1, "early"), (bob, 1, "early"), (cay, 1, "")]


def test_a_burst_is_known_by_its_last_link_and_says_so_of_the_first(session, readers):
    """Whether they are written together or one by one."""
    ann, bob, _ = readers
    clicks.keep(session, [visit(ann, link) for link in (1, 2, 3, 4)])
    for link in (1, 2, 3, 4):
        clicks.keep(session, [visit(bob, link, at=LATER + link * 0.5 * SECOND)])
    clicks.keep(session, [visit(bob, 5, at=LATER + 60 * SECOND)])
    assert rows(session) == [*((who, link, "burst") for who in (ann, bob) for link in (1, 2, 3, 4)), (bob, 5, "")]


def test_the_trap_tells_of_what_came_before_it(session, readers):
    """And every sign that was seen stays."""
    ann, bob, _ = readers
    clicks.keep(session, [visit(ann, 3, signs={Sign.AHEAD}), visit(bob, 3)])
    clicks.keep(session, [visit(ann, TRAP, at=LATER + SECOND)])
    assert rows(session) == [(ann, 3, "ahead trap"), (bob, 3, ""), (ann, TRAP, "trap")]


def test_of_one_who_has_left_or_was_erased_nothing_is_kept(session, readers):
    """Their old mails' links lead on; that is all."""
    ann, bob, cay = readers
    unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com"), Way.LINK, NOW)
    erasure.erase(session, KEYS, "bob@example.com", NOW)
    assert clicks.keep(session, [visit(ann), visit(bob), visit(10**9), visit(cay)]) == 1
    assert rows(session) == [(cay, 1, "")]


def test_who_wants_nothing_noted_is_forgotten_and_not_noted_again(session, readers):
    """Until they choose otherwise."""
    ann, bob, _ = readers
    clicks.keep(session, [visit(ann), visit(bob)])
    preferences.note_clicks(session, ann, False)
    session.flush()
    assert clicks.keep(session, [visit(ann, 2), visit(bob, 2)]) == 1
    assert [who for who, *_ in rows(session)] == [bob, bob]
    preferences.note_clicks(session, ann, True)
    session.flush()
    assert clicks.keep(session, [visit(ann, 2)]) == 1


def test_an_erasure_takes_them_along_and_an_export_shows_them(session, readers):
    """What is kept of a person is theirs to see, and to have forgotten."""
    ann, bob, _ = readers
    clicks.keep(session, [visit(ann, section="World"), visit(bob)])
    shown = directory.export_person(session, KEYS, "ann@example.com")["clicks"]
    assert shown == [
        {"newsletter": "daily", "issue": 7, "link": 1, "section": "World", "at": "2026-11-23T06:30:00Z", "signs": ""}
    ]
    erasure.erase(session, KEYS, "ann@example.com", NOW)
    assert rows(session) == [(bob, 1, "")]


def test_a_link_in_the_wrong_hands_fills_no_disk(session, readers):
    """A mail's followings are kept up to a number; nobody else's are fewer for it."""
    ann, bob, _ = readers
    flood = [visit(ann, at=LATER + n * SECOND) for n in range(MOST_OF_A_MAIL - 1)]
    assert clicks.keep(session, [*flood, visit(bob)]) == MOST_OF_A_MAIL
    again = [visit(ann, at=LATER + n * 10 * SECOND) for n in range(50)]
    assert clicks.keep(session, [*again, visit(ann, issue=8), visit(bob)]) == 3


def test_they_are_forgotten_after_a_time(database, monkeypatch):
    """In small transactions, the old ones only."""
    monkeypatch.setattr(kept_clicks, "A_FORGETTING", 4)
    with database.transaction() as session:
        ann = a_reader(session)
        clicks.keep(session, [visit(ann, at=LATER - timedelta(days=n)) for n in range(12)])
    assert clicks.forget(database, LATER - timedelta(days=1)) == 10
    assert clicks.forget(database, LATER - timedelta(days=1)) == 0
    with database.reading() as session:
        assert len(rows(session)) == 2


def test_the_clock_forgets_what_is_older_than_the_config_says(sqlite: Database, tmp_path):
    """keep_clicks_days, by the hour; on a Saturday, when there is nothing else to do."""
    with sqlite.transaction() as session:
        ann = a_reader(session)
        clicks.keep(session, [visit(ann), visit(ann, 2, at=LATER + timedelta(days=10))])
    clockwork = Clockwork(Paper(a_config(folder=tmp_path), sqlite), lambda: NOW + timedelta(days=187))
    clockwork.wake()
    clockwork.tidy()
    clockwork.stop()
    with sqlite.reading() as session:
        assert rows(session) == [(ann, 2, "")]
