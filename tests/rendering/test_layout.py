"""Long issues tell their first stories whole and the rest in lines; no story is lost."""

import pytest

from newsletter.issues.contents import Contents, SectionOfItems
from newsletter.rendering.layout import FULL_STORIES, arrange
from tests.rendering import issues


def test_a_short_issue_is_told_in_full() -> None:
    """Seven stories after the lead need no lines."""
    arranged = arrange(issues.many_items(8))
    assert not arranged.brief
    assert arranged.last is None


def test_every_sections_first_story_comes_before_any_sections_second() -> None:
    """Six sections of five: the first stories of five of them."""
    arranged = arrange(issues.many_items(30))
    assert [len(section.items) for section in arranged.sections] == [1] * FULL_STORIES
    assert len(arranged.brief) == 24


def test_the_light_last_story_closes_a_long_issue() -> None:
    """It stands after the lines in brief, in full, with its picture."""
    light = SectionOfItems("And finally", (issues.an_item(40),), is_light=True)
    contents = issues.normal(sections=(*issues.many_items(20).sections, light))
    arranged = arrange(contents)
    assert arranged.last == light
    assert arranged.stories[-1] == light.items[0]


def test_a_light_section_closes_a_short_issue_too() -> None:
    """Wherever config.toml puts it; one that is not called light stays in its place."""
    light = SectionOfItems("And finally", (issues.an_item(9),), is_light=True)
    arranged = arrange(issues.normal(sections=(light, *issues.normal().sections[:2])))
    assert arranged.last == light
    assert [section.name for section in arranged.sections] == ["City", "World"]


@pytest.mark.parametrize("contents", [issues.normal(), *(issues.many_items(n) for n in (1, 2, 9, 10, 40))])
def test_every_item_stands_once(contents: Contents) -> None:
    """None is lost, none is told twice."""
    stories = arrange(contents).stories
    assert sorted(story.position for story in stories) == sorted(item.position for item in contents.items)


def test_empty_sections_leave_no_label() -> None:
    """A section whose stories were all dropped closes up."""
    assert arrange(issues.normal(sections=(SectionOfItems("City", ()),))).sections == ()
