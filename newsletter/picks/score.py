"""Article → points, each explained by its parts: how fresh, whose, how many tell it and how fast, where it stood, what
it holds, and what the newsletter wants. The points are the product of the parts: a part of 1 changes nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2, prod

from newsletter.picks.piece import Piece
from newsletter.picks.reasons import age_in_words, count, ordinal
from newsletter.picks.words import carries_its_date

BONUS_OF_A_DOUBLING = 0.5  # two sources that tell it are worth half as much again, four twice as much
FAST, BONUS_OF_A_FAST_DOUBLING = (
    timedelta(hours=6),
    0.1,
)  # … and a tenth more for each that came so soon after the first
TOP_PLACES, TOP_BONUS = 10, 0.5  # the first in its feed is worth half as much again, the eleventh nothing more
FULL_BONUS = 0.05  # for a standfirst, and for a picture
WANTED, UNWANTED = 1.5, 0.25
EDITION = 0.5  # a headline with the full date of its day is a programme's, a column's or a bulletin's, hardly news
UNDATED = timedelta(hours=6)  # an article without a date is no younger: it may have stood in its feed for long


@dataclass(frozen=True)
class Taste:
    """Words, phrases and sections that a newsletter wants or does not want; case does not matter."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def found(self, piece: Piece) -> tuple[str, str]:
        """The first wanted and the first unwanted one that the article has; "" where it has none."""
        return _first(self.wanted, piece), _first(self.unwanted, piece)


@dataclass(frozen=True)
class Telling:
    """How a story is told: by how many sources, and by how many of them soon after the first."""

    sources: int = 1
    fast: int = 1


@dataclass(frozen=True)
class Points:
    """One article's points by part. `total` is their product."""

    age: timedelta
    telling: Telling
    place: int
    wanted: str
    unwanted: str
    parts: dict[str, float]
    is_undated: bool = False
    is_edition: bool = False

    @property
    def total(self) -> float:
        """The product of the parts, rounded nowhere."""
        return prod(self.parts.values())

    @property
    def why(self) -> str:
        """One sentence for an editor: "2 sources tell it, 40 minutes old, weight 1.5: 2.16 points"."""
        sources = self.telling.sources
        words = [f"{count(sources, 'source')} {'tells' if sources == 1 else 'tell'} it"]
        if self.telling.fast > 1:
            words.append(f"{self.telling.fast} of them within {count(int(FAST.total_seconds()) // 3600, 'hour')}")
        undated = f"undated and taken as {age_in_words(self.age)}"
        words.append(undated if self.is_undated else age_in_words(self.age))
        if 0 < self.place <= TOP_PLACES:
            words.append(f"{ordinal(self.place)} in its feed")
        words += ["a dated edition"] * self.is_edition
        words.append(f"weight {self.parts['weight']:g}")
        words += [f"wanted for “{self.wanted}”"] * bool(self.wanted)
        words += [f"not wanted for “{self.unwanted}”"] * bool(self.unwanted)
        return f"{', '.join(words)}: {self.total:.2f} points"


def points(piece: Piece, telling: Telling, moment: datetime, half_life: timedelta, taste: Taste) -> Points:
    """What `piece` is worth at `moment`, when its story is told like that."""
    age = max(moment - piece.published_at, UNDATED if piece.is_undated else timedelta(0))
    wanted, unwanted = taste.found(piece)
    is_edition = carries_its_date(piece.title, piece.published_at.date())
    parts = {
        "freshness": freshness(age, half_life),
        "weight": piece.weight,
        "told": bonus(telling.sources),
        "fast": 1 + BONUS_OF_A_FAST_DOUBLING * log2(max(telling.fast, 1)),
        "place": 1 + TOP_BONUS * max(0, TOP_PLACES + 1 - piece.place) / TOP_PLACES if piece.place else 1.0,
        "complete": 1 + FULL_BONUS * (bool(piece.standfirst) + piece.has_image),
        "edition": EDITION if is_edition else 1.0,
        "words": (WANTED if wanted else 1.0) * (UNWANTED if unwanted else 1.0),
    }
    return Points(age, telling, piece.place, wanted, unwanted, parts, piece.is_undated, is_edition)


def telling_of(story: Sequence[Piece]) -> Telling:
    """How the story is told; sources of weight 0 do not count."""
    first: dict[str, datetime] = {}
    for piece in story:
        if piece.weight > 0:
            first[piece.source] = min(piece.published_at, first.get(piece.source, piece.published_at))
    if not first:
        return Telling(0, 0)
    start = min(first.values())
    return Telling(len(first), sum(at - start <= FAST for at in first.values()))


def freshness(age: timedelta, half_life: timedelta) -> float:
    """1.0 for an article just out, 0.5 after one `half_life`. A date in the future counts as now: feeds lie."""
    return float(0.5 ** (max(age, timedelta(0)) / half_life))


def bonus(sources: int) -> float:
    """1.0 for a story that one source tells; every doubling of their number adds BONUS_OF_A_DOUBLING."""
    return 1 + BONUS_OF_A_DOUBLING * log2(max(sources, 1))


def _first(wanted: Iterable[str], piece: Piece) -> str:
    text = f"{piece.title}\n{piece.standfirst}"
    return next((words for words in wanted if _has(piece.section, text, words)), "")


def _has(section: str, text: str, words: str) -> bool:
    """Whether `words` are the section, or stand in the text as whole words; a script without spaces has none."""
    if words.casefold() == section.casefold():
        return True
    edge = r"\b" if words.isascii() else ""
    return re.search(f"{edge}{re.escape(words)}{edge}", text, re.IGNORECASE) is not None
