"""Sources: how each is, what it told last, how often it is picked; and a feed tried before it stands in config.toml."""

from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from pydantic import ValidationError

from newsletter.config import Config, Source
from newsletter.errors import NotFound
from newsletter.issues import picked
from newsletter.sources import health
from newsletter.sources.apart import Parsers
from newsletter.sources.manners import Turns
from newsletter.sources.models import SourceState
from newsletter.sources.read import Reading, read
from newsletter.web.dependencies import FormDep, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page

PICKED_WITHIN = timedelta(days=90)
LAST_ITEMS = 20
SHOWN_ITEMS = 8  # of a feed that is tried


def page(request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep) -> Response:
    """All of the config, those in trouble first."""
    now = house.now
    records = sorted(health.records(session, house.config, now), key=lambda r: not r.error)
    found = picked.by_source(session, (now - PICKED_WITHIN).date())
    weights = {source.name: source.weight for source in house.config.sources}
    return desk_page(
        request, editor, "sources", records=records, picked=found, weights=weights, days=PICKED_WITHIN.days,
        sections=_sections(house.config),
    )  # fmt: skip


def one(request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep, name: str) -> Response:
    """One source: its state in words, and its last items."""
    source = next((source for source in house.config.sources if source.name == name), None)
    if source is None:
        raise NotFound(f"There is no source {name!r} in config.toml.")
    now = house.now
    record = next(record for record in health.records(session, house.config, now) if record.name == name)
    items = picked.last_items(session, name, LAST_ITEMS)
    return desk_page(request, editor, "source", source=source, record=record, items=items)


def attempt(request: Request, editor: EditorDep, house: HouseDep, form: FormDep) -> Response:
    """Fetch a feed as `collect` would, keep nothing, and show what it holds and the lines for config.toml."""
    url, section = field(form, "url").strip(), field(form, "section").strip() or "News"
    says(request, url[:200])
    source, wrong = _as_source(url, section, field(form, "name").strip())
    reading = Reading()
    if source is not None:
        with Parsers() as parsers:
            turns = Turns(house.config.collecting.connections_per_host)
            reading = read(source, house.config, SourceState(name=source.name), parsers, turns)
    taken = source is not None and source.name in {one.name for one in house.config.sources}
    known = [one.name for one in house.config.sources if source is not None and str(one.url) == str(source.url)]
    return desk_page(
        request, editor, "source_tried", source=source, url=url, wrong=wrong or reading.error, reading=reading,
        items=reading.found[:SHOWN_ITEMS], lines=_lines(source) if source else "", taken=taken, known=known,
    )  # fmt: skip


def _as_source(url: str, section: str, name: str) -> tuple[Source | None, str]:
    """The source that the config would have, or what is wrong with it."""
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in (name or _host(url)).lower()).strip("-")[:40]
    try:
        return Source.model_validate({"name": slug or "new-feed", "kind": "feed", "url": url, "section": section}), ""
    except ValidationError as error:
        first: Any = error.errors()[0]
        return None, f"{'.'.join(map(str, first['loc']))}: {str(first['msg']).removeprefix('Value error, ')}"


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0].removeprefix("www.")


def _lines(source: Source) -> str:
    """For config.toml. JSON's strings are TOML's."""
    quoted = [("name", source.name), ("kind", "feed"), ("url", str(source.url)), ("section", source.section)]
    return "\n".join(["[[sources]]", *(f"{key} = {_quoted(value)}" for key, value in quoted), "weight = 1.0"])


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sections(config: Config) -> list[str]:
    return list(dict.fromkeys(source.section for source in config.sources))
