"""What holds for a day's choice: the newsletter's rules, and what its editors wish of single articles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from newsletter.config import SectionRule
from newsletter.picks.score import Taste


@dataclass(frozen=True)
class Wishes:
    """What editors want of single articles, by the number of the article. It stands above points and quotas."""

    pins: Mapping[int, int] = field(default_factory=dict)  # article → its position, from 1
    bans: frozenset[int] = frozenset()  # another article of the story may stand in
    drops: frozenset[int] = frozenset()  # the whole story stays out, unless an article of it is pinned or wanted
    wanted: frozenset[int] = frozenset()  # in the issue, wherever points put them
    sections: Mapping[int, str] = field(default_factory=dict)  # article → the section to which it was moved

    @property
    def forced(self) -> frozenset[int]:
        """The articles that no rule keeps out."""
        return self.wanted.union(self.pins)


@dataclass(frozen=True)
class Rules:
    """What a newsletter wants of a day."""

    sections: tuple[SectionRule, ...]  # in the order of the mail
    max_articles: int
    half_life: timedelta
    min_articles: int = 1
    max_per_source: int | None = None
    taste: Taste = field(default_factory=Taste)
    wishes: Wishes = field(default_factory=Wishes)

    def room_in(self, section: str) -> int:
        """The most picks that a section may have; 0 where the newsletter has no such section."""
        return next((rule.max or self.max_articles for rule in self.sections if rule.name == section), 0)

    @property
    def order(self) -> dict[str, int]:
        """The place of each section in the mail: as the newsletter names them, the light ones last."""
        names = [rule.name for rule in sorted(self.sections, key=lambda rule: rule.light)]
        return {name: place for place, name in enumerate(names)}

    @property
    def light(self) -> frozenset[str]:
        """The sections that close the issue, and never lead it."""
        return frozenset(rule.name for rule in self.sections if rule.light)
