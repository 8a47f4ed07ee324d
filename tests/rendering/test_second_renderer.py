"""npm's mjml as a second renderer: what our engine makes of a design has the same words, links and pictures."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def second() -> Iterator[Callable[[str], str]]:
    """The HTML that npm's mjml makes of some MJML, with its strictest validation."""
    with subprocess.Popen(
        ["node", str(NPM / "render.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as node:
        assert node.stdin
        assert node.stdout
        assert node.stderr
        asked, answered, complained = node.stdin, node.stdout, node.stderr

        def render(source: str) -> str:
            asked.write(json.dumps(re.sub(r"<!--@.*?-->", "", source)).encode() + b"\n")
            asked.flush()
            line = answered.readline()
            assert line, complained.read().decode()[-2000:]
            made: str = json.loads(line)
            return made

        yield render
        asked.close()


@pytest.mark.parametrize("design", ["digest", "letter", "links"])
@pytest.mark.parametrize("case", CASES)
def test_another_renderer_says_the_same(
    case: Callable[[], Contents], design: str, second: Callable[[str], str], tmp_path: Path
) -> None:
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
