"""Which story is told at what length: a lead, some in full, the later ones as lines "In brief", a light one to close.

A page that tells forty stories alike tells none. In a long issue every section's first story is told in full before
any section's second one, and what does not fit stands in one line each. A section that config.toml calls light closes
the issue, whatever its length.
"""

from dataclasses import dataclass
from functools import cached_property

from newsletter.issues.contents import Contents, Item, SectionOfItems

SHORT_ISSUE = 7  # so many stories after the lead are all told in full
FULL_STORIES = 5  # else so many, and the light one


@dataclass(frozen=True)
class Layout:
    """An issue as it is laid out. The order of `stories` is that of the mail."""

    lead: Item | None
    sections: tuple[SectionOfItems, ...]  # with the stories told in full
    brief: tuple[Item, ...]
    last: SectionOfItems | None  # the light one

    def is_brief(self, item: Item) -> bool:
        """Whether this very item is told "In brief"."""
        return id(item) in self._brief

    @cached_property
    def _brief(self) -> frozenset[int]:
        return frozenset(map(id, self.brief))

    @cached_property
    def full(self) -> tuple[Item, ...]:
        """The stories after the lead that are told in full."""
        return tuple(item for section in self.sections for item in section.items)

    @cached_property
    def stories(self) -> tuple[Item, ...]:
        """Every story."""
        lead = (self.lead,) if self.lead else ()
        return (*lead, *self.full, *self.brief, *(self.last.items if self.last else ()))


def arrange(contents: Contents) -> Layout:
    """The layout of an issue; every item of `contents` is in it exactly once."""
    sections = tuple(section for section in contents.sections if section.items)
    last = next((section for section in reversed(sections) if section.is_light), None)
    rest = tuple(section for section in sections if section is not last)
    count = sum(len(section.items) for section in rest)
    if count <= SHORT_ISSUE:
        return Layout(contents.lead, rest, (), last)
    full = _full(rest)
    told = tuple(
        SectionOfItems(section.name, tuple(item for n, item in enumerate(section.items) if (s, n) in full))
        for s, section in enumerate(rest)
    )
    brief = tuple(item for s, section in enumerate(rest) for n, item in enumerate(section.items) if (s, n) not in full)
    return Layout(contents.lead, tuple(section for section in told if section.items), brief, last)


def _full(sections: tuple[SectionOfItems, ...]) -> set[tuple[int, int]]:
    """The places (section, item) of those told in full: first ones first, then second ones."""
    places = [(n, s) for s, section in enumerate(sections) for n in range(len(section.items))]
    return {(s, n) for n, s in sorted(places)[:FULL_STORIES]}
