"""The text part reads as if a person had typed it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering import plaintext
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues


@pytest.fixture
def text(tmp_path: Path) -> str:
    return edition(issues.normal(), Templates(tmp_path), issues.SITE).text


def test_lines_are_72_characters_but_for_addresses(text: str) -> None:
    """An address that is broken is none."""
    assert [line for line in text.split("\n") if plaintext.columns(line) > 72 and "http" not in line] == []


def test_the_headlines_come_first_and_the_stories_carry_their_numbers(text: str) -> None:
    """A contents list, then the same numbers with text, and footnotes under the same numbers again."""
    assert (
        text.index(" 1. The ferry is back")
        < text.index(" 7. Story number 7")
        < text.index("She had" if "She had" in text else "CITY")
    )
    assert " 2. Story number 2 is told in one plain line [2]" in text
    assert "[2] https://post.example.com/stories/2?from=feed&n=2\n" in text


def test_links_inside_words_become_footnotes_after_the_stories(text: str) -> None:
    """The intro's and the lead's own links are not lost."""
    assert "mind them [8]." in text
    assert "hired catamaran [9] had" in text
    assert "[9] https://radio.example.com/ferry?a=1&b=2\n" in text


def test_no_markup_is_left(text: str) -> None:
    """It is no page with its tags torn off."""
    assert "<" not in text
    assert "&amp;" not in text
    assert "\n\n\n" not in text
    assert "\u00a0" not in text


def test_lists_and_quotes_keep_their_shape() -> None:
    """Hanging bullets, numbers, an indented quote, and line breaks where they were written."""
    notes = plaintext.Footnotes()
    html = "<p>a<br/>b</p><ul><li>one</li></ul><ol><li>two</li></ol><blockquote><p>said</p></blockquote>tail"
    assert plaintext.paragraphs(html, notes) == "a\nb\n\n- one\n\n1. two\n\n  said\n\ntail"


@given(st.text(max_size=400))
def test_a_headline_with_line_breaks_can_forge_no_paragraph(words: str) -> None:
    """One field, one paragraph: a stranger can't write our footer."""
    assert "\n\n" not in plaintext.wrapped(words)
