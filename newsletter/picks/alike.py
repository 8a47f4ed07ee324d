"""Two articles beside each other, as a reader takes them: one story, the same told, or two numbers of a series.

Words that both have speak for it, each with what it tells on that day: all of a rare one, little of one that stands
in every fifth article.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import fsum, log
from typing import Generic, Protocol, TypeVar

from newsletter.picks.words import WORD, Told, is_pair, stems

SMALL_WORD = 3  # letters of words that are not read
RARE = 5  # a word in so many articles of a day, or fewer, tells all that a word can
KNOWN = 500  # articles show how rare a word is; more make no difference
TODAY_COUNTS = 0.04  # what today's articles say of a word counts as such a share of what the weeks before say,
# or more while the store is younger than today is large
SHARPER = 1.5  # … of what its rarity says: half as rare tells less than half
PLAIN, NAMED = 0.15, 0.1  # a word that always begins small tells so much less; one that does so more seldom is a name
NEW = 1.3  # a name that nobody wrote before the last week is that of an event, and tells more
FEW = 40  # articles: so few can't show that "will" and "until" tell nothing
LEAD_WORDS = 70  # of a text that are counted
LEAD_CHARACTERS = 400  # of a standfirst that are read


class Headed(Protocol):
    """An article in any form."""

    @property
    def source(self) -> str:
        """The name of who tells it."""

    @property
    def title(self) -> str:
        """Its headline."""

    @property
    def standfirst(self) -> str:
        """The sentence under it, "" where there is none."""


An = TypeVar("An", bound=Headed)


@dataclass(frozen=True)
class Bar:
    """What two articles must have in common at the least, in words that tell: one of the four is enough."""

    heads: float  # headline and headline
    crossed: float  # … or one's headline and all of the other
    whole: float  # all and all, if `linked` of it are crossed: long texts share the words of their trade
    linked: float
    share: float  # of the shorter headline, if that is LEAST_OF_A_SHARE or more


# Found on pairs of real feeds. Two of an issue are held apart by less than it takes to name one beside the other.
SURELY = Bar(heads=2.3, crossed=3.3, whole=5.0, linked=2.0, share=0.9)
NEAR = Bar(heads=2.0, crossed=2.6, whole=4.5, linked=1.5, share=0.5)
GOES_ON = Bar(heads=2.4, crossed=3.0, whole=5.0, linked=2.0, share=0.9)  # what readers had, however it was grouped
SEEN = 0.9  # of a headline that is named beside another: a wrong name is worse than none
LEAST_OF_A_SHARE = LEAST_IN_COMMON = 1.8  # two words may be chance
ROUNDING = 0.001


@dataclass(frozen=True)
class DaysWords:
    """How much the words of a day tell, as its articles and those of the weeks before show it.

    What was never common before stays telling on the day on which everybody has it: on that day above all it is what
    two stories have in common.
    """

    tells: Mapping[str, float]  # a word that is not there tells 1: all that a word can
    names: frozenset[str]  # small words that are read all the same: GCQ, Kim, WHO
    articles: int  # by which it is known; no more than KNOWN
    _read: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    _both: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, today: Sequence[Told], lately: Sequence[Told] = (), before: Sequence[Told] = ()) -> "DaysWords":
        """As the day's own articles show it, those of the week before and those `before` that week."""
        now, old, past = _holding(today), _holding(before), _holding(lately)
        past.update(old)
        seen, small = Counter[str](), Counter[str]()
        for one in (*today, *lately, *before):
            seen.update(one.title)
            seen.update(one.text)
            small.update(one.small)
        earlier = len(lately) + len(before)
        known = min(len(today) + earlier, KNOWN)
        weight = max(TODAY_COUNTS * earlier, len(today) - earlier, 1)
        tells, names = {}, set()
        for word, holding in now.items():
            rate = (past[word] + weight * holding / len(today)) / (earlier + weight)
            rare = log(1 / rate) / log(known / RARE) if rate * known > RARE else 1.0
            plain = min(small[word] / seen[word], 1.0)
            told = _most(word) * max(rare, 0.0) ** SHARPER * (1 - PLAIN * plain)
            if plain <= NAMED:
                names.add(word)
                told *= NEW if len(before) >= KNOWN and not old[word] else 1.0
            tells[word] = round(told, 4)  # as it is kept, so that it chooses the same when it is read again
        return cls(tells, frozenset(word for word in names if len(word) <= SMALL_WORD), known)

    def surely_the_same(self, article: Headed, other: Headed) -> bool:
        """Whether two articles tell the same beyond doubt."""
        return self._reach(SURELY, article, other)

    def says_it_too(self, named: Headed, picked: Headed) -> bool:
        """Whether readers see by the headline of `named` that it tells what `picked` does, and it surely does."""
        head = self._large(named.title)
        seen = self.tell(head & self.read(picked))
        return (seen >= SEEN or head == self._large(picked.title)) and self.surely_the_same(picked, named)

    def too_near(self, article: Headed, other: Headed) -> bool:
        """Whether the two would look like one story told twice, were both in one issue."""
        bar = NEAR if self.articles > FEW else SURELY
        return self._reach(bar, article, other) and not in_a_series(article, other)

    def goes_on(self, article: Headed, earlier: Headed) -> bool:
        """Whether an article goes on with what another one told on a day before."""
        return self._reach(GOES_ON, article, earlier) and not in_a_series(article, earlier)

    def _reach(self, bar: Bar, article: Headed, other: Headed) -> bool:
        head, its_head = self._large(article.title), self._large(other.title)
        if head and head == its_head:
            return True
        one, two = self.read(article), self.read(other)
        both = self.tell(one & two)
        if both < LEAST_IN_COMMON:
            return False
        heads = self.tell(head & its_head)
        if heads >= LEAST_OF_A_SHARE:
            share = bar.share * min(self.tell(head), self.tell(its_head))
            if heads >= min(bar.heads, share):
                return True
        crossed = self.tell((head & two) | (its_head & one))
        return crossed >= bar.crossed or (crossed >= bar.linked and both >= bar.whole)

    def read(self, article: Headed) -> frozenset[str]:
        """The words of headline and standfirst that count."""
        texts = article.title, article.standfirst
        found = self._both.get(texts)
        if found is None:
            found = self._both[texts] = self._large(article.title) | self._large(article.standfirst)
        return found

    def _large(self, text: str) -> frozenset[str]:
        """The stems that are no small words, or names; pairs of a script without spaces are as good."""
        found = self._read.get(text)
        if found is None:
            found = frozenset(w for w in _words(text) if len(w) > SMALL_WORD or w in self.names or is_pair(w))
            self._read[text] = found
        return found

    def tell(self, words: Iterable[str]) -> float:
        """What they tell together, the same in whatever order they come."""
        return fsum(self.tells[word] if word in self.tells else _most(word) for word in words)


class Shelf(Generic[An]):
    """Articles by their words, so that the few that have anything in common with another one are found at once."""

    def __init__(self, words: DaysWords, articles: Iterable[An]) -> None:
        self._words, self._articles = words, tuple(articles)
        self._holding: defaultdict[str, list[int]] = defaultdict(list)
        for place, article in enumerate(self._articles):
            for word in words.read(article):
                self._holding[word].append(place)

    def beside(self, article: Headed) -> list[An]:
        """Those of which `article` may tell the same, in their order: all others have too little in common with it."""
        common: defaultdict[int, float] = defaultdict(float)
        for word in self._words.read(article):
            if places := self._holding.get(word):
                tells = self._words.tell((word,))
                for place in places:
                    common[place] += tells
        least = LEAST_IN_COMMON - ROUNDING
        return [
            self._articles[place]
            for place, tells in sorted(common.items())
            if tells >= least or self._articles[place].title == article.title
        ]


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


def _holding(articles: Iterable[Told]) -> Counter[str]:
    """Each word with the number of articles that it stands in."""
    return Counter(word for one in articles for word in frozenset(_begin(one)))


def _begin(one: Told) -> list[str]:
    """Headline and lead: a whole text would make its words common."""
    return [*one.title, *one.text[:LEAD_WORDS]]


@lru_cache(maxsize=16384)  # one text stands beside many others
def _words(text: str) -> frozenset[str]:
    """The stems of what is read of it."""
    return frozenset(stems(text[:LEAD_CHARACTERS]))
