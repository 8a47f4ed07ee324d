"""One item as a feed or a CMS tells it, in HTML → the FoundArticle it is. Pure.

Whoever reads a format hands its fields over here, and here all of them go through `clean`.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime

from newsletter.sources import clean
from newsletter.sources.found import FoundArticle

MIN_IMAGE_WIDTH = 200  # pixels; a smaller one would be blown up
STANDFIRST_OF_BODY = 300  # characters, where a source gives the whole piece and no summary
LONGEST_GUID = 500  # the store's column

_SIZE_IN_NAME = re.compile(r"[-_](\d{2,4})x(\d{2,4})\b")
_FIRST_IMAGE = re.compile(r"<img\b[^<>]*?\bsrc\s*=\s*[\"']([^\"'<>]+)[\"'][^<>]*>", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+")


def article(
    *,
    guid: str,
    link: str,
    title: str,
    summary: str,
    content: str,
    author: str,
    sections: Iterable[str],
    image: str,
    alt: str,
    published_at: datetime | None,
) -> FoundArticle | None:
    """The article of an item whose text fields are HTML still; None where it has nothing to read."""
    body, standfirst = _body_and_standfirst(summary, content, link)
    headline = clean.text_of(title, clean.TITLE) or clean.clipped(standfirst, 100)
    if not headline:
        return None
    return FoundArticle(
        guid=_guid(clean.printable(guid).strip(), link, headline),
        title=headline,
        url=link,
        standfirst=standfirst,
        body=body,
        author=_byline(author),
        sections=tuple(name for section in sections if (name := clean.text_of(section, clean.SECTION)))[:50],
        image=image,
        image_alt=clean.text_of(alt, clean.ALT) if image else "",
        words=clean.word_count(body),
        published_at=published_at,
    )


def _body_and_standfirst(summary: str, content: str, link: str) -> tuple[str, str]:
    """A feed may tell a sentence, the whole piece, both, or the same twice. A body that says no more is none."""
    short = clean.text_of(summary, clean.STANDFIRST)
    body = clean.body(content, link) if content.strip() else ""
    if not body and short.endswith("…"):
        body = clean.body(summary, link)
    plain = clean.text_of(body, clean.STANDFIRST)
    if plain == short and not plain.endswith("…"):
        return "", short
    if body and (not short or short == plain):
        return body, clean.opening(body, STANDFIRST_OF_BODY)
    return body, short


def _guid(guid: str, link: str, headline: str) -> str:
    """The item's own id; else its address, which outlives a changed headline; else the headline. Long ones hashed."""
    told = guid or link or headline
    return told if guid and len(guid) <= LONGEST_GUID else hashlib.sha256(told.encode()).hexdigest()


def _byline(author: str) -> str:
    """Names alone: "newsroom@example.com (Jane Doe)" and "By Jane Doe" are Jane Doe, a bare address is nobody."""
    plain = clean.text_of(author, clean.AUTHOR)
    if "@" in plain:
        plain = _ADDRESS.sub("", plain).strip(" ()<>,")
    return plain[3:] if plain[:3].lower() == "by " else plain


def picture(offered: list[tuple[str, int]], text: str, base: str) -> tuple[str, str]:
    """The first picture that is large enough, else the first in the text, with its description."""
    for address, width in offered:
        url = clean.web_url(address, base) if address else ""
        if url and not 0 < (width or _width_in_name(url)) < MIN_IMAGE_WIDTH:
            return url, ""
    for tag in _FIRST_IMAGE.finditer(text[: clean.BODY]):
        url = clean.web_url(tag[1], base)
        said = re.search(r"\bwidth\s*=\s*[\"']?(\d{1,6})", tag[0])
        if url and not (said and int(said[1]) < MIN_IMAGE_WIDTH):
            alt = _ALT.search(tag[0])
            return url, (alt[1] or alt[2] or "") if alt else ""
    return "", ""


def _width_in_name(url: str) -> int:
    size = _SIZE_IN_NAME.search(url)
    return int(size[1]) if size else 0
