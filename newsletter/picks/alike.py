"""Two articles beside each other, as a reader takes them: one story, the same told, or two numbers of a series.

Words that both have speak for it, each with what it tells on that day: all of a rare one, little of one that stands
in every fifth article.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, log
from typing import Protocol

from newsletter.picks.words import WORD, is_pair, stems

SMALL_WORD = 3  # letters of words that are not read
RARE = 5  # a word in so many articles of a day, or fewer, tells all that a word can
FEW = 40  # articles of a day: so few can't show that "will" and "until" tell nothing
LEAD_CHARACTERS = 400  # of a standfirst that are read


class Headed(Protocol):
    """An article in any form."""

    @property
    def source(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def standfirst(self) -> str: ...


@dataclass(frozen=True)
class Bar:
    """What two articles must have in common at the least, in words that tell: one of the four is enough."""

    heads: float  # headline and headline
    crossed: float  # … or one's headline and all of the other
    whole: float  # all and all, if `linked` of it are crossed: long texts share the words of their trade
    linked: float
    share: float  # of the shorter headline, if that is LEAST_OF_A_SHARE or more


# Found on pairs of real feeds. Two of an issue are held apart by less than it takes to name one beside the other.
SURELY = Bar(heads=2.3, crossed=3.3, whole=5.0, linked=1.5, share=0.9)
NEAR = Bar(heads=2.0, crossed=2.6, whole=4.5, linked=1.5, share=0.5)
GOES_ON = Bar(heads=3.3, crossed=5.5, whole=6.0, linked=3.0, share=0.9)  # what readers had, however it was grouped
SEEN = 0.9  # of a headline that is named beside another: a wrong name is worse than none
LEAST_OF_A_SHARE = 1.8  # two words may be chance


@dataclass(frozen=True)
class DaysWords:
    """How much the words tell that stand in more than RARE articles of a day; all others tell all that a word can."""

    common: Mapping[str, float]
    articles: int  # of the day

    @classmethod
    def of(cls, articles: Iterable[Headed]) -> "DaysWords":
        """As the day's own articles show it."""
        words = [_all(article.title, article.standfirst) for article in articles]
        holding = Counter(word for one in words for word in one)
        told = {w: _most(w) * log(len(words) / n) / log(len(words) / RARE) for w, n in holding.items() if n > RARE}
        return cls(told, len(words))

    def surely_the_same(self, article: Headed, other: Headed) -> bool:
        """Whether two articles tell the same beyond doubt."""
        return self._reach(SURELY, article, other)

    def says_it_too(self, named: Headed, picked: Headed) -> bool:
        """Whether readers see by the headline of `named` that it tells what `picked` does, and it surely does."""
        head = _large(named.title)
        seen = self._tell(head & _all(picked.title, picked.standfirst))
        return (seen >= SEEN or head == _large(picked.title)) and self.surely_the_same(picked, named)

    def too_near(self, article: Headed, other: Headed) -> bool:
        """Whether the two would look like one story told twice, were both in one issue."""
        bar = NEAR if self.articles > FEW else SURELY
        return self._reach(bar, article, other) and not in_a_series(article, other)

    def goes_on(self, article: Headed, earlier: Headed) -> bool:
        """Whether an article goes on with what another one told on a day before."""
        return self._reach(GOES_ON, article, earlier) and not in_a_series(article, earlier)

    def _reach(self, bar: Bar, article: Headed, other: Headed) -> bool:
        head, its_head = _large(article.title), _large(other.title)
        if head and head == its_head:
            return True
        one, two = _all(article.title, article.standfirst), _all(other.title, other.standfirst)
        if len(one & two) < LEAST_OF_A_SHARE:  # here nearly all of tens of thousands of pairs end
            return False
        heads = self._tell(head & its_head)
        if heads >= LEAST_OF_A_SHARE:
            share = bar.share * min(self._tell(head), self._tell(its_head))
            if heads >= min(bar.heads, share):
                return True
        crossed = self._tell((head & two) | (its_head & one))
        return crossed >= bar.crossed or (crossed >= bar.linked and self._tell(one & two) >= bar.whole)

    def _tell(self, words: Iterable[str]) -> float:
        """What they tell together, the same in whatever order they come."""
        return fsum(self.common[word] if word in self.common else _most(word) for word in words)


def _most(word: str) -> float:
    """1; two pairs of a script without spaces are one word."""
    return 0.5 if is_pair(word) else 1.0


def in_a_series(article: Headed, other: Headed) -> bool:
    """Whether both are numbers of one source's series."""
    return article.source == other.source and is_series(WORD.findall(article.title), WORD.findall(other.title))


def is_series(title: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two headlines differ in a number and at most one word more: "TV for Monday, 1 June", "… Tuesday, 2 …"."""
    if len(title) != len(other):
        return False
    differing = [(a, b) for a, b in zip(title, other, strict=True) if a != b]
    numbers = sum(a.isdigit() and b.isdigit() for a, b in differing)
    return numbers > 0 and len(differing) - numbers <= 1


@lru_cache(maxsize=16384)
def _all(title: str, standfirst: str) -> frozenset[str]:
    """The large words of both."""
    return _large(title) | _large(standfirst)


@lru_cache(maxsize=16384)  # one text stands beside many others
def _large(text: str) -> frozenset[str]:
    """The stems that are no small words; pairs of a script without spaces are as good."""
    found = stems(text[:LEAD_CHARACTERS])
    return frozenset(stem for stem in found if len(stem) > SMALL_WORD or is_pair(stem))
