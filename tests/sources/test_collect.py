"""Every source into the store: `newsletter.sources.collect`."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image

from newsletter.database import Database
from newsletter.sources import apart, collect
from newsletter.sources.collect import SourceReport
from tests.builders import NOW, a_config
from tests.fakes import FeedServer
from tests.sources.served import LATER, a_feed, items, state, stored, with_sources


def test_new_articles_are_stored_once_and_changed_ones_changed(database: Database, server: FeedServer):
    """The same id is the same article: a second reading counts it as seen, another headline as changed."""
    url = server.serve("/f", items("<guid>1</guid><title>One</title>", "<guid>2</guid><title>Two</title>"))
    config = with_sources(a_feed("wire", url))
    assert collect.refresh(database, config, NOW) == [SourceReport("wire", new=2)]
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", seen=2)]
    assert {a.changed_at for a in stored(database)} == {NOW}
    server.serve("/f", items("<guid>1</guid><title>One, corrected</title>", "<guid>2</guid><title>Two</title>"))
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", changed=1, seen=1)]
    assert [(a.title, a.first_seen_at, a.changed_at) for a in stored(database)] == [
        ("One, corrected", NOW, LATER),
        ("Two", NOW, NOW),
    ]


def test_one_page_under_another_id_is_the_same_article(database: Database, server: FeedServer):
    """Feeds change ids; the canonical address stays, and the new headline is kept."""
    config = with_sources(a_feed("wire", server.url("/f")))
    page = "<link>https://news.example/ferry?utm_source={}</link>"
    server.serve("/f", items("<guid isPermaLink='false'>a</guid><title>Old</title>" + page.format("rss")))
    collect.refresh(database, config, NOW)
    server.serve("/f", items("<guid isPermaLink='false'>b</guid><title>New</title>" + page.format("atom")))
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", changed=1)]
    assert [(a.guid, a.title, a.url) for a in stored(database)] == [("b", "New", "https://news.example/ferry")]


def test_one_page_twice_in_a_feed_is_one_article_but_a_shared_front_page_is_not(database: Database, server: FeedServer):
    """Some feeds list a piece twice, and some link every item to their front page."""
    same, home = "<link>https://news.example/ferry</link>", "<link>https://news.example/</link>"
    feed = items(
        "<guid>1</guid><title>Ferry</title>" + same,
        "<guid>2</guid><title>Ferry</title>" + same,
        "<guid>3</guid><title>Note one</title>" + home,
        "<guid>4</guid><title>Note two</title>" + home,
        "<guid>1</guid><title>Ferry again</title>",
    )
    config = with_sources(a_feed("wire", server.serve("/f", feed)))
    assert collect.refresh(database, config, NOW) == [SourceReport("wire", new=3)]
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", seen=3)]


def test_two_sources_may_tell_the_same(database: Database, server: FeedServer):
    """Identity ends at the source: that two tell one story is for the pickers to see."""
    url = server.serve("/f", items("<guid>1</guid><title>One</title><link>https://news.example/1</link>"))
    config = with_sources(a_feed("wire", url), a_feed("agency", url))
    assert [report.new for report in collect.refresh(database, config, NOW)] == [1, 1]


def test_what_has_not_changed_is_not_fetched_again(database: Database, server: FeedServer):
    """A 304 counts what was there, and keeps the validators; another address begins anew."""
    feed = items("<guid>1</guid><title>One</title>", "<guid>2</guid><title>Two</title>")
    config = with_sources(a_feed("wire", server.serve("/f", feed, etag='"v1"')))
    collect.refresh(database, config, NOW)
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", seen=2)]
    assert server.asked[1][1]["if-none-match"] == '"v1"'
    assert (state(database).etag, state(database).good_at) == ('"v1"', LATER)
    moved = with_sources(a_feed("wire", server.serve("/moved", feed)))
    collect.refresh(database, moved, LATER)
    assert "if-none-match" not in server.asked[2][1]


def test_one_bad_source_is_named_and_the_others_go_on(database: Database, server: FeedServer, tmp_path: Path):
    """Missing folder, dead server, a page instead of a feed: each with its reason, in the order of the file."""
    good = server.serve("/good", items("<guid>1</guid><title>One</title>"))
    page = server.serve("/page", b"<html><body>Please log in</body></html>", etag='"page"')
    config = with_sources(
        a_feed("gone", server.url("/gone")),
        a_feed("page", page),
        a_feed("inside", "http://127.0.0.2:1/feed"),
        'name = "desk"\nkind = "folder"\npath = "nowhere"\nsection = "World"',
        a_feed("wire", good),
        folder=tmp_path,
    )
    reports = collect.refresh(database, config, NOW)
    assert [report.name for report in reports] == ["gone", "page", "inside", "desk", "wire"]
    words = ["404", "no feed", "collecting.private_networks", "There is no folder", ""]
    assert all(word in report.error for word, report in zip(words, reports, strict=True))
    assert reports[-1] == SourceReport("wire", new=1)
    assert "404" in state(database, "gone").error
    assert state(database, "gone").good_at is None
    assert state(database, "page").etag == ""


def test_a_source_that_recovers_says_no_more_of_its_error(database: Database, server: FeedServer):
    """And one that fails keeps the time at which it was good."""
    config = with_sources(a_feed("wire", server.serve("/f", items("<guid>1</guid><title>One</title>"))))
    collect.refresh(database, config, NOW)
    server.serve("/f", b"", status=503)
    collect.refresh(database, config, LATER)
    assert (state(database).good_at, state(database).checked_at) == (NOW, LATER)
    assert "503" in state(database).error
    server.serve("/f", items("<guid>1</guid><title>One</title>"))
    collect.refresh(database, config, LATER)
    assert state(database).error == ""


def test_no_article_comes_out_later_than_it_was_seen(database: Database, server: FeedServer):
    """Feeds lie about the future and leave dates out: both count from the first sight, and a second moves none."""
    feed = items(
        "<guid>1</guid><title>Future</title><pubDate>Sat, 01 Jan 2028 00:00:00 GMT</pubDate>",
        "<guid>2</guid><title>Undated</title>",
        "<guid>3</guid><title>Past</title><pubDate>Sun, 22 Nov 2026 00:00:00 GMT</pubDate>",
    )
    config = with_sources(a_feed("wire", server.serve("/f", feed)))
    collect.refresh(database, config, NOW)
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", seen=3)]
    assert [a.published_at for a in stored(database)] == [NOW, NOW, datetime(2026, 11, 22, tzinfo=UTC)]


def test_an_article_keeps_its_own_section_if_the_config_knows_it(database: Database, server: FeedServer):
    """Sections are the newsletter's, however a source spells them; an unknown one is the source's own."""
    feed = items(
        "<guid>1</guid><title>A</title><category>tag</category><category>culture</category>",
        "<guid>2</guid><title>B</title><category>Weather</category>",
        "<guid>3</guid><title>C</title>",
    )
    table = a_feed("wire", server.serve("/f", feed)) + '\nsections = ["Culture", "Sport"]'
    collect.refresh(database, with_sources(table), NOW)
    assert [a.section for a in stored(database)] == ["Culture", "World", "World"]


def test_a_source_of_no_weight_is_not_read(database: Database, server: FeedServer):
    """0 takes the source out."""
    config = with_sources(a_feed("wire", server.url("/f")) + "\nweight = 0.0")
    assert collect.refresh(database, config, NOW) == []
    assert server.asked == []


def test_a_folder_is_read_and_its_bad_files_named(database: Database, tmp_path: Path):
    """A picture is stored to be served; one that is missing costs the article nothing but the picture."""
    desk = tmp_path / "articles"
    (desk / "deep").mkdir(parents=True)
    picture = BytesIO()
    Image.new("RGB", (300, 200)).save(picture, "JPEG")
    (desk / "boat.jpg").write_bytes(picture.getvalue())
    (desk / "deep" / "ferry.md").write_text("---\ntitle: Ferry\nimage: ../boat.jpg\nsection: world\n---\nBack.")
    (desk / "lost.md").write_text("---\ntitle: Lost\nimage: nowhere.jpg\n---\nBody.")
    (desk / "empty.txt").write_text("")
    (desk / "plain.txt").write_text("Head\n\n23 November 2026\n\nStand.\n\nBody.")
    config = a_config(folder=tmp_path)
    (report,) = collect.refresh(database, config, NOW)
    assert (report.new, report.error) == (3, "")
    assert report.as_json() == {
        "name": "city-desk",
        "new": 3,
        "changed": 0,
        "seen": 0,
        "failed": [
            {"where": "empty.txt", "why": "the file is empty"},
            {"where": "lost.md", "why": "there is no picture nowhere.jpg beside the article"},
        ],
        "error": "",
    }
    ferry, lost, plain = sorted(stored(database, "city-desk"), key=lambda a: a.guid)
    assert (ferry.guid, ferry.section) == ("deep/ferry.md", "World")
    assert (config.site.media_dir / ferry.image.removeprefix("media/")).exists()
    assert (lost.image, lost.title) == ("", "Lost")
    assert plain.published_at == datetime(2026, 11, 23, tzinfo=UTC)


def test_correcting_an_undated_file_makes_it_no_newer(database: Database, tmp_path: Path):
    """Its modification time was a guess; the first guess stays, or yesterday's piece would be news again."""
    file = tmp_path / "articles" / "a.txt"
    file.parent.mkdir()
    yesterday = NOW - timedelta(days=1)
    for words, written in (("Ferri", yesterday), ("Ferry", NOW)):
        file.write_text(f"{words}\n\nStand.\n\nBody.")
        os.utime(file, (written.timestamp(), written.timestamp()))
        collect.refresh(database, a_config(folder=tmp_path), NOW)
    (article,) = stored(database, "city-desk")
    assert (article.title, article.published_at) == ("Ferry", yesterday)


def test_a_link_out_of_the_folder_is_not_followed(database: Database, tmp_path: Path):
    """Whoever may drop files into the folder must not publish others with them."""
    (tmp_path / "secret.txt").write_text("Secret\n\nStand.\n\nBody.")
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.txt").symlink_to(tmp_path / "secret.txt")
    (report,) = collect.refresh(database, a_config(folder=tmp_path), NOW)
    assert report.new == 0
    assert "outside" in report.failed[0].why


def test_two_collectors_at_once_store_everything_once(database: Database, server: FeedServer):
    """The scheduler and an editor may both collect; the source's row makes them take turns."""
    url = server.serve("/f", items(*(f"<guid>{n}</guid><title>{n}</title>" for n in range(50))))
    config = with_sources(a_feed("wire", url))
    together = threading.Barrier(3)

    def refresh(_: int) -> SourceReport:
        together.wait()
        return collect.refresh(database, config, NOW)[0]

    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(refresh, range(3)))
    assert sorted(report.new for report in reports) == [0, 0, 50]
    assert len(stored(database)) == 50


@pytest.mark.shared
@pytest.mark.slow
def test_a_days_real_feeds_are_collected_whole(database: Database, server: FeedServer, shared: Path):
    """Every item of every third outlet, counted by another parser; the next reading changes nothing."""
    day = "2020-05-06"
    files = sorted((shared / "data" / "feeds" / day).glob("*.xml"))[::3]
    urls = [server.serve(f"/{file.name}", file.read_bytes(), content_type="text/xml") for file in files]
    config = with_sources(*(a_feed(file.stem, url) for file, url in zip(files, urls, strict=True)))
    now = datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC)
    reports = collect.refresh(database, config, now)
    assert {r.name: r.new for r in reports} == {file.stem: _items_in(file) for file in files}
    assert not any(r.error or r.failed for r in reports)
    assert all(r.changed == r.new == 0 for r in collect.refresh(database, config, now))
    for file in files:
        for article in stored(database, file.stem):
            assert article.title
            assert article.url.startswith("http")
            assert "utm_" not in article.url
            assert article.published_at <= now


def _items_in(file: Path) -> int:
    """Its items with different pages, as lxml sees them."""
    page = etree.parse(file)
    found: Any = page.xpath("//item/link/text() | //*[local-name()='entry']/*[local-name()='link']/@href")
    return len(set(map(str, found)))


# --- manners ---------------------------------------------------------------------------------------------------------

ONE = items("<guid>1</guid><title>One</title>")


def test_run_asks_only_what_is_due_and_the_command_line_always(database: Database, server: FeedServer):
    """The longest of the config's interval, the feed's ttl and the server's max-age decides; a folder is always due."""
    slow = ONE.replace(b"<channel>", b"<channel><ttl>120</ttl>")
    config = with_sources(
        a_feed("often", server.serve("/often", ONE)),
        a_feed("header", server.serve("/header", ONE, cache_control="max-age=3600")),
        a_feed("ttl", server.serve("/ttl", slow, cache_control="max-age=60")),
    )
    collect.refresh(database, config, NOW, only_due=True)
    names = {}
    for minutes in (20, 30, 60, 120):
        reports = collect.refresh(database, config, NOW + timedelta(minutes=minutes), only_due=True)
        names[minutes] = [report.name for report in reports]
    assert names == {20: [], 30: ["often"], 60: ["often", "header"], 120: ["often", "header", "ttl"]}
    assert len(collect.refresh(database, config, NOW + timedelta(minutes=121))) == 3


def test_a_server_that_asks_to_be_left_alone_is(database: Database, server: FeedServer):
    """Retry-After holds for everybody, and the report says until when."""
    config = with_sources(a_feed("wire", server.serve("/f", b"", status=429, retry_after="7200")))
    assert "left alone for 7200 seconds" in collect.refresh(database, config, NOW)[0].error
    server.serve("/f", ONE)
    (early,) = collect.refresh(database, config, NOW + timedelta(minutes=119))
    assert "left alone until 2026-11-23 07:30 UTC" in early.error
    assert collect.refresh(database, config, NOW + timedelta(minutes=119), only_due=True) == []
    assert len(server.asked) == 1
    assert collect.refresh(database, config, NOW + timedelta(hours=2)) == [SourceReport("wire", new=1)]
    assert state(database).left_alone_until is None


def test_a_feed_that_has_moved_for_good_is_asked_where_it_is(database: Database, server: FeedServer):
    """The config stays the operator's; should the new place fail, the old one is asked again."""
    config = with_sources(a_feed("wire", server.serve("/old", b"", status=301, location="/new")))
    server.serve("/new", ONE, etag='"1"')
    for _ in range(2):
        collect.refresh(database, config, NOW)
    assert [path for path, _ in server.asked] == ["/old", "/new", "/new"]
    assert server.asked[2][1]["if-none-match"] == '"1"'
    assert state(database).moved_to == server.url("/new")
    server.serve("/new", b"", status=404)
    server.serve("/old", ONE)
    for _ in range(2):
        collect.refresh(database, config, NOW)
    assert [path for path, _ in server.asked[3:]] == ["/new", "/old"]


def test_a_feed_that_is_gone_is_not_asked_until_it_has_another_address(database: Database, server: FeedServer):
    """410 retires a source; a new url in config.toml takes it back."""
    config = with_sources(a_feed("wire", server.serve("/f", ONE, status=410)))
    for only_due in (False, False, True):
        reports = collect.refresh(database, config, LATER, only_due=only_due)
    assert reports == []
    assert "gone for good" in collect.refresh(database, config, LATER)[0].error
    assert len(server.asked) == 1
    again = with_sources(a_feed("wire", server.serve("/elsewhere", ONE)))
    assert collect.refresh(database, again, LATER) == [SourceReport("wire", new=1)]


def test_an_address_keeps_its_last_slash(database: Database, server: FeedServer):
    """To a server, /feed and /feed/ are two addresses."""
    collect.refresh(database, with_sources(a_feed("wire", server.serve("/feed/", ONE))), NOW)
    assert server.asked[0][0] == "/feed/"


def test_one_server_is_asked_two_things_at_once_and_no_more(sqlite: Database, server: FeedServer):
    """Ten feeds of one publisher are no reason to open ten connections. Each is answered when two have asked."""
    gate = threading.Barrier(2)
    for n in range(10):
        server.serve(f"/{n}", ONE)
        server.answers[f"/{n}"].gate = gate
    config = with_sources(*(a_feed(f"wire-{n}", server.url(f"/{n}")) for n in range(10)))
    assert not any(report.error for report in collect.refresh(sqlite, config, NOW))
    assert server.most_at_once == 2


def test_an_article_knows_its_place_in_the_feed(database: Database, server: FeedServer):
    """Editors put what matters on top. A new place is no change, and who has left the feed keeps the last one."""
    config = with_sources(a_feed("wire", server.url("/f")))
    a, b, c = (f"<guid>{name}</guid><title>{name}</title>" for name in "abc")
    server.serve("/f", items(a, b))
    collect.refresh(database, config, NOW)
    server.serve("/f", items(c, b))
    assert collect.refresh(database, config, LATER) == [SourceReport("wire", new=1, seen=1)]
    assert {article.title: article.place for article in stored(database)} == {"a": 1, "b": 2, "c": 1}
    assert {article.changed_at for article in stored(database) if article.title != "c"} == {NOW}


@pytest.mark.slow
def test_a_feed_that_keeps_its_parser_busy_is_given_up_and_the_others_are_read(
    sqlite: Database, server: FeedServer, monkeypatch: pytest.MonkeyPatch
):
    """A thread can't be stopped, so what is large is parsed in a process that can."""
    monkeypatch.setattr(apart.Parsers.__init__, "__defaults__", (0.2,))
    heavy = b"<rss version='2.0'><channel>" + b"<item>" * 90_000
    config = with_sources(a_feed("heavy", server.serve("/heavy", heavy)), a_feed("wire", server.serve("/f", ONE)))
    heavy_report, wire = collect.refresh(sqlite, config, NOW)
    assert "can't be parsed within 0.2 seconds" in heavy_report.error
    assert wire == SourceReport("wire", new=1)
