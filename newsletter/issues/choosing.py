"""What would be picked for a day: the store's articles and the editors' wishes through `picks`. Nothing is written.

A thin day is looked at once more with a wider window. `backtest` goes the same way with a clock of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from newsletter.config import Config, Newsletter
from newsletter.issues import window, wishes
from newsletter.picks.choose import Choice, choose
from newsletter.picks.piece import Piece
from newsletter.picks.rules import Rules, Wishes
from newsletter.picks.score import Taste
from newsletter.picks.stories import Grouping, grouping


@dataclass(frozen=True)
class Material:
    """What a day's choice is made from."""

    pieces: list[Piece]
    sent: list[Piece]  # what readers had of late: to recognise a story that goes on
    background: list[Piece]  # what the sources said before

    @property
    def grouping(self) -> Grouping:
        return grouping([*self.pieces, *self.sent], self.background)


def choice_of(session: Session, config: Config, newsletter: Newsletter, day: date) -> Choice:
    """What would be picked for `day`."""
    return chosen_from(
        lambda widened: _material(session, config, newsletter, day, widened),
        config, newsletter, day, wishes.of(session, newsletter, day),
    )  # fmt: skip


def chosen_from(
    material: Callable[[timedelta], Material], config: Config, newsletter: Newsletter, day: date, wished: Wishes
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
        half_life=timedelta(hours=newsletter.half_life_hours),
        taste=Taste(newsletter.wanted, newsletter.unwanted),
        wishes=wished,
    )


def stories_of_day(
    session: Session, config: Config, newsletter: Newsletter, day: date
) -> tuple[tuple[Piece, ...], ...]:
    """The articles that the issue of `day` may choose from, grouped by the event they tell; the most told first."""
    found = _material(session, config, newsletter, day, timedelta(0)).grouping.stories
    fresh = (tuple(piece for piece in story if piece.sent_on is None) for story in found)
    return tuple(sorted((story for story in fresh if story), key=lambda story: (-len(story), story[0].key)))


def _chosen(material: Material, rules: Rules, newsletter: Newsletter, day: date) -> Choice:
    found = material.grouping
    return choose(found.stories, rules, newsletter.moment("send_at", day), found.circles)


def _material(session: Session, config: Config, newsletter: Newsletter, day: date, widened: timedelta) -> Material:
    sources = config.sources_of(newsletter)
    start, _ = window.window(session, newsletter, day)
    return Material(
        window.pieces(session, newsletter, sources, day, widened),
        window.sent_of_late(session, newsletter, config.sources, day),
        window.background(session, sources, start - widened),
    )
