"""Stories and the newsletter's rules → the day's picks and left-outs, each with its reason.

A story takes one slot: its best-told article stands for it, other sources are named as "also covered by". Stories are
taken by points until the issue is full, as far as their sections have room. The same stories, rules and moment give the
same choice, in whatever order they come.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from newsletter.config import SectionRule
from newsletter.picks.piece import Piece
from newsletter.picks.reasons import ordinal, quoted
from newsletter.picks.score import points

MOST_ALSO = 3  # sources named beside the one that was picked
PICTURE_BONUS = 1.1  # a lead with a picture may have a tenth fewer points than the best one without


class HasSource(Protocol):
    """An article in any form."""

    @property
    def source(self) -> str: ...


FromSource = TypeVar("FromSource", bound=HasSource)


@dataclass(frozen=True)
class Rules:
    """What a newsletter wants of a day."""

    sections: tuple[SectionRule, ...]  # in the order of the mail
    max_articles: int
    half_life: timedelta

    def room_in(self, section: str) -> int:
        """The most picks that a section may have; 0 where the newsletter has no such section."""
        return next((rule.max or self.max_articles for rule in self.sections if rule.name == section), 0)


@dataclass(frozen=True)
class Candidate:
    """One article that was considered. `score` is 0 where a rule keeps it out whatever its points."""

    piece: Piece
    score: float
    why: str


@dataclass(frozen=True)
class Pick(Candidate):
    """One that was chosen."""

    position: int = 0  # from 1 in the order of the mail; 1 is the lead
    also: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Told:
    """A story with its articles by points. `best` stands for it; None where rules keep every one out."""

    best: Candidate | None
    others: tuple[Candidate, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return (self.best, *self.others) if self.best else self.others

    @property
    def key(self) -> tuple[float, tuple[float, str, str]]:
        first = self.candidates[0]
        return (-self.best.score if self.best else 1.0, first.piece.key)


@dataclass(frozen=True)
class Choice:
    """The day's choice. `stories` holds every candidate once, by points; picks stand in the order of the mail."""

    stories: tuple[Told, ...]
    picks: tuple[Pick, ...]
    left_out: tuple[Candidate, ...]  # by points of their stories


def choose(stories: Iterable[Sequence[Piece]], rules: Rules, moment: datetime) -> Choice:
    """Pick from `stories`, each a group of articles that tell one event, as they stand at `moment`."""
    ranked = sorted((_told(story, rules, moment) for story in stories), key=lambda told: told.key)
    taken: list[Told] = []
    final: list[Told] = []
    for rank, told in enumerate(ranked, start=1):
        refusal = _refusal(told, taken, rank, rules)
        if refusal is None:
            taken.append(told)
        final.append(told if refusal is None else _turned_down(told, refusal))
    picks = _in_order_of_the_mail(taken, rules)
    chosen = {pick.piece.id for pick in picks}
    left_out = tuple(c for told in final for c in told.candidates if c.piece.id not in chosen)
    return Choice(tuple(final), picks, left_out)


def also_covered(source: str, best_first: Iterable[FromSource]) -> tuple[FromSource, ...]:
    """Up to MOST_ALSO other articles of a story that `source` stands for: one of each other source, the best."""
    named: dict[str, FromSource] = {}
    for article in best_first:
        if article.source != source:
            named.setdefault(article.source, article)
    return tuple(named.values())[:MOST_ALSO]


def _told(story: Sequence[Piece], rules: Rules, moment: datetime) -> Told:
    """The story's articles with their points, and which of them stands for it: by weight, then completeness."""
    sources = len({piece.source for piece in story if piece.weight > 0})
    allowed = [piece for piece in story if _rule_against(piece, rules) is None]
    best = min(allowed, key=lambda piece: (-piece.weight, -piece.completeness, piece.key), default=None)
    scored = [_candidate(piece, best, sources, rules, moment) for piece in story]
    others = sorted((c for c in scored if c.piece is not best), key=lambda c: (-c.score, c.piece.key))
    return Told(next((c for c in scored if c.piece is best), None), tuple(others))


def _candidate(piece: Piece, best: Piece | None, sources: int, rules: Rules, moment: datetime) -> Candidate:
    """One article's points and reason; one that tells the same as `best` is out for that."""
    against = _rule_against(piece, rules)
    if against is not None:
        return Candidate(piece, 0.0, against)
    worth = points(piece, sources, moment, rules.half_life)
    if best is None or piece is best:
        return Candidate(piece, worth.total, worth.why)
    return Candidate(piece, worth.total, f"same story as {quoted(best.title)} ({worth.why})")


def _rule_against(piece: Piece, rules: Rules) -> str | None:
    """Why a rule keeps this article out, whatever its points; None if none does."""
    if piece.weight <= 0:
        return f"its source {piece.source} has weight 0"
    if not rules.room_in(piece.section):
        return f"the newsletter has no section {piece.section}"
    return None


def _refusal(told: Told, taken: Sequence[Told], rank: int, rules: Rules) -> str | None:
    """Why a story finds no place beside those `taken` before it; None if it has one."""
    if told.best is None:
        return "no article of it may be picked"
    picked = [other.best.piece for other in taken if other.best]
    piece = told.best.piece
    twin = next((p for p in picked if p.id == piece.id or (p.url and p.url == piece.url)), None)
    if twin:
        return f"same page as {quoted(twin.title)}"
    if len(taken) >= rules.max_articles:
        return f"{ordinal(rank)} by points, and the issue is full ({rules.max_articles} of {rules.max_articles})"
    room, used = rules.room_in(piece.section), Counter(p.section for p in picked)[piece.section]
    if used >= room:
        return f"section {piece.section} is full ({used} of {room})"
    return None


def _turned_down(told: Told, refusal: str) -> Told:
    """The same story with the reason on the article that stood for it."""
    if told.best is None:
        return told
    best = told.best
    return Told(Candidate(best.piece, best.score, f"{refusal} ({best.why})"), told.others)


def _in_order_of_the_mail(taken: Sequence[Told], rules: Rules) -> tuple[Pick, ...]:
    """The lead, then section by section in the newsletter's order, by points within each."""
    best = [(told.best, told.others) for told in taken if told.best]
    if not best:
        return ()
    lead = min(best, key=lambda pair: (-_as_lead(pair[0]), pair[0].piece.key))
    order = {rule.name: place for place, rule in enumerate(rules.sections)}
    rest = sorted(
        (pair for pair in best if pair is not lead),
        key=lambda pair: (order[pair[0].piece.section], -pair[0].score, pair[0].piece.key),
    )
    words = {lead[0].piece.id: _why_it_leads(lead[0], best[0][0])}
    return tuple(
        Pick(c.piece, c.score, words.get(c.piece.id, c.why), position, _also(c, others))
        for position, (c, others) in enumerate((lead, *rest), start=1)
    )


def _also(chosen: Candidate, others: Iterable[Candidate]) -> tuple[Piece, ...]:
    return also_covered(chosen.piece.source, (other.piece for other in others if other.score > 0))


def _as_lead(candidate: Candidate) -> float:
    return candidate.score * (PICTURE_BONUS if candidate.piece.has_image else 1.0)


def _why_it_leads(lead: Candidate, first: Candidate) -> str:
    if lead is first:
        return f"{lead.why}; it leads with the most points"
    return f"{lead.why}; it leads before {quoted(first.piece.title)} ({first.score:.2f}) because it has a picture"
