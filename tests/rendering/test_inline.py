"""MJML and the inliner lose nothing on the way."""

import logging
import re
from pathlib import Path

import css_inline
import pytest
from lxml import html as lxml_html
from premailer import Premailer

from newsletter.rendering import inline, mjml, render, values
from newsletter.rendering.templates import Templates
from tests.rendering import issues
from tests.rendering.test_render import CASES


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str, str]:
    """The digest's MJML without its inline styles, those styles, the HTML before inlining, and after it."""
    templates = Templates(tmp_path_factory.mktemp("project"))
    source = templates.render("digest/issue.mjml", **values.of(issues.normal(), issues.SITE))
    rest, css = inline.take_out(source)
    before = mjml.to_html(rest)
    return rest, css, before, inline.put_in(before, css)


@pytest.mark.parametrize(
    "pattern",
    [
        r"!important",
        r"@media",
        r"<!--\[if ",
        r"<!\[endif\]-->",
        r'role="',
        r"\[data-ogsc\]",
        r"<style",
        r"<a ",
        r"<img ",
    ],
)
def test_the_inliner_keeps_what_it_finds(pattern: str, stages: tuple[str, str, str, str]) -> None:
    """premailer's defaults strip !important inside media queries, and drop what they don't know."""
    _, _, before, after = stages
    assert len(re.findall(pattern, before)) > 0
    assert len(re.findall(pattern, after)) == len(re.findall(pattern, before))


def test_mjml_keeps_our_media_queries_links_and_pictures(stages: tuple[str, str, str, str]) -> None:
    """Nothing of what the template says is lost in the engine."""
    source, _, before, _ = stages
    for pattern in ("!important", "prefers-color-scheme", "<a ", "<h3"):
        assert before.count(pattern) >= source.count(pattern) > 0
    assert before.count("<img ") == source.count("<img ")


def test_doctype_language_and_title_stand(stages: tuple[str, str, str, str]) -> None:
    """Without the doctype, clients lay out as in 1998."""
    *_, after = stages
    assert after.startswith('<!doctype html>\n<html lang="en" dir="ltr"')
    assert after.count("<!doctype") == 1
    assert "data-premailer" not in after
    assert "<title>The ferry is back, plus a clock and a gull</title>" in after


def test_the_styles_are_those_that_another_inliner_writes(stages: tuple[str, str, str, str]) -> None:
    """css-inline as the oracle: the same declarations, in the same order of weight, on every element of a class."""
    _, css, before, after = stages
    plain = re.sub(r"<style.*?</style>", "", before, flags=re.DOTALL)
    oracle = css_inline.CSSInliner(load_remote_stylesheets=False, extra_css=css).inline(plain)
    assert _styles(after) == _styles(oracle)


@pytest.mark.parametrize("name", CASES)
def test_every_issue_is_inlined_as_premailer_itself_does_it(name: str, tmp_path: Path) -> None:
    """Listing the classes of a page is only quicker: not one byte differs from premailer's own search."""
    contents = CASES[name]()
    source = Templates(tmp_path).render(f"{contents.look.design}/issue.mjml", **values.of(contents, issues.SITE))
    rest, css = inline.take_out(source)
    html = mjml.to_html(rest)
    assert inline.put_in(html, css) == _as_premailer_does(html, css)


@pytest.mark.filterwarnings("ignore:'maxsplit' is passed:DeprecationWarning")  # premailer's own, from Python 3.13 on
@pytest.mark.parametrize(
    "css",
    [
        "p.a, .b p { color: red } .a { color: blue; margin: 0 }",
        ".b .c .d { color: red } td .a { color: green } div .a { color: blue }",
        ".b .c .a, div .b span { color: red } span { color: blue }",
        "td > p { color: red } p:first-child { color: blue } p[title] { margin: 0 } #one { padding: 0 }",
        "* { color: red } .a { color: blue !important } p { color: green } .nobody { color: black }",
        "a:hover { color: red } @media print { p { color: black } } .a:hover { margin: 0 }",
    ],
)
def test_every_kind_of_selector_finds_what_premailer_finds(css: str) -> None:
    """A publisher writes the CSS that he knows, not the one that we use."""
    html = (
        '<html><head></head><body><div class="b"><div class="b c">'
        '<p class="a" style="color: pink">1</p><p title="t"><span class="a d">2</span></p></div></div><table><tr><td>'
        '<!--[if mso]><b><![endif]--><p id="one" class="a">3</p></td></tr></table></body></html>'
    )
    assert inline.put_in(html, css) == _as_premailer_does(html, css)


def test_nothing_is_fetched_while_inlining() -> None:
    """A link or an import in a template stays a link: no request, no file read."""
    html = '<html><head><link rel="stylesheet" href="http://127.0.0.1:9/x.css"></head><body><p>a</p></body></html>'
    assert 'href="http://127.0.0.1:9/x.css"' in inline.put_in(
        html, "@import url(http://127.0.0.1:9/y.css); p{color:red}"
    )


def test_no_foreign_host_is_named_in_the_digest(stages: tuple[str, str, str, str]) -> None:
    """MJML's own default asks Google for a font."""
    *_, after = stages
    hosts = set(re.findall(r"https?://([^/\"'\s)>]+)", after))
    assert hosts == {
        "post.example.com",
        "radio.example.com",
        "gazette.example.com",
        "port.example.com",
        "www.w3.org",  # the namespace of XHTML
    }


def _as_premailer_does(html: str, css: str) -> str:
    """The same by premailer alone, told to keep its hands off the styles that stand in the page."""
    premailer = Premailer(
        html.replace("<style", '<style data-premailer="ignore"'),
        css_text=css,
        disable_link_rewrites=True,
        allow_network=False,
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        remove_unset_properties=False,
        disable_basic_attributes=["align", "valign", "bgcolor", "width", "height"],
        cssutils_logging_level=logging.CRITICAL,
    )
    inlined = premailer.transform(pretty_print=False).replace(' data-premailer="ignore"', "")  # within comments
    return f"<!doctype html>\n{inlined}\n"


def _styles(html: str) -> list[dict[str, str]]:
    """Every element's declarations, as far as they came from a class of ours."""
    page = lxml_html.document_fromstring(html)
    found = []
    for element in page.iter():
        if element.get("class") and element.get("style"):
            pairs = (pair.split(":", 1) for pair in element.get("style", "").split(";") if ":" in pair)
            found.append(
                {name.strip(): " ".join(value.replace(", ", ",").replace('"', "'").split()) for name, value in pairs}
            )
    return found


def test_a_style_of_its_own_folder_reaches_the_mail(tmp_path: Path) -> None:
    """A publisher changes the look by one file of CSS."""
    (tmp_path / "templates" / "digest").mkdir(parents=True)
    (tmp_path / "templates" / "digest" / "inline.css").write_text(".title { color: #123456; }")
    made = render.edition(issues.normal(), Templates(tmp_path), issues.SITE)
    assert '<h1 class="title" style="color:#123456">' in made.html
