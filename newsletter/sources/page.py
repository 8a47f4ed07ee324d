"""A page of one article → a FoundArticle: what its <meta> elements, its JSON-LD and its text say of it. Pure.

`fields` reads a page that lies in a folder; `read` one that was fetched, and asks trafilatura, where it is installed
(the extra `extract`), for what the page says only between the lines.
"""

import json
import re
from collections.abc import Iterator
from datetime import tzinfo
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as pages

from newsletter.errors import FetchError
from newsletter.sources import clean, dates
from newsletter.sources.found import FoundArticle

ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
LONGEST_JSON_LD = 500_000  # characters

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_ARTICLES = ("Article", "Posting", "Report")  # NewsArticle, BlogPosting, LiveBlogPosting …


def read(data: bytes, url: str, *, zone: tzinfo, content_type: str = "") -> FoundArticle:
    """The article of the page that was fetched from `url`. Raises FetchError where there is none."""
    text = _decoded(data, content_type)
    found = fields(text, zone, url)
    if find_spec("trafilatura"):
        found = _between_the_lines(found, text, url)
    if not found["title"]:
        raise FetchError("The page has no headline.")
    return FoundArticle(guid=found["url"] or url, words=clean.word_count(found["body"]), **found)


def fields(text: str, zone: tzinfo, fetched_from: str = "") -> dict[str, Any]:
    """The fields of FoundArticle that a page fills; a picture's path stays one if the page was not fetched."""
    try:
        page = pages.document_fromstring(text.encode(), parser=pages.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise FetchError(f"it is no page: {error}") from error
    told = _json_ld(page)
    is_paid = _is_paid(page)
    url = _address(page, fetched_from)
    body = next((found for name in ("article", "main", "body") for found in page.iter(name)), page)
    heading = next(body.iter("h1"), None)
    title = clean.line(" ".join(map(str, heading.itertext())), clean.TITLE) if heading is not None else ""
    picture = next((image for image in body.iter("img") if image.get("src")), None)
    image = _meta(page, "og:image") or told["image"] or (picture.get("src", "") if picture is not None else "")
    alt = _meta(page, "og:image:alt") or (picture.get("alt", "") if picture is not None else "")
    said = _meta(page, "article:published_time", "date", "dc.date") or told["date"] or _first(page, "//time/@datetime")
    section = _meta(page, "article:section", "section") or told["section"]
    named = (_meta(page, "og:title"), told["title"], page.findtext(".//title") or "")
    return {
        "title": title or clean.line(next(filter(None, named), ""), clean.TITLE),
        "standfirst": clean.text_of(
            _meta(page, "description", "og:description") or told["standfirst"], clean.STANDFIRST
        ),
        "body": _body_of(body, heading, url),
        "author": clean.line(_author(page) or told["author"], clean.AUTHOR),
        "sections": tuple(filter(None, [clean.line(section, clean.SECTION)])),
        "image": clean.web_url(image, fetched_from) if fetched_from else clean.picture_place(image, url),
        "image_alt": clean.line(alt, clean.ALT),
        "url": url,
        "is_paid": is_paid,
        "published_at": dates.moment(said, zone) if said else None,
    }


def _address(page: Any, fetched_from: str) -> str:
    """The page's own word for where it stands; a fetched one is believed only of its own site."""
    said = clean.canonical_url(_first(page, "//link[@rel='canonical']/@href") or _meta(page, "og:url"), fetched_from)
    if not fetched_from:
        return said
    asked = clean.canonical_url(fetched_from)
    same_site = urlsplit(said).hostname == urlsplit(asked).hostname and urlsplit(said).path.strip("/")
    return said if same_site else asked


def _author(page: Any) -> str:
    """Names, but no addresses of profiles."""
    said = _meta(page, "author", "article:author")
    return "" if said.startswith(("http://", "https://")) else said


def _body_of(body: Any, heading: Any, url: str) -> str:
    """Its clean HTML without the headline, what stands around an article on a page, and the request to sign up."""
    for element in [*body.iter("nav", "header", "footer", "aside", "form", "time"), heading]:
        if element is not None and element is not body and element.getparent() is not None:
            element.drop_tree()
    return _without_sign_up(clean.body(etree.tostring(body, encoding="unicode", method="html"), url))


def _without_sign_up(body: str) -> str:
    while (last := body.rpartition("<p>"))[1] and not clean.without_sign_up([clean.text_of(last[2], 300)]):
        body = last[0].rstrip()
    return body


def _meta(page: Any, *names: str) -> str:
    """What the first of these <meta> elements says that says something."""
    for name in names:
        for meta in page.iter("meta"):
            if (meta.get("name") or meta.get("property") or "").lower() == name and (meta.get("content") or "").strip():
                return str(meta.get("content")).strip()
    return ""


def _first(page: Any, path: str) -> str:
    return next((str(value).strip() for value in page.xpath(path)), "")


# --- JSON-LD -------------------------------------------------------------------------------------------------------


def _json_ld(page: Any) -> dict[str, str]:
    """What the page tells search engines of its article (schema.org/Article); every value "" where it tells nothing."""
    article = next(filter(_is_article, _things(page)), {})
    return {
        "title": _words(article.get("headline")),
        "standfirst": _words(article.get("description")),
        "author": ", ".join(filter(None, (_words(one, "name") for one in _many(article.get("author"))))),
        "image": next(filter(None, (_words(one, "url") for one in _many(article.get("image")))), ""),
        "date": _words(article.get("datePublished")),
        "section": next(filter(None, map(_words, _many(article.get("articleSection")))), ""),
    }


def _is_paid(page: Any) -> bool:
    """Whether the page tells search engines that not everybody may read it (schema.org/isAccessibleForFree)."""
    article = next(filter(_is_article, _things(page)), {})
    return str(article.get("isAccessibleForFree", "")).casefold().endswith("false")  # false, "False", a URL


def _things(page: Any) -> Iterator[dict[str, Any]]:
    for script in page.iter("script"):
        if "ld+json" not in (script.get("type") or ""):
            continue
        try:
            told = json.loads((script.text or "")[:LONGEST_JSON_LD], strict=False)
        except (ValueError, RecursionError):
            continue
        for thing in _many(told):
            if isinstance(thing, dict):
                yield thing
                yield from (inner for inner in _many(thing.get("@graph")) if isinstance(inner, dict))


def _is_article(thing: dict[str, Any]) -> bool:
    return any(isinstance(kind, str) and kind.endswith(_ARTICLES) for kind in _many(thing.get("@type")))


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _words(value: Any, key: str = "") -> str:
    """A text, or the text under `key` of a thing."""
    if isinstance(value, dict) and key:
        value = value.get(key)
    return value if isinstance(value, str) else ""


# --- fetched pages -------------------------------------------------------------------------------------------------


def _between_the_lines(found: dict[str, Any], text: str, url: str) -> dict[str, Any]:
    """The fields with what trafilatura makes out where the page does not say it itself, and its cut of the body."""
    import trafilatura  # the extra `extract`; 0.7 s to load

    said = trafilatura.extract_metadata(text, default_url=url)
    body = trafilatura.extract(text, url=url, output_format="html", include_links=True, include_formatting=True)
    headline = re.compile(rf"\A<h3>{re.escape(found['title'])}</h3>\s*")
    cut = _without_sign_up(headline.sub("", clean.body(body or "", url)))
    return found | {
        "title": found["title"] or clean.line(said.title or "", clean.TITLE),
        "standfirst": found["standfirst"] or clean.text_of(said.description or "", clean.STANDFIRST),
        "author": found["author"] or clean.line((said.author or "").replace("; ", ", "), clean.AUTHOR),
        "image": found["image"] or clean.web_url(said.image or "", url),
        "body": cut or found["body"],
    }


def _decoded(data: bytes, content_type: str) -> str:
    """Text by the server's word, else the page's own, else UTF-8; what is wrong in it shows as �."""
    named = _CHARSET.search(content_type) or _CHARSET.search(data[:2048].decode("latin-1"))
    try:
        text = data.decode(named[1] if named else "utf-8", "replace")
    except (LookupError, UnicodeError):
        text = data.decode("utf-8", "replace")
    return clean.printable(text.replace("\0", ""))
