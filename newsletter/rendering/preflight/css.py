"""CSS as far as a check needs it: which selector sets what, and under which condition. Pure.

A mail's styles are short and come out of a known engine, so this reads braces and semicolons and nothing cleverer;
what it does not understand it leaves out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_NEXT = re.compile(r"[{}]")
_STATEMENT = re.compile(r"@(?:import|charset|namespace)\b[^;{}]*;")
_OUTSIDE_BRACKETS = re.compile(r";(?![^(]*\))")
_OUTSIDE_BRACKETS_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class Declaration:
    """One property and its value, both in lower case."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True)
class Ruleset:
    """What one selector sets. `condition` is the at-rule around it ("@media (…)"), "" where it always holds."""

    condition: str
    selector: str
    declarations: tuple[Declaration, ...]


@lru_cache(maxsize=4096)  # inlined styles stand again and again
def declarations(style: str) -> tuple[Declaration, ...]:
    """What a style attribute, or the inside of a rule, sets."""
    return tuple(_declared(style))


def rulesets(text: str, media: str = "") -> list[Ruleset]:
    """Every selector of a style sheet with what it sets; `media` is the condition of its <style> element."""
    outer = f"@media {media}" if media else ""
    return list(_rulesets(_STATEMENT.sub("", _COMMENT.sub("", text)), outer))


def statements(text: str) -> list[str]:
    """The at-rules that are no blocks: @import and its kind."""
    return _STATEMENT.findall(_COMMENT.sub("", text))


def _rulesets(text: str, condition: str) -> Iterator[Ruleset]:
    start = 0
    while opening := text.find("{", start) + 1:
        end = _closing(text, opening)
        head, inside = text[start : opening - 1].strip(), text[opening:end]
        if head.startswith("@") and "{" in inside:
            yield from _rulesets(inside, f"{condition} {head}".strip())
        elif head.startswith("@"):
            yield Ruleset(f"{condition} {head}".strip(), "", declarations(inside))
        else:
            for selector in _OUTSIDE_BRACKETS_COMMA.split(head):
                yield Ruleset(condition, " ".join(selector.split()), declarations(inside))
        start = end + 1


def _closing(text: str, position: int) -> int:
    """Where the block ends that is open at `position`."""
    depth = 1
    for brace in _NEXT.finditer(text, position):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.start()
    return len(text)


def _declared(style: str) -> Iterator[Declaration]:
    for words in _OUTSIDE_BRACKETS.split(style):
        name, colon, value = words.partition(":")
        if not colon:
            continue
        value = " ".join(value.lower().split())
        important = value.endswith("!important")
        yield Declaration(name.strip().lower(), value.removesuffix("!important").strip(), important)
