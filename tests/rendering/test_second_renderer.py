"""npm's mjml as a second renderer: what our engine makes of a design has the same words, links and pictures."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html as lxml_html

from newsletter.issues.contents import Contents
from newsletter.rendering import inline, mjml, values
from newsletter.rendering.templates import Templates
from tests.conftest import NPM
from tests.rendering import issues

pytestmark = [pytest.mark.npm, pytest.mark.slow]
CASES = [issues.normal, issues.everything, issues.hard_headlines, issues.no_intro, issues.arabic, issues.hostile]


def second(source: str) -> str:
    """The HTML that npm's mjml makes, with its strictest validation."""
    plain = re.sub(r"<!--@.*?-->", "", source)
    done = subprocess.run(
        ["node", str(NPM / "render.mjs")], input=plain, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("design", ["digest", "letter", "links"])
@pytest.mark.parametrize("case", CASES)
def test_another_renderer_says_the_same(case: Callable[[], Contents], design: str, tmp_path: Path) -> None:
    """Nothing is lost in ours, nothing is added; the MJML itself is right by the reference's own check."""
    contents = issues.in_(design, case())
    source, _ = inline.take_out(Templates(tmp_path).render(f"{design}/issue.mjml", **values.of(contents, issues.SITE)))
    ours, theirs = (lxml_html.document_fromstring(made) for made in (mjml.to_html(source), second(source)))
    assert words(ours) == words(theirs) != ""
    assert links(ours) == links(theirs)
    assert pictures(ours) == pictures(theirs)
    assert (ours.get("lang"), ours.get("dir")) == (theirs.get("lang"), theirs.get("dir"))


def words(page: lxml_html.HtmlElement) -> str:
    body = page.find("body")
    assert body is not None
    for element in list(body.iter("style")):
        element.drop_tree()
    return " ".join(" ".join(str(text) for text in body.itertext() if str(text).strip()).split())


def links(page: lxml_html.HtmlElement) -> list[tuple[str, str]]:
    return [(str(link.get("href")), " ".join(link.text_content().split())) for link in page.iter("a")]


def pictures(page: lxml_html.HtmlElement) -> list[tuple[str | None, ...]]:
    return [tuple(picture.get(name) for name in ("src", "alt", "width")) for picture in page.iter("img")]
