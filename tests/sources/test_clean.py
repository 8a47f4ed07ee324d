"""What a stranger's text may keep: `newsletter.sources.clean`."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as pages

from newsletter.sources import clean

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java\nscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='//evil.example/' onclick=alert(1) style='position:fixed' title=t>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<form action='https://evil.example'><input name=q><button>go</button></form>",
    "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<mj-include path='/etc/passwd' /><mj-raw><b>x</b></mj-raw>",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
]


def harmless(cleaned: str) -> bool:
    """Re-parsed, there are only allowed elements, and no attribute but addresses that may be followed."""
    page = pages.fromstring(f"<div>{cleaned}</div>")
    return all(
        element.tag in clean.TAGS and all(_followable(str(name), str(value)) for name, value in element.attrib.items())
        for element in page.iterdescendants()
    )


def _followable(name: str, value: str) -> bool:
    return name == "href" and value.startswith(("http://", "https://", "mailto:"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_script_survives_in_a_body_or_a_title(hostile: str):
    """Only the allow-list passes: no script, no handler, no address that runs something, no frame, no MJML."""
    assert harmless(clean.body(hostile, "https://news.example/"))
    assert "<script" not in clean.text_of(hostile, 300)
    assert "<img" not in clean.text_of(hostile, 300)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, "<", ">", "&lt;", "&amp;", '"', "'", "<p>", "</b>", "<li>", "x", "\0"])))
def test_no_mixture_of_hostile_pieces_gets_through(pieces: list[str]):
    """Broken tags beside each other must not add up to a whole one."""
    mixture = "".join(pieces)
    assert harmless(clean.body(mixture, "https://news.example/"))
    assert clean.body(clean.body(mixture)) is not None
    assert "\0" not in clean.text_of(mixture, 300)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored(text: str):
    """PostgreSQL takes neither NUL nor half surrogates, and a headline takes no line break."""
    for made in (clean.text_of(text, 300), clean.line(text, 300), clean.body(text)):
        made.encode("utf-8")
        assert "\0" not in made
    assert len(clean.line(text, 50)) <= 50
    assert clean.line(text, 50) == " ".join(clean.line(text, 50).split())


def test_the_text_of_a_title_has_neither_tags_nor_entities():
    """Feeds escape once, twice or not at all; readers see plain words."""
    assert clean.text_of("AT&amp;T &amp;amp; <b>friends</b>", 300) == "AT&T & friends"
    assert clean.text_of("&amp;lt;b&amp;gt;Twice&amp;lt;/b&amp;gt;", 300) == "Twice"
    assert clean.text_of("5 < 6, and I <3 you", 300) == "5 < 6, and I <3 you"
    assert clean.text_of("<p>One</p><p>Two<br>Three</p>", 300) == "One Two Three"
    assert clean.text_of("it&#8217;s &#146;fine&#146;", 300) == "it’s ’fine’"


def test_template_marks_arrive_literally():
    """A title is data: what looks like a template is text."""
    assert clean.text_of("{{7*7}} {% raw %}", 300) == "{{7*7}} {% raw %}"


def test_marks_that_turn_a_line_around_are_gone():
    """A headline must not be able to spell another one backwards; the joiners of emoji and Persian stay."""
    assert clean.line("Pay \u202eexe.\u202c now\u200b\ufeff \u2066x\u2069", 300) == "Pay exe. now x"
    assert clean.body("<p>a&#1;b&#x202e;c</p>") == "<p>abc</p>"
    assert clean.text_of("a&#1;b&#x202e;c", 300) == "abc"
    assert clean.line("👩\u200d🚒 می\u200cخواهم", 300) == "👩\u200d🚒 می\u200cخواهم"


def test_long_text_is_cut_between_words():
    """A cut is shown by an ellipsis, and never longer than the limit."""
    assert clean.clipped("The ferry sails again tomorrow", 20) == "The ferry sails…"
    assert clean.clipped("x" * 30, 20) == "x" * 19 + "…"


def test_boxes_become_paragraphs_and_headings_one_kind():
    """Pages are built of <div> and tables; mail and our own pages want paragraphs."""
    assert clean.body("<div><div>One</div><div>Two</div></div>") == "<p>One</p>\n<p>Two</p>"
    assert clean.body("<h1>A</h1><h5 class=x>B</h5>") == "<h3>A</h3>\n<h3>B</h3>"
    assert " ".join(clean.body("<table><tr><td>a</td><td>b</td></tr></table>").split()) == "<p> a b </p>"
    assert clean.body("One.\n\nTwo <b>bold</b><br><br>Three") == "<p>One.</p>\n<p>Two <b>bold</b></p>\n<p>Three</p>"


def test_links_in_a_body_are_absolute_or_gone():
    """A relative link begins at the article; a dead one leaves its words behind."""
    body = clean.body(
        '<p><a href="/x?a=1&amp;b=2">on</a> <a href="file:///etc">off</a></p>', "https://news.example/a/b"
    )
    assert body == '<p><a href="https://news.example/x?a=1&amp;b=2">on</a> off</p>'


def test_words_are_counted_for_reading_times():
    """Markup is no word, and where words have no spaces two characters count as one."""
    assert clean.word_count("<p>The ferry<br>sails</p><p>again &amp; again</p>") == 6
    assert clean.word_count("<p>渡し船は</p>") == 2


@pytest.mark.parametrize(
    ("said", "canonical"),
    [
        ("https://news.example/a?utm_source=rss&id=7&utm_medium=x#top", "https://news.example/a?id=7"),
        ("https://news.example/a?at_medium=RSS&at_campaign=KARANGA", "https://news.example/a"),
        ("https://news.example/a?fbclid=abc&ref=rss", "https://news.example/a"),
        ("https://news.example/a?ref=harbour&q=rss", "https://news.example/a?ref=harbour&q=rss"),
        ("https://news.example/a.cfm?c=1&amp;id=9&amp;amp;ref=rss", "https://news.example/a.cfm?c=1&id=9"),
        ("HTTPS://News.Example:443/A b?q=\"x\"", "https://news.example/A%20b?q=%22x%22"),
        ("//news.example/p", "https://news.example/p"),
        ("../up", "https://home.example/up"),
        ("http://münchen.example/ü", "http://xn--mnchen-3ya.example/%C3%BC"),
        ("http://user:secret@news.example/", "http://news.example/"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("mailto:a@b.example", ""),
        ("http://a57.news.example60/60/x.jpg", ""),
        ("http://[::1", ""),
        ("http://news.example:99999/", ""),
        ("http://news..example/", ""),
        ("https://news.example/" + "x" * 2000, ""),
    ],
)  # fmt: skip
def test_an_address_is_told_one_way(said: str, canonical: str):
    """Without fragment and tracking, absolute, percent-encoded; "" where it is no web address or too long to keep."""
    assert clean.canonical_url(said, "https://home.example/feeds/all") == canonical
    assert clean.canonical_url(canonical) == canonical


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_address_is_canonical_or_none(text: str):
    """What strangers call a link may be anything; the canonical form is stable and ASCII."""
    url = clean.canonical_url(text, "https://home.example/")
    assert url.isascii()
    assert clean.canonical_url(url) == url


@pytest.mark.slow
@pytest.mark.parametrize(
    "bomb",
    [
        "<div>" * 100_000, "<x>" * 100_000, "<ul><li>" * 40_000, "<blockquote>" * 30_000, "<p><b id=1>" * 20_000,
        '<b a="<">' * 40_000, '<b "' * 100_000, "<!--" * 90_000, "<b></x>" * 50_000, "<" * 400_000, "&" * 400_000,
        "<a " + "a=1 " * 50_000 + ">", "<table><b>" * 20_000, "<svg><p>" * 20_000, "<!" * 100_000,
        "<p>&nbsp;" * 30_000, "<a><a>" * 30_000, "<li>\n" * 40_000,
    ],
    ids=lambda bomb: bomb[:9],
)  # fmt: skip
def test_no_html_takes_long_to_clean(bomb: str):
    """Deep nesting costs a parser the square of its depth: 100,000 open boxes took 48 s before they were levelled."""
    begun = time.process_time()
    clean.body(bomb)
    clean.text_of(bomb, clean.STANDFIRST)
    assert time.process_time() - begun < 15


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://www.news.example/a-ferry/", "https://news.example/a-ferry"),
        ("https://m.news.example/a-ferry/amp", "https://news.example/a-ferry/index.html"),
        ("https://news.example/story?id=7&sid=a", "https://news.example/story?sid=b&id=7"),
        (
            "https://news.example/a.cfm?c_id=1&objectid=7",
            "https://news.example/a.cfm?objectid=7&c_id=1&cid=rss&sessionid=1",
        ),
    ],
)
def test_a_page_is_the_same_however_its_site_writes_it(one: str, other: str):
    """Scheme, www., a phone's page and counters change; what names the article does not."""
    assert clean.page_of(one) == clean.page_of(other) != ""


def test_two_pages_are_two():
    """By path, or by the parameter that names the article; a front page is none."""
    addresses = ["/a", "/b", "/a?id=1", "/a?id=2", "/a?objectid=2", "/a?p=1"]
    assert len({clean.page_of(f"https://news.example{address}") for address in addresses}) == 6
    assert clean.page_of("https://news.example/") == ""


@pytest.mark.parametrize(
    ("page", "is_article"),
    [
        ("news.example/world-51943612", True),
        ("news.example/ferry-sails-again-after-weeks", True),
        ("short.example/2Ysps7l", True),
        ("news.example/story?id=7", True),
        ("news.example/weather", False),
        ("news.example/article.cfm", False),
        ("news.example/archive/2026", False),
        ("news.example/live-blog", False),
    ],
)
def test_an_articles_page_has_a_name_of_its_own(page: str, is_article: bool):
    """A section's or a script's page holds many articles, one after the other."""
    assert clean.names_one_article(page) is is_article
