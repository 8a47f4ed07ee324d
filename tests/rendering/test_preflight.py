"""Seeded faults are found by their rule at their level; clean issues raise none."""

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from newsletter.issues.contents import Contents
from newsletter.rendering import preflight, slots
from newsletter.rendering.preflight import Finding, Level
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.rendering import issues

URL = "https://post.example.com"
Spoil = Callable[[Rendered], Rendered]


@pytest.fixture
def clean(tmp_path: Path) -> Rendered:
    return edition(issues.normal(), Templates(tmp_path), issues.SITE)


def check(
    form: Rendered, contents: Contents | None = None, *, site_url: str = URL, min_articles: int = 3
) -> list[Finding]:
    return preflight.findings(form, contents or issues.normal(), site_url=site_url, min_articles=min_articles)


@pytest.mark.parametrize(
    "contents", [issues.normal(), issues.without_pictures(), issues.many_items(), issues.right_to_left()]
)
def test_a_clean_issue_raises_nothing(contents: Contents, tmp_path: Path) -> None:
    """A check that cries wolf is soon switched off."""
    assert check(edition(contents, Templates(tmp_path), issues.SITE), contents) == []


def html(before: str, after: str) -> Spoil:
    """The first `before` of the HTML becomes `after`; it must be there."""

    def spoil(form: Rendered) -> Rendered:
        assert before in form.html
        return replace(form, html=form.html.replace(before, after, 1))

    return spoil


def text(before: str, after: str) -> Spoil:
    return lambda form: replace(form, text=form.text.replace(before, after))


def padded(bytes_in_all: int) -> Spoil:
    return lambda form: replace(form, html=form.html + "<!--" + "x" * (bytes_in_all - len(form.html.encode())) + "-->")


def given(**fields: str) -> Spoil:
    return lambda form: replace(form, **fields)


FERRY = "https://port.example.com/ferry"
PLAIN = "http://post.example.com/frost"
BLOCK, WARN, NOTE = Level.BLOCK, Level.WARN, Level.NOTE
FAULTS: dict[str, tuple[Spoil, str, Level, str]] = {
    "no link to leave in the HTML": (html(f"/u/{slots.UNSUBSCRIBE}", "/bye"), "unsubscribe-link", BLOCK, "html"),
    "no link to leave in the text": (text(slots.UNSUBSCRIBE, ""), "unsubscribe-link", BLOCK, "text"),
    "no postal address in the HTML": (html("1 Quay Street", ""), "postal-address", BLOCK, "html"),
    "a hidden postal address": (html("1 Quay Street", "1 <style>Quay</style> Street"), "postal-address", BLOCK, "html"),
    "no postal address in the text": (text("1 Quay Street", ""), "postal-address", BLOCK, "text"),
    "a mark that nobody fills": (html("No.", "MarkNameZZZZZZZZ"), "unresolved-mark", BLOCK, "html"),
    "template code in the HTML": (html("Good morning", "{{ greeting }}"), "template-syntax", BLOCK, "html"),
    "template code in a link": (html(f"{URL}/frost", "{{ url }}"), "template-syntax", BLOCK, "html"),
    "template code in the subject": (given(subject="Hello *|FNAME|*"), "template-syntax", BLOCK, "subject"),
    "template code in the text": (text("Good", "{% if x %}"), "template-syntax", BLOCK, "text"),
    "a mail that Gmail cuts off": (padded(100_001), "size", BLOCK, "html"),
    "a mail that is nearly too long": (padded(90_001), "size", WARN, "html"),
    "a picture without words": (html("A picture of story 1", " "), "picture-alt", WARN, f"{URL}/media/1.jpg"),
    "a picture without a width": (html('width="160"', ""), "picture-width", WARN, f"{URL}/media/2.jpg"),
    "an empty text part": (given(text=" \n"), "text-part", BLOCK, "text"),
    "a link that the text lacks": (text(FERRY, ""), "text-links", WARN, FERRY),
    "no subject": (given(subject="  "), "subject", BLOCK, "subject"),
    "a long subject": (given(subject="a" * 91), "subject", WARN, "subject"),
    "no preheader": (given(preheader=""), "preheader", WARN, "preheader"),
    "a short preheader": (given(preheader="Hello"), "preheader", NOTE, "preheader"),
    "our own link without TLS": (html(f"{URL}/frost", PLAIN), "own-links", WARN, PLAIN),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_found(name: str, clean: Rendered) -> None:
    """By its rule, at its level, at its place, with a sentence that says more than a word."""
    spoil, rule, level, where = FAULTS[name]
    found = check(spoil(clean))
    assert (rule, level, where) in [(f.rule, f.level, f.where) for f in found]
    assert all(len(f.message.split()) > 5 and f.message.endswith(".") for f in found)
    assert preflight.blocks(found) == any(f.level is Level.BLOCK for f in found)


def test_too_few_stories_block(clean: Rendered) -> None:
    """The editors set the least number themselves."""
    assert [(f.rule, f.level) for f in check(clean, min_articles=8)] == [("too-few", Level.BLOCK)]


def test_no_postal_address_at_all_blocks(clean: Rendered) -> None:
    """An empty one would be found everywhere."""
    found = check(clean, issues.normal(postal_address=" "))
    assert [(f.rule, f.level) for f in found] == [("postal-address", Level.BLOCK)]


def test_template_code_in_an_articles_own_words_only_warns(tmp_path: Path) -> None:
    """A piece about programming is no fault of ours."""
    contents = issues.normal(lead=issues.an_item(1, title="Why {{ x }} is everywhere"))
    found = check(edition(contents, Templates(tmp_path), issues.SITE), contents)
    assert {(f.rule, f.level) for f in found} == {("template-syntax", Level.WARN)}


def test_a_site_on_this_machine_is_only_noted(tmp_path: Path) -> None:
    """The demo and a first try live on 127.0.0.1."""
    site = issues.SITE.model_copy(update={"url": "http://127.0.0.1:8000"})
    contents = issues.normal(web_view_url="http://127.0.0.1:8000/x")
    found = check(edition(contents, Templates(tmp_path), site), contents, site_url=site.url)
    assert [(f.rule, f.level) for f in found] == [("own-links", Level.NOTE)]


LIST = "List-Unsubscribe"
GOOD = b"""From: The Harbour Post <daily@example.com>\r
To: reader@example.com\r
Subject: The ferry is back\r
Date: Mon, 23 Nov 2026 06:30:00 +0000\r
Message-ID: <1@example.com>\r
List-Unsubscribe: <https://post.example.com/u/TOKEN>, <mailto:u@example.com>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
List-Id: "The Harbour Daily" <daily.post.example.com>\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=x\r
\r
--x\r
Content-Type: text/plain\r
\r
a\r
--x\r
Content-Type: text/html\r
\r
<p>a</p>\r
--x--\r
"""


def message(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def test_a_good_message_raises_nothing() -> None:
    """All that RFC 5322, 2369, 2919 and 8058 ask."""
    assert preflight.headers(message(GOOD)) == []


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (b"Date: Mon, 23 Nov 2026 06:30:00 +0000\r\n", b"", "Date"),
        (b"Message-ID: <1@example.com>\r\n", b"", "Message-ID"),
        (b"To: reader@example.com\r\n", b"To: a@example.com\r\nTo: b@example.com\r\n", "To"),
        (b"List-Id: \"The Harbour Daily\" <daily.post.example.com>", b"List-Id: daily", "List-Id"),
        (b"<https://post.example.com/u/TOKEN>", b"=?utf-8?q?=3Chttps=3A//a.example.com/1=3E?=", LIST),
        (b"<https://post.example.com/u/TOKEN>", b"<https://a.example.com/>, <https://b.example.com/>", LIST),
        (b"<https://post.example.com/u/TOKEN>, ", b"", LIST),
        (b"List-Unsubscribe=One-Click", b"One-Click", "List-Unsubscribe-Post"),
        (b"MIME-Version: 1.0\r\n", b"", "MIME-Version"),
        (b"multipart/alternative", b"multipart/mixed", "Content-Type"),
        (b"text/plain", b"text/html", "Content-Type"),
    ],
)  # fmt: skip
def test_a_header_that_a_provider_would_miss_blocks(before: bytes, after: bytes, where: str) -> None:
    """Each names its header."""
    assert before in GOOD
    found = preflight.headers(message(GOOD.replace(before, after, 1)))
    assert [(f.level, f.where) for f in found] == [(Level.BLOCK, where)]
