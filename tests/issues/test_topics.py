"""Which edition a set of topics gets, and what stands in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues.contents import SectionOfItems
from newsletter.issues.topics import WHOLE, Offer, narrowed
from subscribers.topics import packed, unpacked
from tests.rendering import issues

SECTIONS = ("City", "World", "Business", "Culture", "Sport")
NAMES = st.sampled_from((*SECTIONS, "Gone", "Gone too"))
SETS = st.lists(NAMES, unique=True, max_size=7).map(packed)
HELD = st.dictionaries(st.sampled_from(SECTIONS), st.integers(1, 5), min_size=1)
READERS = st.dictionaries(SETS, st.integers(1, 1000), max_size=12)


def offer(**changes) -> Offer:
    values = {"sections": SECTIONS, "held": {"City": 3, "World": 2, "Culture": 1}}
    return Offer(**(values | changes))


@given(HELD, READERS, SETS, st.integers(1, 4), st.integers(1, 5))
def test_nobody_gets_a_section_that_they_have_not_chosen(held, readers, chosen, least, most):
    """Whatever was made for whom, whatever is gone, however many editions there may be, and for a set that nobody had
    chosen when they were made."""
    offered = offer(held=held, least=least, most=most)
    made = [WHOLE, *offered.editions(readers)]
    for one in [*readers, chosen]:
        name, wanted = offered.fitting(one, made), unpacked(one) & set(SECTIONS)
        shown = set() if name is None else set(held) if name == WHOLE else unpacked(name)
        assert not wanted or shown <= wanted


@given(HELD, READERS)
def test_whoever_has_chosen_gets_all_of_it_where_there_is_room(held, readers):
    """With room for every set, an edition holds exactly what its readers want of the day's issue."""
    offered = offer(held=held, most=1000)
    made = [WHOLE, *offered.editions(readers)]
    for chosen in readers:
        name, wanted = offered.fitting(chosen, made), unpacked(chosen) & set(SECTIONS)
        shown = set() if name is None else set(held) if name == WHOLE else unpacked(name)
        assert shown == (wanted & set(held) if wanted else set(held))


def test_the_same_names_in_any_order_are_one_set():
    """Editions are shared by set."""
    assert packed(["World", "City", "World"]) == packed(["City", "World"])
    assert unpacked(packed(["City", "World"])) == {"City", "World"}
    assert unpacked("") == frozenset()


def test_a_section_that_vanished_is_as_if_never_chosen():
    """Who wanted it and others gets the others; who wanted nothing else gets all."""
    assert offer().wanted(packed(["City", "Gone"])) == {"City"}
    assert offer().fitting(packed(["Gone"]), [WHOLE]) == WHOLE


def test_who_ticks_every_section_there_is_gets_the_whole_issue():
    """Also where the day has only some of them."""
    assert offer().fitting(packed(SECTIONS), [WHOLE]) == WHOLE
    assert offer().fitting(packed(["City", "World", "Culture"]), [WHOLE]) == WHOLE


def test_too_small_a_set_gets_nothing_or_the_whole_as_configured():
    """`topic_min_articles` and `topic_fallback`."""
    small = {packed(["Culture"]): 9}
    for falls_back, gets in ((False, None), (True, WHOLE)):
        offered = offer(least=2, falls_back_to_whole=falls_back)
        assert offered.editions(small) == []
        assert offered.fitting(packed(["Culture"]), [WHOLE]) == gets


def test_the_sets_of_most_readers_get_their_edition_and_others_the_fullest_that_fits():
    """`max_editions`; a set that was chosen after the approval is served the same way."""
    readers = {
        packed(["City", "Sport"]): 50,
        packed(["World"]): 40,
        packed(["City"]): 5,
        packed(["Culture", "World"]): 3,
    }
    offered = offer(most=3)
    made = offered.editions(readers)
    assert made == ["City", "World"]  # who wants City and Sport shares an edition: there is no Sport today
    assert offered.fitting(packed(["Culture", "World"]), made) == "World"
    assert offered.fitting(packed(["Culture", "City", "Business"]), made) == "City"


def test_an_edition_has_its_own_lead_subject_numbers_and_address():
    """From its own stories alone; the best leads, not one that closes the issue."""
    contents = issues.normal()
    sections = tuple(
        replace(s, items=tuple(replace(i, score=20 - i.position) for i in s.items)) for s in contents.sections
    )
    contents = replace(contents, sections=sections)
    first = contents.items[0]
    names = [s.name for s in contents.sections if s.name != first.section][:2]
    made = narrowed(contents, packed(names))
    assert made.lead is not None
    assert {item.section for item in made.items} == set(names)
    assert [item.position for item in made.items] == list(range(1, len(made.items) + 1))
    assert made.lead.section in names
    assert made.subject.startswith(made.lead.title)
    assert made.subject != contents.subject
    assert made.web_view_url.startswith(contents.web_view_url + "?edition=")
    assert first.title not in made.preheader


def test_words_of_the_editors_stay_where_they_speak_of_the_same_stories():
    """An edition that lacks only a story that the subject never named."""
    contents = issues.normal()
    last = replace(issues.an_item(99, section="Late", score=-1.0), position=len(contents.items) + 1)
    longer = replace(contents, subject="By the editor", sections=(*contents.sections, SectionOfItems("Late", (last,))))
    made = narrowed(longer, packed({item.section for item in contents.items}))
    assert made.subject == "By the editor"
    assert last.title not in [item.title for item in made.items]


@pytest.mark.parametrize("name", [WHOLE])
def test_the_whole_edition_is_the_issue_itself(name: str):
    """Byte for byte what it was before anybody could choose."""
    contents = issues.normal()
    assert narrowed(contents, name) is contents
