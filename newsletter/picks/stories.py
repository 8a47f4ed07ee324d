"""Articles → stories: who tells the same event, whatever the source, the wording and the script.

Every article becomes a vector of its words, weighted by how rare a word is in this batch and in the weeks before, and
by how much it looks like a name (TF-IDF); what a source always says is left out. Groups are joined while their
articles resemble each other on average: one odd pair cannot chain two events together, and two groups that have both
grown must resemble each other more than a newcomer needs to. There are no word lists and no language in it, only one
fixed setting for headlines, for feeds and for full texts.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush, nlargest
from math import log, log2, sqrt
from typing import NamedTuple

from newsletter.picks.piece import Piece

# One setting, found on labelled stories as full texts and as bare headlines: `python -m benchmarks.stories` shows it.
ALIKE = 0.04  # two articles that are more alike than their crowds by so much tell one event
CROWD_AT_LEAST, CROWD_SHARE = 20, 0.05  # beyond so many, or such a share of the batch, it is a topic and no event
FEW = 40  # in a batch of so few no word is known to be rare, and twice as much is asked for
GROWN = 1.0  # every doubling of the smaller of two groups asks for so much more, up to GROWN_MEMBERS
GROWN_MEMBERS = 8
NEAR, NEAR_GROWN = 0.025, 0.3  # the same two for stories that are too near each other to stand in one issue
ONE_WORD = 0.4  # of what the strongest shared word says is not counted: one word alone may be chance
NEGLIGIBLE = 0.02  # a likeness below this counts as none
STEM = 6  # characters of a word that count: "minister" and "ministry" are one
NAME_BONUS = 2.0  # a word that is always capitalised counts up to so much more: names tell events apart
TITLE_TIMES = 4  # a word of the headline counts as so many of the text
LEAD_WORDS, LEAD_TIMES = 40, 2  # the news comes first: these words of the text count twice
TEXT_WORDS = 260  # of the text that are read
STRONGEST_WORDS = 120  # of an article that are compared
COMMON_AT_LEAST, COMMON_SHARE = 100, 0.05  # a word in more articles than both says nothing of the event
SMALL_WORD, AGREE_AT_LEAST, AGREE_SHARE = 3, 3, 0.5  # two headlines agree in so many words, longer than SMALL_WORD
HABIT_AT_LEAST, HABIT_SHARE = 8, 0.3  # a word in more of a source's articles than both is its habit, not the event's
HABIT_TIMES = 3  # … if others use it in a share so many times smaller
BARE, SUMMARY = 6, 70  # words below a headline: fewer than BARE are none, fewer than SUMMARY sum the event up
SUMMARY_COUNTS = 0.22  # of a likeness, where both are summaries: two that tell one event could be far more alike

WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")

Vector = dict[str, float]
Likeness = list[dict[int, float]]  # for each article or group, the others that resemble it


class Word(NamedTuple):
    """One word as it stands in a text."""

    stem: str
    is_lower: bool  # it begins with a small letter, so it is no name here


class Told(NamedTuple):
    """What is read of one article."""

    source: str
    title: list[Word]
    text: list[Word]  # of standfirst and body

    @property
    def stems(self) -> set[str]:
        return {word.stem for word in (*self.title, *self.text)}


@dataclass(frozen=True)
class Grouping:
    """The day's stories; and for each of their pieces its circle: the stories that are too near each other for two."""

    stories: tuple[tuple[Piece, ...], ...]  # the largest first, their pieces in the order of their keys
    circles: Mapping[int, int]  # piece id → a number that pieces of one circle share


def grouped(pieces: Iterable[Piece], background: Iterable[Piece] = ()) -> tuple[tuple[Piece, ...], ...]:
    """The stories alone."""
    return grouping(pieces, background).stories


def grouping(pieces: Iterable[Piece], background: Iterable[Piece] = ()) -> Grouping:
    """Every piece once, in groups that tell one event.

    Pieces with the same address are one story whatever they say. `background`, what the sources told in the weeks
    before, is not grouped: it shows which words are always there. The order of both does not matter.
    """
    pages = _by_page(pieces)
    vectors = _vectors([_words(page[0]) for page in pages], [_words(piece) for piece in background])
    like = _without_series(_above_the_crowd(_likeness(vectors)), pages)
    circles = _joined([dict(others) for others in like], NEAR, NEAR_GROWN)
    stories = [
        tuple(sorted((p for i in group for p in pages[i]), key=lambda p: p.key))
        for group in _joined(like, ALIKE, GROWN)
    ]
    return Grouping(
        tuple(sorted(stories, key=lambda story: (-len(story), story[0].key))),
        {piece.id: number for number, circle in enumerate(circles) for i in circle for piece in pages[i]},
    )


def look_alike(piece: Piece, other: Piece) -> bool:
    """Whether a reader would take the two for one story by their headlines; two numbers of a series are two."""
    if piece.source == other.source and _is_series(WORD.findall(piece.title), WORD.findall(other.title)):
        return False
    return headlines_agree(piece.title, other.title)


def headlines_agree(title: str, other: str) -> bool:
    """Whether two headlines say the same in the main: half of the words of the shorter one, and not by chance."""
    one, two = ({word.stem for word in words(text) if len(word.stem) > SMALL_WORD} for text in (title, other))
    shared = len(one & two)
    return shared >= AGREE_AT_LEAST and shared >= AGREE_SHARE * min(len(one), len(two))


def _by_page(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces in a stable order, those with one address together."""
    pages: dict[str, list[Piece]] = {}
    for piece in sorted(pieces, key=lambda p: p.key):
        pages.setdefault(piece.url or f"{piece.source} {piece.guid}", []).append(piece)
    return list(pages.values())


def _words(piece: Piece) -> Told:
    """The words of the headline but for the day's date, and those of standfirst and text as far as they are read.

    A briefing, a cartoon and a sermon all carry the date in their headlines, and have nothing else in common.
    """
    dates = _dates(piece.published_at)
    title = [word for word in words(piece.title) if word.stem not in dates]
    text = f"{piece.standfirst} {piece.text}"[: TEXT_WORDS * 8]
    return Told(piece.source, title, list(words(text))[:TEXT_WORDS])


def _dates(moment: datetime) -> frozenset[str]:
    """The numbers in which that day and its neighbours are written, whatever the zone."""
    days = [moment + timedelta(days=n) for n in (-1, 0, 1)]
    return frozenset(form for day in days for n in (day.day, day.month, day.year) for form in (str(n), f"{n:02}"))


def words(text: str) -> Iterator[Word]:
    """The words of `text` in any script; where a script has no spaces, every two neighbouring characters are one."""
    for match in WORD.findall(unicodedata.normalize("NFKC", text)):
        if UNSPACED.search(match):
            yield from (Word(match[i : i + 2], True) for i in range(max(len(match) - 1, 1)))
        elif len(match) > 1:
            yield Word(match.casefold()[:STEM], match[0].islower())


def _vectors(told: Sequence[Told], background: Sequence[Told]) -> list[Vector]:
    """One vector for each of `told`: how often a word stands in it, times how telling the word is.

    Its length is 1, or less for a summary, so that two of them are found less alike than their words. A headline
    alone is one too, except where there is little else: then the one name in it must do.
    """
    telling = _telling([*told, *background])
    habits = _habits([*told, *background])
    bare = sum(len(one.text) < BARE for one in told)
    least = 0 if 2 * bare < len(told) else BARE
    return [
        _vector(one, telling, habits[one.source], SUMMARY_COUNTS if least <= len(one.text) < SUMMARY else 1.0)
        for one in told
    ]


def _telling(told: Sequence[Told]) -> dict[str, float]:
    """How much each word tells of an event: the rarer the more, and more if it looks like a name or is a number."""
    articles: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for one in told:
        articles.update(one.stems)
        for word in (*one.title, *one.text):
            seen[word.stem] += 1
            small[word.stem] += word.is_lower
    common = max(COMMON_AT_LEAST, COMMON_SHARE * len(told))
    return {
        stem: log((len(told) + 1) / number) * (1 + NAME_BONUS * (1 - small[stem] / seen[stem]))
        for stem, number in articles.items()
        if number <= common
    }


def _habits(told: Sequence[Told]) -> dict[str, frozenset[str]]:
    """For each source the words that stand in so many of its articles that they say nothing of any one."""
    everywhere: Counter[str] = Counter()
    of_source: defaultdict[str, Counter[str]] = defaultdict(Counter)
    articles = Counter(one.source for one in told)
    for one in told:
        everywhere.update(one.stems)
        of_source[one.source].update(one.stems)
    return {
        source: frozenset(
            stem
            for stem, number in counts.items()
            if number > max(HABIT_AT_LEAST, HABIT_SHARE * articles[source])
            and number * (len(told) - articles[source]) > HABIT_TIMES * (everywhere[stem] - number) * articles[source]
        )
        for source, counts in of_source.items()
    }


def _vector(told: Told, telling: dict[str, float], habits: frozenset[str], counts: float) -> Vector:
    """The article's telling words, in a vector whose likeness to itself is `counts`."""
    times: Counter[str] = Counter()
    for place, word in enumerate(told.text):
        times[word.stem] += LEAD_TIMES if place < LEAD_WORDS else 1
    for word in told.title:
        times[word.stem] += TITLE_TIMES
    weights = [(-(1 + log(n)) * telling[s], s) for s, n in times.items() if s in telling and s not in habits]
    strongest = sorted(weights)[:STRONGEST_WORDS]
    whole = sqrt(sum(weight * weight for weight, _ in strongest)) or 1.0
    return {stem: -weight * sqrt(counts) / whole for weight, stem in strongest}


def _likeness(vectors: Sequence[Vector]) -> Likeness:
    """The cosine of every two vectors that share a word, found through an index from words to articles."""
    like: Likeness = [{} for _ in vectors]
    index: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for here, vector in enumerate(vectors):
        cosines: dict[int, float] = {}
        highest: dict[int, float] = {}
        for stem, weight in vector.items():
            entries = index[stem]
            for there, other in entries:
                part = weight * other
                if there in cosines:
                    cosines[there] += part
                    if part > highest[there]:
                        highest[there] = part
                else:
                    cosines[there] = highest[there] = part
            entries.append((here, weight))
        for there, cosine in cosines.items():
            alike = cosine - ONE_WORD * highest[there]
            if alike >= NEGLIGIBLE:
                like[here][there] = like[there][here] = alike
    return like


def _above_the_crowd(like: Likeness) -> Likeness:
    """The same without what two articles have in common with many: a crowded topic is no event.

    From each likeness goes the mean of what each of the two has with the last of its crowd (0 where it has none).
    """
    size = max(CROWD_AT_LEAST, round(CROWD_SHARE * len(like)))
    crowds = [nlargest(size, others.values())[-1] if len(others) >= size else 0.0 for others in like]
    return [
        {
            other: above
            for other, alike in others.items()
            if (above := alike - (crowds[here] + crowds[other]) / 2) >= NEGLIGIBLE
        }
        for here, others in enumerate(like)
    ]


def _without_series(like: Likeness, pages: Sequence[Sequence[Piece]]) -> Likeness:
    """The same without what two numbers of one source's series have in common."""
    titles = [WORD.findall(page[0].title) for page in pages]
    sources = [page[0].source for page in pages]
    return [
        {
            other: alike
            for other, alike in others.items()
            if sources[here] != sources[other] or not _is_series(titles[here], titles[other])
        }
        for here, others in enumerate(like)
    ]


def _is_series(title: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two headlines differ in a number and at most one word more: "TV for Monday, 1 June", "… Tuesday, 2 …"."""
    if len(title) != len(other):
        return False
    differing = [(a, b) for a, b in zip(title, other, strict=True) if a != b]
    numbers = sum(a.isdigit() and b.isdigit() for a, b in differing)
    return numbers > 0 and len(differing) - numbers <= 1


def _joined(like: Likeness, alike: float, grown: float) -> list[list[int]]:
    """Average-link grouping: the most alike groups are joined first, until none are alike enough.

    `like` is used up. A group keeps the number of its first member; a likeness to it is the mean over all pairs.
    """
    members: dict[int, list[int]] = {i: [i] for i in range(len(like))}
    enough = alike * (1 + FEW / max(len(like), 1))
    heap = [(-s, a, b) for a, others in enumerate(like) for b, s in others.items() if a < b and s >= enough]
    heapify(heap)
    while heap:
        wanted, a, b = heappop(heap)
        if a not in members or b not in members or wanted != -_strength(like, members, a, b, grown):
            continue  # one of the two has grown or gone since
        _join(like, members, a, b)
        for other, mean in like[a].items():
            if mean >= enough and (strength := _strength(like, members, a, other, grown)) >= enough:
                heappush(heap, (-strength, min(a, other), max(a, other)))
    return list(members.values())


def _strength(like: Likeness, members: dict[int, list[int]], a: int, b: int, grown: float) -> float:
    """How alike two groups are, less what two grown groups must have more than a newcomer."""
    smaller = min(len(members[a]), len(members[b]), GROWN_MEMBERS)
    return like[a].get(b, 0.0) / (1 + grown * log2(smaller))


def _join(like: Likeness, members: dict[int, list[int]], a: int, b: int) -> None:
    """Put group `b` into group `a`, and average what others have in common with the two."""
    size_a, size_b = len(members[a]), len(members[b])
    members[a] += members.pop(b)
    of_a, of_b = like[a], like[b]
    of_a.pop(b, None)
    of_b.pop(a, None)
    both: dict[int, float] = {}
    for other in of_a.keys() | of_b.keys():
        mean = (size_a * of_a.get(other, 0.0) + size_b * of_b.get(other, 0.0)) / (size_a + size_b)
        both[other] = like[other][a] = mean
        like[other].pop(b, None)
    like[a], like[b] = both, {}
