"""What a feed lacks, from the articles' pages: `newsletter.sources.pages`."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.config import Config
from newsletter.database import Database
from newsletter.errors import ConfigError
from newsletter.sources import collect
from newsletter.sources.collect import SourceReport
from tests.builders import NOW
from tests.fakes import FeedServer
from tests.sources.served import LATER, a_feed, items, stored, with_sources

PAGE = b"""<html><head><title>One | News</title><meta name="description" content="From the page.">
<meta property="og:image" content="/one.jpg"><meta property="og:image:alt" content="A boat"><meta name="author"
content="Jane Doe"><meta property="article:section" content="culture"><meta property="article:published_time"
content="2026-11-22T20:00:00Z"></head><body><article><h1>First story</h1><p>The body.</p></article></body></html>"""


def a_paper(server: FeedServer, **more: str) -> Config:
    """One feed whose pages are read."""
    table = a_feed("wire", server.url("/f"), **more) + '\nfetch_pages = true\nsections = ["Culture"]'
    return with_sources(table)


def an_item(server: FeedServer, name: str, more: str = "") -> str:
    """The inside of an item that says next to nothing."""
    return f"<guid>{name}</guid><title>First story {name}</title><link>{server.url('/' + name)}</link>{more}"


def test_what_a_feed_lacks_is_read_from_the_page_once(database: Database, server: FeedServer):
    """Standfirst, picture, author, section and time; the next reading of the feed takes nothing of it away."""
    server.serve("/f", items(an_item(server, "1")))
    server.serve("/1", PAGE, content_type="text/html")
    assert collect.refresh(database, a_paper(server), NOW) == [SourceReport("wire", new=1)]
    (article,) = stored(database)
    assert (article.standfirst, article.author, article.section) == ("From the page.", "Jane Doe", "Culture")
    assert (article.image, article.image_alt) == (server.url("/one.jpg"), "A boat")
    assert article.published_at == datetime(2026, 11, 22, 20, tzinfo=UTC)
    assert (article.page_read_at, article.title, article.body) == (NOW, "First story 1", "")
    assert collect.refresh(database, a_paper(server), LATER) == [SourceReport("wire", seen=1)]
    assert stored(database) == [article]
    assert [path for path, _ in server.asked] == ["/f", "/1", "/f"]
    assert "text/html" in server.asked[1][1]["accept"]


def test_what_the_feed_says_stays(database: Database, server: FeedServer):
    """The page fills what is empty, and nothing else; an article that lacks nothing has its page left alone."""
    told = "<description>From the feed.</description><pubDate>Sun, 22 Nov 2026 01:00:00 GMT</pubDate>"
    whole = told + "<author>Ed</author><enclosure type='image/jpeg' url='https://news.example/f.jpg'/>"
    server.serve("/f", items(an_item(server, "1", told), an_item(server, "2", whole)))
    server.serve("/1", PAGE)
    collect.refresh(database, a_paper(server), NOW)
    first, second = stored(database)
    assert (first.standfirst, first.author, first.published_at.hour) == ("From the feed.", "Jane Doe", 1)
    assert (second.author, second.page_read_at) == ("Ed", None)
    assert "/2" not in [path for path, _ in server.asked]


def test_a_page_that_tells_something_else_fills_nothing_in(database: Database, server: FeedServer):
    """A wall that asks for consent has a headline of its own; nor is it asked again."""
    server.serve("/f", items(an_item(server, "1"), an_item(server, "2")))
    server.serve("/1", PAGE.replace(b"First story", b"Please accept cookies").replace(b"One | News", b"Welcome"))
    for _ in range(2):
        collect.refresh(database, a_paper(server), NOW)
    assert [(a.standfirst, a.page_read_at) for a in stored(database)] == [("", NOW), ("", NOW)]
    assert sorted(path for path, _ in server.asked) == ["/1", "/2", "/f", "/f"]


def test_pages_are_bounded_for_each_run_and_the_rest_comes_next(sqlite: Database, server: FeedServer):
    """Those at the top of the feed first; an old article's page is of no use any more."""
    server.serve("/f", items(*(an_item(server, str(n)) for n in range(7))))
    paper = a_paper(server)
    few = paper.model_copy(update={"collecting": paper.collecting.model_copy(update={"pages_per_run": 3})})
    collect.refresh(sqlite, few, NOW)
    assert {path for path, _ in server.asked} == {"/f", "/0", "/1", "/2"}
    collect.refresh(sqlite, few, LATER)
    assert {path for path, _ in server.asked} == {"/f", "/0", "/1", "/2", "/3", "/4", "/5"}
    collect.refresh(sqlite, few, NOW + timedelta(days=3))
    assert "/6" not in {path for path, _ in server.asked}


def test_a_host_that_asks_to_be_left_alone_keeps_its_pages_for_later(sqlite: Database, server: FeedServer):
    """429 with Retry-After ends the run's pages of that host, and none of them is lost."""
    server.serve("/f", items(*(an_item(server, str(n)) for n in range(9))))
    for n in range(9):
        server.serve(f"/{n}", b"", status=429, retry_after="60")
    collect.refresh(sqlite, a_paper(server), NOW)
    assert len(server.asked) <= 1 + 2  # two were under way at once
    assert {article.page_read_at for article in stored(sqlite)} == {None}


def test_a_feed_leads_us_to_no_page_inside(sqlite: Database, server: FeedServer):
    """Its links are a stranger's words: the same guard, and no port but the feed's own."""
    inside = "<guid>1</guid><title>First story</title><link>http://127.0.0.2/secret</link>"
    server.serve("/f", items(inside, inside.replace(">1<", ">2<").replace("127.0.0.2", "127.0.0.1:1")))
    collect.refresh(sqlite, a_paper(server), NOW)
    assert [article.standfirst for article in stored(sqlite)] == ["", ""]


def test_without_trafilatura_the_key_is_an_error_that_says_what_to_install(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
):
    """At the start, with the line; not in the middle of a morning."""
    monkeypatch.setattr(sys.modules["newsletter.config.load"], "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"line \d+: sources\.1\.fetch_pages: .*newsletter\[extract\]"):
        a_paper(server)


def test_only_feeds_have_pages_elsewhere():
    """A folder's articles are here whole."""
    with pytest.raises(ConfigError, match="`fetch_pages` is for feeds"):
        with_sources('name = "desk"\nkind = "folder"\npath = "a"\nsection = "World"\nfetch_pages = true')
