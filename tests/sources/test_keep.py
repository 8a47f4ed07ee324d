"""Which article is which: `newsletter.sources.keep`."""

from datetime import datetime, timedelta

import pytest

from newsletter.database import Database
from newsletter.sources import collect
from newsletter.sources.collect import SourceReport
from tests.builders import NOW
from tests.fakes import FeedServer
from tests.sources.served import LATER, a_feed, changes, items, stored, with_sources

WRITTEN = NOW - timedelta(hours=3)


def an_item(
    guid: str = "1",
    title: str = "Ferry sails again after weeks in dock",
    link: str = "https://news.example/story.php?id=7&amp;sid=a1",
    standfirst: str = "The boat is back.",
    written: datetime = WRITTEN,
) -> str:
    """The inside of an RSS item."""
    return (
        f"<guid isPermaLink='false'>{guid}</guid><title>{title}</title><link>{link}</link>"
        f"<description>{standfirst}</description><pubDate>{written:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
    )


def again(database: Database, server: FeedServer, first: list[str], then: list[str]) -> SourceReport:
    """What becomes of a feed that said `first`, and then `then`."""
    config = with_sources(a_feed("wire", server.url("/f")))
    server.serve("/f", items(*first))
    collect.refresh(database, config, NOW)
    server.serve("/f", items(*then))
    (report,) = collect.refresh(database, config, LATER)
    return report


OTHER_SID = "https://news.example/story.php?id=7&amp;sid=b2"


@pytest.mark.parametrize(
    "now_it_says",
    [
        {"guid": "2"},
        {"title": "Something else altogether"},
        {"written": LATER},
        {"guid": "2", "title": "Something else altogether", "written": LATER},
        {"guid": "2", "link": "http://news.example/story.php?id=7&amp;sid=a1", "title": "Something else altogether"},
        {"guid": "2", "link": OTHER_SID},
        {"guid": "2", "link": OTHER_SID, "title": "Something else altogether", "written": LATER, "standfirst": "x"},
        {"guid": "2", "link": OTHER_SID, "written": LATER},
        {"guid": "2", "link": OTHER_SID, "standfirst": "Back."},
        {"guid": "2", "link": OTHER_SID, "title": "Ferry sails again after repairs"},
        {"guid": "2", "link": "https://www.news.example/story.php/?id=7"},
        {"guid": "2", "link": "https://elsewhere.example/2026/ferry"},
    ],
)
def test_a_changed_article_is_the_same_article(database: Database, server: FeedServer, now_it_says: dict[str, object]):
    """Id, address, date, headline: feeds change each of them, and some at once. The newest word is kept."""
    assert again(database, server, [an_item()], [an_item(**now_it_says)]) == SourceReport("wire", changed=1)  # type: ignore[arg-type]
    (article,) = stored(database)
    assert article.first_seen_at == NOW
    assert article.title == now_it_says.get("title", "Ferry sails again after weeks in dock")
    assert article.guid == now_it_says.get("guid", "1")


@pytest.mark.parametrize(
    "another",
    [
        {"guid": "2", "link": "https://news.example/story.php?id=8", "standfirst": "Rain.", "written": LATER},
        {"guid": "2", "link": "https://news.example/story.php?id=8", "title": "Market hall sold"},
        {"guid": "2", "link": "https://news.example/b", "title": "Market hall sold", "standfirst": "For a pound."},
        {"guid": "2", "link": "https://news.example/b", "title": "Market hall sold"},
        {"guid": "2", "link": "https://news.example/b", "standfirst": "", "written": LATER},
    ],
)
def test_another_article_is_another_article(database: Database, server: FeedServer, another: dict[str, object]):
    """A headline or a page alone makes no article the same: columns and scripts have one for all of them."""
    assert again(database, server, [an_item()], [an_item(**another)]) == SourceReport("wire", new=1)  # type: ignore[arg-type]
    assert len(stored(database)) == 2


def test_tomorrows_weather_is_not_todays(database: Database, server: FeedServer):
    """A column has one headline and one page for all of its days."""
    script = "https://news.example/weather?n={}"
    today = an_item(title="The weather", link=script.format(1))
    tomorrow = an_item("2", "The weather", script.format(2), standfirst="Rain.", written=LATER)
    assert again(database, server, [today], [tomorrow]) == SourceReport("wire", new=1)


def test_what_stands_in_the_feed_beside_another_is_not_the_other(database: Database, server: FeedServer):
    """Two items of one reading are two, however alike: only what has gone can have become something else."""
    twin = an_item(guid="2", link=OTHER_SID)
    assert again(database, server, [an_item()], [an_item(), twin]) == SourceReport("wire", new=1, seen=1)


def test_what_an_article_said_before_is_written_down(database: Database, server: FeedServer):
    """Editors may want to know what was corrected, and when."""
    again(database, server, [an_item()], [an_item(guid="2", title="Ferry sinks again")])
    assert changes(database) == [("guid", "1"), ("title", "Ferry sails again after weeks in dock")]
