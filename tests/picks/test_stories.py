"""Who tells the same event: what belongs together comes together, what does not stays apart."""

import random
import time
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import stories as benchmark
from newsletter.picks.alike import DaysWords
from newsletter.picks.piece import Piece
from newsletter.picks.stories import grouped, grouping
from newsletter.picks.words import stems, told
from tests.picks.pieces import EVENTS, MOMENT, a_piece

WIRE = (
    "KELMOUTH — The ferry Anna Lisbeth ran aground off Kelmouth Point on Sunday night with 112 people aboard. "
    "All passengers were taken off by lifeboats, the coastguard said. Nobody was hurt."
)


def ids(stories: tuple[tuple[Piece, ...], ...]) -> list[set[int]]:
    return [{piece.id for piece in story} for story in stories]


def test_reports_of_one_event_are_one_story():
    """Three papers tell of the same ship in their own words; the baker's strike is another matter."""
    ship = [
        a_piece(1, source="a", title="Ferry Anna Lisbeth runs aground off Kelmouth"),
        a_piece(2, source="b", title="Kelmouth ferry: 112 saved as the Anna Lisbeth runs aground"),
        a_piece(3, source="c", title="Lifeboats save all aboard the Anna Lisbeth"),
    ]
    others = [a_piece(number, title=title) for number, title in enumerate(EVENTS, start=10)]
    assert ids(grouped([*others, *ship]))[0] == {1, 2, 3}


@pytest.mark.parametrize("others", [1, 4, 9])
def test_two_papers_with_one_headline_are_one_story_on_the_smallest_day(others: int):
    """Three articles in all, or ten: the same words are the same event."""
    pair = [a_piece(n, source=f"s{n}", title="Ferry Anna Lisbeth runs aground off Kelmouth") for n in (1, 2)]
    rest = [a_piece(number, title=title) for number, title in enumerate(EVENTS[:others], start=10)]
    assert ids(grouped([*pair, *rest]))[0] == {1, 2}


def test_a_small_papers_own_day_is_as_many_stories_as_articles():
    """The sample's thirteen, as full texts: a hill that two of them name, a "night" and a "will" make no one story."""
    sample = Path(__file__).parents[2] / "newsletter" / "sample" / "articles"
    pieces = []
    for number, file in enumerate(sorted(sample.glob("*.md")), start=1):
        _, head, text = file.read_text(encoding="utf-8").split("---", 2)
        named = yaml.safe_load(head)
        pieces.append(a_piece(number, title=named["title"], standfirst=named.get("standfirst", ""), text=text.strip()))
    found = grouping(pieces)
    assert len(found.stories) == len(pieces) == 13
    assert len(set(found.circles.values())) >= 12
    words = DaysWords.of([told(piece) for piece in pieces])
    assert not [(a.title, b.title) for a, b in combinations(pieces, 2) if words.too_near(a, b)]


def test_events_that_have_nothing_in_common_stay_apart():
    """A small paper's dozen articles are a dozen stories."""
    stories = grouped(a_piece(number, title=title) for number, title in enumerate(EVENTS, start=1))
    assert [len(story) for story in stories] == [1] * len(EVENTS)


def test_one_word_in_common_is_no_event_in_common():
    """Two things may open, rise or end on one day."""
    titles = ("School opens a swimming pool", "Mayor opens library of rare maps", *EVENTS[3:])
    stories = grouped(a_piece(number, title=title) for number, title in enumerate(titles, start=1))
    assert max(map(len, stories)) == 1


def test_a_wire_report_printed_by_many_papers_is_one_story():
    """Near-copies, each with a headline of its own paper and a word changed here and there."""
    copies = [
        a_piece(
            number,
            source=f"paper-{number}",
            title=f"{opening} Anna Lisbeth aground off Kelmouth",
            text=WIRE.replace("Sunday", day).replace("112 people", "more than a hundred people"),
        )
        for number, (opening, day) in enumerate(
            [("Ferry", "Sunday"), ("The ferry", "Sunday"), ("Breaking:", "late Sunday"), ("Update:", "Sunday")], start=1
        )
    ]
    others = [a_piece(number, title=title) for number, title in enumerate(EVENTS, start=10)]
    assert ids(grouped([*copies, *others]))[0] == {1, 2, 3, 4}


@pytest.mark.parametrize("copies", [50, 150])
def test_the_same_report_in_many_papers_is_one_story(copies: int):
    """The more papers print it word for word the more it counts, though so many alike would be a topic's crowd."""
    printed = [
        a_piece(n, source=f"paper-{n}", title="Ferry Anna Lisbeth runs aground off Kelmouth", standfirst=WIRE)
        for n in range(100, 100 + copies)
    ]
    others = [a_piece(number, title=title) for number, title in enumerate(EVENTS, start=10)]
    stories = grouped([*printed, *others])
    assert len(stories[0]) == copies
    assert len(stories) == 1 + len(EVENTS)


def test_a_chain_of_odd_pairs_does_not_join_what_lies_at_its_ends():
    """A and B share a word or two, B and C others: A and C tell nothing of each other's event."""
    chain = [
        "Ferry Anna Lisbeth aground off Kelmouth Point",
        "Kelmouth Point lighthouse sold to Ilse Brandt",
        "Ilse Brandt conducts Orrin opera gala",
        "Orrin opera gala saves Quarry Park oak",
        "Quarry Park oak shelters bronze fox",
        "Bronze fox follows Viking coin thief",
    ]
    stories = grouped(a_piece(number, title=title) for number, title in enumerate(chain, start=1))
    assert max(map(len, stories)) <= 2


@pytest.mark.parametrize("others", [0, 12])
def test_a_series_of_one_source_is_many_stories(others: int):
    """Headlines that differ in a number alone, over one and the same text, are different articles."""
    boats = [
        a_piece(n, title=f"Ferry number {n} sails again", standfirst=f"After {n} weeks.", text=WIRE)
        for n in range(1, 4)
    ]
    rest = [a_piece(number, title=title) for number, title in enumerate(EVENTS[:others], start=10)]
    assert max(map(len, grouped([*boats, *rest]))) == 1


def test_a_weeks_programmes_are_no_story():
    """A series may name its weekday beside its number."""
    days = [
        a_piece(n, title=f"TV for {day}, {n} June") for n, day in enumerate(("Monday", "Tuesday", "Friday"), start=1)
    ]
    assert max(map(len, grouped(days))) == 1


def test_what_a_source_always_says_joins_nothing():
    """Its dateline and its signature stand under every report; what another paper says of the ship does join."""
    signed = "HARBOURTON - Kelmouth Broadcasting, every evening at eight."
    own = [a_piece(n, source="tv", title=title, standfirst=signed) for n, title in enumerate(EVENTS, start=1)]
    other = [a_piece(n, source="a", title=f"{title}, town hears") for n, title in enumerate(EVENTS, start=31)]
    stories = grouped([*own, *other])
    assert sorted(map(len, stories)) == [2] * len(EVENTS)


def test_a_name_that_is_always_in_the_news_is_no_event():
    """Two things that a mayor did on one day are two stories, as the weeks before show."""
    titles = ("Mayor Ilse Brandt opens a swimming pool", "Mayor Ilse Brandt sells a brass telescope")
    pair = [a_piece(n, source=f"s{n}", title=title) for n, title in enumerate(titles)]
    rest = [a_piece(n, title=title) for n, title in enumerate(EVENTS, start=10)]
    weeks = [
        a_piece(100 + n, title=f"Mayor Ilse Brandt and the {EVENTS[n % 12].lower()}", hours_old=48 + n)
        for n in range(60)
    ]
    assert max(map(len, grouped([*pair, *rest], weeks))) == 1


def test_one_address_is_one_story_whatever_it_says():
    """Two sources that link to one page tell one story, also when the headline was changed."""
    first = a_piece(1, url="https://post.example.com/ship", title="Ferry aground")
    again = a_piece(2, url="https://post.example.com/ship", title="All saved off the Point", source="other")
    assert ids(grouped([first, again, a_piece(3)]))[0] == {1, 2}


def test_pieces_without_an_address_are_not_one_page():
    """A folder's articles have none, and are no copies of each other for that."""
    stories = grouped([a_piece(1, url=""), a_piece(2, url="")])
    assert len(stories) == 2


@pytest.mark.parametrize(
    "titles",
    [
        ("Паром «Анна Лисбет» сел на мель у Келмута", "У Келмута паром «Анна Лисбет» сел на мель, все спасены"),
        ("連絡船アンナ号がケルマス沖で座礁", "ケルマス沖で連絡船アンナ号が座礁、全員救助"),
        ("العبارة آنا ليزبت تجنح قبالة كلموث", "جنوح العبارة آنا ليزبت قبالة كلموث"),
    ],
)
def test_any_script_will_do(titles: tuple[str, str]):
    """No word list and no language: Cyrillic, Japanese and Arabic headlines find each other too."""
    pair = [a_piece(number, source=f"s{number}", title=title) for number, title in enumerate(titles, start=1)]
    others = [a_piece(number, title=title) for number, title in enumerate(EVENTS, start=10)]
    assert ids(grouped([*others, *pair]))[0] == {1, 2}


def test_words_of_a_script_without_spaces_are_pairs_of_characters():
    """漁船記録 gives 漁船, 船記, 記録: neighbours tell more than single characters."""
    assert stems("漁船記録") == ["漁船", "船記", "記録"]
    assert stems("A Minister's ministry") == ["minist", "minist"]


any_title = st.one_of(st.sampled_from(EVENTS), st.text(max_size=40))
any_pieces = st.lists(st.tuples(any_title, st.sampled_from("abc"), st.text(max_size=60)), max_size=14).map(
    lambda rows: [a_piece(n, title=t, source=s, text=x, hours_old=n) for n, (t, s, x) in enumerate(rows, start=1)]
)


@given(any_pieces, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_every_piece_is_in_one_story_and_the_order_does_not_matter(found: list[Piece], chance):
    """Whatever strangers write, nothing is lost, nothing is doubled, and the same day gives the same stories."""
    stories = grouped(found)
    assert sorted(p.id for story in stories for p in story) == sorted(p.id for p in found)
    assert grouped(chance.sample(found, len(found))) == stories


@pytest.mark.slow
def test_five_thousand_articles_are_grouped_in_seconds():
    """A large day takes no longer than a cup of coffee takes to pour; the bound is ten times what was measured."""
    subjects = [f"{first}{last}" for first in "BDFGKLMNPRSTVZ" for last in ("alden", "orin", "ustra", "emmer", "ivane")]
    found = [
        a_piece(
            number,
            title=f"{subjects[number % 70]} and {subjects[number * 7 % 67]} sign accord {number // 9}",
            text=" ".join(f"{subjects[(number * k) % 70]} said word{(number + k) % 997}" for k in range(30)),
            published_at=MOMENT - timedelta(seconds=number),
        )
        for number in range(5000)
    ]
    start = time.process_time()
    assert sum(map(len, grouped(found))) == 5000
    assert time.process_time() - start < 60


@pytest.mark.slow
@pytest.mark.shared
def test_labelled_stories_are_found_as_well_as_promised(shared: Path):
    """Full texts and bare headlines of labelled events, with one fixed setting: the floors of the benchmark."""
    data = shared / "data" / "stories"
    for name, articles in (
        ("full text", benchmark.full_texts(data)),
        ("headlines, 5 of each", benchmark.headlines(data, 5)),
    ):
        pairwise, b_cubed = benchmark.f1(articles)
        assert pairwise >= benchmark.FLOORS[name][0]
        assert b_cubed >= benchmark.FLOORS[name][1]
        pairwise, b_cubed = benchmark.halved(articles)
        assert pairwise >= benchmark.FLOORS[f"{name}, halves"][0]
        assert b_cubed >= benchmark.FLOORS[f"{name}, halves"][1]
    (pairwise, b_cubed), _ = benchmark.sampled(data)
    assert pairwise >= benchmark.FLOORS[benchmark.ANY][0]
    assert b_cubed >= benchmark.FLOORS[benchmark.ANY][1]


def test_two_bare_headlines_without_a_word_in_common_are_one_story_by_a_third():
    """ "Kelmouth ferry aground" and "Anna Lisbeth: all saved": what lies between them has words of both."""
    titles = ("Kelmouth ferry aground off Point", "Ferry aground off Kelmouth: Anna Lisbeth passengers saved")
    ship = [a_piece(n, source=f"s{n}", title=t) for n, t in enumerate((*titles, "Anna Lisbeth passengers all saved"))]
    others = [a_piece(number, title=title) for number, title in enumerate(EVENTS, start=10)]
    assert ids(grouped([*others, *ship]))[0] == {0, 1, 2}


@pytest.mark.slow
def test_near_copies_of_wire_reports_find_each_other():
    """Reports that papers cut, turn around and head anew: at least 99 of 100 pairs are in one story, and none mixed."""
    chance = random.Random(20)
    copies: list[Piece] = []
    event_of: dict[int, int] = {}
    for event in range(60):
        names = [f"{a}{b}" for a, b in zip(chance.sample(ONSETS, 8), chance.sample(ENDINGS, 8), strict=True)]
        report = [_sentence(names, chance) for _ in range(9)]
        for copy in range(4):
            told = chance.sample(report, len(report) - 2)
            number = len(copies)
            heading = " ".join(chance.sample(names, 4))
            copies.append(a_piece(number, source=f"paper-{copy}", title=heading, text=" ".join(told)))
            event_of[number] = event
    found = {piece.id: n for n, story in enumerate(grouped(copies)) for piece in story}
    pairs = [(a, b) for a in event_of for b in event_of if a < b]
    same = [found[a] == found[b] for a, b in pairs if event_of[a] == event_of[b]]
    assert sum(same) >= 0.99 * len(same)
    assert not any(found[a] == found[b] for a, b in pairs if event_of[a] != event_of[b])


ONSETS = [
    "Bal",
    "Dor",
    "Fen",
    "Gus",
    "Hal",
    "Kel",
    "Lor",
    "Mun",
    "Nim",
    "Orr",
    "Pel",
    "Quor",
    "Ros",
    "Sel",
    "Tam",
    "Vor",
]
ENDINGS = ["den", "mouth", "wick", "ham", "ley", "stad", "ford", "berg", "ville", "by", "dale", "croft"]
VERBS = ["met", "warned", "left", "praised", "followed", "sued", "found", "told"]
THINGS = ["council", "harbour", "ship", "letter", "budget", "doctor", "bridge", "train", "storm", "vote", "market"]


def _sentence(names: list[str], chance: random.Random) -> str:
    who, whom = chance.sample(names, 2)
    return f"{who} {chance.choice(VERBS)} {whom} over the {chance.choice(THINGS)} and the {chance.choice(THINGS)}."
