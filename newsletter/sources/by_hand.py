"""One article by hand: a file as in a folder, or a page of the web. `newsletter articles add` calls it."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.config import Config, Source
from newsletter.database import Database
from newsletter.errors import FetchError, NotFound, Refused
from newsletter.sources import fetch, page
from newsletter.sources.apart import Parsers
from newsletter.sources.found import FoundArticle
from newsletter.sources.keep import Outcome, keep
from newsletter.sources.read import file, with_picture, zone_of

BY_HAND = "by-hand:"  # ids of files from elsewhere: no file of a source's own folder is called so


@dataclass(frozen=True)
class Added:
    """What became of it."""

    article: int
    source: str
    section: str
    title: str
    url: str
    outcome: Outcome
    note: str = ""  # what could not be had

    def as_json(self) -> dict[str, Any]:
        """The shape that `newsletter articles add --json` prints."""
        return dict(vars(self))


def add(database: Database, config: Config, what: str, source_name: str, now: datetime) -> Added:
    """Read `what` and keep it as an article of that source. Raises FetchError, NotFound or Refused."""
    source = _source(config, source_name)
    found, note = _page(what, source, config) if _is_address(what) else _file(Path(what), source, config)
    with database.transaction() as session:
        (kept,) = keep(session, source, [found], now)
        session.flush()
        row = kept.row
        return Added(row.id or 0, source.name, row.section, row.title, row.url, kept.outcome, note)


def _source(config: Config, name: str) -> Source:
    """The source that is meant; with only one, it need not be said."""
    if not config.sources:
        raise Refused("An article is of a source, and config.toml has none: a [[sources]] table names one.")
    names = ", ".join(source.name for source in config.sources)
    if not name and len(config.sources) != 1:
        raise Refused(f"Say whose article it is with --source: {names}.")
    for source in config.sources:
        if source.name == (name or source.name):
            return source
    raise NotFound(f"There is no source {name!r}; there is {names}.")


def _is_address(what: str) -> bool:
    return what.lower().startswith(("http://", "https://"))


def _page(url: str, source: Source, config: Config) -> tuple[FoundArticle, str]:
    port = fetch.port_of(url)
    answer = fetch.get(url, config.collecting, contact=config.site.url, accept=page.ACCEPT, also_port=port)
    with Parsers() as parsers:
        zone = zone_of(source, config)
        found = parsers.page(answer.data or b"", answer.url, zone=zone, content_type=answer.content_type)
    return found, "" if found.published_at else "The page does not say when it was published; now is taken."


def _file(path: Path, source: Source, config: Config) -> tuple[FoundArticle, str]:
    """A file of the source's own folder keeps its name there; one from elsewhere is known by its name alone."""
    if not path.is_file():
        raise FetchError(f"There is no file {path}.")
    inside = source.path is not None and path.resolve().is_relative_to(source.path.resolve())
    place = source.path if inside and source.path else path.parent
    name = path.resolve().relative_to(place.resolve()).as_posix()
    try:
        found = file(path, place, name, config.collecting, zone_of(source, config))
    except FetchError as error:
        raise FetchError(f"{path}: {error}.") from error
    found = found if inside else replace(found, guid=f"{BY_HAND}{found.guid}"[:500])
    try:
        return with_picture(found, path, place, config), ""
    except FetchError as error:
        return replace(found, image="", image_alt=""), f"{error}; it is in without a picture."
