"""Other people's pictures on our own site: fetched once, checked, scaled, and remembered with their size.

A mail that shows pictures from where they are asks a stranger's server for each reader, breaks when that server moves
them, and jumps while they load. So the pictures of the picked articles are brought home when an issue is drafted; what
can't be had is written down with its reason, and the issue does without.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session, col, select

from newsletter.config import Collecting, Site
from newsletter.database import Database
from newsletter.errors import FetchError
from newsletter.sources import fetch, pictures
from newsletter.sources.models import Picture

SIDE_BY_SIDE = 8
SECONDS = 10.0  # for one picture
SMALLEST = 120  # pixels, either way: smaller ones are icons, or count readers
ACCEPTED = "image/jpeg, image/png, image/webp, image/gif, image/*;q=0.5"


@dataclass(frozen=True)
class Wanted:
    """A picture that an article names. `port` is one that the operator named for the article's source, if any."""

    address: str  # https://…, or media/HASH.jpg for one of a folder
    port: int | None = None


def host(
    database: Database, site: Site, collecting: Collecting, wanted: Sequence[Wanted], now: datetime, *, copy: bool
) -> None:
    """Learn what is not known yet of each picture, and copy it to our site where `copy` says so.

    Side by side and bounded in bytes and seconds; a failure is a row with its reason, tried again at the next call.
    """
    with database.reading() as session:
        known = of(session, [one.address for one in wanted])
    missing = {w.address: w for w in wanted if w.address and not _is_there(known.get(w.address), site, copy)}
    bounds = collecting.model_copy(update={"timeout_seconds": min(SECONDS, collecting.timeout_seconds)})
    look = partial(_look, site=site, collecting=bounds, now=now, copy=copy)
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE, thread_name_prefix="picture") as threads:
        looked = list(threads.map(look, missing.values()))
    with database.transaction() as session:
        for picture in looked:
            session.merge(picture)


def of(session: Session, addresses: Iterable[str]) -> Mapping[str, Picture]:
    """What is known of the pictures at these addresses."""
    keys = [_key(address) for address in addresses if address]
    rows = session.exec(select(Picture).where(col(Picture.key).in_(keys)))
    return {row.url: row for row in rows}


def _is_there(known: Picture | None, site: Site, copy: bool) -> bool:
    if known is None or known.why:
        return False
    return (pictures.file_of(known.file, site.media_dir).is_file() if known.file else not copy) and known.width > 0


def _look(wanted: Wanted, *, site: Site, collecting: Collecting, now: datetime, copy: bool) -> Picture:
    picture = Picture(key=_key(wanted.address), url=wanted.address, looked_at=now)
    try:
        if wanted.address.startswith("media/"):
            picture.file = wanted.address
            picture.width, picture.height = pictures.measured(pictures.file_of(wanted.address, site.media_dir))
        else:
            _fetch(picture, wanted, site, collecting, copy=copy)
    except FetchError as error:
        picture.file, picture.why = "", str(error)[:500]
    return picture


def _fetch(picture: Picture, wanted: Wanted, site: Site, collecting: Collecting, *, copy: bool) -> None:
    answer = fetch.get(wanted.address, collecting, contact=site.url, accept=ACCEPTED, also_port=wanted.port)
    scaled, ending = pictures.fit_for_mail(answer.data or b"")
    picture.width, picture.height = pictures.size_of(scaled)
    if min(picture.width, picture.height) < SMALLEST:
        raise FetchError(f"It has {picture.width} × {picture.height} pixels, too few to show.")
    if copy:
        picture.file = pictures.keep(scaled, ending, site.media_dir)


def _key(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()
