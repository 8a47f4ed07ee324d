"""Feeds' bytes → articles: `newsletter.sources.feed`."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import FetchError
from newsletter.sources import feed
from newsletter.sources.found import FoundArticle

LONDON = ZoneInfo("Europe/London")
ADDRESS = "https://news.example/feed"


def parsed(data: str | bytes, max_items: int = 500, content_type: str = "application/xml") -> list[FoundArticle]:
    """The articles of a feed that stood at ADDRESS."""
    raw = data.encode() if isinstance(data, str) else data
    return list(feed.parse(raw, ADDRESS, zone=LONDON, max_items=max_items, content_type=content_type).articles)


def rss(*items: str) -> str:
    """An RSS feed of these items' insides."""
    return (
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>News</title>'
        + "".join(f"<item>{item}</item>" for item in items)
        + "</channel></rss>"
    )


def the_item(inside: str) -> FoundArticle:
    """The one article of an RSS feed with one item."""
    (article,) = parsed(rss(inside))
    return article


def test_an_rss_item_fills_every_field():
    """Id, address, headline, standfirst, body, author, sections, picture and time, each clean."""
    article = the_item("""
        <guid isPermaLink="false">n-7</guid><link>https://news.example/7?utm_source=rss</link>
        <title>Ferry &amp;amp; crew &lt;b&gt;sail&lt;/b&gt;</title>
        <description>Back after &lt;i&gt;weeks&lt;/i&gt;.</description>
        <content:encoded><![CDATA[<p>The boat is back.</p><script>alert(1)</script>
        <p>At <a href="/q">last</a>.</p>]]></content:encoded>
        <dc:creator>By Jane Doe</dc:creator><category>City</category><category>Harbour</category>
        <media:content url="https://news.example/7.jpg" medium="image" width="800"/>
        <pubDate>Mon, 23 Nov 2026 06:30:00 +0100</pubDate>""")
    assert article == FoundArticle(
        guid="n-7",
        url="https://news.example/7",
        title="Ferry & crew sail",
        standfirst="Back after weeks.",
        body='<p>The boat is back.</p>\n<p>At <a href="https://news.example/q">last</a>.</p>',
        author="Jane Doe",
        sections=("City", "Harbour"),
        image="https://news.example/7.jpg",
        words=6,
        published_at=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    )


def test_an_atom_entry_is_read_with_its_base():
    """Atom says `updated` where RSS says pubDate, and links may begin at xml:base (RFC 4287 §2)."""
    (article,) = parsed(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://news.example/a/"><title>F</title><entry><id>tag:1</id>'
        '<title type="html">One &amp;lt; two</title><link href="b.html"/><author><name>Ann</name></author>'
        "<updated>2026-11-23T07:00:00Z</updated><summary>Short.</summary>"
        '<content type="html">&lt;p&gt;See &lt;a href="c.html"&gt;this&lt;/a&gt;.&lt;/p&gt;</content></entry></feed>'
    )
    assert (article.guid, article.url, article.title) == ("tag:1", "https://news.example/a/b.html", "One < two")
    assert article.body == '<p>See <a href="https://news.example/a/c.html">this</a>.</p>'
    assert (article.author, article.standfirst) == ("Ann", "Short.")
    assert article.published_at == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_a_json_feed_is_read():
    """JSON Feed 1.1: text is text, HTML is HTML, and a value of the wrong type counts as absent."""
    (article, odd) = parsed(
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "News",
                "items": [
                    {
                        "id": "1",
                        "url": "https://news.example/1#x",
                        "title": "1 < 2 & so on",
                        "content_html": "<p>Body <b>one</b> is long.</p>",
                        "summary": "In short.",
                        "image": "/1.png",
                        "authors": [{"name": "Ann"}, {"name": "Bob"}, 7],
                        "tags": ["City", None],
                        "date_published": "2026-11-23T06:30:00+01:00",
                    },
                    {"id": 2, "title": "Odd", "content_text": "a < b\n\nc", "date_published": 5, "authors": "x"},
                    "no item",
                ],
            }
        )
    )
    assert article == FoundArticle(
        guid="1",
        url="https://news.example/1",
        title="1 < 2 & so on",
        standfirst="In short.",
        body="<p>Body <b>one</b> is long.</p>",
        author="Ann, Bob",
        sections=("City",),
        image="https://news.example/1.png",
        words=4,
        published_at=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    )
    assert (odd.title, odd.published_at) == ("Odd", None)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html><body>Not found</body></html>", b"hello", b'{"items": []}', b"{", b"{" * 100_000, b'{"version": 1}',
     b"\x89PNG\r\n\x1a\n", b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_feed_is_an_error_in_words(answer: bytes):
    """A login page, an empty answer or another JSON is named as what it is, not taken for a feed without news."""
    with pytest.raises(FetchError, match=r"feed|JSON"):
        parsed(answer)


def test_an_item_without_an_id_keeps_one_through_a_changed_headline():
    """The address is the next best id; only without one the headline must do."""
    old, new = (the_item(f"<title>{t}</title><link>https://news.example/1</link>") for t in ("A", "B"))
    assert old.guid == new.guid
    assert the_item("<title>A</title>").guid != the_item("<title>B</title>").guid
    assert len(the_item(f"<guid>{'x' * 3000}</guid><title>A</title>").guid) <= 500


def test_an_item_without_a_headline_opens_with_its_standfirst_and_one_without_both_is_none():
    """Some feeds are notes without titles; an item with nothing to read is no article."""
    assert the_item("<description>A short note.</description>").title == "A short note."
    assert parsed(rss("<link>https://news.example/1</link>")) == []


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("Mon, 23 Nov 2026 06:30:00 EST", datetime(2026, 11, 23, 11, 30, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 06:30:00 GMT", datetime(2026, 11, 23, 6, 30, tzinfo=UTC)),
        ("Fri, 10 Jul 2026 06:30:00", datetime(2026, 7, 10, 5, 30, tzinfo=UTC)),  # no zone: the source's, in summer
        ("2026-07-10", datetime(2026, 7, 9, 23, tzinfo=UTC)),  # midnight there
        ("2026-07-10T06:30:00Z", datetime(2026, 7, 10, 6, 30, tzinfo=UTC)),
        ("23.11.2026 7:00", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("yesterday", None),
        ("Mon, 99 Nov 2026 99:99:99 GMT", None),
        ("", None),
    ],
)
def test_a_date_is_read_in_the_zone_it_names_or_the_sources(said: str, moment: datetime | None):
    """Without a zone it is the source's; what can't be read is left to `collect`, which knows when it saw the item."""
    assert the_item(f"<title>A</title><pubDate>{said}</pubDate>").published_at == moment


def test_a_pictures_caption_is_not_the_articles_text():
    """Media RSS describes the picture, not the piece: the description is its alt text."""
    article = the_item("""<title>A</title>
        <media:content url="https://news.example/a.jpg" type="image/jpeg"><media:description type="plain">A boat.
        </media:description></media:content><description>The ferry is back.</description>""")
    assert (article.standfirst, article.image_alt, article.body) == ("The ferry is back.", "A boat.", "")


def test_the_largest_picture_is_taken_and_a_thumbnail_is_not():
    """A picture of 60 pixels would be blown up to 600; a broken address is none."""
    article = the_item("""<title>A</title><media:content url="https://news.example/s.jpg" medium="image" width="400"/>
        <media:content url="https://news.example/l.jpg" medium="image" width="1100"/>
        <media:content url="https://news.example/v.mp4" medium="video" width="1920"/>""")
    assert article.image == "https://news.example/l.jpg"
    assert not the_item('<title>A</title><media:thumbnail url="https://e.example/t.jpg" width="60"/>').image
    assert not the_item('<title>A</title><enclosure url="https://e.example/x_70x70.jpg" type="image/jpeg"/>').image
    inside = the_item('<title>A</title><description>&lt;img src="/i.jpg" alt="A boat"&gt; Back.</description>')
    assert (inside.image, inside.image_alt) == ("https://news.example/i.jpg", "A boat")


def test_a_body_that_says_no_more_than_the_standfirst_is_none():
    """Many feeds tell their summary twice; its few words are no reading time."""
    article = the_item(
        "<title>A</title><description>Same.</description><content:encoded>&lt;p&gt;Same.&lt;/p&gt;</content:encoded>"
    )
    assert (article.standfirst, article.body, article.words) == ("Same.", "", 0)


def test_a_whole_piece_in_the_description_is_a_body():
    """The standfirst is then its opening."""
    article = the_item(
        "<title>A</title><description>" + "&lt;p&gt;One sentence of the piece.&lt;/p&gt;" * 60 + "</description>"
    )
    assert article.body.count("<p>") == 60
    assert article.standfirst == "One sentence of the piece."


def test_a_bare_mail_address_is_no_author():
    """RSS asks for an address as author; readers want a name, and addresses are not ours to publish."""
    assert the_item("<title>A</title><author>desk@news.example (Jane Doe)</author>").author == "Jane Doe"
    assert the_item("<title>A</title><author>desk@news.example</author>").author == ""


def test_of_too_many_items_the_newest_are_kept_in_order():
    """`max_items` bounds a feed; an item without a date counts by its place, as new."""
    items = [f"<title>{n}</title><pubDate>2026-11-{n:02}T00:00:00Z</pubDate>" for n in (3, 9, 5, 7)]
    assert [a.title for a in parsed(rss(*items, "<title>undated</title>"), max_items=3)] == ["9", "7", "undated"]


def test_charsets_are_read_as_declared_or_as_they_are():
    """By XML declaration, by HTTP header, and where the declaration is wrong."""
    head = '<?xml version="1.0" encoding="{}"?>'
    russian = rss("<title>Паром снова ходит</title>")
    assert parsed((head.format("windows-1251") + russian).encode("cp1251"))[0].title == "Паром снова ходит"
    assert parsed(russian.encode("cp1251"), content_type="text/xml; charset=windows-1251")[0].title[:5] == "Паром"
    assert parsed((head.format("utf-16") + russian).encode("utf-16"))[0].title == "Паром снова ходит"
    assert parsed((head.format("utf-8") + rss("<title>naïve</title>")).encode("latin-1"))[0].title == "naïve"


def test_half_a_feed_gives_its_whole_items():
    """A connection that broke off, or an editor's stray ampersand, costs no more than it must."""
    whole = rss(*(f"<title>Item {n} & more</title>" for n in range(20)))
    assert len(parsed(whole[: len(whole) // 2])) == 8


def test_a_feed_is_never_a_way_to_a_file(tmp_path: Path):
    """feedparser opens paths that it is given as text, and XML has external entities: neither reads a file for us."""
    canary = tmp_path / "canary.txt"
    canary.write_text("canary")
    entity = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{canary.as_uri()}">]>' + rss("<title>A&x;</title>")
    assert "canary" not in str(parsed(entity))
    with pytest.raises(FetchError):
        parsed(str(canary))


def test_entities_made_of_entities_are_refused_and_plain_ones_are_not():
    """A bomb would grow a thousandfold; an old feed that names its own dash is read."""
    bomb = '<!DOCTYPE r [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;">]>' + rss("<title>A&b;</title>")
    with pytest.raises(FetchError, match="entities out of entities"):
        parsed(bomb)
    assert len(parsed('<!DOCTYPE r [<!ENTITY dash "&#8212;">]>' + rss("<title>Ferry sails</title>"))) == 1


def bombs(tags: int) -> list[str]:
    """Feeds of about so many tags in every shape that is known to keep a parser busy."""
    return [
        "<rss version='2.0'><channel>" + "<item>" * tags,
        "<rss version='2.0'><channel><item>" + "<a>" * tags,
        "<rss version='2.0'><channel><item><a " + " ".join(f"a{n}='1'" for n in range(tags)) + "/>",
        "<rss version='2.0'><channel>" + "<item/>" * (10 * tags),
        "<!DOCTYPE z [<!ENTITY a0 'ha'>"
        + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
        + "]><rss version='2.0'><channel><item><title>&a9;</title></item></channel></rss>",
        rss("<title>" + "<" * tags + "</title>"),
        rss("<description><![CDATA[" + "<div>" * tags + "]]></description>"),
        rss(*["<title>A</title><description><![CDATA[" + "<ul><li>" * 100 + "]]></description>"] * (tags // 190)),
    ]


SHAPES = ("items", "depth", "attributes", "empty items", "entities", "angles", "boxes", "many deep")


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_no_bomb_keeps_the_parser_for_long(shape: int, monkeypatch: pytest.MonkeyPatch):
    """Within the bounds, here a twentieth of the real, it is read; beyond them refused; either way it ends."""
    monkeypatch.setattr(feed, "MAX_TAGS", feed.MAX_TAGS // 20)
    assert seconds_for(bombs(4_750)[shape]) < 15


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_no_bomb_of_the_largest_size_keeps_the_parser_for_long():
    """The same at the bounds as they are."""
    for bomb in bombs(95_000):
        assert seconds_for(bomb) < 60


def seconds_for(bomb: str) -> float:
    begun = time.process_time()
    with suppress(FetchError):
        assert len(parsed(bomb)) <= 500
    return time.process_time() - begun


PIECES = (
    "<rss version='2.0'> <channel> <item> </item> <title> <![CDATA[ ]]> &#0; &#xD800; <link> \xff\xfe \0 <guid/> "
    "<entry> <feed\txmlns='http://www.w3.org/2005/Atom'> <pubDate> 2026-11-23 9999-12-31T23:59:59-23:59 @ text "
    "0001-01-01T00:00:00+14:00 http://[ <media:content\turl='x' <?xml\tversion='1.0'\tencoding='utf-7'?> <author> "
    "<content:encoded> <published>"
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([piece.encode("latin-1") for piece in PIECES.split(" ")])))
def test_any_pieces_of_feeds_are_articles_or_an_error_in_words(pieces: list[bytes]):
    """Whatever a stranger serves, nothing but FetchError comes out."""
    with suppress(FetchError):
        assert all(article.title and article.guid for article in parsed(b"".join(pieces)))


def _torture(shared: Path) -> list[Path]:
    return sorted(p for p in (shared / "data" / "feed-torture").rglob("*") if p.is_file())


def _survives(path: Path) -> int:
    begun = time.process_time()
    try:
        found = parsed(path.read_bytes())
    except FetchError:
        found = []
    assert time.process_time() - begun < 2, path.name
    assert all(article.title and article.guid and len(article.guid) <= 500 for article in found)
    return len(found)


@pytest.mark.shared
def test_a_slice_of_odd_and_broken_feeds_is_survived(shared: Path):
    """No crash and no hang, and most of them have articles."""
    counts = [_survives(path) for path in _torture(shared)[::40]]
    assert sum(map(bool, counts)) > 20
