"""The text part: what a person would write who has only a typewriter. All pure.

Lines are at most 72 characters; the headlines come first as a numbered list, the stories below under the same numbers,
and links are footnotes: story 3's link is [3], and links in the words of stories go on counting after the last story.
"""

import re
import textwrap
from collections.abc import Iterable

from lxml import etree
from lxml import html as lxml_html

WIDTH = 72
TIE = "\u00a0"  # a space where no line may break: between words and their footnote
_MANY_EMPTY_LINES = re.compile(r"\n{3,}")


class Footnotes:
    """Addresses, numbered in the order in which they are first named."""

    def __init__(self, urls: Iterable[str] = ()) -> None:
        """`urls` get the first numbers; the same address twice has both, and is named by the first."""
        self._urls = list(urls)

    def __call__(self, url: str) -> str:
        """The mark for `url`: "[3]"."""
        if url not in self._urls:
            self._urls.append(url)
        return f"[{self._urls.index(url) + 1}]"

    @property
    def lines(self) -> list[str]:
        """One line a footnote, never wrapped: an address that is broken is none."""
        digits = len(str(len(self._urls)))
        return [f"{f'[{number}]':>{digits + 2}} {url}" for number, url in enumerate(self._urls, start=1)]


def wrapped(text: str, hanging: str = "", first: str | None = None) -> str:
    """`text` as one paragraph of lines up to WIDTH; `hanging` begins each line, `first` the first. Words stay whole."""
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=hanging if first is None else first,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def paragraphs(fragment: str, notes: Footnotes) -> str:
    """A fragment of HTML as wrapped paragraphs, with an empty line between them."""
    root = lxml_html.fragment_fromstring(str(fragment), create_parent="div")
    blocks = [wrapped(root.text)] if (root.text or "").strip() else []
    for child in root:
        blocks += _block(child, notes)
        if (child.tail or "").strip():
            blocks.append(wrapped(str(child.tail).strip()))
    return "\n\n".join(blocks)


def tidy(text: str) -> str:
    """No space at the end of a line, never two empty lines in a row, one newline at the end, no ties left."""
    lines = "\n".join(line.rstrip() for line in text.replace(TIE, " ").strip().split("\n"))
    return _MANY_EMPTY_LINES.sub("\n\n", lines) + "\n"


def _block(element: etree._Element, notes: Footnotes) -> list[str]:
    if element.tag in ("ul", "ol"):
        return ["\n".join(_list_items(element, notes))]
    if element.tag == "blockquote":
        inner = [_inline(child, notes) for child in element] or [_inline(element, notes)]
        return [_lines(part, hanging="  ") for part in inner]
    return [_lines(_inline(element, notes))]


def _lines(text: str, hanging: str = "") -> str:
    """Like `wrapped`, but a line break that was written stays one."""
    return "\n".join(wrapped(line, hanging) for line in text.split("\n"))


def _list_items(element: etree._Element, notes: Footnotes) -> Iterable[str]:
    for number, item in enumerate(element, start=1):
        bullet = f"{number}. " if element.tag == "ol" else "- "
        yield wrapped(_inline(item, notes), hanging=" " * len(bullet), first=bullet)


def _inline(element: etree._Element, notes: Footnotes) -> str:
    """The words of an element; each link is followed by its footnote's mark."""
    words = element.text or ""
    for child in element:
        words += "\n" if child.tag == "br" else _inline(child, notes)
        words += child.tail or ""
    link = element.get("href") if element.tag == "a" else None
    return f"{words}{TIE}{notes(link)}" if link else words.strip() if element.tag == "p" else words
