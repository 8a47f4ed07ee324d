"""MJML → HTML, behind a strict check.

The engine is fast but lax: a wrong nesting loses text in silence, an unknown element goes into the mail as it is. So
`lint` reads the source as XML first and holds it against a table of what may stand where; every fault is a
TemplateError with the file and the line in which a person wrote it, and one sentence.
"""

import re
from functools import cache
from html.entities import html5

from lxml import etree
from mjml import mjml2html

from newsletter.errors import TemplateError
from newsletter.rendering.elements import ELEMENTS, EVERYWHERE, UNSUPPORTED

_LINE_MARK = re.compile(r"<!--@([^:>]+):(\d+)-->")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_KNOWS = {"amp;", "lt;", "gt;", "quot;", "apos;"}
_STYLES = re.compile(r"(<mj-style\b.*?</mj-style>)", re.DOTALL)
_SPACE_BETWEEN = re.compile(r"(?<=>)[ \t]+(?=</?mj-)")  # the engine takes line breaks there, and no spaces alone
_SAID = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Opening and ending tag mismatch: (\S+) line \d+ and (\S+)",
         r"the tags don't fit together: <\1> is closed by </\2>"),
        (r"Premature end of data in tag (\S+)", r"the tags don't fit together: <\1> is never closed"),
        (r"xmlParseEntityRef: no name|EntityRef: expecting ';'", "an & that is meant as one is written &amp;"),
        (r"Entity '(\w+)' not defined", r"there is no character &\1;"),
        (r"StartTag: invalid element name", "a < that is meant as one is written &lt;"),
        (r"Unescaped '<' not allowed in attributes values", "a < that is meant as one is written &lt;"),
        (r"AttValue: \" or ' expected", "the value of an attribute stands in quotes"),
        (r"Specification mandates value for attribute (\S+)", r'the attribute \1 wants a value, as in \1="\1"'),
        (r"Attribute (\S+) redefined", r"an element has the attribute \1 twice"),
    )
]  # fmt: skip
_OFFSET = re.compile(r"at position (\d+):")


def to_html(source: str) -> str:
    """The HTML of an MJML document; other people's fonts are never fetched. Raises TemplateError."""
    plain = _ascii(numbered_entities(_SPACE_BETWEEN.sub("\n", _LINE_MARK.sub("", source))))
    try:
        return str(mjml2html(plain, fonts={}))
    except ValueError as error:
        raise TemplateError(f"The template is no MJML: {_with_line(str(error), plain)}.") from error
    except BaseException as error:
        # A panic of the engine derives from BaseException, and its class can't be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise TemplateError(
            "The MJML engine broke down over the template; try without what was changed last."
        ) from error


def lint(source: str) -> None:
    """Raise TemplateError at the first thing in an MJML document that the engine would drop or mangle."""
    parser = etree.XMLParser(resolve_entities=False, recover=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(numbered_entities(source).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise TemplateError(f"{_place_of_error(source, error)}: {_in_words(error)}.") from error
    for element in _mjml_elements(root):
        if fault := _fault(element):
            raise TemplateError(f"{_place(element)}: {fault}")


def _mjml_elements(element: etree._Element) -> list[etree._Element]:
    """`element` and all below it that are MJML; of those that hold HTML, the mj-… elements that strayed into it."""
    known = ELEMENTS.get(str(element.tag))
    children = [child for child in element if isinstance(child.tag, str)]
    if known and known.holds_html:
        strays = [child for child in element.iterdescendants() if str(child.tag).startswith("mj-")]
        return [element, *strays]
    return [element, *(found for child in children for found in _mjml_elements(child))]


def _fault(element: etree._Element) -> str:
    """What is wrong with one element, as a sentence, or ""."""
    name, parent = str(element.tag), element.getparent()
    above = "" if parent is None else str(parent.tag)
    if name in UNSUPPORTED:
        return f"<{name}> does not work here; {UNSUPPORTED[name]}."
    if name not in ELEMENTS:
        return f"there is no element <{name}>."
    if above == "mj-attributes":
        return "" if name.startswith("mj-") else f"<{name}> can't stand in <mj-attributes>."
    known = ELEMENTS[name]
    if above not in known.parents:
        return f"<{name}> can't stand in <{above}>; it belongs into {_or(known.parents)}."
    unknown = sorted(set(map(str, element.attrib)) - known.attributes - EVERYWHERE)
    if unknown and "*" not in known.attributes:
        return f"<{name}> has no attribute {unknown[0]!r}."
    if not known.holds_html and _stray_text(element):
        return f"text can't stand in <{name}> itself; put it into <mj-text>."
    return ""


def _stray_text(element: etree._Element) -> bool:
    return any((text or "").strip() for text in (element.text, *(child.tail for child in element)))


def _or(names: frozenset[str]) -> str:
    return " or ".join(f"<{name}>" for name in sorted(names) if name) or "the top"


def _place(element: etree._Element) -> str:
    """The file and line that wrote an element: those of the nearest mark before it."""
    mark = str(element.xpath("string(preceding::comment()[starts-with(., '@')][1])"))
    return _named(f"<!--{mark}-->", str(element.sourceline))


def _place_of_error(source: str, error: etree.XMLSyntaxError) -> str:
    """The same for a place where the source is no XML, so that there are no elements yet."""
    lines = source.split("\n")
    line, column = error.lineno or 1, error.offset or 1
    return _named("\n".join([*lines[: line - 1], lines[line - 1][:column]]), str(line))


def _named(marked: str, rendered_line: str) -> str:
    marks = _LINE_MARK.findall(marked)
    return f"{marks[-1][0]}, line {marks[-1][1]}" if marks else f"rendered line {rendered_line}"


def _in_words(error: etree.XMLSyntaxError) -> str:
    """What the parser says, as those say it who write templates; its line numbers count in what was rendered."""
    said = str(error.msg or "it is empty").split(", line")[0]
    for pattern, words in _SAID:
        if found := pattern.match(said):
            return found.expand(words)
    return f"it is no XML: {said}"


def _with_line(message: str, source: str) -> str:
    """The engine counts bytes; people count lines."""
    match = _OFFSET.search(message)
    if not match:
        return message
    line = source.encode()[: int(match[1])].count(b"\n")
    return f"{message}, which is in “{source.split(chr(10))[line].strip()}”"


def _ascii(source: str) -> str:
    r"""Everything but plain ASCII as numbers, outside of styles.

    The engine writes attributes as a Rust programmer would read them: a backslash doubled, an accent or a joiner in an
    alt text as "\u{301}". It leaves numbers alone, and premailer turns them into letters again.
    """
    parts = _STYLES.split(source)
    return "".join(part if n % 2 else _as_numbers(part) for n, part in enumerate(parts))


def _as_numbers(text: str) -> str:
    return text.replace("\\", "&#92;").encode("ascii", "xmlcharrefreplace").decode("ascii")


def numbered_entities(source: str) -> str:
    """HTML's named entities as numbers: XML knows five names only."""
    return _ENTITY.sub(lambda found: _number(found[1]), source)


@cache
def _number(name: str) -> str:
    if name in _XML_KNOWS or name not in html5:
        return f"&{name}"
    return "".join(f"&#{ord(c)};" for c in html5[name])
