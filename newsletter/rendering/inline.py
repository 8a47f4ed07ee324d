"""Our own CSS into style attributes, where mail programs that drop <style> still see it.

Only what a template writes in <mj-style inline="inline"> is inlined. MJML's resets, the media queries and the dark
colours stay as they are: premailer's defaults would strip their !important, drop the doctype and fetch links.

premailer reads the style sheet, weighs its rules and merges them, and what it found is kept, also for the next process
(`kept`): the same sheet is set again and again, and importing premailer takes longer than an issue. It would then
search the whole page once for each of a hundred selectors, most of the time of a rendering; so the page's classes are
listed once, and only what the list can't answer is searched for.
"""

import logging
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from operator import itemgetter
from typing import Any, NamedTuple, cast

from lxml import etree
from lxml.cssselect import CSSSelector

from newsletter.rendering import kept

_INLINE_STYLE = re.compile(r'<mj-style\s+inline="inline"\s*>(.*?)</mj-style>', re.DOTALL)
_COMPOUND = re.compile(r"([a-z][a-z0-9]*)?((?:\.[A-Za-z_][\w-]*)*)")
_MOST_MERGED = 1000  # of one sheet: pages with ever new style attributes of their own must not fill the memory


class _Page:
    """A page, with its elements by their classes."""

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self.by_class: dict[str, list[etree._Element]] = {}
        for element in root.xpath("//*[@class]"):  # type: ignore[union-attr]
            for name in element.get("class").split():  # type: ignore[union-attr]
                self.by_class.setdefault(name, []).append(element)  # type: ignore[arg-type]


class _Compound(NamedTuple):
    """One part of a selector, between two spaces: `td.more`."""

    tag: str | None
    classes: frozenset[str]

    def fits(self, element: etree._Element) -> bool:
        """Whether the element is such a one."""
        if self.tag and element.tag != self.tag:
            return False
        return not self.classes or self.classes.issubset(element.get("class", "").split())


class _Rule(NamedTuple):
    """A selector, as a search, and what it says: `pairs` of property and value."""

    found_in: Callable[[_Page], Iterable[etree._Element]]
    pairs: list[tuple[str, str]]


class _Sheet:
    """A style sheet as premailer reads it: its rules, the heaviest last."""

    def __init__(self, css: str) -> None:
        self._name = f"sheet-{kept.stamp(css.encode(), files=_readers())}"
        known = kept.load(self._name) or _read(css)
        self._rules = [_Rule(_finder(selector), [(key, value) for key, value in pairs]) for selector, pairs in known[0]]
        self._left_over: str = known[1]
        self._merged: dict[tuple[str, tuple[int, ...]], str] = {
            (own, tuple(numbers)): style for own, numbers, style in known[2]
        }
        self._known, self._stored = known, len(self._merged)

    def lay_on(self, root: etree._Element) -> None:
        """Write the styles into a page's elements; the rules that no attribute can hold, into its head."""
        page, told = _Page(root), dict[etree._Element, list[int]]()
        for number, rule in enumerate(self._rules):
            for element in rule.found_in(page):
                told.setdefault(element, []).append(number)
        for element, numbers in told.items():
            element.set("style", self._style(element.get("style", ""), tuple(numbers)))
        if self._left_over:
            _head(root).append(_style_element(self._left_over))
        if len(self._merged) > self._stored:
            self._store()

    def _store(self) -> None:
        """Keep what was found out, with the styles that were merged since."""
        merged = [[own, numbers, style] for (own, numbers), style in self._merged.items()]
        self._stored = len(merged)
        kept.store(self._name, [*self._known[:2], merged])

    def _style(self, own: str, numbers: tuple[int, ...]) -> str:
        """The rules' declarations in one style attribute; an element's own ones win."""
        if len(self._merged) > _MOST_MERGED:
            self._merged.clear()
            self._stored = 0
        key = own, numbers
        if key not in self._merged:
            from premailer.merge_style import merge_styles  # slow to import, and mostly kept

            pairs = [self._rules[number].pairs for number in numbers]
            self._merged[key] = merge_styles(own, pairs, [""] * len(pairs))
        return self._merged[key]


def take_out(mjml: str) -> tuple[str, str]:
    """An MJML document without its <mj-style inline="inline"> elements, and the CSS that stood in them."""
    css = "\n".join(_INLINE_STYLE.findall(mjml))
    return _INLINE_STYLE.sub("", mjml), css


def put_in(html: str, css: str) -> str:
    """`html` with `css` in its style attributes. Nothing is fetched, nothing else changes."""
    root = etree.fromstring(html.strip(), etree.HTMLParser())
    _sheet(css).lay_on(root)
    return "<!doctype html>\n" + etree.tostring(root, method="html", encoding="utf-8").decode() + "\n"


@lru_cache(maxsize=50)
def _sheet(css: str) -> _Sheet:
    return _Sheet(css)


def _read(css: str) -> list[Any]:
    """A sheet as premailer reads it: its rules, the heaviest last, each a selector and its pairs; what can't be inlined
    (:hover and the like); and no merged styles yet."""
    from premailer import Premailer
    from premailer.merge_style import csstext_to_pairs

    premailer = Premailer(
        allow_network=False,
        strip_important=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
    )
    rules, left_over = premailer._parse_style_rules(css, 0)
    pairs = [
        (selector, csstext_to_pairs(text, validate=False)) for _, selector, text in sorted(rules, key=itemgetter(0))
    ]
    return [pairs, premailer._css_rules_to_string(left_over), []]


@cache
def _readers() -> tuple[str, ...]:
    """The files of those who read sheets: what they found holds until one of them changes."""
    found = find_spec("premailer")
    return (__file__, *([found.origin] if found and found.origin else []))


def _finder(selector: str) -> Callable[[_Page], Iterable[etree._Element]]:
    """A search for `a`, `.b`, `a.b .c d`: what most style sheets are made of; any other one as cssselect does it."""
    parts = [_COMPOUND.fullmatch(part) for part in selector.split()]
    if not all(parts):
        search = CSSSelector(selector)
        return lambda page: cast("list[etree._Element]", search(page.root))
    compounds = [_Compound(part[1], frozenset(part[2].split(".")[1:])) for part in parts if part]
    return partial(_found, compounds)


def _found(compounds: list[_Compound], page: _Page) -> Iterable[etree._Element]:
    """From left to right: the elements of the first part, then those within them, each once."""
    first, *inner = compounds
    if first.classes:
        found = page.by_class.get(min(first.classes), [])
        if first.tag or len(first.classes) > 1:
            found = [element for element in found if first.fits(element)]
    else:
        found = list(page.root.iter(first.tag))
    for part in inner:
        within = (child for element in found for child in element.iterdescendants(part.tag or etree.Element))
        found = list(dict.fromkeys(child for child in within if part.fits(child)))
    return found


def _head(root: etree._Element) -> etree._Element:
    head = root.find("head")
    if head is None:
        head = etree.Element("head")
        root.insert(0, head)
    return head


def _style_element(css: str) -> etree._Element:
    style = etree.Element("style", type="text/css")
    style.text = css
    return style
