"""A page laid into a kept shape is, byte for byte, the one that MJML and the inliner would have made."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from newsletter.errors import TemplateError
from newsletter.rendering import fragments, inline, mjml, shapes, values
from newsletter.rendering.templates import Templates
from tests.rendering import issues
from tests.rendering.test_render import CASES

SHEET = ".b { color: red } a.b { margin: 0 } td .c { padding: 0 }"
PAGE = """<mjml lang="en" dir="ltr"><mj-head><mj-title>%s</mj-title><mj-preview>%s</mj-preview>
<mj-style inline="inline">%s</mj-style><mj-style>@media print { p.b { color: blue !important } }</mj-style></mj-head>
<mj-body><mj-section><mj-column><mj-text>
<p class="b">%s</p><p>before <b>%s</b> %s <i class="c">after</i></p>
<a class="b" href="%s" title="%s">%s</a><img class="c" src="%s" alt="%s" width="9" />
</mj-text></mj-column></mj-section></mj-body></mjml>"""


class Converter:
    """The plain way, and how often it was gone."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, source: str) -> str:
        self.count += 1
        mjml.lint(source)
        rest, css = inline.take_out(source)
        return inline.put_in(mjml.to_html(rest), css)


def page(*words: str, css: str = SHEET) -> str:
    """A document with these ten words, as Jinja would write them."""
    title, preview, *rest = (escape(fragments.printable(word)) for word in words)
    return mjml.numbered_entities(PAGE % (title, preview, css, *rest))


def plain_page(number: int, css: str = SHEET) -> str:
    return page(*(f"word {number}.{place}" for place in range(10)), css=css)


def met_twice(css: str) -> Converter:
    """A converter that has seen two documents of the shape that this style sheet makes."""
    convert = Converter()
    for number in (1, 2):
        assert shapes.html(plain_page(number, css), convert) == Converter()(plain_page(number, css))
    return convert


WORDS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.text("&<>\"'\\ \u00a0\u200c\u202eאع港é;#{}%/?=\U0001f600\x96\n\t\x0b", min_size=1, max_size=8),
    st.sampled_from(
        [
            "&amp;",
            "&#38;",
            "&nbsp;",
            "&bogus;",
            "<!--",
            "-->",
            "</mj-text>",
            "]]>",
            "WordMark0001Z",
            "{{ x }}",
            "{% raw %}",
        ]
    ),
)


@settings(max_examples=60)
@given(st.lists(WORDS, min_size=10, max_size=10))
def test_hostile_words_come_out_as_the_plain_way_writes_them(words: list[str]) -> None:
    """In texts, in a title, in what an inbox shows, in addresses and in what stands for a picture."""
    assert shapes.html(page(*words), Converter()) == Converter()(page(*words))


def test_a_shape_that_was_met_twice_needs_no_engine() -> None:
    """Learned at the second meeting, so that what is met once costs nothing more."""
    convert = met_twice(".b { color: green }")
    assert convert.count == 3
    third = plain_page(3, ".b { color: green }")
    assert shapes.html(third, convert) == Converter()(third)
    assert convert.count == 3


@pytest.mark.parametrize("name", CASES)
def test_every_issue_is_learned_and_comes_out_the_same(name: str, tmp_path: Path) -> None:
    """No shipped design does anything with words that its shape could not hold."""
    contents, convert = CASES[name](), Converter()
    source = Templates(tmp_path).render(f"{contents.look.design}/issue.mjml", **values.of(contents, issues.SITE))
    source = mjml.numbered_entities(source).replace("</mj-head>", "<mj-raw><!-- once --></mj-raw></mj-head>")
    made = [shapes.html(source, convert) for _ in range(4)]
    assert made == [Converter()(source)] * 4
    assert convert.count == 3


@pytest.mark.parametrize(
    "css",
    [
        "a[href^='https://port'] { color: blue }",
        "[alt='word 4.9'] { border: 0 }",
        "p:contains('word 4.2') { color: blue }",
    ],
)
def test_a_style_that_depends_on_words_is_never_kept(css: str) -> None:
    """It would be the style of the words that were there first."""
    convert = met_twice(css)
    fourth = plain_page(4, css)
    assert shapes.html(fourth, convert) == Converter()(fourth)
    assert convert.count == 4


def test_a_word_that_looks_like_a_mark_goes_the_plain_way() -> None:
    """It is not taken for one of ours."""
    convert = met_twice(".b { color: navy }")
    words = [f"word 5.{place}" for place in range(9)]
    document = page("WordMark0003Z", *words, css=".b { color: navy }")
    assert "WordMark0003Z" in shapes.html(document, convert)
    assert convert.count == 4


@pytest.mark.parametrize("fault", ["a & b", "a &bogus; b", "a &#1; b"])
def test_a_fault_in_words_is_found_in_a_known_shape_too(fault: str) -> None:
    """A publisher's own words in a template may hold what is no XML."""
    convert = met_twice(".b { color: olive }")
    document = plain_page(6, ".b { color: olive }").replace("word 6.3", fault)
    with pytest.raises(TemplateError):
        shapes.html(document, convert)


@settings(max_examples=40)
@given(st.text("a&<>\"' -!=#;1x", max_size=30))
def test_no_document_is_turned_into_another(inside: str) -> None:
    """Whatever a template writes between two tags, well-formed or not."""
    source = PAGE % ("t", "p", SHEET, inside, *"abcdefg")
    for _ in range(3):
        assert outcome(shapes.html, source) == outcome(lambda s, convert: convert(s), source)


def outcome(way: Callable[[str, Converter], str], source: str) -> str:
    """The page, or what is said of a fault in it."""
    try:
        return way(source, Converter())
    except TemplateError as error:
        return str(error)
