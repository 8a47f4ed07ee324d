"""A message's body: laid out once an edition, filled once a reader. Pure.

All parts stand in one list of pieces, with an empty one wherever a reader's own words go. So a reader costs a copy of
that list, the few pieces that are theirs, and a join. Only a part in base64 is filled as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from newsletter.delivery import base64_lines
from newsletter.delivery.base64_lines import Base64
from newsletter.delivery.quoted_printable import SOFT_BREAK, QuotedPrintable, on_own_lines
from newsletter.rendering import slots
from newsletter.rendering.slots import Slot


@dataclass(frozen=True)
class Part:
    """One part of a message: `head` is its boundary line and headers, `content` its encoded text."""

    head: bytes
    content: QuotedPrintable | Base64
    is_html: bool

    @classmethod
    def of(cls, before: str, kind: str, text: str) -> "Part":
        """`text`, with the marks of `slots`, in the encoding that makes it smaller; `kind` is "plain" or "html", and
        `before` comes before the part's own headers."""
        literals, places = slots.cut(text)
        plain = QuotedPrintable.of(literals, places)
        is_long = plain.size > sum(map(len, literals)) * 4 // 3  # else base64, four letters for three bytes, is longer
        content = Base64.of(literals, places) if is_long and base64_lines.size(literals) < plain.size else plain
        head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {content.name}\r\n\r\n"
        return cls(f"{before}{head}".encode(), content, is_html=kind == "html")


_TOKENS = (slots.UNSUBSCRIBE, slots.PREFERENCES, slots.CLICK)


class Body:
    """The parts of a message one after another, and what ends them."""

    def __init__(self, parts: Sequence[Part], end: bytes) -> None:
        self._pieces: list[bytes] = []
        self._gaps: dict[str, list[int]] = {mark: [] for mark in _TOKENS}  # by mark
        self._names: list[tuple[int, Slot, bool]] = []  # (gap, slot, whether it stands in HTML)
        self._shifting: list[tuple[int, Base64, bool]] = []  # a part in base64 is a gap as a whole
        for part in parts:
            self._pieces.append(part.head)
            self._lay_out(part)
        self._pieces.append(end)
        in_base64 = any(slot.mark == slots.CLICK for _, content, _ in self._shifting for slot in content.slots)
        self.counts = in_base64 or bool(self._gaps[slots.CLICK])  # whether any link is counted
        self._runs = _runs(self._gaps[slots.CLICK])

    def _lay_out(self, part: Part) -> None:
        start, content = len(self._pieces), part.content
        if isinstance(content, Base64):
            self._shifting.append((start, content, part.is_html))
            self._pieces.append(b"")
            return
        self._pieces += content.pieces
        for gap, slot in content.gaps:
            if slot.mark == slots.NAME:
                self._names.append((start + gap, slot, part.is_html))
            else:
                self._gaps[slot.mark].append(start + gap)

    def filled(self, unsubscribe: bytes, preferences: bytes, name: str, click: bytes = b"") -> list[bytes]:
        """The body of one reader, to be joined: the tokens of their links, and their name as `prose.one_line` makes it.
        That of links that are counted is not asked for where there are none."""
        out = self._pieces.copy()
        line = unsubscribe + SOFT_BREAK
        for gap in self._gaps[slots.UNSUBSCRIBE]:
            out[gap] = line
        line = preferences + SOFT_BREAK
        for gap in self._gaps[slots.PREFERENCES]:
            out[gap] = line
        line = click + SOFT_BREAK
        for run, count in self._runs:
            out[run] = [line] * count
        for gap, slot, is_html in self._names if name else ():
            out[gap] = on_own_lines(slot.before + (escape(name) if is_html else name))
        for gap, content, is_html in self._shifting:
            values = {
                slots.UNSUBSCRIBE: unsubscribe.decode(),
                slots.PREFERENCES: preferences.decode(),
                slots.NAME: escape(name) if is_html else name,
                slots.CLICK: click.decode(),
            }
            out[gap] = b"".join(content.filled(values))
        return out


def _runs(gaps: Sequence[int]) -> list[tuple[slice, int]]:
    """Gaps, in order, that have one piece between them, as slices with how many they hold: a mail has dozens of counted
    links, and one slice is filled as quickly as a few gaps."""
    runs: list[tuple[slice, int]] = []
    for gap in gaps:
        if runs and runs[-1][0].stop == gap - 1:
            run, count = runs.pop()
            runs.append((slice(run.start, gap + 1, 2), count + 1))
        else:
            runs.append((slice(gap, gap + 1, 2), 1))
    return runs
