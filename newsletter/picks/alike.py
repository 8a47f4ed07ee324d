"""Two articles beside each other, as a reader takes them: one story, the same told, or two numbers of a series."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from newsletter.picks.piece import Piece
from newsletter.picks.words import WORD, is_pair, stems

SMALL_WORD, AGREE_AT_LEAST, AGREE_SHARE = 3, 3, 0.5  # two headlines agree in so many words, longer than SMALL_WORD
SURE_IN_HEADLINES, SURE_ACROSS = 3, 4  # so many words in common are no chance, found on pairs of real feeds
LEAD_CHARACTERS = 400  # of a standfirst that are read


class Headed(Protocol):
    """An article in any form."""

    @property
    def source(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def standfirst(self) -> str: ...


def headlines_agree(title: str, other: str) -> bool:
    """Whether two headlines say the same in the main: half of the words of the shorter one, and not by chance."""
    one, two = _large(title), _large(other)
    shared = _number(one & two)
    return shared >= AGREE_AT_LEAST and shared >= AGREE_SHARE * min(_number(one), _number(two))


def too_near(piece: Piece, other: Piece) -> bool:
    """Whether the two would look like one story told twice, were both in one issue."""
    if not _may_be_near(piece, other):
        return False
    if piece.source == other.source and is_series(WORD.findall(piece.title), WORD.findall(other.title)):
        return False
    return headlines_agree(piece.title, other.title) or surely_the_same(piece, other)


def surely_the_same(article: Headed, other: Headed) -> bool:
    """Whether two articles of one story tell the same beyond doubt, so that the one may be named beside the other.

    A wrong name is worse than none. Words in common count if one of the two has them in its headline.
    """
    title, head = _large(article.title), _large(other.title)
    if title == head or _number(title & head) >= SURE_IN_HEADLINES:
        return True
    all_one, all_two = _all(article.title, article.standfirst), _all(other.title, other.standfirst)
    return _number((title & all_two) | (head & all_one)) >= SURE_ACROSS


def is_series(title: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two headlines differ in a number and at most one word more: "TV for Monday, 1 June", "… Tuesday, 2 …"."""
    if len(title) != len(other):
        return False
    differing = [(a, b) for a, b in zip(title, other, strict=True) if a != b]
    numbers = sum(a.isdigit() and b.isdigit() for a, b in differing)
    return numbers > 0 and len(differing) - numbers <= 1


def _may_be_near(piece: Piece, other: Piece) -> bool:
    """False where a look at the words settles it: what is near has so many in common at least, or the same headline.

    Every story of a day is held against every pick, so nearly all of tens of thousands of pairs end here.
    """
    if len(_all(piece.title, piece.standfirst) & _all(other.title, other.standfirst)) >= AGREE_AT_LEAST:
        return True
    return _large(piece.title) == _large(other.title)


@lru_cache(maxsize=8192)
def _all(title: str, standfirst: str) -> frozenset[str]:
    """The large words of both."""
    return _large(title) | _large(standfirst)


@lru_cache(maxsize=8192)  # one text stands beside many others
def _large(text: str) -> frozenset[str]:
    """The stems that are no small words; pairs of a script without spaces are as good."""
    found = stems(text[:LEAD_CHARACTERS])
    return frozenset(stem for stem in found if len(stem) > SMALL_WORD or is_pair(stem))


def _number(found: Iterable[str]) -> float:
    """How many words they are; two pairs of a script without spaces are one."""
    return sum(0.5 if is_pair(stem) else 1.0 for stem in found)
