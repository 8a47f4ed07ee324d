"""What each issue of the past would have held: stored articles with the clock of each day, and nothing written.

It begins as if nothing had been sent before its first day, and remembers from day to day what it would have considered
and picked. Editors' wishes are not looked at: it is about the rules.
"""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from sqlmodel import Session

from newsletter.config import Config, Newsletter
from newsletter.issues import roundup, window
from newsletter.issues.choosing import Grouped, Known, Material, chosen_from
from newsletter.picks.choose import Choice
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Wishes


@dataclass
class _Memory:
    """What the days before would have had."""

    considered: set[str] = field(default_factory=set)  # pages
    offered: set[str] = field(default_factory=set)
    sent: list[Piece] = field(default_factory=list)
    last: date | None = None  # the last day with an issue


def backtest(
    session: Session, config: Config, newsletter: Newsletter, first: date, last: date
) -> list[tuple[date, Choice]]:
    """The choice of each day from `first` to `last`, both included, on which the newsletter comes out."""
    memory = _Memory()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day, _day(session, config, newsletter, day, memory)) for day in days if newsletter.comes_out_on(day)]


def _day(session: Session, config: Config, newsletter: Newsletter, day: date, memory: _Memory) -> Choice:
    """One day's choice, which `memory` keeps; one with too few picks is held, and leaves its articles to the next."""
    choice = chosen_from(
        lambda widened: _material(session, config, newsletter, day, memory, widened), config, newsletter, day, Wishes()
    )
    if len(choice.picks) < newsletter.least_on(day):
        return choice
    memory.last = day
    memory.considered.update(page_of(c.piece) for told in choice.stories for c in told.candidates)
    memory.offered.update(page_of(pick.piece) for pick in choice.picks)
    memory.sent = [piece for piece in memory.sent if piece.sent_on and day - piece.sent_on < window.RECOGNISED]
    memory.sent += [replace(pick.piece, sent_on=day) for pick in choice.picks]
    return choice


def _material(
    session: Session, config: Config, newsletter: Newsletter, day: date, memory: _Memory, widened: timedelta
) -> Grouped:
    """What was in the store by the end of that day's drafting hour and is new to the readers of this run."""
    sources = config.sources_of(newsletter)
    clock = newsletter.moment("draft_at", day)
    start = newsletter.moment("draft_at", memory.last or newsletter.day_before(day)) - window.OVERLAP - widened
    past = memory.offered if widened else memory.considered
    if newsletter.roundup_of:  # of what was sent in truth
        return _of_the_week(session, config, newsletter, day, memory, widened)
    found = window.between(session, sources, start, clock, seen_by=clock)
    return Material(
        [piece for piece in found if page_of(piece) not in past],
        memory.sent,
        window.background(session, sources, start),
    )


def _of_the_week(
    session: Session, config: Config, newsletter: Newsletter, day: date, memory: _Memory, widened: timedelta
) -> Known:
    """The same for the best of another newsletter."""
    week = roundup.week(session, newsletter, day, widened)
    found = window.by_number(session, config.sources_of(newsletter), week).values()
    pieces = sorted((piece for piece in found if page_of(piece) not in memory.offered), key=lambda piece: piece.key)
    background = window.background(
        session, config.sources_of(newsletter), newsletter.moment("draft_at", day) - roundup.WEEK
    )
    return Known(roundup.valued(Material(pieces, memory.sent, background).grouping, week))


def page_of(piece: Piece) -> str:
    """What makes two pieces the same article: their address, or else their source's own id."""
    return piece.url or f"{piece.source} {piece.guid}"
