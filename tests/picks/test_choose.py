"""Which stories make the issue, in what order, and what is said about the others."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import SectionRule
from newsletter.picks.choose import MOST_ALSO, Choice, choose
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Rules, Wishes
from newsletter.picks.score import Taste
from newsletter.picks.stories import grouping
from tests.picks.pieces import EVENTS, MOMENT, a_piece, rules

FERRY = "Ferry Anna Lisbeth runs aground off Kelmouth"


def sent(piece: Piece) -> Piece:
    """As yesterday's readers had it."""
    return replace(piece, sent_on=MOMENT.date() - timedelta(days=1))


def titles(choice: Choice) -> list[str]:
    return [pick.piece.title for pick in choice.picks]


def reason(choice: Choice, piece: Piece) -> str:
    return next(c.why for c in choice.left_out if c.piece.id == piece.id)


def test_the_freshest_and_heaviest_come_first():
    """Freshness × weight decides, and every pick says so."""
    old, new, heavy = a_piece(1, hours_old=12), a_piece(2, hours_old=0), a_piece(3, hours_old=12, weight=3)
    choice = choose([[old], [new], [heavy]], rules(), MOMENT)
    assert titles(choice) == [heavy.title, new.title, old.title]
    assert choice.picks[1].why == "1 source tells it, just out, weight 1: 1.00 points"


def test_a_story_takes_one_slot_and_names_the_other_sources():
    """The heaviest source tells it; the others follow, one article of each, up to three."""
    best = a_piece(1, weight=2)
    own = a_piece(2)  # the same source again
    others = [a_piece(number, source=f"paper-{number // 2}", title=best.title) for number in range(4, 12)]
    choice = choose([[own, *others, best]], rules(), MOMENT)
    (pick,) = choice.picks
    assert pick.piece == best
    assert len(pick.also) == MOST_ALSO
    assert len({piece.source for piece in pick.also}) == MOST_ALSO
    assert best.source not in {piece.source for piece in pick.also}
    assert reason(choice, own).startswith(f"same story as “{best.title}”")


def test_only_what_surely_tells_the_same_is_named_beside_a_pick():
    """A wrong name is worse than none: one word in common, however rare, names nobody."""
    best = a_piece(1, weight=2, title="Harvard returns the city's money", standfirst="The mayor had asked for it.")
    kin = a_piece(2, source="a", title="Mayor gets money back", standfirst="Harvard returns what the city gave.")
    far = a_piece(3, source="b", title="The Earth is older than thought", standfirst="A study of Harvard says so.")
    (pick,) = choose([[best, kin, far]], rules(), MOMENT).picks
    assert [piece.source for piece in pick.also] == ["a"]


def test_a_headline_that_says_nothing_is_not_named_though_its_article_tells_the_same():
    """ "Tablet interactive" beside the Games would puzzle readers, whatever stands below it."""
    games = "Games of Harbourton scrapped, mayor insists"
    best = a_piece(1, weight=2, title=games, standfirst="No regatta either.")
    odd = a_piece(2, source="a", title="Tablet interactive", standfirst=games)
    good = a_piece(3, source="b", title="Mayor scraps the games", standfirst="Harbourton has none, she insists.")
    (pick,) = choose([[best, odd, good]], rules(), MOMENT).picks
    assert [piece.source for piece in pick.also] == ["b"]


def test_two_stories_whose_words_agree_take_one_place():
    """Headline and summary together say enough, also where the grouping kept them apart and the headlines differ."""
    plan = a_piece(1, title="Mayor Brandt sets out a harbour plan", standfirst="Three stages, she says.")
    said = "The mayor sets her harbour plan before all."
    talk = a_piece(2, source="a", title="Brandt takes the stage", standfirst=said, hours_old=2)
    other = a_piece(3, title="Bakers strike over flour", standfirst="The mayor has no plan.")
    choice = choose([[plan], [talk], [other]], rules(), MOMENT)
    assert {pick.piece.id for pick in choice.picks} == {1, 3}
    assert reason(choice, talk).startswith(f"too near “{plan.title}”")


def test_of_equal_sources_the_more_complete_article_tells_the_story():
    """A standfirst, a picture, a body and a name make an article worth more than a bare headline."""
    bare, full = a_piece(1, source="a"), a_piece(2, source="b", standfirst="Yes.", text="It is.", has_image=True)
    assert choose([[bare, full]], rules(), MOMENT).picks[0].piece == full


def test_a_full_section_says_so():
    """The third story of a section with room for two is left out, though the issue has room."""
    pieces = [a_piece(number, hours_old=number) for number in (1, 2, 3)]
    choice = choose([[p] for p in pieces], rules(("City", 2)), MOMENT)
    assert len(choice.picks) == 2
    assert reason(choice, pieces[2]).startswith("section City is full (2 of 2)")


def test_a_full_issue_says_so():
    """What comes after the last slot is told its place."""
    pieces = [a_piece(number, hours_old=number) for number in (1, 2, 3)]
    choice = choose([[p] for p in pieces], rules(max_articles=2), MOMENT)
    assert reason(choice, pieces[2]).startswith("3rd by points, and the issue is full (2 of 2)")


def test_a_story_high_up_that_a_quota_keeps_out_says_so_though_the_issue_is_full():
    """ "2nd by points, and the issue is full" would help nobody."""
    pieces = [a_piece(1, hours_old=1), a_piece(2, hours_old=2), a_piece(3, hours_old=3, source="other")]
    choice = choose([[p] for p in pieces], replace(rules(max_articles=2), max_per_source=1), MOMENT)
    assert [pick.piece.id for pick in choice.picks] == [1, 3]
    assert reason(choice, pieces[1]).startswith("source city-desk has its 1 pick already")


def test_weight_0_and_a_foreign_section_are_out_and_never_named():
    """Neither is picked, nor named beside a pick, and each says why."""
    good, mute, foreign = a_piece(1), a_piece(2, source="mute", weight=0), a_piece(3, source="far", section="Sport")
    choice = choose([[good, mute, foreign]], rules(), MOMENT)
    assert choice.picks[0].also == ()
    assert reason(choice, mute) == "its source mute has weight 0"
    assert reason(choice, foreign) == "the newsletter has no section Sport"


def test_the_lead_comes_first_then_the_sections_in_their_order():
    """Positions number the mail: the lead is 1, then section by section, by points within each."""
    world = [a_piece(number, hours_old=number, section="World") for number in (1, 2)]
    city = [a_piece(number, hours_old=number) for number in (3, 4)]
    choice = choose([[p] for p in (*city, *world)], rules(("City", None), ("World", None)), MOMENT)
    assert [pick.piece for pick in choice.picks] == [world[0], city[0], city[1], world[1]]
    assert [pick.position for pick in choice.picks] == [1, 2, 3, 4]


def test_a_picture_helps_to_lead_but_only_a_little():
    """A tenth of the points, no more; the reason names it."""
    plain, picture = a_piece(1, hours_old=1), a_piece(2, hours_old=2, has_image=True)
    choice = choose([[plain], [picture]], rules(), MOMENT)
    assert choice.picks[0].piece == picture
    assert choice.picks[0].why.endswith("because it has a picture")
    late = a_piece(3, hours_old=9, has_image=True)
    assert choose([[plain], [late]], rules(), MOMENT).picks[0].piece == plain


def test_nothing_to_pick_is_an_empty_choice():
    """A day without articles, or with none that fit, is no error."""
    assert choose([], rules(), MOMENT) == Choice((), (), ())
    assert choose([[a_piece(section="Sport")]], rules(), MOMENT).picks == ()


pieces = st.builds(
    lambda number, source, hours, section, weight, image: a_piece(
        number, source=source, hours_old=hours, section=section, weight=weight, has_image=image
    ),
    number=st.integers(1, 10**6),
    source=st.sampled_from("abcdef"),
    hours=st.integers(-3, 48),
    section=st.sampled_from(["City", "World", "Sport"]),
    weight=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    image=st.booleans(),
)
stories = st.lists(st.lists(pieces, min_size=1, max_size=4), max_size=12).filter(
    lambda groups: max(Counter(p.id for group in groups for p in group).values(), default=1) == 1
)


@given(stories, st.integers(1, 6), st.integers(1, 4))
def test_every_article_is_picked_or_left_out_once_with_a_reason(groups: list[list[Piece]], most: int, city: int):
    """No article, address or story twice; no quota broken; each with its sentence; positions without a gap."""
    choice = choose(groups, rules(("City", city), ("World", None), max_articles=most), MOMENT)
    picked, out = [p.piece.id for p in choice.picks], [c.piece.id for c in choice.left_out]
    assert sorted(picked + out) == sorted(p.id for group in groups for p in group)
    assert all(c.why for c in (*choice.picks, *choice.left_out))
    assert [p.position for p in choice.picks] == list(range(1, len(choice.picks) + 1))
    assert len(choice.picks) <= most
    assert sum(p.piece.section == "City" for p in choice.picks) <= city
    assert all(p.piece.section != "Sport" and p.piece.weight > 0 for p in choice.picks)
    assert all(sum(piece.id in picked for piece in group) <= 1 for group in groups)
    assert len({p.piece.url for p in choice.picks}) == len(choice.picks)
    for pick in choice.picks:
        sources = [piece.source for piece in pick.also]
        assert len(sources) == len(set(sources)) <= MOST_ALSO
        assert pick.piece.source not in sources


@given(stories, st.randoms(use_true_random=False))
def test_the_order_in_which_stories_come_changes_nothing(groups: list[list[Piece]], chance):
    """The same stories give the same choice, so a day drafted again is the same day."""
    before = choose(groups, rules(("City", 2), ("World", None), max_articles=4), MOMENT)
    shuffled = [chance.sample(group, len(group)) for group in chance.sample(groups, len(groups))]
    assert choose(shuffled, rules(("City", 2), ("World", None), max_articles=4), MOMENT) == before


def test_a_section_gets_its_minimum_before_points_decide():
    """City has all the points, and World its one place nevertheless."""
    city = [a_piece(number, hours_old=number) for number in (1, 2, 3)]
    world = a_piece(4, hours_old=30, section="World")
    wants = Rules(
        (SectionRule(name="City"), SectionRule(name="World", min=1)), max_articles=2, half_life=timedelta(hours=12)
    )
    assert {pick.piece.id for pick in choose([[p] for p in (*city, world)], wants, MOMENT).picks} == {1, 4}


def test_one_source_does_not_fill_the_issue():
    """The third article of a source that may have two is left out, and says why."""
    pieces = [a_piece(number, hours_old=number) for number in (1, 2, 3)]
    choice = choose([[p] for p in pieces], replace(rules(), max_per_source=2), MOMENT)
    assert len(choice.picks) == 2
    assert reason(choice, pieces[2]).startswith("source city-desk has its 2 picks already")


def test_a_light_section_closes_the_issue_and_never_leads_it():
    """Whatever its points and its place in the config."""
    light, plain = a_piece(1, section="And finally", hours_old=0, has_image=True), a_piece(2, hours_old=9)
    wants = replace(rules(), sections=(SectionRule(name="And finally", light=True), SectionRule(name="City")))
    choice = choose([[light], [plain]], wants, MOMENT)
    assert [pick.piece for pick in choice.picks] == [plain, light]
    assert "which is light" in choice.picks[0].why


def test_words_that_are_wanted_and_unwanted_weigh_and_are_named():
    """A wanted word lifts an article over a fresher one, an unwanted one sinks it; whole words alone count."""
    old, new = a_piece(1, hours_old=5, title="Harbour wall done"), a_piece(2, hours_old=1, title="Quiz of the week")
    other = a_piece(3, hours_old=6, title="Harbourmaster sings")
    choice = choose([[old], [new], [other]], replace(rules(), taste=Taste(("harbour",), ("quiz",))), MOMENT)
    assert titles(choice) == [old.title, other.title, new.title]
    assert "wanted for “harbour”" in choice.picks[0].why
    assert choice.picks[0].parts["words"] == 1.5
    assert "not wanted for “quiz”" in choice.picks[2].why


def test_pins_and_bans_stand_above_points():
    """A pinned article stands in its place, though its section has no room; a banned one is out; both say so."""
    pieces = [a_piece(number, hours_old=number) for number in range(1, 5)]
    far = a_piece(9, hours_old=90, section="Sport")
    wished = replace(rules(max_articles=3), wishes=Wishes({far.id: 2}, frozenset({1})))
    choice = choose([[p] for p in (*pieces, far)], wished, MOMENT)
    assert [pick.piece.id for pick in choice.picks] == [2, 9, 3]
    assert choice.picks[1].why.startswith("an editor wants it in place 2")
    assert reason(choice, pieces[0]) == "an editor took it out"


def test_stories_that_would_look_like_one_are_not_both_in():
    """By their circle or by their headlines; only an issue that would be too thin takes the second."""
    first, again = a_piece(1, title="Ferry Anna Lisbeth runs aground"), a_piece(2, title="Anna Lisbeth runs aground: 2")
    kin = a_piece(3, title="Owner of the boat speaks")
    circles = {1: 7, 2: 8, 3: 7}
    choice = choose([[first], [again], [kin]], rules(), MOMENT, circles)
    assert [pick.piece.id for pick in choice.picks] == [1]
    assert reason(choice, again).startswith("too near “Ferry Anna Lisbeth runs aground”")
    thin = choose([[first], [again], [kin]], replace(rules(), min_articles=2), MOMENT, circles)
    assert len(thin.picks) == 2


def test_a_story_that_readers_had_comes_back_only_with_news():
    """Three sources of many that go on with it make an update; fewer are told which issue had it."""
    had = sent(a_piece(1, hours_old=30, title=FERRY))
    later = [a_piece(number, source=f"s{number}", hours_old=number, title=FERRY) for number in (2, 3, 4)]
    rest = [[a_piece(number, source=f"s{number}")] for number in (5, 6, 7, 8)]
    pick = next(pick for pick in choose([[had, *later], *rest], rules(), MOMENT).picks if pick.piece.id == 2)
    assert pick.is_update
    assert "readers had the story on 2026-11-22" in pick.why
    few = choose([[had, *later[:2]], *rest], rules(), MOMENT)
    assert len(few.picks) == len(rest)
    assert reason(few, later[0]).startswith("readers had it on 2026-11-22, and 1 source more must go on with it")


def test_a_small_paper_goes_on_with_its_own_story():
    """Where one source is all there is, what it writes anew is news."""
    had = sent(a_piece(1, hours_old=30, title=FERRY))
    (pick,) = choose([[had, a_piece(2, title=f"{FERRY}: captain questioned")]], rules(), MOMENT).picks
    assert pick.is_update


def test_what_was_grouped_with_a_pick_of_yesterday_and_tells_something_else_is_no_update():
    """A wrong mark is worse than none; the story is new."""
    had = sent(a_piece(1, hours_old=30, title="Mayor defends her driver"))
    (pick,) = choose([[had, a_piece(2, title="Pubs may open next month, says mayor")]], rules(), MOMENT).picks
    assert not pick.is_update


def test_a_repeat_is_known_though_the_grouping_kept_it_apart():
    """Headlines that agree with yesterday's go on with it: two sources of many make an update, one is too few."""
    had = sent(a_piece(1, hours_old=30, title=FERRY))
    rest = [[a_piece(number, source=f"s{number}")] for number in (4, 5, 6)]
    again = [a_piece(n, source=f"s{n}", title=f"Inquiry: {FERRY}") for n in (2, 3)]
    both = choose([[had], again, *rest], rules(), MOMENT)
    assert next(pick for pick in both.picks if pick.piece.id == 2).is_update
    assert reason(choose([[had], again[:1], *rest], rules(), MOMENT), again[0]).startswith("readers had it on")


def test_words_of_the_day_tell_little():
    """What stands in every second headline holds no two stories apart, and names nobody beside a pick."""
    usual = "Coronavirus lockdown in Harbourton"
    flood = [a_piece(n, title=f"{usual}: {title}") for n, title in enumerate(EVENTS)]
    assert len(choose([[piece] for piece in flood], rules(), MOMENT).picks) == 10
    grouped = [flood[0], replace(flood[1], source="other")]
    choice = choose([grouped, *([piece] for piece in flood[2:])], rules(), MOMENT)
    assert all(pick.also == () for pick in choice.picks)


def test_a_days_biggest_story_keeps_its_names():
    """Everybody tells of the Anna Lisbeth today: two of it in one issue are one too many, as the weeks before show."""
    weeks = [a_piece(1000 + n, title=title, hours_old=200 + n) for n, title in enumerate(EVENTS * 10)]
    ship = [
        a_piece(
            20 + n,
            source=f"s{n}",
            title=f"{title} as Anna Lisbeth sinks",
            standfirst="Anna Lisbeth is lost.",
            hours_old=n,
        )
        for n, title in enumerate(EVENTS)
    ]
    alone = choose([[piece] for piece in ship], rules(), MOMENT)
    known = grouping(ship, weeks).words
    assert len(alone.picks) == 10
    assert len(choose([[piece] for piece in ship], rules(), MOMENT, words=known).picks) == 1


def test_what_most_articles_agree_on_stands_for_the_story():
    """A cartoon is newer and has a picture, and tells another thing."""
    reports = [a_piece(n, source=f"s{n}", title=FERRY, hours_old=3) for n in (1, 2, 3)]
    cartoon = a_piece(4, source="s4", title="Brandt draws a captain", has_image=True, standfirst="Ha.", hours_old=1)
    (pick,) = choose([[cartoon, *reports]], rules(), MOMENT).picks
    assert pick.piece.title == FERRY
    assert len(pick.also) == 2


def test_points_are_the_product_of_their_parts():
    """Place in the feed, a picture and several fast sources each add what they say."""
    top = a_piece(1, place=1, has_image=True, standfirst="Yes.", hours_old=0)
    choice = choose([[top, a_piece(2, source="b", hours_old=1)]], rules(), MOMENT)
    parts = choice.picks[0].parts
    assert parts == {
        "freshness": 1.0, "weight": 1.0, "told": 1.5, "fast": 1.1, "place": 1.5, "complete": 1.1, "edition": 1.0,
        "words": 1.0,
    }  # fmt: skip
    assert choice.picks[0].score == pytest.approx(1.5 * 1.1 * 1.5 * 1.1)
    assert "1st in its feed" in choice.picks[0].why


def test_numbers_of_a_series_stand_side_by_side():
    """Headlines of one source that differ in a number alone are different articles; of two sources, one story."""
    headlines = [f"Ferry number {n} sails again" for n in (1, 2, 3)]
    one_source = [a_piece(n, title=title) for n, title in enumerate(headlines)]
    assert len(choose([[p] for p in one_source], rules(), MOMENT).picks) == 3
    several = [a_piece(n, title=title, source=f"paper-{n}") for n, title in enumerate(headlines)]
    assert len(choose([[p] for p in several], rules(), MOMENT).picks) == 1
