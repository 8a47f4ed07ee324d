"""What would be picked for a day: the store's articles and the editors' wishes through `picks`. Nothing is written.

A thin day is looked at once more with a wider window. `backtest` goes the same way with a clock of its own, and a
change by editors with the grouping that the draft has kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from sqlmodel import Session

from newsletter.config import Config, Newsletter
from newsletter.issues import edits, groupings, roundup, window
from newsletter.issues.models import Issue
from newsletter.picks.alike import DaysWords
from newsletter.picks.choose import Candidate, Choice, Told, choose, in_order_of_the_mail
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Rules, Wishes
from newsletter.picks.score import Taste
from newsletter.picks.stories import Grouping, grouping


class Grouped(Protocol):
    """What can be grouped, or was."""

    @property
    def grouping(self) -> Grouping:
        """Who tells the same."""


@dataclass(frozen=True)
class Material:
    """What a day's choice is made from."""

    pieces: list[Piece]
    sent: list[Piece]  # what readers had of late: to recognise a story that goes on
    background: list[Piece]  # what the sources said before

    @property
    def grouping(self) -> Grouping:
        """Made anew at each call, which takes a while: who wants it twice keeps it."""
        return grouping([*self.pieces, *self.sent], self.background)


@dataclass(frozen=True)
class Known:
    """What was grouped before."""

    grouping: Grouping


def choice_of(session: Session, config: Config, newsletter: Newsletter, day: date) -> Choice:
    """What would be picked for `day`."""
    wished = edits.of(session, newsletter, day).wishes
    return chosen_from(
        lambda widened: _valued(session, newsletter, day, _material(session, config, newsletter, day, widened, wished)),
        config, newsletter, day, wished,
    )  # fmt: skip


def choice_for(session: Session, config: Config, newsletter: Newsletter, issue: Issue, wished: Wishes) -> Choice:
    """The same for an issue's row, which keeps the grouping for `changed`."""
    groupings.forget(session, issue)

    def grouped(widened: timedelta) -> Grouped:
        made = Known(_made_and_kept(session, config, newsletter, issue, widened, wished))
        return _valued(session, newsletter, issue.issue_date, made)

    return chosen_from(grouped, config, newsletter, issue.issue_date, wished)


def changed(session: Session, config: Config, newsletter: Newsletter, issue: Issue, wished: Wishes) -> Choice:
    """What is picked now that editors wish this: from the kept grouping, or from a new one where that lacks something.

    From the same store it is what a redraft would pick.
    """

    def grouped(widened: timedelta) -> Grouped:
        kept = groupings.recall(session, issue, widened.days, config.sources, wished.forced)
        found = Known(kept or _made_and_kept(session, config, newsletter, issue, widened, wished))
        return _valued(session, newsletter, issue.issue_date, found)

    return chosen_from(grouped, config, newsletter, issue.issue_date, wished)


def unedited(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> Choice:
    """What the machine alone had picked from the articles of the last draft."""

    def grouped(widened: timedelta) -> Grouped:
        own = Known(groupings.own(session, issue, widened.days, config.sources))
        return _valued(session, newsletter, issue.issue_date, own)

    return chosen_from(grouped, config, newsletter, issue.issue_date, Wishes())


def order_of(picked: Iterable[Candidate], rules: Rules) -> tuple[int, ...]:
    """The order of the mail for these picks alone, by the numbers of their articles."""
    sections = rules.wishes.sections
    told = [
        Told(replace(c, piece=replace(c.piece, section=sections.get(c.piece.id, c.piece.section))), ()) for c in picked
    ]
    return tuple(pick.piece.id for pick in in_order_of_the_mail(told, rules, DaysWords({}, frozenset(), 0)))


def chosen_from(
    material: Callable[[timedelta], Grouped], config: Config, newsletter: Newsletter, day: date, wished: Wishes
) -> Choice:
    """The choice from the day's material; where that is thin, from `widen_days` more."""
    rules = rules_of(config, newsletter, day, wished)
    choice = _chosen(material(timedelta(0)), rules, newsletter, day)
    if newsletter.widen_days == 0 or len(choice.picks) >= rules.min_articles:
        return choice
    wider = _chosen(material(timedelta(days=newsletter.widen_days)), rules, newsletter, day)
    return wider if len(wider.picks) > len(choice.picks) else choice


def rules_of(config: Config, newsletter: Newsletter, day: date, wished: Wishes) -> Rules:
    """What the newsletter and its editors want of `day`."""
    return Rules(
        sections=config.sections_of(newsletter),
        max_articles=newsletter.most_on(day),
        min_articles=newsletter.least_on(day),
        max_per_source=newsletter.max_per_source,
        half_life=newsletter.half_life,
        taste=Taste(newsletter.wanted, newsletter.unwanted),
        wishes=wished,
    )


def stories_of_day(
    session: Session, config: Config, newsletter: Newsletter, day: date
) -> tuple[tuple[Piece, ...], ...]:
    """The articles that the issue of `day` may choose from, grouped by the event they tell; the most told first."""
    wished = edits.of(session, newsletter, day).wishes
    found = _material(session, config, newsletter, day, timedelta(0), wished).grouping.stories
    fresh = (tuple(piece for piece in story if piece.sent_on is None) for story in found)
    return tuple(sorted((story for story in fresh if story), key=lambda story: (-len(story), story[0].key)))


def _chosen(material: Grouped, rules: Rules, newsletter: Newsletter, day: date) -> Choice:
    found = material.grouping
    return choose(found.stories, rules, newsletter.moment("send_at", day), found.circles, found.words)


def _valued(session: Session, newsletter: Newsletter, day: date, found: Grouped) -> Grouped:
    """Of a roundup: each article as it stood on its day."""
    if not newsletter.roundup_of:
        return found
    longest = timedelta(days=newsletter.widen_days)
    return Known(roundup.valued(found.grouping, roundup.week(session, newsletter, day, longest)))


def _made_and_kept(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, widened: timedelta, wished: Wishes
) -> Grouping:
    material = _material(session, config, newsletter, issue.issue_date, widened, wished)
    if newsletter.roundup_of:
        own = roundup.week(session, newsletter, issue.issue_date, widened)
        outside = [piece.id for piece in material.pieces if piece.id not in own]
    else:
        start, end = window.window(session, newsletter, issue.issue_date)
        outside = [piece.id for piece in material.pieces if not start - widened <= piece.published_at <= end]
    grouping = material.grouping
    groupings.keep(session, issue, widened.days, grouping, wished.forced, outside)
    return grouping


def _material(
    session: Session, config: Config, newsletter: Newsletter, day: date, widened: timedelta, wished: Wishes
) -> Material:
    sources = config.sources_of(newsletter)
    start, _ = window.window(session, newsletter, day)
    if newsletter.roundup_of:
        week = roundup.week(session, newsletter, day, widened)
        found = window.among(session, newsletter, sources, day, week, wished.forced)
    else:
        found = window.pieces(session, newsletter, sources, day, widened, wished.forced)
    return Material(
        found,
        window.sent_of_late(session, newsletter, config.sources, day),
        window.background(session, sources, start - widened),
    )
