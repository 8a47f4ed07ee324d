"""One article by hand, and the list of sources: `newsletter articles add`, `newsletter sources`."""

import re
from pathlib import Path

import pytest

from newsletter.database import Database
from newsletter.errors import FetchError, NotFound, Refused
from newsletter.sources import by_hand, collect
from tests.builders import CONFIG, NOW, a_config
from tests.command import Project, a_project
from tests.fakes import FeedServer
from tests.sources.served import a_feed, items, stored, with_sources

PAGE = """<html><head><title>x</title><link rel="canonical" href="/ferry"></head><body><article>
<h1>Ferry sails again</h1><p>The boat is back in the harbour after weeks in the dry dock, and the crew is glad.</p>
</article></body></html>"""


def test_a_file_from_elsewhere_is_added_once(sqlite: Database, tmp_path: Path):
    """The same file again is updated; a file of the source's folder that has its name is another article."""
    config = a_config(folder=tmp_path)
    (tmp_path / "articles").mkdir()
    for place in (tmp_path, tmp_path / "articles"):
        (place / "ferry.md").write_text("---\ntitle: Ferry\nsection: world\n---\nBack.")
    added = by_hand.add(sqlite, config, str(tmp_path / "ferry.md"), "", NOW)
    assert (added.outcome, added.title, added.section, added.source) == ("new", "Ferry", "World", "city-desk")
    assert by_hand.add(sqlite, config, str(tmp_path / "ferry.md"), "city-desk", NOW).outcome == "seen"
    collect.refresh(sqlite, config, NOW)
    assert [a.guid for a in stored(sqlite, "city-desk")] == ["by-hand:ferry.md", "ferry.md"]
    again = by_hand.add(sqlite, config, str(tmp_path / "articles" / "ferry.md"), "city-desk", NOW)
    assert again.outcome == "seen"


def test_a_page_is_added_and_a_feed_that_tells_it_later_tells_the_same(database: Database, server: FeedServer):
    """The address is what they have in common."""
    config = with_sources(a_feed("wire", server.url("/f")))
    url = server.serve("/page", PAGE.encode(), content_type="text/html")
    added = by_hand.add(database, config, url, "wire", NOW)
    assert (added.outcome, added.title, added.url) == ("new", "Ferry sails again", server.url("/ferry"))
    assert "does not say when" in added.note
    assert "back in the harbour" in stored(database)[0].body
    item = f"<guid isPermaLink='false'>7</guid><title>Ferry sails</title><link>{server.url('/ferry')}</link>"
    server.serve("/f", items(item))
    (report,) = collect.refresh(database, config, NOW)
    assert (report.new, report.changed) == (0, 1)


def test_what_can_not_be_added_is_told_in_words(sqlite: Database, server: FeedServer, tmp_path: Path):
    """Missing, empty, unknown, private: one sentence each."""
    config = with_sources(a_feed("wire", server.url("/f")), a_feed("other", server.url("/g")))
    (tmp_path / "empty.txt").write_text("")
    for what, source, words in (
        ("nowhere.md", "wire", "There is no file nowhere.md"),
        (str(tmp_path / "empty.txt"), "wire", "the file is empty"),
        (server.url("/nothing"), "wire", "404"),
        ("http://127.1:9/", "wire", r"can't be read"),
        ("http://10.0.0.1/", "wire", "not public"),
        ("http://2130706434/", "wire", "not public"),
    ):
        with pytest.raises(FetchError, match=words):
            by_hand.add(sqlite, config, what, source, NOW)
    with pytest.raises(NotFound, match="there is wire, other"):
        by_hand.add(sqlite, config, "x.md", "wier", NOW)
    sourceless = a_config(re.sub(r"\[\[sources\]\]\n(?:[a-z_]+ = .*\n)+", "", CONFIG))
    with pytest.raises(Refused, match=r"config\.toml has none"):
        by_hand.add(sqlite, sourceless, "nowhere.md", "", NOW)
    with pytest.raises(Refused, match="--source: wire, other"):
        by_hand.add(sqlite, config, "x.md", "", NOW)


@pytest.mark.slow
def test_a_person_adds_an_article_and_looks_at_the_sources(tmp_path: Path):
    """Both commands, in words and in JSON."""
    project: Project = a_project(tmp_path)
    (tmp_path / "extra.md").write_text("---\ntitle: The [gull] is back\n---\nIt is.")
    assert "The [gull] is back" in project("articles", "add", "extra.md")
    document = project.json("articles", "add", "extra.md", "--source", "city-desk")
    assert (document["outcome"], document["title"]) == ("seen", "The [gull] is back")
    assert "There is no file" in project("articles", "add", "missing.md", status=1)
    [before] = project.json("sources")["sources"]
    assert (before["name"], before["health"], before["good_at"], before["articles"]) == ("city-desk", "new", None, 1)
    project("collect")
    [after] = project.json("sources")["sources"]
    assert (after["health"], after["error"], after["kind"]) == ("good", "", "folder")
    assert "city-desk" in project("sources")
