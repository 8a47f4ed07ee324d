"""Days of real feeds from a local server, in order, while ids, addresses, dates and headlines change."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlmodel import func, select

from newsletter.config import Config
from newsletter.database import Database
from newsletter.sources import collect
from newsletter.sources.models import Article
from tests.fakes import FeedServer
from tests.sources.served import a_feed, changes, with_sources

ATOM = "{http://www.w3.org/2005/Atom}"


def days(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "data" / "feeds").iterdir() if path.is_dir())


def collected(database: Database, server: FeedServer, folders: list[Path], *, shaken: bool) -> Counter[str]:
    """How many articles each outlet has after these days."""
    config = _config(server, folders)
    for folder in folders:
        server.answers.clear()
        for file in folder.glob("*.xml"):
            data = file.read_bytes()
            server.serve(f"/{file.stem}", shake(data, folder.name) if shaken else data, content_type="text/xml")
        now = datetime.combine(date.fromisoformat(folder.name), time(22), tzinfo=UTC)
        collect.refresh(database, config, now)
    with database.reading() as session:
        return Counter(dict(session.exec(select(Article.source, func.count()).group_by("source")).all()))


def _config(server: FeedServer, folders: list[Path]) -> Config:
    names = sorted({file.stem for folder in folders for file in folder.glob("*.xml")})
    return with_sources(*(a_feed(name, server.url(f"/{name}")) for name in names))


def shake(data: bytes, day: str) -> bytes:
    """The feed with some of its items changed, other ones each day, in one of five ways."""
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, strip_cdata=False))
    except etree.XMLSyntaxError:
        return data
    for item in [*root.iter("item"), *root.iter(f"{ATOM}entry")]:
        parts = {etree.QName(part).localname: part for part in item.iterchildren() if isinstance(part.tag, str)}
        way = _number(parts["title"].text or "") + _number(day)
        for change in (_nothing, _other_id, _other_title, _other_date, _other_id_and_address)[way % 5]:
            change(parts, day)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _number(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])


def _id(parts: dict[str, Any], day: str) -> None:
    for name in ("guid", "id"):
        if name in parts:
            parts[name].text = f"tag:{_number((parts[name].text or '') + day)}"
            parts[name].set("isPermaLink", "false")


def _title(parts: dict[str, Any], day: str) -> None:
    parts["title"].text = f"{parts['title'].text} – {day}"


def _date(parts: dict[str, Any], day: str) -> None:
    if "pubDate" in parts and parts["pubDate"].text:
        moved = parsedate_to_datetime(parts["pubDate"].text.strip()) + timedelta(minutes=17)
        parts["pubDate"].text = format_datetime(moved)


def _address(parts: dict[str, Any], day: str) -> None:
    link = parts.get("link")
    if link is None:
        return
    if link.get("href"):
        link.set("href", _with_session(link.get("href"), day))
    elif link.text:
        link.text = _with_session(link.text.strip(), day)


def _with_session(url: str, day: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}sid={_number(day)}"


_nothing: tuple[Any, ...] = ()
_other_id, _other_title, _other_date, _other_id_and_address = (_id,), (_title,), (_date,), (_id, _address)


def assert_much_changed_and_nothing_is_there_twice(database: Database) -> None:
    """Changes of all kinds were seen, and no page is in two rows of one source."""
    assert {field for field, _ in changes(database)} == {"guid", "url", "title", "published_at"}
    with database.reading() as session:
        query = select(Article.source, Article.url).where(Article.url != "")
        twice = [key for key, count in Counter(session.exec(query).all()).items() if count > 1]
    assert twice == []


def moved(database: Database) -> int:
    """How many articles really got another address: with the rest changed too, they have nothing to be known by."""
    return sum(field == "url" for field, _ in changes(database))


@pytest.fixture
def two(sqlite: Database, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Two empty databases: one for the days as they were, one for the days as they are shaken."""
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    other.upgrade()
    yield sqlite, other
    other.close()


@pytest.mark.proof
@pytest.mark.shared
@pytest.mark.timeout(1800)
def test_no_article_of_all_changing_days_is_doubled(two: tuple[Database, Database], server: FeedServer, shared: Path):
    """Whatever changes in an article, there are as many as if nothing had, but for the few that their outlets moved."""
    plain, shaken = (collected(one, server, days(shared), shaken=i == 1) for i, one in enumerate(two))
    assert (shaken - plain).total() <= moved(two[0]) <= 10
    assert not plain - shaken
    assert_much_changed_and_nothing_is_there_twice(two[1])
