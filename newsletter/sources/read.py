"""What one source says now: a folder's files, or a feed's bytes, fetched and parsed. Nothing is written but pictures.

A source or a file that can't be read is named with its reason, and the others go on.
"""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter.config import Collecting, Config, Source
from newsletter.errors import AskedToWait, FetchError, Gone
from newsletter.sources import fetch, folder, pictures
from newsletter.sources.apart import Parsers
from newsletter.sources.found import FoundArticle
from newsletter.sources.manners import Turns
from newsletter.sources.models import SourceState


@dataclass(frozen=True)
class Failure:
    """One file, or one picture of it, that could not be read."""

    where: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What a source said just now."""

    found: tuple[FoundArticle, ...] = ()
    failed: tuple[Failure, ...] = ()
    error: str = ""
    unchanged: bool = False  # the source says that nothing has changed (304)
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    rest: timedelta = timedelta(0)  # for how long it says that it stays as it is
    retry_after: str = ""  # the server wants to be left alone: seconds or a date
    is_gone: bool = False


def read(source: Source, config: Config, state: SourceState, parsers: Parsers, turns: Turns) -> Reading:
    """What `source` says; `state` is what it said last. No failure escapes but a bug."""
    try:
        if source.kind == "feed":
            return _feed(source, config, state, parsers, turns)
        return _folder(source, config, zone_of(source, config))
    except AskedToWait as error:
        return Reading(error=str(error), retry_after=error.retry_after)
    except Gone as error:
        return Reading(error=f"{error} Take the source out of config.toml, or give it another url.", is_gone=True)
    except FetchError as error:
        return Reading(error=str(error))


def zone_of(source: Source, config: Config) -> ZoneInfo:
    """The zone of a source's dates that name none."""
    return ZoneInfo(source.timezone or config.newsletters[0].timezone)


def _feed(source: Source, config: Config, state: SourceState, parsers: Parsers, turns: Turns) -> Reading:
    url = str(source.url)
    address = state.moved_to or url
    with turns.at(address):
        answer = fetch.get(
            address,
            config.collecting,
            contact=config.site.url,
            etag=state.etag,
            last_modified=state.last_modified,
            also_port=fetch.port_of(url),
        )
    said = Reading(
        etag=answer.etag,
        last_modified=answer.last_modified,
        moved_to=answer.moved_to or state.moved_to,
        rest=answer.rest,
    )
    if answer.data is None:
        etag, last_modified = answer.etag or state.etag, answer.last_modified or state.last_modified
        return replace(said, unchanged=True, etag=etag, last_modified=last_modified)
    found = parsers.feed(
        answer.data,
        answer.url,
        zone=zone_of(source, config),
        max_items=config.collecting.max_items,
        content_type=answer.content_type,
    )
    placed = tuple(replace(article, place=place) for place, article in enumerate(found.articles, start=1))
    return replace(said, found=placed, rest=max(answer.rest, found.rest))


def _folder(source: Source, config: Config, zone: tzinfo) -> Reading:
    place = source.path or Path()
    found: list[FoundArticle] = []
    failed: list[Failure] = []
    for path in _newest_files(folder.files(place), config.collecting.max_items):
        name = os.fsencode(path.relative_to(place).as_posix()).decode("utf-8", "replace")
        try:
            article = file(path, place, name, config.collecting, zone)
        except FetchError as error:
            failed.append(Failure(name, str(error)))
            continue
        try:
            article = with_picture(article, path, place, config)
        except FetchError as error:
            failed.append(Failure(name, str(error)))
            article = replace(article, image="", image_alt="")
        found.append(article)
    return Reading(found=tuple(found), failed=tuple(failed))


def file(path: Path, place: Path, name: str, collecting: Collecting, zone: tzinfo) -> FoundArticle:
    """The article in a file below `place`, with `name` as its id. Raises FetchError with the reason."""
    try:
        if not path.resolve().is_relative_to(place.resolve()):
            raise FetchError("it is a link to a file outside the source's folder")
        with path.open("rb") as opened:
            data = opened.read(collecting.max_bytes + 1)
    except (OSError, RuntimeError) as error:
        raise FetchError(f"it can't be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > collecting.max_bytes:
        raise FetchError(f"it is larger than {collecting.max_bytes:,} bytes (collecting.max_bytes)")
    modified_at = datetime.fromtimestamp(_written_at(path), UTC)
    return folder.read(data, name, zone=zone, modified_at=modified_at)


def with_picture(article: FoundArticle, path: Path, place: Path, config: Config) -> FoundArticle:
    """The article with a picture that we can serve in place of a path. Raises FetchError with the reason."""
    if not article.image or article.image.startswith(("http://", "https://")):
        return article
    media, most = config.site.media_dir, config.collecting.max_bytes
    return replace(article, image=pictures.store(article.image, path, place, media, max_bytes=most))


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
