"""How well `picks/stories.py` tells who tells the same event.

The folder `stories` of the data holds labelled ones: `events-full-text.json` (whole articles) and `headlines.csv`
(headlines with their story). Printed are pairwise and B-cubed F1, also as the mean over random halves of the events,
each a batch of its own, and as the median over other choices of five headlines: what is to hold for other stories must
hold for any part of these.
"""

import csv
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from benchmarks.harness import Ratio, Setting, timed
from newsletter.picks.piece import Piece
from newsletter.picks.stories import grouped

ANY = "headlines, any 5 of each"
FLOORS = {  # pairwise, B-cubed
    "full text": (0.87, 0.92),
    "full text, halves": (0.87, 0.925),
    "headlines, 5 of each": (0.70, 0.79),
    "headlines, 5 of each, halves": (0.75, 0.81),
    ANY: (0.70, 0.79),
}
LARGE, LARGE_SECONDS = 5_000, 5.0  # articles, and the seconds of one core that grouping them may take
HALVINGS = 3
SAMPLES = 10  # other choices of five headlines, whose median counts: no one choice is tuned for
PUBLISHED = datetime(2026, 11, 23, tzinfo=UTC)


class Labelled(NamedTuple):
    """One article with the event it tells."""

    title: str
    text: str
    event: str


def ratios(setting: Setting) -> list[Ratio]:
    """Pairwise and B-cubed F1 in per cent of each set, and what grouping a very large day takes."""
    found: list[Ratio] = []
    for name, articles in _sets(setting.data / "stories", setting.quick):
        found += _both(name, halved(articles) if name.endswith("halves") else f1(articles), _size(articles))
    figures, count = sampled(setting.data / "stories", setting.size(SAMPLES))
    found += _both(ANY, figures, f"median of {count}")
    large = headlines(setting.data / "stories", None)[: setting.size(LARGE)]
    cpu = tuple(timed(lambda: f1(large))["cpu"] for _ in range(setting.rounds))
    return [*found, Ratio("grouping a very large day", cpu, LARGE_SECONDS, at_least=False, unit="s", note=_size(large))]


def _both(name: str, figures: tuple[float, float], note: str) -> list[Ratio]:
    """Pairwise and B-cubed F1 beside their floors."""
    floors = FLOORS.get(name, (0.0, 0.0))
    return [
        Ratio(f"{name}: {kind} F1", (100 * figure,), 100 * floor, unit="%", note=note)
        for kind, figure, floor in zip(("pairwise", "B-cubed"), figures, floors, strict=True)
    ]


def _size(articles: Sequence[Labelled]) -> str:
    return f"{len(articles):,} articles"


def f1(articles: Sequence[Labelled]) -> tuple[float, float]:
    """Pairwise and B-cubed F1 of the stories that `grouped` finds."""
    pieces = [_piece(number, article) for number, article in enumerate(articles)]
    found = {piece.id: number for number, story in enumerate(grouped(pieces)) for piece in story}
    guesses = [found[number] for number in range(len(articles))]
    return pairwise([a.event for a in articles], guesses), b_cubed([a.event for a in articles], guesses)


def pairwise(truth: Sequence[str], guesses: Sequence[int]) -> float:
    """F1 over all pairs of articles: are the two in one story?"""

    def pairs(groups: Counter[object]) -> int:
        return sum(n * (n - 1) // 2 for n in groups.values())

    both = pairs(Counter(zip(truth, guesses, strict=True)))
    return 2 * both / ((pairs(Counter(truth)) + pairs(Counter(guesses))) or 1)


def b_cubed(truth: Sequence[str], guesses: Sequence[int]) -> float:
    """F1 of the mean, over articles, of how pure and how whole the story of each is."""
    both, events, stories = Counter(zip(truth, guesses, strict=True)), Counter(truth), Counter(guesses)
    precision = sum(n * n / stories[guess] for (_, guess), n in both.items()) / len(truth)
    recall = sum(n * n / events[event] for (event, _), n in both.items()) / len(truth)
    return 2 * precision * recall / (precision + recall)


def full_texts(data: Path) -> list[Labelled]:
    """Whole articles, a few of each event."""
    events = json.loads((data / "events-full-text.json").read_text(encoding="utf-8"))
    return [
        Labelled(article["title"], article["text"], str(number))
        for number, event in enumerate(events)
        for article in event["articles"]
    ]


def headlines(data: Path, most: int | None, seed: int | None = None) -> list[Labelled]:
    """Headlines alone; at most `most` of each story: the first ones, or with a `seed` others."""
    stories: defaultdict[str, list[str]] = defaultdict(list)
    with (data / "headlines.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["story"]:
                stories[row["story"]].append(row["title"])
    chooser = random.Random(seed)
    return [
        Labelled(title, "", story)
        for story, titles in stories.items()
        for title in (chooser.sample(titles, len(titles)) if seed is not None else titles)[:most]
    ]


def halves(articles: Sequence[Labelled]) -> list[list[Labelled]]:
    """The articles of each half of the events, for HALVINGS random halvings."""
    found = []
    for seed in range(1, HALVINGS + 1):
        events = sorted({article.event for article in articles})
        random.Random(seed).shuffle(events)
        first = frozenset(events[: len(events) // 2])
        found += [[a for a in articles if (a.event in first) is wanted] for wanted in (True, False)]
    return found


def halved(articles: Sequence[Labelled]) -> tuple[float, float]:
    """The mean of `f1` over `halves`."""
    figures = [f1(half) for half in halves(articles)]
    return mean(pair for pair, _ in figures), mean(cubed for _, cubed in figures)


def sampled(data: Path, count: int = SAMPLES) -> tuple[tuple[float, float], int]:
    """The median of `f1` over other choices of five headlines of each story, and of how many."""
    figures = [f1(headlines(data, 5, seed)) for seed in range(1, count + 1)]
    return (median(pair for pair, _ in figures), median(cubed for _, cubed in figures)), count


def _sets(data: Path, quick: bool) -> Iterator[tuple[str, list[Labelled]]]:
    yield "full text", full_texts(data)
    yield "full text, halves", full_texts(data)
    yield "headlines, 5 of each", headlines(data, 5)
    yield "headlines, 5 of each, halves", headlines(data, 5)
    if not quick:
        yield "headlines, all", headlines(data, None)


def _piece(number: int, article: Labelled) -> Piece:
    return Piece(number, "source", str(number), "", article.title, "", article.text, "", "", False, PUBLISHED, 1.0)
