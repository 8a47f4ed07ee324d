"""Features of HTML and CSS that Gmail, Outlook, Apple Mail or Yahoo lacks, with the programs named.

What every reader must see is written in elements, attributes and inline styles, so those are looked at closely. Rules
for some screens only (@media) and for one program only ([data-ogsc], #outlook) are extras: whoever lacks them has a
whole mail without them. Conditional comments are no part of the page here, as in every program but one.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from lxml import html as lxml_html

from newsletter.rendering.preflight import css
from newsletter.rendering.preflight.findings import Case, Fault
from newsletter.rendering.preflight.support import Feature

EXTRAS = {  # what a mail may use although some lack it, because it is whole without
    "css-at-media": "phones and night: the mail is whole without",
    "css-color-scheme": "says that a night is designed",
    "html-meta-color-scheme": "the same for Apple Mail",
    "css-border-radius": "square corners are corners",
    "css-outline": "only takes a frame away",
    "css-table-layout": "keeps a long word in its column; without it the column grows",
    "css-word-break": "the same",
    "css-overflow-wrap": "the same",
    "css-box-sizing": "no padding in a mail of tables depends on it",
    "html-body": "a page has one; what it wears is repeated on the <div> within",
    "html-role": "for screen readers; where it is dropped, tables are read as tables",
    "html-aria-label": "for screen readers",
    "html-aria-hidden": "for screen readers",
    "html-target": "every mail program opens links in a new window",
    "html-hidden": "always with display:none beside it",
}
_NEUTRAL = re.compile(r"(?:none|normal|auto|inherit|initial|visible|0|0px|1|100%)")
_ONE_PROGRAM = re.compile(
    r"\[data-|#outlook|#MessageViewBody|\.moz-|\.ExternalClass|u \+|@supports|:root", re.IGNORECASE
)
_OWN_PREFIX = ("-webkit-", "-ms-", "-moz-", "mso-")


def client_support(case: Case) -> Iterator[Fault]:
    """Features of the mail that a big mail program does not show, with the programs named."""
    seen = _Seen(case)
    for feature in case.support.features:
        if feature.slug not in EXTRAS and (where := seen.where(feature)):
            yield Fault(
                f"{_and(feature.lacking)} {'does' if len(feature.lacking) == 1 else 'do'} not know {feature.title}. "
                "Write it another way, or put it into @media as an extra.",
                where,
            )


class _Seen:
    """What a mail uses, each thing with the first place where it stands."""

    def __init__(self, case: Case) -> None:
        self.elements: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.images: dict[str, str] = {}
        self.declared: dict[css.Declaration, str] = {}
        for element in _shown(case.page):
            self._look_at(element)
        always = [r for r in case.styles if not r.condition and not _ONE_PROGRAM.search(r.selector)]
        self.selectors = [r.selector for r in always]
        for rule in always:
            self._wears(rule.declarations, rule.selector)
        self.at_rules = [r.condition for r in case.styles if r.condition and "@media" not in r.condition]
        self.at_rules += [s for style in case.page.iter("style") for s in css.statements(str(style.text or ""))]

    def where(self, feature: Feature) -> str:
        """The first place of a feature in the mail, "" where it is not used."""
        return next((place for name in feature.names if (place := self._place(feature.kind, name))), "")

    def _look_at(self, element: lxml_html.HtmlElement) -> None:
        tag, place = str(element.tag), _named(element)
        self.elements.setdefault(tag, place)
        if tag in ("input", "button"):
            self.elements.setdefault(f"{tag}[{element.get('type', 'text')}]", place)
        for name in element.attrib:
            self.attributes.setdefault(str(name), place)
        if tag == "img" and (source := str(element.get("src", ""))):
            self.images.setdefault(_format(source), source[:200])
        self._wears(css.declarations(element.get("style", "")), place)

    def _wears(self, declarations: Iterable[css.Declaration], place: str) -> None:
        for declared in declarations:
            if not declared.name.startswith(_OWN_PREFIX):
                self.declared.setdefault(declared, place)

    def _place(self, kind: str, name: str) -> str:
        if kind in ("element", "attribute", "image"):
            return {"element": self.elements, "attribute": self.attributes, "image": self.images}[kind].get(name, "")
        if kind == "at-rule":
            return next((rule[:60] for rule in self.at_rules if rule.startswith(name)), "")
        if kind in ("selector", "pseudo"):
            return next((s for s in self.selectors if _uses(s, kind, name)), "")
        return next((place for declared, place in self.declared.items() if _is(declared, kind, name)), "")


def _shown(page: lxml_html.HtmlElement) -> Iterator[lxml_html.HtmlElement]:
    """The elements of the body that somebody may see."""
    body = page.find("body")
    if body is None:
        return
    for element in body.iter(lxml_html.etree.Element):
        hidden = any(
            "display:none" in (e.get("style") or "").replace(" ", "") for e in (element, *element.iterancestors())
        )
        if not hidden:
            yield element


def _is(declared: css.Declaration, kind: str, name: str) -> bool:
    """Whether a declaration uses a feature; one that only says what holds anyway does not."""
    if kind == "property":
        return declared.name == name and not _NEUTRAL.fullmatch(declared.value)
    if kind == "pair":
        return f"{declared.name}:{declared.value}" == name
    if kind == "keyword":
        return name in re.split(r"[\s,]+", declared.value)
    if kind == "function":
        return re.search(rf"(?<![\w-]){re.escape(name)}\(", declared.value) is not None
    return kind == "unit" and re.search(rf"\d{re.escape(name)}\b", declared.value) is not None


def _uses(selector: str, kind: str, name: str) -> bool:
    if kind == "pseudo":
        return re.search(rf"(?<!:){re.escape(name)}(?![\w-])", selector) is not None
    return name in re.sub(r"\[[^\]]*\]", "[", selector)


def _format(source: str) -> str:
    """The kind of a picture by its address: "svg", "webp", "base64"."""
    if source.startswith("data:"):
        return "base64"
    try:
        ending = PurePosixPath(urlsplit(source).path).suffix.lower().lstrip(".")
    except ValueError:
        return ""
    return "jpg" if ending == "jpeg" else ending


def _named(element: lxml_html.HtmlElement) -> str:
    """As a selector: "td.meta"."""
    kind = (element.get("class") or "").split()
    return f"{element.tag}.{kind[0]}" if kind else str(element.tag)


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
