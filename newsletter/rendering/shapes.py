"""The shape of a page: its tags, with its words put aside.

What MJML and the inliner make of a document depends on its tags and styles, never on what a headline says or where it
leads. So a document whose shape was met before needs neither of them: its words are laid into the HTML that was kept of
that shape. An editor's preview has the same shape after every word that is changed, and so have many days.

Nothing is taken on trust. A shape is learned when it is met for the second time, by converting the document once more
with marks in the places of its words. Unless every mark comes out, and its words laid in give each byte of the plain
conversion, documents of that shape go the plain way for good.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import NamedTuple

from lxml import etree

from newsletter.errors import TemplateError
from newsletter.rendering import fragments, inline

_KEPT = 32  # shapes, of some 100 kB each
_SPACES = " \t\n\r\f\v"
_MARKS = tuple(f"WordMark{number:04}Z" for number in range(10_000))
_MARK = re.compile(r"WordMark(\d{4})Z")
_RAW = "mj-style|style|script|xmp|iframe|noembed|noframes|noscript|plaintext"  # their words are no words
_APART = re.compile(rf"(<(?:!--.*?-->|(?:{_RAW})\b.*?</(?:{_RAW})\s*>))", re.DOTALL)
_WORDS = re.compile(r"(>[\x00-\x20]*)([^<\x00-\x20](?:[^<\x00-\x1f]*[^<\x00-\x20])?)")  # of one line
_WITH_WORDS = re.compile("<(?:a|img) [^>]*>")  # tags with words in these attributes
_ATTRIBUTE = re.compile(r'( (?:href|src|alt|title)=")([^"\x00-\x1f]+)')
_ENTITY = re.compile(r"&(?:#\d{1,7};|#x[0-9A-Fa-f]{1,6};|(?:amp|lt|gt|quot|apos);)?")
_PLAIN_ADDRESS = re.compile(r"(?:[!#-%'-;=?-~]|&amp;)*")
_ASKS_FOR_WORDS = re.compile(r"\[|:contains")  # a selector that looks into attributes or texts

Convert = Callable[[str], str]


class _Unfit(Exception):
    """A word, or a document, that only the plain way brings over whole."""


class _Page(NamedTuple):
    """The HTML of a shape, cut where words go."""

    literals: list[str]
    places: list[tuple[int, Convert]]  # between two literals: the word's number, and how it is written

    def filled(self, words: list[str]) -> str:
        """The page with these words. Raises _Unfit."""
        written = [way(words[number]) for number, way in self.places]
        return "".join(chain.from_iterable(zip(self.literals, [*written, ""], strict=True)))


class _Shape:
    """What is known of a shape: nothing at first."""

    def __init__(self) -> None:
        self.is_met = self.is_unfit = False
        self.page: _Page | None = None

    def learn(self, marked: str, words: list[str], convert: Convert, plain: str) -> None:
        """Keep what `convert` makes of the marked document, if it is good for `plain`."""
        _, css = inline.take_out(marked)
        try:
            page = _page(convert(marked), len(words))
            self.is_unfit = page.filled(words) != plain or bool(_ASKS_FOR_WORDS.search(css))
        except (_Unfit, TemplateError):
            self.is_unfit = True
        if not self.is_unfit:
            self.page = page


def html(source: str, convert: Convert) -> str:
    """What `convert` makes of the MJML `source`, whose entities are numbers; for a known shape, without asking it."""
    try:
        marked, words = _put_aside(source)
        shape = _known(marked)
        if shape.page:
            return shape.page.filled(words)
    except _Unfit:
        return convert(source)
    plain = convert(source)
    if shape.is_met and not shape.is_unfit:
        shape.learn(marked, words, convert, plain)
    shape.is_met = True
    return plain


@lru_cache(maxsize=_KEPT)
def _known(_marked: str) -> _Shape:
    return _Shape()


def _put_aside(source: str) -> tuple[str, list[str]]:
    """The document with marks in the places of its words, and those."""
    if "WordMark" in source:
        raise _Unfit
    words: list[str] = []
    pieces = _APART.split(source)
    pieces[0::2] = [_marked(piece, words) for piece in pieces[0::2]]
    return "".join(pieces), words


def _marked(piece: str, words: list[str]) -> str:
    parts = _WORDS.split(piece)
    parts[2::3] = _marks(words, parts[2::3])
    return _WITH_WORDS.sub(partial(_marked_tag, words), "".join(parts))


def _marked_tag(words: list[str], tag: re.Match[str]) -> str:
    parts = _ATTRIBUTE.split(tag[0])
    parts[2::3] = _marks(words, parts[2::3])
    return "".join(parts)


def _marks(words: list[str], found: list[str]) -> tuple[str, ...]:
    """The next marks, for the words that were `found` after `words`."""
    start = len(words)
    words += found
    if len(words) > len(_MARKS):
        raise _Unfit
    return _MARKS[start : len(words)]


def _page(html: str, count: int) -> _Page:
    """A marked document's HTML, cut at its marks. Raises _Unfit where one of `count` is lost, or part of more."""
    parts = _MARK.split(html)
    literals, numbers = parts[0::2], [int(number) for number in parts[1::2]]
    if set(numbers) != set(range(count)):
        raise _Unfit
    ways = [_way(literals, place) if is_within else _as_text for place, is_within in enumerate(_are_within(literals))]
    return _Page(literals, list(zip(numbers, ways, strict=True)))


def _are_within(literals: list[str]) -> Iterator[bool]:
    """Whether what follows each literal but the last one stands within a tag."""
    is_within = False
    for literal in literals[:-1]:
        opened, closed = literal.rfind("<"), literal.rfind(">")
        is_within = opened > closed or (is_within and opened == closed)  # both -1: neither is there
        yield is_within


def _way(literals: list[str], place: int) -> Convert:
    """How the attribute behind a literal is written; its quotes come with it, and leave the literals."""
    before, after = literals[place : place + 2]
    if not before.endswith('="') or not after.startswith('"'):
        raise _Unfit
    literals[place : place + 2] = before[:-1], after[1:]
    return _as_address if before.endswith((' href="', ' src="')) else _as_attribute


def _as_text(word: str) -> str:
    """As the inliner writes a word among tags."""
    if "&" in word:
        word = _ENTITY.sub(_read, word)
    return word.replace(">", "&gt;") if ">" in word else word


def _as_attribute(word: str) -> str:
    """The same for the whole of an attribute, with its quotes."""
    word = _as_text(word)
    if '"' not in word:
        return f'"{word}"'
    return '"{}"'.format(word.replace('"', "&quot;")) if "'" in word else f"'{word}'"


def _as_address(word: str) -> str:
    """The same for an address, of which some letters become bytes."""
    if _PLAIN_ADDRESS.fullmatch(word):
        return f'"{word}"'
    _ENTITY.sub(_read, word)
    return _address(word)


def _read(entity: re.Match[str]) -> str:
    return _written(entity[0])


@lru_cache(maxsize=1000)
def _written(entity: str) -> str:
    """How the inliner writes a character that is an `entity` here. Raises _Unfit."""
    page = etree.fromstring(f"<p>{entity}</p>", etree.HTMLParser())
    [paragraph] = page.iter("p")
    character = paragraph.text or ""
    if len(entity) == 1 or len(character) != 1 or character in _SPACES or not fragments.printable(character):
        raise _Unfit
    return etree.tostring(paragraph, method="html", encoding="utf-8").decode()[len("<p>") : -len("</p>")]


@lru_cache(maxsize=1000)
def _address(word: str) -> str:
    page = etree.fromstring(f'<a href="{word}">a</a>', etree.HTMLParser())
    [link] = page.iter("a")
    return etree.tostring(link, method="html", encoding="utf-8").decode()[len("<a href=") : -len(">a</a>")]
