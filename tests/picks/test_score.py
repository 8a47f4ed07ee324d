"""Points and the sentence that explains them."""

from datetime import timedelta
from math import prod

import pytest

from newsletter.picks.reasons import age_in_words, ordinal, shortened
from newsletter.picks.score import Taste, Telling, bonus, freshness, points
from tests.picks.pieces import MOMENT, a_piece

HALF = timedelta(hours=12)


def test_an_article_counts_half_after_one_half_life():
    """Freshness is 1 when it comes out, a half after one half-life, a quarter after two."""
    assert freshness(timedelta(0), HALF) == 1.0
    assert freshness(HALF, HALF) == pytest.approx(0.5)
    assert freshness(2 * HALF, HALF) == pytest.approx(0.25)


def test_a_date_in_the_future_counts_as_now():
    """Feeds lie about their clocks; nobody gets ahead by it."""
    assert freshness(timedelta(hours=-5), HALF) == 1.0
    assert points(a_piece(hours_old=-5), Telling(), MOMENT, HALF, Taste()).total == 1.0


def test_more_sources_add_less_and_less():
    """One source gives no bonus; the step from two to four is as large as the one from one to two."""
    assert bonus(1) == 1.0
    assert bonus(4) - bonus(2) == pytest.approx(bonus(2) - bonus(1))
    assert bonus(0) == 1.0


def test_the_reason_names_every_part():
    """An editor sees why a story has its points."""
    worth = points(a_piece(hours_old=40 / 60, weight=1.5), Telling(2), MOMENT, HALF, Taste())
    assert worth.why == "2 sources tell it, 40 minutes old, weight 1.5: 2.17 points"
    assert worth.total == pytest.approx(prod(worth.parts.values()))


def test_an_article_without_a_date_does_not_pass_for_the_newest():
    """It may have stood in its feed for long: it counts as some hours old, and as older where it was seen before."""
    new, old = (points(a_piece(hours_old=h, is_undated=True), Telling(), MOMENT, HALF, Taste()) for h in (0, 12))
    assert new.why == "1 source tells it, undated and taken as 6 hours old, weight 1: 0.71 points"
    assert old.parts["freshness"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("title", "share"),
    [
        ("Harbour Talk (23 November 2026) | Radio Kelmouth", 0.5),
        ("Evening bulletin - November 22, 2026", 0.5),  # the zone may have another day
        ("Sermon 11/23/2026", 0.5),
        ("\u6e2f\u53e3\u65b0\u95fb 2026\u5e7411\u670823\u65e5", 0.5),
        ("Kelmouth wants the regatta of 2026 back, 23 years on", 1.0),
        ("Sermón del 23 de noviembre de 2026", 0.5),
        ("Hymns, 23/11/2026", 0.5),
        ("What COVID-23 of 2026 was", 1.0),
        ("Kelmouth bids for the regatta of 2026", 1.0),
        ("Council approves budget for 2027 after 23 hours", 1.0),
        ("Harbour Talk (7 April 2026)", 1.0),
    ],
)
def test_an_edition_that_carries_its_date_is_hardly_news(title: str, share: float):
    """Programmes, columns and bulletins are no event of the day; the reason says why they have less."""
    worth = points(a_piece(title=title), Telling(), MOMENT, HALF, Taste())
    assert worth.parts["edition"] == share
    assert ("a dated edition" in worth.why) == (share < 1)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=20), "just out"),
        (timedelta(minutes=1), "1 minute old"),
        (timedelta(minutes=89), "89 minutes old"),
        (timedelta(hours=2), "2 hours old"),
        (timedelta(hours=47), "47 hours old"),
        (timedelta(days=3, hours=5), "3 days old"),
    ],
)
def test_ages_are_said_as_people_say_them(age: timedelta, words: str):
    """Minutes while they are few, then hours, then days."""
    assert age_in_words(age) == words


def test_places_are_said_as_people_say_them():
    """1st, 2nd, 3rd, but 11th, 12th, 13th."""
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
    ]  # fmt: skip


def test_a_long_line_is_cut_after_a_word():
    """… stands for the rest; a script without spaces is cut where it stands."""
    assert shortened("The ferry sails  again\nat last", 40) == "The ferry sails again at last"
    assert shortened("The ferry sails again at last", 20) == "The ferry sails…"
    assert shortened("漁船が記録的なニシンの漁獲を水揚げした", 10) == "漁船が記録的なニシ…"
