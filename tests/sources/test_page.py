"""What a page says of its article: `newsletter.sources.page`."""

import warnings
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from newsletter.errors import FetchError
from newsletter.sources import page
from newsletter.sources.found import FoundArticle

LONDON = ZoneInfo("Europe/London")
URL = "https://news.example/2026/ferry?utm_source=feed"
TEXT = "".join(
    f"<p>Sentence {n} of the piece tells how the ferry came back to the harbour after weeks.</p>" for n in "123"
)
JSON_LD = """<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
    {"@type": "WebSite", "name": "News"},
    {"@type": ["NewsArticle"], "headline": "Ferry sails", "description": "It is back.", "articleSection": ["City", "x"],
     "author": [{"@type": "Person", "name": "Jane Doe"}, {"name": "Bob Roe"}],
     "datePublished": "2026-11-23T06:30:00+01:00",
     "image": {"@type": "ImageObject", "url": "/ld.jpg"}}]}</script>"""
META = """<meta name="description" content="Back &amp;amp; well."><meta name="author" content="Ann Moe">
    <meta property="og:image" content="/og.jpg"><meta property="og:image:alt" content="A boat">
    <meta property="article:published_time" content="2026-11-23T05:00:00Z">
    <meta property="article:section" content="World"><link rel="canonical" href="https://news.example/ferry">"""


def read(html: str | bytes, content_type: str = "text/html; charset=utf-8", url: str = URL) -> FoundArticle:
    """The article of a page that was fetched from URL."""
    data = html.encode() if isinstance(html, str) else html
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lxml warns trafilatura; both are others'
        return page.read(data, url, zone=LONDON, content_type=content_type)


def a_page(head: str, body: str = TEXT) -> str:
    """A page with something around its article."""
    return (
        f"<html><head><title>Ferry sails again | News</title>{head}</head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>Ferry sails again</h1>{body}</article><footer>All rights reserved</footer></body></html>"
    )


def test_a_page_tells_search_engines_what_it_does_not_tell_in_meta_elements():
    """JSON-LD (schema.org/Article), wherever it stands in the document."""
    article = read(a_page(JSON_LD))
    assert (article.title, article.standfirst, article.author) == (
        "Ferry sails again",
        "It is back.",
        "Jane Doe, Bob Roe",
    )
    assert (article.image, article.sections) == ("https://news.example/ld.jpg", ("City",))
    assert article.published_at == datetime(2026, 11, 23, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "is_paid"),
    [("false", True), ('"False"', True), ('"https://schema.org/False"', True), ("true", False), ('"True"', False)],
)
def test_a_page_that_wants_a_subscription_says_so(said: str, is_paid: bool):
    """schema.org's isAccessibleForFree, as search engines ask for it; a page that says nothing is free."""
    told = JSON_LD.replace('"headline"', f'"isAccessibleForFree": {said}, "headline"')
    assert read(a_page(told)).is_paid == is_paid
    assert not read(a_page(JSON_LD)).is_paid


def test_meta_elements_come_first_and_the_page_names_its_address():
    """What the page says of itself to everybody."""
    article = read(a_page(META + JSON_LD))
    assert (article.url, article.guid) == ("https://news.example/ferry", "https://news.example/ferry")
    assert (article.standfirst, article.author, article.sections) == ("Back & well.", "Ann Moe", ("World",))
    assert (article.image, article.image_alt) == ("https://news.example/og.jpg", "A boat")
    assert article.published_at == datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "elsewhere", ["https://other.example/ferry", "https://news.example/", "javascript:alert(1)", ""]
)
def test_a_page_speaks_only_for_its_own_site(elsewhere: str):
    """A canonical address on another site, or the front page, would make one article of many."""
    article = read(a_page(f'<link rel="canonical" href="{elsewhere}">'))
    assert article.url == "https://news.example/2026/ferry"


def test_the_body_is_the_article_and_clean():
    """Without navigation, headline, script or a request to sign up."""
    body = TEXT + "<script>alert(1)</script><p onclick='x()'>The end.</p><p>Sign up for our newsletter.</p>"
    article = read(a_page("", body))
    assert article.body.startswith("<p>Sentence 1 of the piece")
    for word in ("Home", "alert", "onclick", "All rights", "Sign up", "<h3>Ferry"):
        assert word not in article.body


def test_a_page_is_read_in_its_own_charset():
    """The server's word first, then the page's."""
    russian = a_page("", "<p>Паром снова ходит.</p>").replace("Ferry sails again", "Паром снова ходит")
    assert read(russian.encode("cp1251"), "text/html; charset=windows-1251").title == "Паром снова ходит"
    inside = russian.replace("<head>", '<head><meta charset="windows-1251">')
    assert read(inside.encode("cp1251"), "text/html").title == "Паром снова ходит"
    assert read(russian, "text/html; charset=nonsense").title == "Паром снова ходит"


@pytest.mark.parametrize(
    "data",
    [b"", b"<html></html>", b"\x89PNG\r\n", b"{}", b"<html><head><script type='application/ld+json'>{</script>"],
)
def test_what_is_no_article_is_an_error_in_words(data: bytes):
    """An empty page, a picture, half a script."""
    with pytest.raises(FetchError):
        read(data)


@pytest.mark.parametrize(
    "told",
    [
        "[" * 100_000,
        '{"@type": 7}',
        '{"@type": "NewsArticle", "author": 7, "image": [7], "headline": []}',
        '{"@graph": "x"}',
    ],
)
def test_odd_json_ld_is_passed_over(told: str):
    """A value of the wrong type counts as absent."""
    assert read(a_page(f"<script type='application/ld+json'>{told}</script>")).title == "Ferry sails again"
