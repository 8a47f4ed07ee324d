"""Articles → stories: who tells the same event, whatever the source, the wording and the script.

Every article becomes a vector of its words, weighted by how rare a word is in this batch and in the weeks before, and
by how much it looks like a name (TF-IDF); what a source always says is left out. Groups are joined while their
articles resemble each other on average: one odd pair cannot chain two events together, and two groups that have both
grown must resemble each other more than a newcomer needs to. There are no word lists and no language in it, only one
fixed setting for headlines, for feeds and for full texts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log, sqrt

from newsletter.picks.alike import DaysWords, is_series
from newsletter.picks.joining import Likeness, Rule, joined
from newsletter.picks.piece import Piece
from newsletter.picks.words import WORD, Told, found_in, told

# One setting, found on labelled stories as full texts and as bare headlines: `python -m benchmarks stories` shows it.
ALIKE = 0.04  # two articles that are more alike than their crowds by so much tell one event
CROWD_AT_LEAST, CROWD_SHARE = 16, 0.025  # beyond so many, or such a share of the batch, it is a topic and no event:
CROWD_TIMES = 2.5  # what those have in common, up to so many times as many, is the topic's
HUNDREDS, MORE_IN_HUNDREDS = 200, 0.2  # in so many it is so much more, and the less the larger the batch is: then it
# is better known which words are rare. Of fewer, fewer resemble each other by chance, and less is asked for, down to …
FEW = 30  # … so few of which no word is known to be rare: of as many twice as much is asked for again
GROWN = 1.1  # every doubling of the smaller of two groups asks for so much more
NEAR, NEAR_GROWN = 0.017, 0.3  # the same two for stories that are too near each other to stand in one issue
ONE_WORD = 0.37  # of what the strongest shared word says is not counted: one word alone may be chance
NEGLIGIBLE = 0.016  # a likeness below this counts as none
NEIGHBOURS = 3  # of a bare headline whose words count as its own, as far as they are like it
NAME_BONUS = 1.6  # a word that is always capitalised counts up to so much more: names tell events apart
SEEN_BEFORE, SMALL_BEFORE = 0.5, 0.35  # as if each word had been seen so often, and small so often: once is no proof
TITLE_TIMES = 4  # a word of the headline counts as so many of the text
LEAD_WORDS, LEAD_TIMES = 40, 2  # the news comes first: these words of the text count twice
STRONGEST_WORDS = 120  # of an article that are compared
COMMON_AT_LEAST, COMMON_SHARE = 100, 0.05  # a word in more articles than both says nothing of the event
MOST_SHARING = 120  # … nor does one in so many of the batch: every two of them would have to be compared
HABIT_AT_LEAST, HABIT_SHARE = 8, 0.3  # a word in more of a source's articles than both is its habit, not the event's
HABIT_TIMES = 3  # … if others use it in a share so many times smaller
BARE, SUMMARY = 6, 70  # words below a headline: fewer than BARE are none, fewer than SUMMARY sum the event up
SUMMARY_COUNTS = 0.15  # of a likeness, where both are summaries: two that tell one event could be far more alike
SUMMARIES = 40  # in a batch of so few it is twice that: near-copies are found in it too
COPIED_WORDS = 5  # of a headline, or more: with the standfirst they show that two articles are copies
WEEK = timedelta(days=7)

Vector = dict[str, float]


@dataclass(frozen=True)
class Grouping:
    """The day's stories; and for each of their pieces its circle: the stories that are too near each other for two."""

    stories: tuple[tuple[Piece, ...], ...]  # the largest first, their pieces in the order of their keys
    circles: Mapping[int, int]  # piece id → a number that pieces of one circle share
    words: DaysWords | None = None  # what their words tell; None where nobody has counted them


def grouped(pieces: Iterable[Piece], background: Iterable[Piece] = ()) -> tuple[tuple[Piece, ...], ...]:
    """The stories alone."""
    return grouping(pieces, background).stories


def grouping(pieces: Iterable[Piece], background: Iterable[Piece] = ()) -> Grouping:
    """Every piece once, in groups that tell one event.

    Pieces with the same address are one story whatever they say. `background`, what the sources told in the weeks
    before, is not grouped: it shows which words are always there. The order of both does not matter.
    """
    pages = _by_page(pieces)
    today = [told(page[0]) for page in pages]
    weeks = [(piece.published_at, told(piece)) for piece in background]
    vectors = _vectors(today, [one for _, one in weeks])
    once = _with_what_neighbours_say(_likeness(vectors), [len(one.text) < BARE for one in today])
    like = _both_ways(_without_series(_above_the_crowd(once), pages))
    demand = _demand(len(like))
    found, circles = joined(like, [Rule(ALIKE * demand, GROWN), Rule(NEAR * demand, NEAR_GROWN)])
    stories = [tuple(sorted((p for i in group for p in pages[i]), key=lambda p: p.key)) for group in found]
    return Grouping(
        tuple(sorted(stories, key=lambda story: (-len(story), story[0].key))),
        {piece.id: number for number, circle in enumerate(circles) for i in circle for piece in pages[i]},
        _words(today, weeks),
    )


def _words(today: Sequence[Told], weeks: Sequence[tuple[datetime, Told]]) -> DaysWords:
    """What the day's words tell; a name that is not older than WEEK is known by that."""
    start = max((at for at, _ in weeks), default=datetime.max.replace(tzinfo=UTC)) - WEEK
    return DaysWords.of(today, [one for at, one in weeks if at >= start], [one for at, one in weeks if at < start])


def _by_page(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces in a stable order, those with one address together, and copies of one report.

    What fifty papers print word for word would be their crowd, and no event, were each copy an article of its own.
    """
    pages: dict[tuple[str, ...], list[Piece]] = {}
    first: dict[str, tuple[str, ...]] = {}
    for piece in sorted(pieces, key=lambda p: p.key):
        address = piece.url or f"{piece.source} {piece.guid}"
        page = first.setdefault(address, _copy(piece) or (address,))
        pages.setdefault(page, []).append(piece)
    return list(pages.values())


def _copy(piece: Piece) -> tuple[str, ...]:
    """What copies of one report have in common; () where it is too little to know one by it."""
    title, below = (" ".join(found_in(text)).casefold() for text in (piece.title, piece.standfirst))
    return (title, below) if len(title.split()) >= COPIED_WORDS and (below or not piece.text) else ()


def _vectors(batch: Sequence[Told], background: Sequence[Told]) -> list[Vector]:
    """One vector for each of `batch`: how often a word stands in it, times how telling the word is.

    Its length is 1, or less for a summary, so that two of them are found less alike than their words. A headline
    alone is one too, except where there is little else: then the one name in it must do.
    """
    everyone = [*batch, *background]
    of_source: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in everyone:
        of_source[one.source].update(one.stems)
    articles: Counter[str] = Counter()
    for counts in of_source.values():
        articles.update(counts)
    inside = Counter(stem for one in batch for stem in one.stems) if len(batch) > MOST_SHARING else Counter[str]()
    telling = {stem: tells for stem, tells in _telling(everyone, articles).items() if inside[stem] <= MOST_SHARING}
    habits = _habits(of_source, articles, Counter(one.source for one in everyone))
    bare = sum(len(one.text) < BARE for one in batch)
    least = 0 if 2 * bare < len(batch) else BARE
    summary = min(1.0, SUMMARY_COUNTS * (1 + SUMMARIES / len(batch))) if batch else 1.0
    return [
        _vector(one, telling, habits[one.source], summary if least <= len(one.text) < SUMMARY else 1.0) for one in batch
    ]


def _demand(articles: int) -> float:
    """How many times as much likeness is asked for in a batch of so many articles."""
    if articles >= HUNDREDS:
        return 1 + MORE_IN_HUNDREDS * HUNDREDS / articles
    few = FEW / max(articles, 1)
    fewer = max(articles, 1) / HUNDREDS
    most = 1 + 1.5 * few  # or two papers with one headline, and little else on that day, would never come together
    return min(most, float((1 + MORE_IN_HUNDREDS) * fewer**0.25 * (1 + few**3)))


def _telling(everyone: Sequence[Told], articles: Counter[str]) -> dict[str, float]:
    """How much each word tells of an event: the rarer the more, and more if it looks like a name or is a number."""
    seen: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for one in everyone:
        seen.update(one.title)
        seen.update(one.text)
        small.update(one.small)
    common = max(COMMON_AT_LEAST, COMMON_SHARE * len(everyone))
    return {
        stem: log((len(everyone) + 1) / number)
        * (1 + NAME_BONUS * (1 - (small[stem] + SMALL_BEFORE) / (seen[stem] + SEEN_BEFORE)))
        for stem, number in articles.items()
        if number <= common
    }


def _habits(
    of_source: Mapping[str, Counter[str]], everywhere: Counter[str], articles: Counter[str]
) -> dict[str, frozenset[str]]:
    """For each source the words that stand in so many of its articles that they say nothing of any one."""
    total = sum(articles.values())
    return {
        source: frozenset(
            stem
            for stem, number in counts.items()
            if number > max(HABIT_AT_LEAST, HABIT_SHARE * articles[source])
            and number * (total - articles[source]) > HABIT_TIMES * (everywhere[stem] - number) * articles[source]
        )
        for source, counts in of_source.items()
    }


def _vector(one: Told, telling: Mapping[str, float], habits: frozenset[str], counts: float) -> Vector:
    """The article's telling words, in a vector whose likeness to itself is `counts`."""
    times = Counter(one.text)
    for stem in one.text[:LEAD_WORDS]:
        times[stem] += LEAD_TIMES - 1
    for stem in one.title:
        times[stem] += TITLE_TIMES
    weights = [(-(1 + log(n)) * telling[s], s) for s, n in times.items() if s in telling and s not in habits]
    strongest = sorted(weights)[:STRONGEST_WORDS]
    whole = sqrt(sum(weight * weight for weight, _ in strongest)) or 1.0
    return {stem: -weight * sqrt(counts) / whole for weight, stem in strongest}


def _likeness(vectors: Sequence[Vector]) -> Likeness:
    """The cosine of every two vectors that share a word, found through an index from words to articles."""
    like: Likeness = [{} for _ in vectors]
    index: defaultdict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    cosines, highest = [0.0] * len(vectors), [0.0] * len(vectors)  # lists: three quarters of the time are spent here
    for here, vector in enumerate(vectors):
        touched: list[int] = []
        for stem, weight in vector.items():
            articles, weights = index[stem]
            for there, other in zip(articles, weights, strict=True):
                part = weight * other
                if not cosines[there]:
                    touched.append(there)
                cosines[there] += part
                if part > highest[there]:
                    highest[there] = part
            articles.append(here)
            weights.append(weight)
        for there in touched:
            alike = cosines[there] - ONE_WORD * highest[there]
            if alike >= NEGLIGIBLE:
                like[here][there] = like[there][here] = alike
            cosines[there] = highest[there] = 0.0
    return like


def _with_what_neighbours_say(like: Likeness, bare: Sequence[bool]) -> Likeness:
    """Every two once, where bare headlines are also like those that their NEIGHBOURS are like.

    Once is in the row of the lower number. Two headlines of one event may not share a word; a third has words of both.
    Neighbours are the most alike of each other, so that a crowd's favourite lends nothing to the crowd.
    """
    mutual = _neighbours(like, bare)
    lengths = [sqrt(1 + 2 * sum(alike * alike for alike, _ in near)) for near in mutual]
    found: Likeness = []
    for own, length, more in zip(like, lengths, _with_what_is_lent(like, mutual), strict=True):
        mine: dict[int, float] = {}
        for other, lent in more.items():
            whole = lent / (length * lengths[other])
            if other in own and own[other] > whole:
                mine[other] = own[other]
            elif whole >= NEGLIGIBLE:
                mine[other] = whole
        found.append(mine)
    return found


def _neighbours(like: Likeness, bare: Sequence[bool]) -> list[list[tuple[float, int]]]:
    """For each bare headline those of the most alike of it whose most alike it is."""
    nearest = [_most_alike(others) if is_bare else [] for others, is_bare in zip(like, bare, strict=True)]
    names = [{there for _, there in near} for near in nearest]
    return [[(alike, there) for alike, there in near if here in names[there]] for here, near in enumerate(nearest)]


def _most_alike(others: Mapping[int, float]) -> list[tuple[float, int]]:
    """The NEIGHBOURS most alike."""
    if not others:
        return []
    least = sorted(others.values())[-NEIGHBOURS:][0]
    return sorted([(alike, there) for there, alike in others.items() if alike >= least], reverse=True)[:NEIGHBOURS]


def _with_what_is_lent(like: Likeness, mutual: Sequence[Sequence[tuple[float, int]]]) -> Likeness:
    """Every two once, with what their neighbours add."""
    found = [{other: alike for other, alike in others.items() if other > here} for here, others in enumerate(like)]
    for here, near in enumerate(mutual):
        mine = found[here]
        for lent, there in near:
            for other, alike in like[there].items():
                if other > here:
                    mine[other] = mine.get(other, 0.0) + lent * alike
                elif other < here:
                    its = found[other]
                    its[here] = its.get(here, 0.0) + lent * alike
    return found


def _above_the_crowd(once: Likeness) -> Likeness:
    """The same without what two articles have in common with many: a crowded topic is no event.

    From each likeness goes the mean of what each of the two has with its crowd (0 with those that it lacks).
    """
    first = max(CROWD_AT_LEAST, round(CROWD_SHARE * len(once)))
    last = round(CROWD_TIMES * first)
    crowds = [sum(sorted(others, reverse=True)[first:last]) / (last - first) for others in _of_each(once)]
    return [
        {
            other: above
            for other, alike in others.items()
            if (above := alike - (crowds[here] + crowds[other]) / 2) >= NEGLIGIBLE
        }
        for here, others in enumerate(once)
    ]


def _of_each(once: Likeness) -> list[list[float]]:
    """For each article its likeness to every other one."""
    found = [list(others.values()) for others in once]
    for others in once:
        for other, alike in others.items():
            found[other].append(alike)
    return found


def _without_series(once: Likeness, pages: Sequence[Sequence[Piece]]) -> Likeness:
    """The same without what two numbers of one source's series have in common."""
    titles = [WORD.findall(page[0].title) for page in pages]
    numbered = [any(map(str.isdigit, title)) for title in titles]
    sources = [page[0].source for page in pages]
    return [
        {
            other: alike
            for other, alike in others.items()
            if not numbered[other] or sources[here] != sources[other] or not is_series(titles[here], titles[other])
        }
        if numbered[here]  # no other is one of a series
        else others
        for here, others in enumerate(once)
    ]


def _both_ways(once: Likeness) -> Likeness:
    """Every two in the rows of both."""
    found = [dict(others) for others in once]
    for here, others in enumerate(once):
        for other, alike in others.items():
            found[other][here] = alike
    return found
