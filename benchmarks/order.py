"""How near our order comes to an editor's, on real feeds: `feeds/DAY/OUTLET.xml` of the data.

Some outlets' feeds stand in the order that their editors chose. For each day and each of them, the stories are ranked
by our points from what the *other* outlets tell, and of our first ten are counted those that tell a story of the
outlet's own first ten. Beside it stand newest first and chance.

A day as large as a few weeks of all of them shows what picking takes, from articles to the choice.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import mean

from benchmarks.harness import Ratio, Setting, timed
from newsletter.config import SectionRule
from newsletter.picks.choose import choose
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Rules
from newsletter.picks.stories import Grouping, grouping
from newsletter.sources import feed
from newsletter.sources.found import FoundArticle

EDITED = ("bbc", "cnn", "nytimes")
FIRST = 10
WINDOW = timedelta(hours=30)
MEMORY = timedelta(days=7)
CLEARLY = 1.5  # times the better of the two others
NEWS = "news"
ALL = "all three"
LARGE, LARGE_SECONDS = 5_000, 5.0  # articles, and the seconds of one core that picking from them may take

Order = Callable[[list[tuple[Piece, ...]], datetime], list[tuple[Piece, ...]]]


def ratios(setting: Setting) -> list[Ratio]:
    """Our hits against those of the better of the two others, by outlet and for all; and what a large day takes."""
    figures = hits(setting.data / "feeds", every=3 if setting.quick else 1)
    means = {name: {outlet: mean(by_outlet[outlet]) for outlet in EDITED} for name, by_outlet in figures.items()}
    for of_all in means.values():
        of_all[ALL] = mean(of_all.values())
    ours, *others = means.values()
    found = []
    for outlet, hit in ours.items():
        note = ", ".join(f"{name} {of[outlet]:.2f}" for name, of in means.items())
        best = max(*(other[outlet] for other in others), 0.1)  # a hit in ten days, where they had none
        wanted = CLEARLY if outlet == ALL else 0.0  # one outlet alone has few hits on few days
        found.append(Ratio(f"of our first 10, in the first 10 of {outlet}", (hit / best,), wanted, note=note))
    return [*found, picking_from_many(setting)]


def picking_from_many(setting: Setting) -> Ratio:
    """Seconds of one core to pick from the newest articles of all days as if they were one day's, after as many."""
    seen = {}
    for folder in sorted(path for path in (setting.data / "feeds").iterdir() if path.is_dir()):
        now = datetime.combine(date.fromisoformat(folder.name), time(22), tzinfo=UTC)
        seen.update({(piece.source, piece.guid): piece for piece in _pieces(folder, now)})
    newest = sorted(seen.values(), key=lambda piece: piece.key)
    size = setting.size(LARGE)
    batch, before = newest[:size], newest[size : 2 * size]
    rules = Rules((SectionRule(name=NEWS),), FIRST, timedelta(hours=12))

    def pick() -> None:
        found = grouping(batch, before)
        choose(found.stories, rules, now, found.circles, found.words)

    cpu = tuple(timed(pick)["cpu"] for _ in range(setting.rounds))
    note = f"{len(batch):,} real articles"
    return Ratio("picking from a very large day", cpu, LARGE_SECONDS, at_least=False, unit="s", note=note)


def hits(data: Path, every: int = 1) -> dict[str, dict[str, list[int]]]:
    """For each way to order, and each outlet, the hits of each day."""
    orders: dict[str, Order] = {"our points": by_points, "newest first": by_age, "chance": by_chance}
    found: dict[str, dict[str, list[int]]] = {name: {outlet: [] for outlet in EDITED} for name in orders}
    seen: dict[tuple[str, str], Piece] = {}
    for number, folder in enumerate(sorted(path for path in data.iterdir() if path.is_dir())):
        now = datetime.combine(date.fromisoformat(folder.name), time(22), tzinfo=UTC)
        today = {(piece.source, piece.guid): piece for piece in _pieces(folder, now)}
        batch = [piece for piece in today.values() if piece.published_at > now - WINDOW]
        background = [p for key, p in seen.items() if key not in today and p.published_at > now - MEMORY]
        seen.update(today)
        if number % every:
            continue
        for outlet in EDITED:
            top = _top(today.values(), outlet)
            if len(top) < FIRST or len(batch) < 5 * FIRST:
                continue
            theirs = {piece.id for piece in top}
            both = list({piece.id: piece for piece in (*batch, *top)}.values())
            stories = grouping(both, background)
            for name, order in orders.items():
                found[name][outlet].append(_hits(stories, outlet, theirs, order, now))
    return found


def _hits(stories: Grouping, outlet: str, theirs: set[int], order: Order, now: datetime) -> int:
    """How many of the first ten stories of the others tell one of the outlet's first ten."""
    told = {piece.id: {p.id for p in story} for story in stories.stories for piece in story}
    others = [tuple(piece for piece in story if piece.source != outlet) for story in stories.stories]
    ranked = order([story for story in others if story], now)
    return sum(bool(told[story[0].id] & theirs) for story in ranked[:FIRST])


def by_points(stories: list[tuple[Piece, ...]], now: datetime) -> list[tuple[Piece, ...]]:
    """As an issue with one section and room for all would have them."""
    rules = Rules((SectionRule(name=NEWS),), len(stories), timedelta(hours=12))
    by_id = {piece.id: story for story in stories for piece in story}
    ranked = choose(stories, rules, now).stories
    return [by_id[told.candidates[0].piece.id] for told in ranked]


def by_age(stories: list[tuple[Piece, ...]], _now: datetime) -> list[tuple[Piece, ...]]:
    """The newest first."""
    return sorted(stories, key=lambda story: min(piece.key for piece in story))


def by_chance(stories: list[tuple[Piece, ...]], now: datetime) -> list[tuple[Piece, ...]]:
    """Any order, the same each time."""
    return random.Random(now.toordinal()).sample(stories, len(stories))


def _top(pieces: Iterable[Piece], outlet: str) -> list[Piece]:
    own = [piece for piece in pieces if piece.source == outlet]
    return sorted(own, key=lambda piece: piece.place)[:FIRST]


def _pieces(folder: Path, now: datetime) -> list[Piece]:
    """All that the feeds of one day hold."""
    return [
        _piece(path.stem, place, found, now)
        for path in sorted(folder.glob("*.xml"))
        for place, found in enumerate(_found(path), start=1)
    ]


def _found(path: Path) -> Sequence[FoundArticle]:
    address = f"https://{path.stem}.example.com/feed"
    return feed.parse(path.read_bytes(), address, zone=UTC, max_items=500).articles


def _piece(outlet: str, place: int, found: FoundArticle, now: datetime) -> Piece:
    return Piece(
        id=int.from_bytes(sha256(f"{outlet} {found.guid}".encode()).digest()[:8]),
        source=outlet,
        guid=found.guid,
        url=found.url,
        title=found.title,
        standfirst=found.standfirst,
        text="",
        section=NEWS,
        author=found.author,
        has_image=bool(found.image),
        published_at=min(found.published_at or now, now),
        weight=1.0,
        place=place,
        is_undated=found.published_at is None or found.published_at >= now,
    )
