"""Days of real feeds, replayed in order: one issue a day, nothing twice, and the same again from the same store."""

import re
from datetime import UTC, date, datetime, time
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from sqlmodel import col, select

from newsletter.config import Config
from newsletter.database import Database
from newsletter.issues import assemble, documents
from newsletter.issues.models import Issue, IssueState, Pick
from newsletter.sources import feed
from newsletter.sources.found import FoundArticle
from newsletter.sources.models import Article
from tests.builders import CONFIG, a_config

PICKS = 10


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.shared
def test_three_days_of_real_feeds_send_nothing_twice(database: Database, shared: Path):
    """Ten picks a day; no article and no address in two issues; drafted again, the last day is the same."""
    days = folders(shared)[:3]
    config = a_config_for(days)
    for folder in days:
        issue = drafted(database, config, folder)
        assert issue.state is IssueState.DRAFT
    assert_nothing_twice(database, issues=3)
    before = document(database, config, issue)
    drafted(database, config, days[-1])
    assert document(database, config, issue) == before


@pytest.mark.proof
@pytest.mark.shared
@pytest.mark.timeout(600)
def test_all_days_of_real_feeds_send_nothing_twice(sqlite: Database, shared: Path):
    """Every day there is, in order."""
    days = folders(shared)
    config = a_config_for(days)
    for folder in days:
        drafted(sqlite, config, folder)
    assert_nothing_twice(sqlite, issues=len(days))


def assert_nothing_twice(database: Database, issues: int) -> None:
    with database.reading() as session:
        rows = session.exec(select(Pick.article_id, Article.url).join(Article)).all()
        assert len(session.exec(select(Issue)).all()) == issues
    assert len(rows) == issues * PICKS
    assert len({article_id for article_id, _ in rows}) == len(rows)
    assert len({url for _, url in rows}) == len(rows)
    assert_no_story_twice_in_an_issue(database)


def assert_no_story_twice_in_an_issue(database: Database) -> None:
    """By a check that knows nothing of the picker's: headlines that share half of their longer words."""
    with database.reading() as session:
        rows = session.exec(select(Pick.issue_id, Article.title).join(Article)).all()
    words = [(issue, title, set(re.findall(r"[^\W_]{5,}", title.casefold()))) for issue, title in rows]
    for (issue, title, one), (other_issue, other_title, two) in combinations(words, 2):
        if issue == other_issue:
            assert len(one & two) < max(3, len(one | two) / 2), (title, other_title)


def drafted(database: Database, config: Config, folder: Path) -> Issue:
    """The issue of the folder's day, from all that its feeds and those of the days before told."""
    day = date.fromisoformat(folder.name)
    now = datetime.combine(day, time(22), tzinfo=UTC)  # the feeds were fetched on that day, at no known hour
    with database.transaction() as session:
        for path in sorted(folder.glob("*.xml")):
            session.add_all(new_articles(database, path, now))
    with database.transaction() as session:
        return assemble.draft(session, config, config.newsletters[0], day, now)


@cache  # once for both databases
def parsed(path: Path) -> tuple[FoundArticle, ...]:
    """What one outlet's feed holds."""
    return feed.parse(path.read_bytes(), f"https://{path.stem}.example.com/feed", zone=UTC, max_items=500).articles


def new_articles(database: Database, path: Path, now: datetime) -> list[Article]:
    """What one outlet's feed tells that is not in the store yet."""
    found = parsed(path)
    guids = {article.guid for article in found}
    with database.reading() as session:
        known = set(session.exec(select(Article.guid).where(Article.source == path.stem, col(Article.guid).in_(guids))))
    return [
        Article(
            source=path.stem,
            guid=article.guid,
            url=article.url,
            title=article.title,
            standfirst=article.standfirst,
            body=article.body,
            section=path.stem,
            image=article.image,
            place=place,
            words=article.words,
            published_at=min(article.published_at or now, now),
            first_seen_at=now,
            changed_at=now,
        )
        for place, article in enumerate({article.guid: article for article in found}.values(), start=1)
        if article.guid not in known
    ]


def document(database: Database, config: Config, issue: Issue) -> tuple[object, object]:
    """All that can be seen of an issue."""
    with database.reading() as session:
        stored = session.get_one(Issue, issue.id)
        return documents.drafted(session, config, stored), assemble.contents(
            session, config, config.newsletters[0], stored
        )


def folders(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "data" / "feeds").iterdir() if path.is_dir())


def a_config_for(days: list[Path]) -> Config:
    """One newsletter on every outlet there is, each in a section of its own name, on every day of the week."""
    outlets = sorted({path.stem for folder in days for path in folder.glob("*.xml")})
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "https://{name}.example.com/feed"\nsection = "{name}"\n'
        for name in outlets
    )
    head, newsletter = CONFIG[: CONFIG.index("[[sources]]")], CONFIG[CONFIG.index("[[newsletters]]") :]
    return a_config(head + sources + newsletter + f'days = "daily"\nmax_articles = {PICKS}\n')
