"""What is known of each source: `newsletter.sources.health`, and the word to the editors."""

from datetime import timedelta

from sqlmodel import select

from newsletter import daily
from newsletter.config import Config
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.notices.models import Notice
from newsletter.sources import collect, health
from newsletter.sources.health import Health, SourceRecord
from tests.builders import NOW
from tests.fakes import FeedServer
from tests.sources.served import a_feed, items, with_sources

DAY = timedelta(days=1)
ONE = items("<guid>1</guid><title>One</title><pubDate>Sun, 22 Nov 2026 00:00:00 GMT</pubDate>")


def the_record(database: Database, config: Config, at: timedelta = timedelta(0)) -> SourceRecord:
    """Of the only source."""
    with database.reading() as session:
        (record,) = health.records(session, config, NOW + at)
    return record


def letters(database: Database) -> list[Notice]:
    """What waits for the editors."""
    with database.reading() as session:
        return list(session.exec(select(Notice).order_by("id")))


def test_a_source_has_a_record(database: Database, server: FeedServer):
    """New, good, failing, dead: with when it was good, what is wrong, and how stale it is."""
    config = with_sources(a_feed("wire", server.serve("/f", ONE)))
    assert (the_record(database, config).health, the_record(database, config).stale(NOW)) == (Health.NEW, None)
    collect.refresh(database, config, NOW)
    good = the_record(database, config, DAY)
    assert (good.health, good.items, good.articles, good.error) == (Health.GOOD, 1, 1, "")
    assert (good.stale(NOW + DAY), good.newest_at) == (DAY, NOW.replace(day=22, hour=0, minute=0))
    server.serve("/f", b"", status=500)
    collect.refresh(database, config, NOW + DAY)
    collect.refresh(database, config, NOW + 2 * DAY)
    bad = the_record(database, config, 3 * DAY)
    assert (bad.health, bad.good_at, bad.failing_since) == (Health.FAILING, NOW, NOW + DAY)
    assert "500" in bad.error
    assert the_record(database, config, 4 * DAY).health is Health.DEAD
    assert bad.as_json(NOW + 3 * DAY)["stale"] == 3 * 86_400


def test_editors_are_told_of_a_dead_source_once_and_again_when_it_dies_again(database: Database, server: FeedServer):
    """After three days (collecting.dead_after_days), in words, whatever number of mornings follow."""
    config = with_sources(a_feed("wire", server.serve("/f", b"", status=404)))
    paper = Paper(config, database)
    for days in (0, 1, 2):
        daily.gather(paper, NOW + days * DAY)
    assert letters(database) == []
    for days in (3, 4, 5):
        daily.gather(paper, NOW + days * DAY)
    (letter,) = letters(database)
    assert letter.editor == "Ed <editor@example.com>"
    assert "wire" in letter.about["headline"]
    assert "since 23 November 2026, 05:30 UTC: It answers 404 (Not Found)." in letter.about["sentences"][0]
    server.serve("/f", ONE)
    daily.gather(paper, NOW + 6 * DAY)
    server.serve("/f", b"", status=404)
    for days in (7, 8, 9, 10, 11):
        daily.gather(paper, NOW + days * DAY)
    assert len(letters(database)) == 2


def test_a_source_that_is_gone_is_told_at_once(database: Database, server: FeedServer):
    """410 needs no three days to be believed."""
    config = with_sources(a_feed("wire", server.serve("/f", b"", status=410)))
    daily.gather(Paper(config, database), NOW)
    assert len(letters(database)) == 1
    record = the_record(database, config)
    assert (record.health, record.is_gone, record.next_check_at) == (Health.DEAD, True, None)


def test_a_source_that_is_out_is_neither_asked_nor_mourned(database: Database, server: FeedServer):
    """weight = 0 takes it out, until it has another."""
    config = with_sources(a_feed("wire", server.serve("/f", b"", status=404)))
    collect.refresh(database, config, NOW)
    out = config.model_copy(update={"sources": (config.sources[0].model_copy(update={"weight": 0}),)})
    daily.gather(Paper(out, database), NOW + 9 * DAY)
    assert letters(database) == []
    assert the_record(database, out).health is Health.OUT
