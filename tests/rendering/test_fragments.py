"""Pieces of articles become well-formed, short, and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from newsletter.rendering import fragments

PIECES = ["<p>", "</p>", "<b>", "</b>", "<br>", "<ul><li>", "</li></ul>", "w. ", "x y ", "&amp;", "<a href='http://a'>"]
TEXT = "<p>One two three. Four five six seven.</p><p>Eight nine ten. Eleven twelve.</p><p>Thirteen.</p>"


def excerpt(html: str, at_least: int = 4, at_most: int = 9, without: str = "") -> str:
    return str(fragments.excerpt(html, at_least=at_least, at_most=at_most, without=without))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<br>b &nbsp;&lt; c</p>", "<p>a<br/>b \u00a0&lt; c</p>"),
        ("<p>x\n  <b>a</b>\n<em>c</em></p>", "<p>x <b>a</b> <em>c</em></p>"),
        ("<p>unclosed <ul><li>one<li>two", "<p>unclosed </p><ul><li>one</li><li>two</li></ul>"),
        ('<h2>Head</h2><p>a</p><figure><img src="x"><figcaption>f</figcaption></figure>', "<p>a</p>"),
        ('<p onclick="x()">a <a href="javascript:x()">b</a> <a href="#n">c</a></p>', "<p>a b c</p>"),
        ("<p></p><p> </p>", ""),
        ("", ""),
        ("3 < 4 & 5 > 4", "3 &lt; 4 &amp; 5 &gt; 4"),
        ("<p>a\x00\x0bb</p>", "<p>ab</p>"),
    ],
)
def test_a_fragment_is_xml_on_one_line_with_what_a_mail_can_show(html: str, expected: str) -> None:
    """The engine drops line breaks between tags, and stops at unquoted attributes and loose tags."""
    assert str(fragments.fragment(html)) == expected


def test_html_in_markdown_stays_text() -> None:
    """An editor who pastes a tag sees the tag."""
    assert str(fragments.from_markdown("a **b** <script>c</script>")) == (
        "<p>a <strong>b</strong> &lt;script&gt;c&lt;/script&gt;</p>"
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (TEXT, "<p>One two three. Four five six seven.</p>"),
        ("<p>1 2 3.</p><p>4 5 6 7 8 9 10.</p>", "<p>1 2 3.</p><p>4 5 6 7 8 9 …</p>"),
        ("<p>One two three four five. Six seven eight nine ten eleven.</p>", "<p>One two three four five.</p>"),
        ("<p>1 2 <b>3 4 <i>5 6</i> 7 8 9 10</b> 11</p><p>12</p>", "<p>1 2 <b>3 4 <i>5 6</i> 7 8 9 …</b></p>"),
        ("loose words stand too", "<p>loose words stand too</p>"),
        ("<ul><li>1 2 3 4 5</li><li>6 7 8 9 10</li><li>11</li></ul>", "<ul><li>1 2 3 4 5</li><li>6 7 8 9 …</li></ul>"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_excerpt_is_cut_by_words_at_a_sentence_where_one_ends(html: str, expected: str) -> None:
    """At least four words, at most nine, and no tag is cut."""
    assert excerpt(html) == expected


def test_a_first_paragraph_that_repeats_the_standfirst_is_left_out() -> None:
    """Many feeds put the standfirst at the head of the body."""
    assert excerpt(TEXT, without="One two  three. Four five six seven.") == "<p>Eight nine ten. Eleven twelve.</p>"


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.integers(1, 12), st.integers(0, 12))
def test_every_excerpt_is_well_formed_and_short_enough(parts: list[str], least: int, more: int) -> None:
    """Whatever comes in."""
    cut = excerpt("".join(parts), least, least + more)
    root = etree.fromstring(f"<div>{cut}</div>")
    words = [word for text in root.itertext() for word in str(text).replace("…", "").split()]
    assert len(words) <= least + more


def test_plain_keeps_words_apart_that_blocks_keep_apart() -> None:
    """And together those that only a tag divides."""
    assert fragments.plain("<p>un<b>happy</b>.</p><p>two<br>three</p>") == "unhappy. two three"
