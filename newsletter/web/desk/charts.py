"""Charts as SVG, made on the server: shapes only, coloured by classes of the stylesheet, for day and night. Pure.

A shape has its own words as a <title>, the whole has a title and a description for those who can't see it, and beside
each chart stands the table that it shows. Letters are HTML around the SVG: they must not shrink with it on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 160  # units; the page stretches them
GAP = 0.25  # of a column's place
_SVG = Markup(
    '<svg class="chart-{kind}" role="img" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
    'aria-labelledby="{name}-title {name}-words"><title id="{name}-title">{title}</title>'
    '<desc id="{name}-words">{words}</desc>{shapes}</svg>'
)


@dataclass(frozen=True)
class Point:
    """One place on the way: what it is called, and how much."""

    label: str
    value: int


@dataclass(frozen=True)
class Swing:
    """One place with something that adds and something that takes away."""

    label: str
    up: int
    down: int


@dataclass(frozen=True)
class Part:
    """A share of a whole: `style` is its class in the stylesheet."""

    style: str
    words: str
    count: int


def columns(name: str, title: str, points: Sequence[Point], unit: str) -> Markup:
    """One column a point, from nothing up. `name` is its id on the page, `unit` what is counted: "refused"."""
    top = max((point.value for point in points), default=0) or 1
    place = WIDTH / max(len(points), 1)
    shapes = [
        _column(
            "chart-bar",
            n,
            place,
            HEIGHT * (1 - p.value / top),
            HEIGHT * p.value / top,
            f"{p.label}: {p.value:,} {unit}",
        )
        for n, p in enumerate(points)
        if p.value
    ]
    return _svg("columns", name, title, _range(points, unit), shapes)


def swings(name: str, title: str, rows: Sequence[Swing], up: str, down: str) -> Markup:
    """Columns upward for what came, downward for what went, to one scale."""
    above, below = max((r.up for r in rows), default=0), max((r.down for r in rows), default=0)
    scale = HEIGHT / ((above + below) or 1)
    place, middle = WIDTH / max(len(rows), 1), above * scale
    shapes: list[Markup] = []
    for n, row in enumerate(rows):
        if row.up:
            words = f"{row.label}: {row.up:,} {up}"
            shapes.append(_column("chart-up", n, place, middle - row.up * scale, row.up * scale, words))
        if row.down:
            words = f"{row.label}: {row.down:,} {down}"
            shapes.append(_column("chart-down", n, place, middle, row.down * scale, words))
    shapes.append(_rule(middle))
    came, went = sum(r.up for r in rows), sum(r.down for r in rows)
    words = (
        f"{_span([r.label for r in rows])} {came:,} {up}, {went:,} {down}; at most {above:,} and {below:,} in a day."
    )
    return _svg("swings", name, title, words, shapes)


def line(name: str, title: str, points: Sequence[Point], unit: str) -> Markup:
    """A line over the points and the area below it. It begins at nothing: a small change must not look large."""
    top = max((point.value for point in points), default=0) * 1.05 or 1
    step = WIDTH / max(len(points) - 1, 1)
    places = [(_plain(n * step), _plain(HEIGHT * (1 - p.value / top))) for n, p in enumerate(points)]
    if len(places) == 1:
        places.append((_plain(WIDTH), places[0][1]))
    way = " ".join(f"{x},{y}" for x, y in places)
    shapes = [
        Markup('<polygon class="chart-area" points="0,{h} {way} {w},{h}"/>').format(way=way, w=WIDTH, h=HEIGHT),
        Markup('<polyline class="chart-line" points="{}"/>').format(way),
    ]
    return _svg("line", name, title, _range(points, unit), shapes if points else [])


def whole(name: str, title: str, parts: Sequence[Part]) -> Markup:
    """One broad bar, cut into its parts. What is there is seen: a part of a million that is one has a sliver."""
    total = sum(part.count for part in parts) or 1
    shapes, at = [], 0.0
    for part in parts:
        if part.count:
            width = WIDTH * part.count / total
            words = f"{part.count:,} {part.words}"
            shapes.append(_shape(part.style, at, 0, max(width, 1.5), HEIGHT, words))
            at += width
    told = ", ".join(f"{part.count:,} {part.words}" for part in parts if part.count) or "Nothing yet"
    return _svg("whole", name, title, f"{told}.", shapes)


def _column(style: str, number: int, place: float, y: float, height: float, words: str) -> Markup:
    return _shape(style, number * place + place * GAP / 2, y, place * (1 - GAP), height, words)


def _shape(style: str, x: float, y: float, width: float, height: float, words: str) -> Markup:
    place = f'x="{_plain(x)}" y="{_plain(y)}" width="{_plain(width)}" height="{_plain(max(height, 1))}"'
    return Markup(f'<rect class="{escape(style)}" {place}><title>{escape(words)}</title></rect>')  # noqa: S704 (escaped)


def _rule(y: float) -> Markup:
    at = _plain(y)
    return Markup('<line class="chart-rule" x1="0" x2="{w}" y1="{y}" y2="{y}"/>').format(w=WIDTH, y=at)


def _svg(kind: str, name: str, title: str, words: str, shapes: Sequence[Markup]) -> Markup:
    return _SVG.format(
        kind=kind, name=name, title=title, words=words, width=WIDTH, height=HEIGHT, shapes=Markup().join(shapes)
    )


def _range(points: Sequence[Point], unit: str) -> str:
    if not points:
        return "Nothing yet."
    least, most = min(points, key=lambda p: p.value), max(points, key=lambda p: p.value)
    return (
        f"{_span([p.label for p in points])} between {least.value:,} ({least.label}) "
        f"and {most.value:,} ({most.label}) {unit}, last {points[-1].value:,}."
    )


def _span(labels: Sequence[str]) -> str:
    return f"{labels[0]} to {labels[-1]}:" if labels else "Nothing yet:"


def _plain(number: float) -> str:
    """Without needless digits: 12.5, 40."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
