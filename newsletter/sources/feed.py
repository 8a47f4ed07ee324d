"""A feed's bytes → a FoundFeed, its articles in the feed's own order.

RSS and Atom by feedparser, JSON Feed 1.1 by hand; all pure. Only bytes are ever parsed: feedparser opens paths and
addresses that it is given as text. A feed whose shape would keep the parser busy for minutes is refused before it
begins; `apart` bounds what nobody has thought of.
"""

import json
import re
from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from io import BytesIO
from typing import Any

from newsletter.errors import FetchError
from newsletter.sources import clean, dates, items, manners
from newsletter.sources.found import FoundArticle, FoundFeed

MAX_TAGS = 100_000  # 20,000 items of eight tags took feedparser 4.5 s
MAX_ENTRIES = 5_000  # looked at to find the newest
MAX_ATTRIBUTES = 250  # of one tag; 20,000 took it 4 s, and twice as many four times as long

_LONG_TAG = re.compile(rb"<[A-Za-z][^<>]{2000,}")
_ENTITY_OF_ENTITIES = re.compile(rb"<!ENTITY[^<>]{0,500}&[A-Za-z_][^<>]{0,500}>")
_MEDIA_CAPTION = re.compile(rb"<(/?)media:description\b[^<>]*?(/?)>")
_NAMES_A_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d|[0-9\s][A-Z]{1,5})\)?\s*$")


def parse(data: bytes, url: str, *, zone: tzinfo, max_items: int, content_type: str = "application/xml") -> FoundFeed:
    """The feed that stood at `url`; dates that name no zone are in `zone`.

    Of more than `max_items` the newest are kept. Raises FetchError, in words, where this is no feed.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        found, rest = _json_feed(data, url, zone), timedelta(0)
    else:
        _refuse_bombs(data)
        found, rest = _xml_feed(data, url, zone, content_type)
    return FoundFeed(tuple(_newest([article for article in found if article is not None], max_items)), rest)


def _newest(found: list[FoundArticle], most: int) -> list[FoundArticle]:
    """The `most` newest in the order they came; one without a date counts as new, for it stands where it stands."""
    if len(found) <= most:
        return found
    now_and_ever = datetime.max.replace(tzinfo=UTC)
    by_age = sorted(range(len(found)), key=lambda i: found[i].published_at or now_and_ever, reverse=True)
    return [found[i] for i in sorted(by_age[:most])]


# --- RSS and Atom --------------------------------------------------------------------------------------------------


def _refuse_bombs(data: bytes) -> None:
    if _ENTITY_OF_ENTITIES.search(data):
        raise FetchError("The feed makes entities out of entities, as a bomb does; no feed of news needs that.")
    if data.count(b"<") > MAX_TAGS:
        raise FetchError(f"The feed has more than {MAX_TAGS:,} tags; a feed of news has far fewer.")
    if any(tag[0].count(b"=") > MAX_ATTRIBUTES for tag in _LONG_TAG.finditer(data)):
        raise FetchError(f"The feed has a tag with more than {MAX_ATTRIBUTES} attributes; no feed needs so many.")


def _xml_feed(
    data: bytes, url: str, zone: tzinfo, content_type: str
) -> tuple[Iterable[FoundArticle | None], timedelta]:
    """Its articles, and how long it says that it stays as it is."""
    import feedparser  # slow to import, and wanted by those who read feeds alone

    # feedparser takes a picture's description for the article's: under another name it keeps the two apart.
    renamed = _MEDIA_CAPTION.sub(rb"<\1media:caption\2>", data)
    headers = {"content-type": content_type, "content-location": url}
    try:
        feed = feedparser.parse(
            BytesIO(renamed), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # whatever a stranger's bytes bring about in there is that stranger's fault
        raise FetchError(f"The feed can't be parsed: {type(error).__name__}: {error}") from error
    if not feed.get("version"):
        raise FetchError("The answer is no feed: neither RSS nor Atom nor JSON Feed. Is the address a page's?")
    said = (_text(feed.feed.get(name)) for name in ("ttl", "sy_updateperiod", "sy_updatefrequency"))
    return (_from_entry(entry, url, zone) for entry in feed.entries[:MAX_ENTRIES]), manners.rest_of_feed(*said)


def _from_entry(entry: Any, url: str, zone: tzinfo) -> FoundArticle | None:
    base = entry.get("title_detail", {}).get("base") or url
    link = clean.canonical_url(_text(entry.get("link")), base)
    caption = _text(entry.get("media_caption"))
    content = max((_text(part.get("value")) for part in entry.get("content", [])), key=len, default="")
    summary = _text(entry.get("summary"))
    image, alt = items.picture(_pictures(entry), f"{content} {summary}", link or base)
    return items.article(
        guid=_text(entry.get("id")),
        link=link,
        title=_text(entry.get("title")),
        summary=summary or caption.partition("\n\n")[0][: clean.STANDFIRST],  # a video's description ends in adverts
        content=content,
        author=_names(entry),
        sections=(_text(tag.get("term")) for tag in entry.get("tags", [])),
        image=image,
        alt=alt or (caption if summary else ""),
        published_at=_date_of(entry, zone),
    )


def _names(entry: Any) -> str:
    said = _text(entry.get("author"))
    if "@" in said:
        return said  # feedparser ends an address at a fourth letter: desk@news.museum is by "um"
    names = [_text(author.get("name")) for author in entry.get("authors", [])]
    return ", ".join(name for name in names if name) or said


def _pictures(entry: Any) -> list[tuple[str, int]]:
    """Addresses of pictures and their widths in pixels (0: not told), the likeliest first."""
    media = [m for m in entry.get("media_content", []) if _is_image(m)]
    enclosures = [m for m in entry.get("enclosures", []) if _is_image(m)]
    wide_first = sorted(media, key=lambda m: -_number(m.get("width")))
    told = [m for m in wide_first if _number(m.get("width"))]
    untold = [m for m in media if not _number(m.get("width"))]
    return [
        (_text(m.get("url") or m.get("href")), _number(m.get("width")))
        for m in (*told, *untold, *enclosures, *entry.get("media_thumbnail", []))
    ]


def _is_image(media: Any) -> bool:
    kind = _text(media.get("medium")) or _text(media.get("type"))
    name = _text(media.get("url") or media.get("href")).lower().partition("?")[0]
    return kind.startswith("image") or (not kind and name.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif")))


def _date_of(entry: Any, zone: tzinfo) -> datetime | None:
    """When it was published, else updated. feedparser gives UTC, and takes a time without a zone for UTC too."""
    for name in ("published", "updated"):
        said = _text(dict.get(entry, name))  # its own .get falls back on another field, with a warning
        parsed = dict.get(entry, f"{name}_parsed")
        moment = _utc(parsed) if parsed is not None and _NAMES_A_ZONE.search(said) else dates.moment(said, zone)
        if moment is None and parsed is not None and (naive := _utc(parsed)):
            moment = dates.in_utc(naive.replace(tzinfo=None), zone)
        if moment is not None:
            return moment
    return None


def _utc(parsed: Any) -> datetime | None:
    try:
        return dates.in_utc(datetime.fromtimestamp(timegm(parsed), UTC), UTC)
    except (ValueError, OverflowError, OSError):
        return None


# --- JSON Feed -----------------------------------------------------------------------------------------------------


def _json_feed(data: bytes, url: str, zone: tzinfo) -> Iterable[FoundArticle | None]:
    """JSON Feed 1.1 (jsonfeed.org/version/1.1): a value of the wrong type counts as absent."""
    try:
        feed = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise FetchError(f"The feed begins like JSON and is none: {error}") from error
    if not _text(feed.get("version")).startswith("https://jsonfeed.org/version/"):
        raise FetchError("The answer is JSON but no JSON Feed: its `version` does not say so.")
    return (_from_item(item, url, zone) for item in _list(feed.get("items"))[:MAX_ENTRIES] if isinstance(item, dict))


def _from_item(item: dict[str, Any], url: str, zone: tzinfo) -> FoundArticle | None:
    link = clean.canonical_url(_text(item.get("url")) or _text(item.get("external_url")), url)
    content = _text(item.get("content_html"))
    pictures = [(_text(item.get("image")), 0), (_text(item.get("banner_image")), 0)]
    image, alt = items.picture(pictures, content, link or url)
    authors = [a for a in (*_list(item.get("authors")), item.get("author")) if isinstance(a, dict)]
    return items.article(
        guid=_text(item.get("id")),
        link=link,
        title=_escaped(item.get("title")),
        summary=_escaped(item.get("summary")),
        content=content or _escaped(item.get("content_text")),
        author=", ".join(name for a in authors if (name := _text(a.get("name")))),
        sections=(_text(tag) for tag in _list(item.get("tags"))),
        image=image,
        alt=alt,
        published_at=dates.moment(_text(item.get("date_published")) or _text(item.get("date_modified")), zone),
    )


# --- values of any type --------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _escaped(value: object) -> str:
    """Plain text of a JSON Feed as HTML."""
    return _text(value).replace("&", "&amp;").replace("<", "&lt;")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value[:6]) if isinstance(value, str) and value[:6].isdecimal() else 0
