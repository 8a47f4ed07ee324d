"""A publisher's template that is wrong is named by file and line, with one sentence."""

from pathlib import Path

import pytest

from newsletter.errors import TemplateError
from newsletter.rendering import mjml, values
from newsletter.rendering.templates import Templates
from tests.rendering import issues

DOCUMENT = (
    '<mjml lang="en" dir="ltr">\n<mj-body>\n<mj-section>\n<mj-column>\n%s\n'
    "</mj-column>\n</mj-section>\n</mj-body>\n</mjml>"
)


def own(folder: Path, text: str, name: str = "mine.mjml") -> Templates:
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / name).write_text(text, encoding="utf-8")
    return Templates(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("line one\n{{ nothing }}", "mine.mjml, line 2: 'nothing' is undefined."),
        ("line one\n\n{% if %}", "mine.mjml, line 3: Expected an expression, got 'end of statement block'."),
        ("{{ 1 // 0 }}", "mine.mjml, line 1: integer division or modulo by zero."),
        ("{% include 'gone.mjml' %}", "There is no template gone.mjml; the folder templates/ should hold it."),
        (
            "\n{{ ''.__class__.__mro__ }}",
            "mine.mjml, line 2: access to attribute '__class__' of 'str' object is unsafe.",
        ),
    ],
)
def test_a_fault_in_jinja_is_named_by_file_and_line(text: str, sentence: str, tmp_path: Path) -> None:
    """One sentence, no traceback; and the sandbox holds."""
    with pytest.raises(TemplateError) as error:
        own(tmp_path, text).render("mine.mjml")
    assert str(error.value) == sentence


def test_words_are_escaped_in_mjml_and_left_alone_in_text(tmp_path: Path) -> None:
    """Jinja's own rule does not know the ending .mjml."""
    assert own(tmp_path, "{{ x }}").render("mine.mjml", x='<b a="1">') == "&lt;b a=&#34;1&#34;&gt;"
    assert own(tmp_path, "{{ x }}", "mine.txt").render("mine.txt", x="a < b & c") == "a < b & c"


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("<mj-text>x</mj-column></mj-text>", "line 5: the tags don't fit together"),
        ("<mj-text>x</mj-txt>", "line 5: the tags don't fit together: <mj-text> is closed by </mj-txt>."),
        ("<mj-text><p>x</mj-text>", "line 5: the tags don't fit together: <p> is closed by </mj-text>."),
        ("<mj-text>\n<p>a < b</p></mj-text>", "line 6: a < that is meant as one is written &lt;."),
        ('<mj-text><p title="a < b">c</p></mj-text>', "line 5: a < that is meant as one is written &lt;."),
        ("<mj-text>\n<p>a & b</p></mj-text>", "line 6: an & that is meant as one is written &amp;."),
        ('<mj-text><a href="/?a=1&b=2">c</a></mj-text>', "line 5: an & that is meant as one is written &amp;."),
        ("<mj-text>&boat;</mj-text>", "line 5: there is no character &boat;."),
        ("<mj-text><img src=x /></mj-text>", "line 5: the value of an attribute stands in quotes."),
        ("<mj-text><input disabled /></mj-text>", "line 5: the attribute disabled wants a value, as in disabled="),
        ('<mj-text><p id="a" id="b">c</p></mj-text>', "line 5: an element has the attribute id twice."),
        ("<mj-foo>x</mj-foo>", "line 5: there is no element <mj-foo>."),
        ("stray", "line 4: text can't stand in <mj-column> itself; put it into <mj-text>."),
        ("<mj-section>\n</mj-section>", "line 5: <mj-section> can't stand in <mj-column>; it belongs into"),
        ('<mj-text colour="red">x</mj-text>', "line 5: <mj-text> has no attribute 'colour'."),
        ("<mj-text>a<mj-button>b</mj-button></mj-text>", "line 5: <mj-button> can't stand in <mj-text>"),
        ('<mj-include path="/etc/passwd" />', "line 5: <mj-include> does not work here; use {% include"),
    ],
)
def test_what_the_engine_would_drop_in_silence_is_an_error(inside: str, sentence: str, tmp_path: Path) -> None:
    """File and line are those of the template, though loops and includes move lines about."""
    source = own(tmp_path, "{% set long = 1 %}\n" + DOCUMENT % inside).render_marked("mine.mjml")
    with pytest.raises(TemplateError) as error:
        mjml.lint(source)
    number = int(sentence.split(":")[0].removeprefix("line "))
    assert f"mine.mjml, line {number + 1}:{sentence.split(':', 1)[1]}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("issue.webview", "the issue has no 'webview'."),
        ("issue.lead.headline", "an item has no 'headline'."),
        ("layout.first", "the layout has no 'first'."),
        ("pieces.nose(issue)", "what was imported has no 'nose'."),
        ("wide()", "what is called here wants one thing more: 'item'."),
        ("wide(1, 2, 3)", "what is called here is given too much."),
    ],
)
def test_a_name_that_is_not_there_is_told_in_an_editors_words(name: str, sentence: str, tmp_path: Path) -> None:
    """The class that a value has says nothing to those who write templates."""
    source = f'{{% import "mail/pieces.mjml" as pieces with context %}}\n{{{{ {name} }}}}'
    with pytest.raises(TemplateError) as error:
        own(tmp_path, source).render("mine.mjml", **values.of(issues.normal(), issues.SITE))
    assert str(error.value) == f"mine.mjml, line 2: {sentence}"


def test_a_fault_in_a_loop_or_an_include_is_named_where_it_was_written(tmp_path: Path) -> None:
    """Not where it stands after rendering."""
    own(tmp_path, "\n\n<mj-wrong>x</mj-wrong>", "part.mjml")
    loop = "{% for n in range(9) %}\n<mj-text>{{ n }}</mj-text>\n{% endfor %}\n{% include 'part.mjml' %}"
    with pytest.raises(TemplateError, match=r"^part\.mjml, line 3: there is no element <mj-wrong>\.$"):
        mjml.lint(own(tmp_path, DOCUMENT % loop).render_marked("mine.mjml"))


def test_named_entities_are_welcome(tmp_path: Path) -> None:
    """Editors write &nbsp; and &copy;; XML knows neither."""
    source = own(tmp_path, DOCUMENT % "<mj-text>a&nbsp;&copy;&amp;b</mj-text>").render("mine.mjml")
    mjml.lint(source)
    assert "a&#160;&#169;&amp;b" in mjml.to_html(source)


def test_the_marks_of_lines_do_not_reach_the_mail(tmp_path: Path) -> None:
    """They are for the check alone."""
    assert "<!--@" not in mjml.to_html(own(tmp_path, DOCUMENT % "<mj-text>a</mj-text>").render_marked("mine.mjml"))


def test_a_panic_of_the_engine_is_a_template_error() -> None:
    """It derives from BaseException and would end the program."""
    source = '<mjml><mj-head><mj-include path="x" type="html" /></mj-head><mj-body></mj-body></mjml>'
    with pytest.raises(TemplateError):
        mjml.to_html(source)
