"""Read every source, side by side, and keep what is new: the one place of this stage that touches the database.

Reading (network, files, parsing) comes first and holds no transaction; then each source is recorded in one of its own.
A source or a file that can't be read is named with its reason, and the others go on.
"""

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from newsletter.config import Collecting, Config, Source
from newsletter.database import Database
from newsletter.errors import FetchError
from newsletter.sources import feed, fetch, folder, pictures
from newsletter.sources.found import FoundArticle
from newsletter.sources.models import Article, SourceState

SIDE_BY_SIDE = 8  # sources read at once


@dataclass(frozen=True)
class Failure:
    """One file, or one picture of it, that could not be read."""

    where: str
    why: str


@dataclass(frozen=True)
class SourceReport:
    """What became of one source. `seen` are the articles that were known and are as they were."""

    name: str
    new: int = 0
    changed: int = 0
    seen: int = 0
    failed: tuple[Failure, ...] = ()
    error: str = ""  # in words; "" where the source itself could be read

    def as_json(self) -> dict[str, Any]:
        """The shape that `newsletter collect --json` prints."""
        return {
            "name": self.name,
            "new": self.new,
            "changed": self.changed,
            "seen": self.seen,
            "failed": [{"where": failure.where, "why": failure.why} for failure in self.failed],
            "error": self.error,
        }


@dataclass(frozen=True)
class Reading:
    """What a source said just now."""

    found: tuple[FoundArticle, ...] = ()
    failed: tuple[Failure, ...] = ()
    error: str = ""
    unchanged: bool = False  # the source says that nothing has changed (304)
    etag: str = ""
    last_modified: str = ""


def refresh(database: Database, config: Config, now: datetime) -> list[SourceReport]:
    """Read all sources of `config` into the store; one report for each, in the order of the file.

    A source of weight 0 is out: it is neither read nor reported.
    """
    sources = [source for source in config.sources if source.weight > 0]
    with database.reading() as session:
        states = {state.name: state for state in session.exec(select(SourceState))}
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE, thread_name_prefix="source") as threads:
        readings = list(threads.map(lambda source: read(source, config, states.get(source.name)), sources))
    reports = []
    for source, reading in zip(sources, readings, strict=True):
        with database.transaction() as session:
            reports.append(_record(session, source, reading, now))
    return reports


def read(source: Source, config: Config, state: SourceState | None) -> Reading:
    """What `source` says now. Nothing is written but pictures, and no failure escapes but a bug."""
    zone = ZoneInfo(source.timezone or config.newsletters[0].timezone)
    try:
        if source.kind == "feed":
            return _read_feed(source, config, state, zone)
        return _read_folder(source, config, zone)
    except FetchError as error:
        return Reading(error=str(error))


def _read_feed(source: Source, config: Config, state: SourceState | None, zone: tzinfo) -> Reading:
    url = str(source.url)
    known = state if state and state.url == url else SourceState(name=source.name)
    answer = fetch.get(
        url, config.collecting, contact=config.site.url, etag=known.etag, last_modified=known.last_modified
    )
    validators = Reading(etag=answer.etag or known.etag, last_modified=answer.last_modified or known.last_modified)
    if answer.data is None:
        return replace(validators, unchanged=True)
    found = feed.parse(
        answer.data,
        answer.url,
        zone=zone,
        max_items=config.collecting.max_items,
        content_type=answer.content_type,
    )
    return Reading(found=tuple(found), etag=answer.etag, last_modified=answer.last_modified)


# --- folders -------------------------------------------------------------------------------------------------------


def _read_folder(source: Source, config: Config, zone: tzinfo) -> Reading:
    place = source.path or Path()
    found: list[FoundArticle] = []
    failed: list[Failure] = []
    for path in _newest_files(folder.files(place), config.collecting.max_items):
        name = os.fsencode(path.relative_to(place).as_posix()).decode("utf-8", "replace")
        try:
            article = _read_file(path, place, name, config.collecting, zone)
        except FetchError as error:
            failed.append(Failure(name, str(error)))
            continue
        try:
            article = _with_picture(article, path, place, config)
        except FetchError as error:
            failed.append(Failure(name, str(error)))
            article = replace(article, image="", image_alt="")
        found.append(article)
    return Reading(found=tuple(found), failed=tuple(failed))


def _newest_files(paths: list[Path], most: int) -> list[Path]:
    """The `most` files that were written last, by name."""
    if len(paths) <= most:
        return paths
    return sorted(sorted(paths, key=_written_at, reverse=True)[:most])


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read_file(path: Path, place: Path, name: str, collecting: Collecting, zone: tzinfo) -> FoundArticle:
    try:
        if not path.resolve().is_relative_to(place.resolve()):
            raise FetchError("it is a link to a file outside the source's folder")
        with path.open("rb") as file:
            data = file.read(collecting.max_bytes + 1)
    except (OSError, RuntimeError) as error:
        raise FetchError(f"it can't be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > collecting.max_bytes:
        raise FetchError(f"it is larger than {collecting.max_bytes:,} bytes (collecting.max_bytes)")
    modified_at = datetime.fromtimestamp(_written_at(path), UTC)
    return folder.read(data, name, zone=zone, modified_at=modified_at)


def _with_picture(article: FoundArticle, path: Path, place: Path, config: Config) -> FoundArticle:
    """The article with a picture that we can serve in place of a path."""
    if not article.image or article.image.startswith(("http://", "https://")):
        return article
    media, most = config.site.media_dir, config.collecting.max_bytes
    return replace(article, image=pictures.store(article.image, path, place, media, max_bytes=most))


# --- the store -----------------------------------------------------------------------------------------------------


def _record(session: Session, source: Source, reading: Reading, now: datetime) -> SourceReport:
    """Write down what a source said. Its state's row is locked meanwhile, so two collectors take turns."""
    state = _state(session, source.name)
    state.checked_at, state.error = now, reading.error[:500]
    if reading.error:
        return SourceReport(source.name, error=reading.error)
    state.good_at = now
    state.url, state.etag, state.last_modified = str(source.url or "")[:2000], reading.etag, reading.last_modified
    if reading.unchanged:
        return SourceReport(source.name, seen=state.items)
    found = distinct(reading.found)
    state.items = len(found)
    counts = Counter(_keep(session, source, found, now))
    return SourceReport(source.name, counts["new"], counts["changed"], counts["seen"], reading.failed)


def _state(session: Session, name: str) -> SourceState:
    """The row of a source, made where there is none, locked until the transaction ends."""
    query = select(SourceState).where(SourceState.name == name).with_for_update()
    found = session.exec(query).first()
    if found is None:
        try:
            with session.begin_nested():
                session.add(SourceState(name=name))
        except IntegrityError:  # another collector made it in this very moment
            pass
        found = session.exec(query).one()
    return found


def distinct(found: Iterable[FoundArticle]) -> list[FoundArticle]:
    """Each article once: the first of those with one id, and of those with one page and one headline."""
    by_guid: dict[str, FoundArticle] = {}
    told: set[tuple[str, str]] = set()
    for article in found:
        key = (article.url or article.guid, article.title)
        if article.guid not in by_guid and key not in told:
            by_guid[article.guid] = article
            told.add(key)
    return list(by_guid.values())


def _keep(session: Session, source: Source, found: list[FoundArticle], now: datetime) -> Iterable[str]:
    """Insert or update each; yields "new", "changed" or "seen"."""
    guids, pages = {article.guid for article in found}, _pages(found)
    known = session.exec(
        select(Article).where(
            Article.source == source.name,
            or_(col(Article.guid).in_(sorted(guids)), col(Article.url).in_(sorted(pages))),
        )
    ).all()
    by_guid = {row.guid: row for row in known}
    by_page = {row.url: row for row in known if row.url in pages and row.guid not in guids}
    for article in found:
        row = by_guid.get(article.guid) or by_page.get(article.url)
        values = _values(article, source, row, now)
        if row is None:
            session.add(Article(source=source.name, first_seen_at=now, changed_at=now, **values))
            yield "new"
        elif any(getattr(row, name) != value for name, value in values.items()):
            row.sqlmodel_update(values | {"changed_at": now})
            yield "changed"
        else:
            yield "seen"


def _pages(found: list[FoundArticle]) -> set[str]:
    """The addresses that name one article each. A front page, or one that several articles share, does not."""
    times = Counter(article.url for article in found)
    return {
        url for url, count in times.items() if count == 1 and (urlsplit(url).path.strip("/") or urlsplit(url).query)
    }


def _values(found: FoundArticle, source: Source, row: Article | None, now: datetime) -> dict[str, Any]:
    """The columns that a source decides.

    An article can't have come out later than we first saw it: feeds lie about that. And a date that was guessed stays
    as it was guessed first: correcting a word in a file makes it no newer.
    """
    first_seen_at = row.first_seen_at if row else now
    published_at = min(found.published_at or first_seen_at, first_seen_at)
    if row and not (found.dated and found.published_at):
        published_at = row.published_at
    return {
        "guid": found.guid,
        "url": found.url,
        "title": found.title,
        "standfirst": found.standfirst,
        "body": found.body,
        "author": found.author,
        "section": _section(found.sections, source),
        "image": found.image,
        "image_alt": found.image_alt,
        "words": found.words,
        "published_at": published_at,
    }


def _section(named: Iterable[str], source: Source) -> str:
    """The first of an article's own sections that the config knows, written as there; else the source's."""
    known = {name.casefold(): name for name in (*source.sections, source.section)}
    return next((known[name.casefold()] for name in named if name.casefold() in known), source.section)
