"""Which stories make the issue, in what order, and what is said about the others."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from newsletter.picks.choose import MOST_ALSO, Choice, choose
from newsletter.picks.piece import Piece
from tests.picks.pieces import MOMENT, a_piece, rules


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
    others = [a_piece(number, source=f"paper-{number // 2}") for number in range(4, 12)]
    choice = choose([[own, *others, best]], rules(), MOMENT)
    (pick,) = choice.picks
    assert pick.piece == best
    assert len(pick.also) == MOST_ALSO
    assert len({piece.source for piece in pick.also}) == MOST_ALSO
    assert best.source not in {piece.source for piece in pick.also}
    assert reason(choice, own).startswith(f"same story as “{best.title}”")


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
