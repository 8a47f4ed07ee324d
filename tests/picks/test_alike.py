"""What two articles have in common, in words that tell."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.picks.alike import DaysWords, Shelf
from newsletter.picks.piece import Piece
from newsletter.picks.words import told
from tests.picks.pieces import EVENTS, a_piece

WORDS = st.lists(st.sampled_from(" ".join(EVENTS).split()), max_size=6).map(" ".join)
PIECES = st.lists(st.tuples(WORDS, WORDS, st.sampled_from("ab")), min_size=1, max_size=12).map(
    lambda rows: [a_piece(n, title=t, standfirst=s, source=o) for n, (t, s, o) in enumerate(rows)]
)


@given(PIECES, PIECES)
def test_what_stands_beside_an_article_on_the_shelf_is_all_that_it_may_tell_too(
    today: list[Piece], earlier: list[Piece]
):
    """Whoever goes through the shelf alone misses nothing."""
    words = DaysWords.of([told(piece) for piece in today])
    shelf = Shelf(words, earlier)
    for piece in today:
        beside = {one.id for one in shelf.beside(piece)}
        same = {one.id for one in earlier if words.surely_the_same(piece, one) or words.goes_on(piece, one)}
        assert same <= beside


def test_a_name_that_is_new_to_the_news_tells_more_than_one_that_was_always_there():
    """Both stand in two articles of today; one was in the paper every week, the other never."""
    today = [told(a_piece(n, title=f"Brandt and Kelda meet in place {n}")) for n in (1, 2)]
    today += [told(a_piece(n, title=title)) for n, title in enumerate(EVENTS)]
    before = [
        told(a_piece(n, title=f"{EVENTS[n % 12]} for Brandt" if n % 100 == 0 else EVENTS[n % 12])) for n in range(600)
    ]
    words = DaysWords.of(today, (), before)
    assert words.tell(("kelda",)) > 1 > words.tell(("brandt",))


def test_a_small_word_counts_where_it_is_always_a_name():
    """GCQ does, and "all" does not."""
    pieces = [a_piece(n, title=f"GCQ begins for {n}", standfirst="It is GCQ for all of us.") for n in range(4)]
    words = DaysWords.of([told(piece) for piece in pieces])
    assert "gcq" in words.read(pieces[0])
    assert "all" not in words.read(pieces[0])
