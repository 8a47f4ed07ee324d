"""Whether every word can be read: by day, in the mail's own night, and where a mail program darkens the mail itself.

The colours are those of the cascade (attributes, <style>, style) as far as mail uses it. A program that darkens by
itself turns light colours dark and dark ones light, all of them (Gmail on iOS, Outlook on Windows) or only where light
lies under dark (Gmail on Android, Outlook on the web); each way has its own words to drown.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from cssselect import HTMLTranslator, SelectorError, parse
from lxml import html as lxml_html

from newsletter.rendering import colours
from newsletter.rendering.preflight import css
from newsletter.rendering.preflight.findings import Case, Fault, squeezed

ENOUGH, ENOUGH_IF_LARGE = 4.5, 3.0  # WCAG 2.1 §1.4.3
LARGE, LARGE_IF_BOLD = 24.0, 18.66  # px
SMALLEST = 2.0  # px; smaller words are meant to be unseen, such as the preheader's filler
LINK_BLUE = "#0000ee"
_NIGHT = re.compile(r"prefers-color-scheme\s*:\s*dark")
_SIZE = re.compile(r"(?<![\w.])([\d.]+)px")
_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^)]*\)|\b[a-z]+\b")
_UNSEEN = frozenset({"style", "script", "head", "title", "img"})

Cascade = dict[lxml_html.HtmlElement, dict[str, str]]
Shift = Callable[[str], str]


@dataclass(frozen=True)
class _Look:
    """How words look: colours as #rrggbb, size in px."""

    ink: str = colours.BLACK
    paper: str = colours.WHITE
    size: float = 16.0
    bold: bool = False

    @property
    def enough(self) -> float:
        """The ratio that is wanted of words of this size (WCAG 2.2, 1.4.3)."""
        is_large = self.size >= LARGE or (self.bold and self.size >= LARGE_IF_BOLD)
        return ENOUGH_IF_LARGE if is_large else ENOUGH

    @property
    def is_pale(self) -> bool:
        """Whether they have less."""
        return colours.contrast(self.ink, self.paper) < self.enough - 0.005


def contrast(case: Case) -> Iterator[Fault]:
    day = _cascade(case, night=False)
    yield from _pale(case, day, "by day", "light")
    if any(_NIGHT.search(ruleset.condition) for ruleset in case.styles):
        yield from _pale(case, _cascade(case, night=True), "at night", "dark")


def contrast_dark(case: Case) -> Iterator[Fault]:
    day = _cascade(case, night=False)
    for name, ink, paper in (
        ("turns all colours", colours.turned, colours.turned),
        ("darkens light paper", _lightened, _darkened),
    ):
        words = f"where a mail program {name}"
        yield from _pale(case, day, words, "forced dark", ink, paper)


def _pale(
    case: Case, cascade: Cascade, when: str, where: str, ink: Shift = str, paper: Shift = str
) -> Iterator[Fault]:  # fmt: skip
    """A fault for each pair of colours that is too close, with the first words that wear it."""
    told = set()
    body = case.page.find("body")
    for words, look in _worn(body, _Look(), cascade) if body is not None else ():
        shifted = replace(look, ink=ink(look.ink), paper=paper(look.paper))
        pair = (shifted.ink, shifted.paper)
        if shifted.is_pale and pair not in told:
            told.add(pair)
            ratio = colours.contrast(*pair)
            yield Fault(
                f"“{words[:40]}” is hard to read {when}: {shifted.ink} on {shifted.paper} is {ratio:.1f}:1, and "
                f"{shifted.enough:g}:1 is needed. Choose a darker or lighter colour.",
                where,
            )


def _worn(element: lxml_html.HtmlElement, look: _Look, cascade: Cascade) -> Iterator[tuple[str, _Look]]:
    """The words of `element` and of all in it, each with its look."""
    if not isinstance(element.tag, str) or element.tag in _UNSEEN:
        return
    style = cascade.get(element, {})
    if style.get("display") == "none" or style.get("visibility") == "hidden":
        return
    look = _changed(look, style, is_link=element.tag == "a")
    if words := squeezed(element.text or ""):
        yield from _seen(words, look)
    for child in element:
        yield from _worn(child, look, cascade)
        if words := squeezed(child.tail or ""):
            yield from _seen(words, look)


def _seen(words: str, look: _Look) -> Iterator[tuple[str, _Look]]:
    if look.size >= SMALLEST and re.search(r"\w", words):
        yield words, look


def _changed(look: _Look, style: dict[str, str], *, is_link: bool) -> _Look:
    ink = _colour(style.get("color", "")) or (LINK_BLUE if is_link else look.ink)
    paper = _colour(style.get("background-color", "") or style.get("background", "")) or look.paper
    size = _SIZE.search(style.get("font-size", "") or style.get("font", ""))
    weight = style.get("font-weight", "") or style.get("font", "")
    bold = ("bold" in weight or any(n in weight.split() for n in ("600", "700", "800", "900"))) if weight else look.bold
    return _Look(ink, paper, float(size[1]) if size else look.size, bold)


def _cascade(case: Case, *, night: bool) -> Cascade:
    """What each element is told, the weightiest last word of each property (CSS Cascade §6, without layers)."""
    told: dict[lxml_html.HtmlElement, dict[str, tuple[tuple[bool, bool, tuple[int, ...], int], str]]] = {}

    def tell(
        element: lxml_html.HtmlElement, declared: css.Declaration, inline: bool, specific: tuple[int, ...], order: int
    ) -> None:
        weight = (declared.important, inline, specific, order)
        for name, value in _longhands(declared):
            known = told.setdefault(element, {}).get(name)
            if known is None or known[0] <= weight:
                told[element][name] = (weight, value)

    for order, ruleset in enumerate(case.styles, start=1):
        if ruleset.condition and not (night and _NIGHT.search(ruleset.condition)):
            continue
        for element, specific in _chosen(case, ruleset.selector):
            for declared in ruleset.declarations:
                tell(element, declared, False, specific, order)
    for element in case.page.iter(lxml_html.etree.Element):
        for declared in _attributes(element):
            tell(element, declared, False, (), 0)
        for declared in css.declarations(element.get("style", "")):
            tell(element, declared, True, (), 0)
    return {element: {name: value for name, (_, value) in props.items()} for element, props in told.items()}


def _attributes(element: lxml_html.HtmlElement) -> Iterator[css.Declaration]:
    """The colours that old attributes give."""
    for attribute, name in (("bgcolor", "background-color"), ("color", "color")):
        if value := element.get(attribute):
            yield css.Declaration(name, value.lower(), important=False)


def _longhands(declared: css.Declaration) -> Iterator[tuple[str, str]]:
    """The parts of `font` and `background` that a later long form may change."""
    if declared.name == "font" and (size := _SIZE.search(declared.value)):
        yield "font-size", size[0]
        yield "font-weight", "bold" if "bold" in declared.value else "normal"
    elif declared.name == "background":
        yield "background-color", declared.value
    else:
        yield declared.name, declared.value


def _chosen(case: Case, selector: str) -> Iterator[tuple[lxml_html.HtmlElement, tuple[int, ...]]]:
    """The elements that a selector chooses, with its weight; none for one that a static page can't tell."""
    for path, specific in _paths(selector):
        for element in path(case.page):
            yield element, specific


@lru_cache(maxsize=1024)
def _paths(selector: str) -> tuple[tuple[lxml_html.etree.XPath, tuple[int, ...]], ...]:
    try:
        return tuple(
            (lxml_html.etree.XPath(HTMLTranslator().selector_to_xpath(parsed)), parsed.specificity())
            for parsed in parse(selector)
        )
    except SelectorError:
        return ()


def _colour(value: str) -> str:
    """The first colour that a value names, as #rrggbb; "" where it names none or one that lets through."""
    from PIL import ImageColor  # slow to import for those who check nothing

    for words in _COLOUR.findall(value):
        try:
            channels = ImageColor.getrgb(words)
        except ValueError:
            continue
        return "#" + "".join(f"{channel:02x}" for channel in channels[:3]) if len(channels) == 3 or channels[3] else ""
    return ""


# --- how programs darken --------------------------------------------------------------------------------------------


def _darkened(paper: str) -> str:
    return colours.turned(paper) if colours.is_light(paper) else paper


def _lightened(ink: str) -> str:
    return ink if colours.is_light(ink) else colours.turned(ink)
