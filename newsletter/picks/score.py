"""Article → points, each explained by its parts: how fresh it is, what its source weighs, how many others tell it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2

from newsletter.picks.piece import Piece
from newsletter.picks.reasons import age_in_words, count

BONUS_OF_A_DOUBLING = 0.5  # two sources that tell it are worth half as much again, four twice as much


@dataclass(frozen=True)
class Points:
    """One article's points by part. `total` is their product."""

    age: timedelta
    freshness: float  # 0–1
    weight: float
    sources: int  # that tell the story, its own among them
    bonus: float  # at least 1

    @property
    def total(self) -> float:
        return self.freshness * self.weight * self.bonus

    @property
    def why(self) -> str:
        """One sentence for an editor: "2 sources tell it, 40 minutes old, weight 1.5: 2.16 points"."""
        told = f"{count(self.sources, 'source')} {'tells' if self.sources == 1 else 'tell'} it"
        return f"{told}, {age_in_words(self.age)}, weight {self.weight:g}: {self.total:.2f} points"


def points(piece: Piece, sources: int, moment: datetime, half_life: timedelta) -> Points:
    """What `piece` is worth at `moment`, when `sources` of them tell its story."""
    age = max(moment - piece.published_at, timedelta(0))
    return Points(age, freshness(age, half_life), piece.weight, sources, bonus(sources))


def freshness(age: timedelta, half_life: timedelta) -> float:
    """1.0 for an article just out, 0.5 after one `half_life`. A date in the future counts as now: feeds lie."""
    return float(0.5 ** (max(age, timedelta(0)) / half_life))


def bonus(sources: int) -> float:
    """1.0 for a story that one source tells; every doubling of their number adds BONUS_OF_A_DOUBLING."""
    return 1 + BONUS_OF_A_DOUBLING * log2(max(sources, 1))
