"""Sources as the desk shows them, and a feed that is tried before it is one."""

import html
import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from newsletter.config import Source
from newsletter.database import Database
from newsletter.editors import Role
from newsletter.issues import picked
from newsletter.issues.models import Pick, Story
from newsletter.sources.models import Article, SourceState
from newsletter.web.desk.frame import span
from tests.builders import CONFIG, NOW, an_article, an_issue
from tests.fakes import FeedServer
from tests.web.conftest import Clock
from tests.web.desk.conftest import Desk, opened

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Quay</title>
<item><title>The &lt;b&gt;crane&lt;/b&gt; swings</title><link>https://quay.example/1</link><guid>1</guid>
<pubDate>Mon, 23 Nov 2026 04:00:00 GMT</pubDate></item>
<item><title>A second piece</title><link>https://quay.example/2</link><guid>2</guid></item></channel></rss>"""
AT_HOME = CONFIG + '[collecting]\nprivate_networks = ["127.0.0.0/8"]\n'


@pytest.fixture
def desk_at_home(sqlite: Database, clock: Clock, tmp_path) -> Iterator[Desk]:
    """One whose sources may live on loopback."""
    yield from opened(sqlite, clock, tmp_path, AT_HOME)


def a_pick(session: Session) -> None:
    """Two articles of the city desk, one of them picked today."""
    issue = an_issue(session)
    first, second = an_article(), an_article(number=2)
    story = Story(issue_id=issue.id or 0, rank=1)
    session.add_all([first, second, story])
    session.flush()
    session.add(
        Pick(
            issue_id=issue.id or 0, story_id=story.id or 0, article_id=first.id or 0, section="City", position=1,
            score=1.0, why="new",
        )
    )  # fmt: skip
    session.flush()


def test_how_often_a_source_is_picked_is_counted_by_the_issues_day(database: Database):
    """Of its last items it is said which were picked."""
    with database.transaction() as session:
        a_pick(session)
        assert picked.by_source(session, NOW.date()) == {"city-desk": 1}
        assert picked.by_source(session, NOW.date() + timedelta(days=1)) == {}
        items = picked.last_items(session, "city-desk", limit=5)
        assert sorted((item.title, item.is_picked) for item in items) == [
            ("Ferry number 1 sails again", True), ("Ferry number 2 sails again", False)
        ]  # fmt: skip
        assert len(picked.last_items(session, "city-desk", limit=1)) == 1


def test_sources_are_listed_with_their_health_in_words(desk: Desk):
    """When it was last good, what is wrong, how often it is picked."""
    with desk.database.transaction() as session:
        a_pick(session)
        good_at = NOW - timedelta(hours=5)
        session.add(
            SourceState(name="city-desk", good_at=good_at, failing_since=NOW, checked_at=NOW, error="It answers 503.")
        )
    viewer = desk.browser(Role.VIEWER)
    text = viewer.get("/desk/sources").text
    for words in ("city-desk", "failing", "It answers 503.", "5 h 00 min ago"):
        assert words in text, words
    assert "Try a feed" not in text
    assert "Try a feed" in desk.browser(Role.EDITOR).get("/desk/sources").text
    text = viewer.get("/desk/sources/city-desk").text
    assert "Ferry number 2 sails again" in text
    assert "It answers 503." in text
    assert viewer.get("/desk/sources/nonsense").status_code == 404


def test_a_feed_is_tried_and_nothing_is_kept(desk_at_home: Desk):
    """What it holds is shown as text, and the lines to paste are a source to our own config."""
    editor = desk_at_home.browser(Role.EDITOR)
    with FeedServer() as server:
        address = server.serve("/feed", FEED, content_type="application/rss+xml")
        text = editor.post("/desk/sources/try", url=address, section='The "Quay"').text
    assert "2 items." in text
    assert "The crane swings" in text
    assert "<b>crane" not in text
    found = re.search(r"<pre>(.*?)</pre>", text, re.S)
    assert found is not None
    [table] = tomllib.loads(html.unescape(found[1]))["sources"]
    source = Source.model_validate(table)
    assert (str(source.url), source.section, source.kind) == (address, 'The "Quay"', "feed")
    with desk_at_home.database.reading() as session:
        assert not session.exec(select(Article)).all()
        assert not session.exec(select(SourceState)).all()


def test_a_private_network_is_no_feed(desk: Desk):
    """The desk is no way into the house: the same fetcher, the same rules."""
    editor = desk.browser(Role.EDITOR)
    with FeedServer() as server:
        address = server.serve("/feed", FEED)
        text = editor.post("/desk/sources/try", url=address, section="City").text
        assert server.asked == []
    assert "It could not be read." in text


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "javascript:alert(1)", "https://", "not a url"])
def test_what_is_no_address_is_said(desk: Desk, url: str):
    """In words, and what was typed stays."""
    text = desk.browser(Role.EDITOR).post("/desk/sources/try", url=url, section="City").text
    assert "It could not be read." in text
    assert f'value="{html.escape(url)}"' in text


def test_how_long_ago_is_told_in_minutes_from_the_first_on():
    """As exact as anybody wants to know, in one way of writing."""
    told = {
        2: "2 seconds",
        1: "1 second",
        59: "59 seconds",
        60: "1 min",
        114: "2 min",
        3_599: "1 h 00 min",
        3_900: "1 h 05 min",
    }
    assert {seconds: span(timedelta(seconds=seconds)) for seconds in told} == told
