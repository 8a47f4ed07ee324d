"""The language of segments: words → a tree, and back. Pure; its author is an operator or an editor, never a reader.

    language = "de" and (domain in ("gmx.de", "web.de") or not topic = "Sport")
    joined > 30 days ago and consent = "confirmed"
    got daily/2026-11-20 and active < 2026-01-01
    got daily last 10 issues and not clicked daily last 10 issues
    clicked daily since 30 days ago in "Sport"

`and` binds closer than `or`, `not` closest. Texts stand in "…" or '…' and hold anything but their own mark and line
ends; days are 2026-11-20 or `30 days ago`. Nothing of it is ever SQL: `segments` makes bound parameters of all values.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from subscribers.errors import SubscribersError

LONGEST = 2_000  # characters
DEEPEST = 50  # brackets and `not`s within each other
MOST_DAYS = 36_500
TEXTS = ("language", "timezone", "domain", "format", "topic", "consent", "origin")
DAYS = ("joined", "active")
VERBS = ("got", "clicked")  # what a person did with an issue
IN_SECTION = ("clicked",)  # of these, it may be said of one section
MOST_ISSUES = 1_000
OF_TEXTS = ("=", "!=", "starts", "ends", "in")
OF_DAYS = ("=", "!=", "<", "<=", ">", ">=")


class BadSegment(SubscribersError):
    """A filter that can't be read. `column` is where, from 1."""

    def __init__(self, column: int, why: str) -> None:
        super().__init__(f"column {column}: {why}")
        self.column = column


@dataclass(frozen=True)
class Ago:
    """So many days before now."""

    days: int


@dataclass(frozen=True)
class Text:
    """A test of a text: `values` has one, or for `in` one or more."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """A test of a day."""

    field: str
    operator: str
    day: date | Ago


@dataclass(frozen=True)
class Last:
    """A newsletter's latest issues."""

    count: int


@dataclass(frozen=True)
class Span:
    """Its issues of these days, both among them; `last` None is until now."""

    first: date | Ago
    last: date | Ago | None = None


@dataclass(frozen=True)
class Past:
    """What a person did with one issue, by its day, or with any of several; `section` "" is any of theirs."""

    verb: str
    newsletter: str
    issues: date | Last | Span
    section: str = ""


@dataclass(frozen=True)
class Not:
    """The others."""

    node: "Node"


@dataclass(frozen=True)
class All:
    """All of two or more."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True)
class Any:
    """At least one of two or more."""

    nodes: tuple["Node", ...]


Node = Text | Day | Past | Not | All | Any


def parse(words: str) -> Node:
    """The tree of a filter. Raises BadSegment, and nothing else, for every other text."""
    if len(words) > LONGEST:
        raise BadSegment(LONGEST + 1, f"a filter has at most {LONGEST:,} characters")
    reader = _Reader(_tokens(words))
    node = reader.either(0)
    if reader.now.kind != "end":
        raise reader.fault("here should be `and`, `or`, or the end")
    return node


def written(node: Node) -> str:
    """The filter in words; `parse` makes the same tree of them."""
    return _WRITTEN[type(node)](node)


@dataclass(frozen=True)
class _Token:
    kind: str  # text | day | number | word | sign | end
    words: str
    column: int


_TOKEN = re.compile(
    r"""(?P<space>\s+)|"(?P<double>[^"\r\n]*)"|'(?P<single>[^'\r\n]*)'|(?P<day>\d{4}-\d\d-\d\d(?![\w/-]))"""
    r"""|(?P<number>\d{1,5}(?![\w/-]))|(?P<word>[A-Za-z0-9][\w./-]*)|(?P<sign><=|>=|!=|[=<>(),])""",
    re.ASCII,
)


def _tokens(words: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(words):
        match = _TOKEN.match(words, at)
        if match is None:
            unclosed = words[at] in "\"'"
            raise BadSegment(at + 1, "this text never ends" if unclosed else f"{words[at]!r} is no word of a filter")
        kind = match.lastgroup or ""
        if not match[kind].isprintable() and kind != "space":
            raise BadSegment(at + 1, "this text has a character that can't be printed")
        if kind != "space":
            found.append(_Token({"double": "text", "single": "text"}.get(kind, kind), match[kind], at + 1))
        at = match.end()
    return [*found, _Token("end", "", len(words) + 1)]


class _Reader:
    """Reads tokens from left to right, one rule of the language a verb."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def now(self) -> _Token:
        return self._tokens[self._at]

    def fault(self, why: str) -> BadSegment:
        return BadSegment(self.now.column, why)

    def either(self, depth: int) -> Node:
        return self._joined("or", Any, self._both, depth)

    def _both(self, depth: int) -> Node:
        return self._joined("and", All, self._one, depth)

    def _joined(
        self, word: str, kind: type[All] | type[Any], part: Callable[[int], Node], depth: int
    ) -> Node:  # fmt: skip
        nodes = [part(depth)]
        while self._takes(word):
            nodes.append(part(depth))
        return kind(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def _one(self, depth: int) -> Node:
        if depth >= DEEPEST:
            raise self.fault(f"brackets and `not`s go at most {DEEPEST} deep")
        if self._takes("not"):
            return Not(self._one(depth + 1))
        if self._takes("("):
            inner = self.either(depth + 1)
            self._wants(")", "here a bracket should be closed")
            return inner
        return self._test()

    def _test(self) -> Node:
        name = self.now.words if self.now.kind == "word" else ""
        if name not in (*TEXTS, *DAYS, *VERBS):
            known = ", ".join((*TEXTS, *DAYS, *VERBS))
            raise self.fault(f"{name!r} can't be asked for; there is {known}" if name else f"here should be {known}")
        self._at += 1
        if name in VERBS:
            return self._past(name)
        return self._text(name) if name in TEXTS else self._day(name)

    def _text(self, name: str) -> Text:
        operator = self._operator(OF_TEXTS)
        if operator != "in":
            return Text(name, operator, (self._value(),))
        self._wants("(", 'here should be a list, as in ("a", "b")')
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._wants(")", "here the list should end")
        return Text(name, operator, tuple(values))

    def _day(self, name: str) -> Day:
        return Day(name, self._operator(OF_DAYS), self._moment())

    def _moment(self) -> date | Ago:
        token = self.now
        if token.kind == "number":
            self._at += 1
            if not (self._takes("days") or self._takes("day")) or not self._takes("ago"):
                raise self.fault("here should be `days ago`")
            if int(token.words) > MOST_DAYS:
                raise BadSegment(token.column, f"at most {MOST_DAYS:,} days ago")
            return Ago(int(token.words))
        if token.kind != "day":
            raise self.fault("here should be a day, as 2026-11-20 or `30 days ago`")
        self._at += 1
        return _date(token.words, token.column)

    def _past(self, verb: str) -> Past:
        token = self.now
        newsletter, slash, day = token.words.partition("/")
        if token.kind not in ("word", "number") or (slash and not re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII)):
            raise self.fault("here should be an issue, as daily/2026-11-20, or issues, as daily last 5 issues")
        self._at += 1
        issues = _date(day, token.column) if slash else self._issues()
        section = self._value() if verb in IN_SECTION and self._takes("in") else ""
        return Past(verb, newsletter, issues, section)

    def _issues(self) -> Last | Span:
        if self._takes("since"):
            return Span(self._moment())
        if self._takes("from"):
            first = self._moment()
            self._wants("to", "here should be `to` and the last day")
            return Span(first, self._moment())
        self._wants("last", "here should be `last 5 issues`, `since` a day, or `from` one `to` another")
        token = self.now
        count = int(token.words) if token.kind == "number" else 0
        if not 1 <= count <= MOST_ISSUES:
            raise self.fault(f"here should be how many issues, 1 to {MOST_ISSUES:,}")
        self._at += 1
        if not self._takes("issues") and not self._takes("issue"):
            raise self.fault("here should be `issues`")
        return Last(count)

    def _operator(self, known: tuple[str, ...]) -> str:
        found = next((operator for operator in known if self._takes(operator)), None)
        if found is None:
            raise self.fault(f"here should be one of {' '.join(known)}")
        return found

    def _value(self) -> str:
        if self.now.kind != "text":
            raise self.fault('here should be a text in quotation marks, as "de"')
        self._at += 1
        return self._tokens[self._at - 1].words

    def _takes(self, words: str) -> bool:
        is_it = self.now.kind in ("word", "sign") and self.now.words == words
        self._at += is_it
        return is_it

    def _wants(self, words: str, why: str) -> None:
        if not self._takes(words):
            raise self.fault(why)


def _date(words: str, column: int) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise BadSegment(column, f"there is no day {words}") from error


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


def _text_written(node: Text) -> str:
    values = ", ".join(map(_quoted, node.values))
    return f"{node.field} {node.operator} " + (f"({values})" if node.operator == "in" else values)


def _day_written(node: Day) -> str:
    return f"{node.field} {node.operator} {_moment_written(node.day)}"


def _moment_written(day: date | Ago) -> str:
    return f"{day.days} days ago" if isinstance(day, Ago) else day.isoformat()


def _past_written(node: Past) -> str:
    section = f" in {_quoted(node.section)}" if node.section else ""
    return f"{node.verb} {node.newsletter}{_issues_written(node.issues)}{section}"


def _issues_written(issues: date | Last | Span) -> str:
    match issues:
        case Last(count):
            return f" last {count} issue{'s' if count > 1 else ''}"
        case Span(first, last):
            begin = _moment_written(first)
            return f" since {begin}" if last is None else f" from {begin} to {_moment_written(last)}"
        case day:
            return f"/{day.isoformat()}"


def _within(node: Node, *looser: type) -> str:
    return f"({written(node)})" if isinstance(node, looser) else written(node)


_WRITTEN: Mapping[type, Callable[..., str]] = {
    Text: _text_written,
    Day: _day_written,
    Past: _past_written,
    Not: lambda n: f"not {_within(n.node, All, Any)}",
    All: lambda n: " and ".join(_within(inner, All, Any) for inner in n.nodes),
    Any: lambda n: " or ".join(_within(inner, Any) for inner in n.nodes),
}
