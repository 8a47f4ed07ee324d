"""Stories and the newsletter's rules → the day's picks and left-outs, each with its points and its reason.

A story takes one slot: its best-told article stands for it, other sources are named as "also covered by". What editors
pinned comes first, then what the sections want at the least, then stories by points until the issue is full, as far as
sections and sources have room. The same stories, rules and moment give the same choice, in whatever order they come.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from newsletter.picks.alike import DaysWords, Shelf, in_a_series
from newsletter.picks.piece import Piece
from newsletter.picks.reasons import count, ordinal, quoted
from newsletter.picks.rules import Rules
from newsletter.picks.score import Telling, points, telling_of
from newsletter.picks.words import told as words_of

MOST_ALSO = 3  # sources named beside the one that was picked
PICTURE_BONUS = 1.1  # a lead with a picture may have a tenth fewer points than the best one without
LAST = 1000  # beyond every position
NEWS_SOURCES = 3  # so many must go on with a story that readers had, before they get it again; half of a few sources
NEWS_AFTER = timedelta(hours=6)  # what came sooner after the earlier article is another report of the same


@dataclass(frozen=True)
class Candidate:
    """One article that was considered. `score` is 0 where a rule keeps it out whatever its points."""

    piece: Piece
    score: float
    why: str
    parts: Mapping[str, float] = field(default_factory=dict)  # of which `score` is the product


@dataclass(frozen=True)
class Pick(Candidate):
    """One that was chosen."""

    position: int = 0  # from 1 in the order of the mail; 1 is the lead
    also: tuple[Piece, ...] = ()
    is_update: bool = False  # it goes on with a story of an earlier issue


@dataclass(frozen=True)
class Told:
    """A story with its articles by points. `best` stands for it; None where rules keep every one out."""

    best: Candidate | None
    others: tuple[Candidate, ...]
    circle: int = -1  # its number; stories of one circle are too near each other for one issue
    sent_on: date | None = None  # the newest earlier issue that had it
    news_wanted: int = 0  # so many sources more would have to go on with it since then
    is_dropped: bool = False  # by an editor

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every article of the story, the one that stands for it first."""
        return (self.best, *self.others) if self.best else self.others

    @property
    def key(self) -> tuple[float, tuple[float, str, str]]:
        """What stories are sorted by: the most points first, then the order of their first articles."""
        first = self.candidates[0]
        return (-self.best.score if self.best else 1.0, first.piece.key)


@dataclass(frozen=True)
class _Day:
    """What every story of a day is judged by."""

    stories: Sequence[Sequence[Piece]]
    sent: Shelf[Piece]  # what readers had of late
    words: DaysWords
    sources: int  # that have something today
    rules: Rules
    moment: datetime
    circles: Mapping[int, int]

    @classmethod
    def of(
        cls,
        stories: Sequence[Sequence[Piece]],
        rules: Rules,
        moment: datetime,
        circles: Mapping[int, int],
        words: DaysWords | None,
    ) -> "_Day":
        every = [piece for story in stories for piece in story]
        sent = [piece for piece in every if piece.sent_on is not None]
        fresh = [piece for piece in every if piece.sent_on is None]
        sources = len({piece.source for piece in fresh if piece.weight > 0})
        known = words or DaysWords.of([words_of(piece) for piece in fresh])
        return cls(stories, Shelf(known, sent), known, sources, rules, moment, circles)


@dataclass(frozen=True)
class Choice:
    """The day's choice. `stories` holds every candidate once, by points; picks stand in the order of the mail."""

    stories: tuple[Told, ...]
    picks: tuple[Pick, ...]
    left_out: tuple[Candidate, ...]  # by points of their stories


def choose(
    stories: Iterable[Sequence[Piece]],
    rules: Rules,
    moment: datetime,
    circles: Mapping[int, int] | None = None,
    words: DaysWords | None = None,
) -> Choice:
    """Pick from `stories`, each a group of articles that tell one event, as they stand at `moment`.

    `circles` gives by the piece's number which stories are too near each other; without it none are.
    """
    day = _Day.of([_moved(story, rules) for story in stories], rules, moment, circles or {}, words)
    told = (_told(story, day) for story in day.stories)
    ranked = sorted((one for one in told if one is not None), key=lambda one: one.key)
    taken = _taken(ranked, day)
    by_points = [one for one in taken if not _is_forced(one, rules)]
    last = max((rank for rank, one in enumerate(ranked, start=1) if _is_among(one, by_points)), default=0)
    final = tuple(
        one if _is_among(one, taken) else _turned_down(one, _refusal(one, taken, rank, day, last=last))
        for rank, one in enumerate(ranked, start=1)
    )
    picks = in_order_of_the_mail(taken, rules, day.words)
    chosen = {pick.piece.id for pick in picks}
    left_out = tuple(c for one in final for c in one.candidates if c.piece.id not in chosen)
    return Choice(final, picks, left_out)


def also_covered(picked: Piece, best_first: Iterable[Piece], words: DaysWords) -> tuple[Piece, ...]:
    """Up to MOST_ALSO other articles of the story: the best of each other source that plainly tells the same."""
    named: dict[str, Piece] = {}
    for piece in best_first:
        if piece.source != picked.source and piece.source not in named and words.says_it_too(piece, picked):
            named[piece.source] = piece
    return tuple(named.values())[:MOST_ALSO]


# --- one story ------------------------------------------------------------------------------------------------------


def _moved(story: Sequence[Piece], rules: Rules) -> Sequence[Piece]:
    """The story with the sections to which editors moved its articles."""
    sections = rules.wishes.sections
    if sections.keys().isdisjoint(piece.id for piece in story):
        return story
    return [replace(piece, section=sections.get(piece.id, piece.section)) for piece in story]


def _told(story: Sequence[Piece], day: _Day) -> Told | None:
    """The story's articles with their points, and which of them stands for it."""
    fresh = sorted((piece for piece in story if piece.sent_on is None), key=lambda p: p.key)
    if not fresh:
        return None
    best = _best(fresh, day)
    telling = telling_of(fresh)
    scored = {piece.id: _candidate(piece, best, telling, day.rules, day.moment) for piece in fresh}
    others = sorted((c for c in scored.values() if c.piece is not best), key=lambda c: (-c.score, c.piece.key))
    sent_on, news_wanted = _had(story, fresh, best or fresh[0], day)
    return Told(
        best=scored[best.id] if best else None,
        others=tuple(others),
        circle=day.circles.get(fresh[0].id, -1 - fresh[0].id),
        sent_on=sent_on,
        news_wanted=news_wanted,
        is_dropped=_is_dropped(fresh, day.rules),
    )


def _best(fresh: Sequence[Piece], day: _Day) -> Piece | None:
    """The article that stands for the story: by wish, weight, what most agree with, then completeness."""
    wishes = day.rules.wishes
    allowed = [piece for piece in fresh if _rule_against(piece, day.rules) is None]
    if len(allowed) <= 1:
        return next(iter(allowed), None)
    agreeing = {p.id: len({o.source for o in fresh if day.words.surely_the_same(p, o)}) for p in allowed}
    many = max(agreeing.values(), default=0) / 2  # a cartoon or a commentary on the event agrees with few
    return min(
        allowed,
        key=lambda p: (
            wishes.pins.get(p.id, LAST), p.id not in wishes.wanted, -p.weight, agreeing[p.id] < many,
            -p.completeness, p.key,
        ),
    )  # fmt: skip


def _had(story: Iterable[Piece], fresh: Sequence[Piece], best: Piece, day: _Day) -> tuple[date | None, int]:
    """When readers had the story last, and how many sources more must go on with it before they get it again.

    They had it if an earlier pick was found to tell the same event, and surely does. One that was not may still be what
    it goes on with: then it is told as that, and a source less will do.
    """
    grouped = [p for p in story if p.sent_on and day.words.surely_the_same(best, p)]
    beside = {p.id: p for piece in fresh for p in day.sent.beside(piece)}
    earlier = grouped + [p for p in beside.values() if _goes_on(fresh, best, p, day.words)]
    since = max((p.published_at for p in earlier), default=None)
    if since is None:
        return None, 0
    later = {p.source for p in fresh if p.weight > 0 and p.published_at - since > NEWS_AFTER}
    wanted = min(NEWS_SOURCES if grouped else NEWS_SOURCES - 1, max(1, day.sources // 2))
    return max(p.sent_on for p in earlier if p.sent_on), max(0, wanted - len(later))


def _goes_on(fresh: Sequence[Piece], best: Piece, earlier: Piece, words: DaysWords) -> bool:
    """Whether the article that stands for a story goes on with an earlier one, or at least half of its sources do."""
    if words.goes_on(best, earlier):
        return True
    sources = {p.source: False for p in fresh}
    for piece in fresh:
        sources[piece.source] = sources[piece.source] or words.goes_on(piece, earlier)
    return 2 * sum(sources.values()) >= len(sources)


def _is_dropped(fresh: Iterable[Piece], rules: Rules) -> bool:
    """Whether an editor took the story out, and nobody wants an article of it after all."""
    ids = {piece.id for piece in fresh}
    return bool(ids & rules.wishes.drops) and not ids & rules.wishes.forced


def _candidate(piece: Piece, best: Piece | None, telling: Telling, rules: Rules, moment: datetime) -> Candidate:
    """One article's points and reason; one that tells the same as `best` is out for that."""
    against = _rule_against(piece, rules)
    if against is not None:
        return Candidate(piece, 0.0, against)
    worth = points(piece, telling, moment, rules.half_life, rules.taste)
    if best is None or piece is best:
        return Candidate(piece, worth.total, worth.why, worth.parts)
    return Candidate(piece, worth.total, f"same story as {quoted(best.title)} ({worth.why})", worth.parts)


def _rule_against(piece: Piece, rules: Rules) -> str | None:
    """Why a rule keeps this article out, whatever its points; None if none does."""
    if piece.id in rules.wishes.bans:
        return "an editor took it out"
    if piece.id in rules.wishes.forced:
        return None
    if piece.weight <= 0:
        return f"its source {piece.source} has weight 0"
    if not rules.room_in(piece.section):
        return f"the newsletter has no section {piece.section}"
    return None


# --- all together ---------------------------------------------------------------------------------------------------


def _taken(ranked: Sequence[Told], day: _Day) -> list[Told]:
    """The stories that find a place, by points: wanted ones, what sections want at least, then all, then near ones."""
    rules = day.rules
    taken = [one for one in ranked if _is_forced(one, rules)][: rules.max_articles]
    for rule in rules.sections:
        of_section = [one for one in ranked if _section(one) == rule.name]
        _take(of_section, taken, day, rule.min - _used(taken, rule.name))
    _take(ranked, taken, day, rules.max_articles)
    _take(ranked, taken, day, rules.min_articles - len(taken), near_too=True)
    return sorted(taken, key=lambda one: one.key)


def _take(ranked: Sequence[Told], taken: list[Told], day: _Day, most: int, near_too: bool = False) -> None:
    """Add to `taken` those that have a place, at most `most` of them."""
    for rank, one in enumerate(ranked, start=1):
        if most <= 0 or len(taken) >= day.rules.max_articles:
            return
        if not _is_among(one, taken) and _refusal(one, taken, rank, day, near_too) is None:
            taken.append(one)
            most -= 1


def _refusal(
    told: Told, taken: Sequence[Told], rank: int, day: _Day, near_too: bool = False, last: int | None = None
) -> str | None:
    """Why a story finds no place beside those `taken`; None if it has one. Of a full issue, `last` ranks last."""
    if told.best is None:
        return "no article of it may be picked"
    if told.is_dropped:
        return "an editor took the story out"
    if told.sent_on and told.news_wanted:
        return f"readers had it on {told.sent_on}, and {count(told.news_wanted, 'source')} more must go on with it"
    rules = day.rules
    piece = told.best.piece
    picked = [other.best.piece for other in taken if other.best]
    twin = next((p for p in picked if p.id == piece.id or (p.url and p.url == piece.url)), None)
    if twin:
        return f"same page as {quoted(twin.title)}"
    is_full = len(taken) >= rules.max_articles
    if is_full and last is not None and last < rank:
        return _full(rank, day)
    near = next((other for other in taken if _too_near(told, other, day.words)), None)
    if near and near.best and not near_too:
        return f"too near {quoted(near.best.piece.title)}"
    if is_full and rules.max_articles < rank:
        return _full(rank, day)
    most, used = rules.max_per_source, Counter(p.source for p in picked)[piece.source]
    if most is not None and used >= most:
        return f"source {piece.source} has its {count(most, 'pick')} already"
    room, used = rules.room_in(piece.section), _used(taken, piece.section)
    if used >= room:
        return f"section {piece.section} is full ({used} of {room})"
    return _full(rank, day) if is_full else None


def _full(rank: int, day: _Day) -> str:
    most = day.rules.max_articles
    return f"{ordinal(rank)} by points, and the issue is full ({most} of {most})"


def _too_near(told: Told, other: Told, words: DaysWords) -> bool:
    """Whether two stories would look like one to a reader: of one circle, or with words that agree."""
    if told.circle == other.circle:
        return True
    if told.best is None or other.best is None:
        return False
    mine, its = told.best.piece, other.best.piece
    if words.too_near(mine, its):
        return True
    return _tells_it_too(mine, other.others, words) or _tells_it_too(its, told.others, words)


def _tells_it_too(piece: Piece, others: Iterable[Candidate], words: DaysWords) -> bool:
    """Whether one of the other articles of a story surely tells what `piece` does."""
    return any(words.surely_the_same(piece, one.piece) and not in_a_series(piece, one.piece) for one in others)


def _is_among(told: Told, taken: Iterable[Told]) -> bool:
    return any(one is told for one in taken)


def _used(taken: Iterable[Told], section: str) -> int:
    return sum(_section(one) == section for one in taken)


def _section(told: Told) -> str | None:
    return told.best.piece.section if told.best else None


def _pin(told: Told, rules: Rules) -> int | None:
    """The position at which an editor wants the story; None where no one asked."""
    return rules.wishes.pins.get(told.best.piece.id) if told.best else None


def _is_forced(told: Told, rules: Rules) -> bool:
    """Whether an editor wants the story in the issue, in whatever place."""
    return told.best is not None and told.best.piece.id in rules.wishes.forced


def _turned_down(told: Told, refusal: str | None) -> Told:
    """The same story with the reason on the article that stood for it."""
    if told.best is None:
        return told
    refusal = refusal or "the issue is full"
    return replace(told, best=replace(told.best, why=f"{refusal} ({told.best.why})"))


# --- the order of the mail ------------------------------------------------------------------------------------------


def in_order_of_the_mail(taken: Sequence[Told], rules: Rules, words: DaysWords) -> tuple[Pick, ...]:
    """The lead, then section by section in the newsletter's order, by points within each; the light ones close it."""
    free = [one for one in taken if _pin(one, rules) is None]
    pinned = sorted((one for one in taken if _pin(one, rules)), key=lambda one: (_pin(one, rules), one.key))
    lead = None if any(_pin(one, rules) == 1 for one in pinned) else _lead(free, rules)
    last = len(rules.order)
    row = [lead] if lead else []
    row += sorted(
        (one for one in free if one is not lead),
        key=lambda one: (rules.order.get(_section(one) or "", last), one.key),
    )
    for one in pinned:
        row.insert((_pin(one, rules) or 1) - 1, one)
    first = min(free, key=lambda one: one.key, default=None)
    return tuple(_pick(one, position, rules, words, first, lead) for position, one in enumerate(row, start=1))


def _lead(free: Sequence[Told], rules: Rules) -> Told | None:
    """The story with the most points, a picture counting a little; a light one only where there is no other."""
    heavy = [one for one in free if _section(one) not in rules.light] or free
    return min(heavy, key=lambda one: (-_as_lead(one), one.key), default=None)


def _as_lead(told: Told) -> float:
    assert told.best is not None
    return told.best.score * (PICTURE_BONUS if told.best.piece.has_image else 1.0)


def _pick(told: Told, position: int, rules: Rules, words: DaysWords, first: Told | None, lead: Told | None) -> Pick:
    assert told.best is not None
    chosen, why = told.best, told.best.why
    if _pin(told, rules):
        why = f"an editor wants it in place {_pin(told, rules)} ({why})"
    elif _is_forced(told, rules):
        why = f"an editor wants it ({why})"
    elif told is lead:
        why = f"{why}; {_why_it_leads(told, first)}"
    if told.sent_on:
        why = f"{why}; an update: readers had the story on {told.sent_on}"
    also = also_covered(chosen.piece, (other.piece for other in told.others if other.score > 0), words)
    return Pick(chosen.piece, chosen.score, why, chosen.parts, position, also, told.sent_on is not None)


def _why_it_leads(lead: Told, first: Told | None) -> str:
    assert lead.best is not None
    if first is None or first.best is None or lead is first:
        return "it leads with the most points"
    before = f"it leads before {quoted(first.best.piece.title)} ({first.best.score:.2f})"
    return f"{before} because it has a picture" if lead.best.piece.has_image else f"{before}, which is light"
