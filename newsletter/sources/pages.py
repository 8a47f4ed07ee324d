"""What a feed lacks of its articles, from their pages: for sources with `fetch_pages`, each page once.

Only empty fields are filled, and only from a page that tells the same headline: a wall that asks for consent or money
tells another. The bounds are `pages_per_run` pages, SECONDS for all of them, and one host's share of connections.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import or_
from sqlmodel import col, select

from newsletter.config import Config, Source
from newsletter.database import Database
from newsletter.errors import AskedToWait, FetchError
from newsletter.sources import fetch, page
from newsletter.sources.apart import Parsers
from newsletter.sources.found import FoundArticle
from newsletter.sources.keep import FROM_PAGES, section_of
from newsletter.sources.manners import SIDE_BY_SIDE, Turns
from newsletter.sources.models import Article
from newsletter.sources.read import zone_of

SECONDS = 60.0  # for all pages of a run; whose turn does not come has it in the next
PAGE_SECONDS = 10.0
PAGE_BYTES = 3_000_000
NEWS_FOR = timedelta(days=2)  # an older article is in no issue any more


def complete(
    database: Database, config: Config, sources: Sequence[Source], parsers: Parsers, turns: Turns, now: datetime
) -> None:
    """Read the pages of new articles that lack something, and fill it in."""
    wanting = {source.name: source for source in sources if source.fetch_pages}
    if not wanting:
        return
    articles = _lacking(database, wanting, config.collecting.pages_per_run, now)
    reader = _Reader(config, parsers, turns)
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="page") as threads:
        read = threads.map(lambda article: reader.read(article, wanting[article.source]), articles)
        told = [(article, found) for article, (was_read, found) in zip(articles, read, strict=True) if was_read]
    with database.transaction() as session:
        for article, found in told:
            row = session.get_one(Article, article.id, with_for_update=True)
            row.page_read_at = now
            if found is not None and _tell_the_same(row.title, found.title):
                row.sqlmodel_update(_filled(row, found, wanting[row.source]))


def _lacking(database: Database, sources: dict[str, Source], most: int, now: datetime) -> list[Article]:
    """Articles whose page is still to be read, those at the top of their feeds first."""
    with database.reading() as session:
        query = select(Article).where(
            col(Article.source).in_(sorted(sources)),
            col(Article.page_read_at).is_(None),
            col(Article.url) != "",
            col(Article.first_seen_at) > now - NEWS_FOR,
            or_(*(col(getattr(Article, name)) == "" for name in ("standfirst", "author", "image"))),
        )
        return list(session.exec(query.order_by(col(Article.place), col(Article.source), col(Article.id)).limit(most)))


class _Reader:
    """Reads one page after another until the time is up; a host that asks to be left alone is."""

    def __init__(self, config: Config, parsers: Parsers, turns: Turns) -> None:
        bounds = {"max_bytes": PAGE_BYTES, "timeout_seconds": min(PAGE_SECONDS, config.collecting.timeout_seconds)}
        self._config, self._parsers, self._turns = config, parsers, turns
        self._collecting = config.collecting.model_copy(update=bounds)
        self._end = monotonic() + SECONDS
        self._left_alone: set[str | None] = set()
        self._lock = Lock()

    def read(self, article: Article, source: Source) -> tuple[bool, FoundArticle | None]:
        """Whether the page was asked for, and what it says; nothing, if it can't be read."""
        host = urlsplit(article.url).hostname
        with self._turns.at(article.url):
            with self._lock:
                if host in self._left_alone or monotonic() > self._end:
                    return False, None
            try:
                answer = fetch.get(
                    article.url,
                    self._collecting,
                    contact=self._config.site.url,
                    accept=page.ACCEPT,
                    also_port=fetch.port_of(str(source.url)),
                )
            except AskedToWait:
                with self._lock:
                    self._left_alone.add(host)
                return False, None
            except FetchError:
                return True, None
        try:
            zone = zone_of(source, self._config)
            found = self._parsers.page(answer.data or b"", answer.url, zone=zone, content_type=answer.content_type)
        except FetchError:
            return True, None
        return True, found


def _filled(row: Article, found: FoundArticle, source: Source) -> dict[str, Any]:
    """The columns that the feed left empty, as the page has them."""
    values: dict[str, Any] = {name: getattr(row, name) or getattr(found, name) for name in FROM_PAGES}
    if row.image:
        values["image_alt"] = row.image_alt  # the page's describes the page's picture
    if row.section == source.section:
        values["section"] = section_of(found.sections, source)
    if row.published_at == row.first_seen_at and found.published_at:  # the feed said none
        values["published_at"] = min(found.published_at, row.first_seen_at)
    return values


def _tell_the_same(one: str, other: str) -> bool:
    """Whether two headlines have a word of some length in common; scripts without spaces are taken at their word."""
    words, others = ({word for word in title.casefold().split() if len(word) > 3} for title in (one, other))
    return not words or not others or bool(words & others)
