"""Subject and preheader, as inboxes show them."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues.wording import LONGEST_PREHEADER, LONGEST_SUBJECT, preheader, subject

LONG = "Council votes by a hair's breadth for the new harbour wall that fishermen have fought over for eleven years"


def test_a_good_headline_is_the_subject():
    """Inside 35–55 characters nothing is added or taken."""
    titles = ["Council votes for the new harbour wall at last", "Bakers strike over flour"]
    assert subject(titles, "en") == titles[0]


def test_a_short_headline_takes_others_along():
    """Lead, plus B and C, as long as it fits."""
    assert (
        subject(["Ferry sails", "Bakers strike", "Fox found"], "en") == "Ferry sails, plus Bakers strike and Fox found"
    )
    assert subject(["Ferry sails", "Bakers strike", LONG], "en") == "Ferry sails, plus Bakers strike"
    assert subject(["Ferry sails", LONG], "en") == "Ferry sails"


def test_small_words_are_the_languages_own():
    """In a language that we have no words in, a dot stands between the headlines."""
    assert subject(["Fähre fährt", "Bäcker streiken", "Regen"], "de") == "Fähre fährt, dazu Bäcker streiken und Regen"
    assert subject(["Il traghetto", "Il forno"], "it") == "Il traghetto · Il forno"


def test_a_headline_that_is_too_long_is_cut_after_a_word():
    """… says that there is more."""
    words = subject([LONG], "en")
    assert words.endswith("…")
    assert LONG.startswith(words[:-1])
    assert LONG[len(words) - 1] == " "
    assert len(words) <= LONGEST_SUBJECT


def test_the_preheader_goes_on_where_the_subject_ends():
    """Second and third story; nothing that the subject says already."""
    titles = [
        "Ferry sails",
        "Bakers strike",
        "A fox of bronze is found in the tram depot",
        "Oak falls in the storm of Sunday",
    ]
    assert preheader(titles, "It sails.", "en") == (
        "A fox of bronze is found in the tram depot · Oak falls in the storm of Sunday · It sails."
    )


def test_one_story_alone_has_its_standfirst_as_preheader():
    """Better than the mail's first lines."""
    assert preheader(["Ferry sails"], "After three weeks in the dock the boat is back.", "en") == (
        "After three weeks in the dock the boat is back."
    )


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=150), max_size=5), st.sampled_from(["en", "ja"])
)
def test_both_are_one_line_and_short_enough(titles: list[str], language: str):
    """Whatever headlines say, the bounds hold and no line break gets into a header."""
    for words, most in (
        (subject(titles, language), LONGEST_SUBJECT),
        (preheader(titles, "", language), LONGEST_PREHEADER),
    ):
        assert len(words) <= most
        assert "\n" not in words
        assert "\r" not in words
