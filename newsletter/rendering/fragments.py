"""Pieces of HTML that come from articles and editors, made fit for a mail.

Bodies are clean already when they come here. A mail shows less than a page, so a second, smaller allow-list keeps
words, emphasis, lists and links; then the piece is made well-formed XML on one line, as MJML wants it, and cut to
a number of words without ever cutting a tag.
"""

import re
import unicodedata
from functools import lru_cache

import nh3
from lxml import etree
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from markupsafe import Markup

_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TAGS = {"p", "a", "em", "strong", "b", "i", "br", "ul", "ol", "li", "blockquote", "sub", "sup"}
_WITH_CONTENT = {"script", "style", "figure", "figcaption", "table", "iframe", "pre", "form", "svg", "math", "template"}
_APART = {"p", "li", "br", "div", "blockquote"}  # words on both sides of these are not one word
_HEADING = re.compile(r"<h[1-6][^>]*>.*?</h[1-6]\s*>", re.DOTALL | re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]{2,}|[\t\r\n\f]")  # all but what is one space already
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'’”»)]*$")
_KEPT = 500  # pieces: an issue's every edition, and every look at it, has the same ones
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def printable(text: str) -> str:
    """`text` without the characters that XML forbids: one of them in a headline would stop the whole issue."""
    return _NOT_XML.sub("", text)


def fragment(html: str) -> Markup:
    """`html` with what a mail can show of it: well-formed XML, on one line, links to the web and to addresses only."""
    return _markup(_tree(html))


@lru_cache(maxsize=_KEPT)
def from_markdown(text: str) -> Markup:
    """An editor's Markdown as a fragment. HTML in it stays text."""
    return fragment(_MARKDOWN.render(text))


@lru_cache(maxsize=_KEPT)
def line_from_markdown(text: str) -> Markup:
    """The same for words that stand in a line: emphasis and links, no paragraphs."""
    return fragment(_MARKDOWN.renderInline(text))


@lru_cache(maxsize=_KEPT)
def excerpt(html: str, *, at_least: int, at_most: int, without: str = "") -> Markup:
    """The beginning of `html`: whole paragraphs until there are `at_least` words, and never more than `at_most`.

    A paragraph that goes beyond is cut after a sentence where one ends late enough, else after a word, with "…".
    A first paragraph that only says `without` again (the standfirst) is left out.
    """
    source, taken = _tree(html), etree.Element("div")
    for block in _blocks(source, without):
        have = _count(taken)
        if have >= at_least:
            break
        block.tail = None
        _cut(block, at_most - have, at_least - have)
        taken.append(block)
    return _markup(taken)


def plain(html: str) -> str:
    """The words of a fragment, one space between them."""
    return _text_of(_tree(html))


def direction(text: str) -> str:
    """In which direction its first letter runs: "ltr", "rtl", or "" for a text without letters (UAX #9, P2)."""
    if text[:1].isascii() and text[:1].isalpha():
        return "ltr"
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next(("ltr" if kind == "L" else "rtl" for kind in kinds if kind in ("L", "R", "AL")), "")


def _tree(html: str) -> etree._Element:
    kept = nh3.clean(
        _HEADING.sub(" ", printable(html)),
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    root: etree._Element = lxml_html.fragment_fromstring(kept, create_parent="div")
    for element in root.iter():
        element.text = _SPACES.sub(" ", element.text or "") or None
        element.tail = _SPACES.sub(" ", element.tail or "") or None
    _unwrap_dead_links(root)
    _drop_empty(root)
    return root


def _unwrap_dead_links(root: etree._Element) -> None:
    """A link that goes nowhere, or only somewhere on its own page, is no link in a mail."""
    for link in list(root.iter("a")):
        if not re.match(r"(https?|mailto):", link.get("href", "")):
            link.drop_tag()  # type: ignore[attr-defined]  # lxml.html's elements have it


def _drop_empty(root: etree._Element) -> None:
    for element in reversed(list(root.iterdescendants())):
        if element.tag != "br" and not len(element) and not (element.text or "").strip():
            element.drop_tree()  # type: ignore[attr-defined]


def _blocks(root: etree._Element, without: str) -> list[etree._Element]:
    """The paragraphs, lists and quotes; loose text becomes a paragraph of its own."""
    blocks: list[etree._Element] = []
    for text, child in [(root.text, None), *((child.tail, child) for child in root)]:
        if child is not None:
            blocks.append(child)
        if text and text.strip():
            loose = lxml_html.Element("p")
            loose.text = text.strip()
            blocks.append(loose)
    if blocks and without and _text_of(blocks[0]) == _SPACES.sub(" ", without).strip():
        return blocks[1:]
    return blocks


def _cut(block: etree._Element, at_most: int, wanted: int) -> None:
    """Keep the first `at_most` words of `block`, or fewer where a sentence ends after `wanted` ones."""
    words = _words_of(block)
    if len(words) <= at_most:
        return
    ends = [n for n in range(max(wanted, 1), at_most + 1) if _SENTENCE_END.search(words[n - 1])]
    _keep(block, ends[-1] if ends else at_most, "" if ends else " …")


def _keep(element: etree._Element, words: int, ending: str) -> int:
    """Cut `element` after so many words, with `ending`; the number of words that are still to come after it."""
    element.text, words = _first_words(element.text, words, ending)
    for child in list(element):
        if words <= 0:
            element.remove(child)
            continue
        words = _keep(child, words, ending)
        child.tail, words = _first_words(child.tail, words, ending) if words > 0 else (None, 0)
    return words


def _first_words(text: str | None, words: int, ending: str) -> tuple[str | None, int]:
    if not text:
        return text, words
    have = text.split()
    if len(have) < words:
        return text, words - len(have)
    lead = " " if text[0].isspace() else ""
    return lead + " ".join(have[:words]) + ending, 0


def _count(element: etree._Element) -> int:
    return len(_words_of(element))


def _words_of(element: etree._Element) -> list[str]:
    """As `_keep` counts them: a word that a tag divides is two."""
    return [word for part in element.itertext() for word in str(part).split()]


def _text_of(element: etree._Element) -> str:
    return _SPACES.sub(" ", _loose_text(element)).strip()


def _loose_text(element: etree._Element) -> str:
    inner = (element.text or "") + "".join(_loose_text(child) + (child.tail or "") for child in element)
    return f" {inner} " if element.tag in _APART else inner


def _markup(root: etree._Element) -> Markup:
    """The content of `root` as XML."""
    inner = etree.tostring(root, method="xml", encoding="unicode", with_tail=False)
    return Markup(re.sub(r"^<div/?>|</div>$", "", inner).strip())  # noqa: S704 - made of allowed tags above
