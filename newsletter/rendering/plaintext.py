"""The text part: what a person would write who has only a typewriter. All pure.

Lines are at most 72 columns, of which a Chinese or Japanese letter takes two; the headlines come first as a numbered
list, the stories below under the same numbers, and links are footnotes: story 3's link is [3], and links in the words
of stories go on counting after the last story.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from lxml import etree
from lxml import html as lxml_html

from newsletter.issues.contents import Item

WIDTH = 72
_TIED = "\0"  # stands for a tie while words are parted
TIE = "\u00a0"  # a space where no line may break: between words and their footnote
_UNUSUAL = re.compile("[\u0300-\u1fff\u200b-\u200f\u2028-\U0010ffff]")  # else a letter is a column
_SPACES = re.compile(r"[ \t\r\n\f\v\x1c-\x1f\x85\u2028\u2029]+")
_NOT_FIRST = "、。，．・：；？！」』）］｝〉》】〕”’…‥ー々ゝゞぁぃぅぇぉっゃゅょァィゥェォッャュョ％" + ",.:;?!)]}"
_NOT_LAST = "「『（［｛〈《【〔“‘"  # both after JIS X 4051


class Footnotes:
    """Addresses, numbered in the order in which they are first named."""

    def __init__(self) -> None:
        self._urls: list[str] = []
        self._numbers: dict[str, int] = {}

    def begin_with(self, stories: Iterable[Item]) -> str:
        """Give the stories the first numbers; one address for two has both, and is named by the first. Says nothing."""
        for story in stories:
            self._add(story.url)
        return ""

    def __call__(self, url: str) -> str:
        """The mark for `url`: "[3]"."""
        if url not in self._numbers:
            self._add(url)
        return f"[{self._numbers[url]}]"

    def _add(self, url: str) -> None:
        self._urls.append(url)
        self._numbers.setdefault(url, len(self._urls))

    @property
    def lines(self) -> list[str]:
        """One line a footnote, never wrapped: an address that is broken is none."""
        digits = len(str(len(self._urls)))
        return [f"{f'[{number}]':>{digits + 2}} {url}" for number, url in enumerate(self._urls, start=1)]


def wrapped(text: str, hanging: str = "", first: str | None = None) -> str:
    """`text` as one paragraph of lines up to WIDTH; `hanging` begins each line, `first` the first. Words stay whole."""
    begin = hanging if first is None else first
    if not text.isascii() and not _is_western(text) and _UNUSUAL.search(text):
        return _wrapped_by_columns(text, hanging, begin)
    text = " ".join(text.replace(TIE, _TIED).split()).replace(_TIED, TIE)
    if len(begin) + len(text) <= WIDTH:
        return begin + text if text else ""
    lines: list[str] = []
    start = 0
    while len(begin) + len(text) - start > WIDTH:
        most = start + WIDTH - len(begin)
        end = text.rfind(" ", start, most + 1)
        if end < 0 and (end := text.find(" ", most + 1)) < 0:
            break
        lines.append(begin + text[start:end])
        start, begin = end + 1, hanging
    return "\n".join([*lines, begin + text[start:]]) if text else ""


def _is_western(text: str) -> bool:
    """Whether it is in letters of western Europe, each a column; quicker to find out than what `_UNUSUAL` finds."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def numbered(text: str, number: int) -> str:
    """`text` as an item of a list: " 7. …"."""
    return wrapped(text, "    ", f"{number:>2}. ")


def _wrapped_by_columns(text: str, hanging: str, first: str) -> str:
    """The same, where a letter may take two columns or none, and a line may end between two."""
    lines: list[str] = []
    line = first
    margin = columns(hanging)
    taken, is_fresh = columns(line), True
    for gap, piece, wants in _words(text):
        if not is_fresh and taken + len(gap) + wants > WIDTH:
            lines.append(line)
            line, taken, is_fresh = hanging, margin, True
        line += piece if is_fresh else gap + piece
        taken += wants if is_fresh else len(gap) + wants
        is_fresh = False
    return "\n".join([*lines, line] if not is_fresh else lines)


def columns(text: str) -> int:
    """How many columns of a typewriter `text` takes: two a wide letter, none an accent that stands on another."""
    return sum(map(_columns_of, text)) if _UNUSUAL.search(text) else len(text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if _is_wide(character) else 1


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _words(text: str) -> Iterable[tuple[str, str, int]]:
    """What no line break may divide, with the space before it and the columns it takes."""
    return [(gap, piece, columns(piece)) for gap, piece in _pieces(_SPACES.split(text.strip()))]


def _pieces(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Words, and the single letters of scripts that have no spaces."""
    for word in words:
        gap, start = " ", 0
        for place in range(1, len(word)) if _UNUSUAL.search(word) else ():
            if _may_break(word[place - 1], word[place]):
                yield gap, word[start:place]
                gap, start = "", place
        if word:
            yield gap, word[start:]


def _may_break(before: str, after: str) -> bool:
    if not (_is_wide(before) or _is_wide(after)) or TIE in (before, after):
        return False
    return after not in _NOT_FIRST and before not in _NOT_LAST and not unicodedata.combining(after)


def paragraphs(fragment: str, notes: Footnotes, margin: str = "") -> str:
    """A fragment of HTML as wrapped paragraphs, with an empty line between them; `margin` begins each line."""
    root = lxml_html.fragment_fromstring(str(fragment), create_parent="div")
    blocks = [wrapped(root.text, margin)] if (root.text or "").strip() else []
    for child in root:
        blocks += _block(child, notes, margin)
        if (child.tail or "").strip():
            blocks.append(wrapped(str(child.tail), margin))
    return f"\n{margin}\n".join(blocks)


def tidy(text: str) -> str:
    """No space at the end of a line, never two empty lines in a row, one newline at the end, no ties left."""
    lines = "\n".join(map(str.rstrip, text.replace(TIE, " ").strip().split("\n")))
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return f"{lines}\n"


def _block(element: etree._Element, notes: Footnotes, margin: str) -> list[str]:
    if element.tag in ("ul", "ol"):
        return ["\n".join(_list_items(element, notes, margin))]
    if element.tag == "blockquote":
        inner = [_inline(child, notes) for child in element] or [_inline(element, notes)]
        return [_lines(part, f"{margin}  ") for part in inner]
    return [_lines(_inline(element, notes), margin)]


def _lines(text: str, hanging: str) -> str:
    """Like `wrapped`, but a line break that was written stays one."""
    return "\n".join(wrapped(line, hanging) for line in text.split("\n"))


def _list_items(element: etree._Element, notes: Footnotes, margin: str) -> Iterable[str]:
    for number, item in enumerate(element, start=1):
        bullet = f"{number}. " if element.tag == "ol" else "- "
        yield wrapped(_inline(item, notes), margin + " " * len(bullet), margin + bullet)


def _inline(element: etree._Element, notes: Footnotes) -> str:
    """The words of an element; each link is followed by its footnote's mark."""
    words = element.text or ""
    for child in element:
        words += "\n" if child.tag == "br" else _inline(child, notes)
        words += child.tail or ""
    link = element.get("href") if element.tag == "a" else None
    return f"{words}{TIE}{notes(link)}" if link else words.strip() if element.tag == "p" else words
