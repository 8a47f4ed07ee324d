"""What a reader gets who has chosen some sections of a newsletter: which edition, and what stands in it. Pure.

An edition is named by the sections of the issue that it holds, as `subscribers.topics` packs them. Two sets of topics
that come to the same stories on a day share one, and a set that holds all of the day's sections gets the whole issue.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter import links
from newsletter.issues.contents import Contents, Item, SectionOfItems
from newsletter.issues.wording import preheader, subject
from subscribers.topics import packed, unpacked

WHOLE = ""  # the name of the edition that holds every section


@dataclass(frozen=True)
class Offer:
    """What an issue has for those who have chosen topics. `held` counts its stories by section."""

    sections: tuple[str, ...]  # the newsletter's, that readers can choose from
    held: Mapping[str, int]
    least: int = 1  # stories that an edition holds, or it is not made
    most: int = 50  # editions of an issue, the whole one included
    falls_back_to_whole: bool = False

    def wanted(self, chosen: str) -> frozenset[str]:
        """The sections that a packed set of topics names and that there are; none if that comes to all of them.

        A section that the newsletter has no more is as if it had never been chosen: who wanted nothing else gets all.
        """
        names = unpacked(chosen) & set(self.sections)
        return names if len(names) < len(set(self.sections)) else frozenset()

    def edition(self, chosen: str) -> str | None:
        """The name of the edition that holds what the set wants of this issue, and all of it: "" is the whole one; None
        if the issue has nothing of it."""
        names = self.wanted(chosen)
        here = names & self.held.keys()
        if not names or here == self.held.keys():
            return WHOLE
        return packed(here) if here else None

    def editions(self, readers: Mapping[str, int]) -> list[str]:
        """The editions to make besides the whole one, where `readers` counts those of each packed set: those for most
        readers first."""
        counts: dict[str, int] = {}
        for chosen, count in readers.items():
            if name := self.edition(chosen):
                counts[name] = counts.get(name, 0) + count
        big_enough = [name for name in counts if self._stories(name) >= self.least]
        return sorted(big_enough, key=lambda name: (-counts[name], name))[: self.most - 1]

    def fitting(self, chosen: str, made: Iterable[str]) -> str | None:
        """Of the editions that were `made`, the one for a packed set; None: they get nothing of this issue.

        Where their own was not made, it is the fullest that holds nothing but their topics; then as configured.
        """
        if self.edition(chosen) == WHOLE:
            return WHOLE
        names = self.wanted(chosen)
        within = [name for name in made if name != WHOLE and unpacked(name) <= names]
        if within:
            return min(within, key=lambda name: (-self._stories(name), name))
        return WHOLE if self.falls_back_to_whole else None

    def _stories(self, name: str) -> int:
        return sum(self.held.get(section, 0) for section in unpacked(name))


def narrowed(contents: Contents, name: str) -> Contents:
    """The issue with nothing but the sections that the edition's `name` holds: with a lead, a subject and a preheader
    of its own where the whole issue's don't fit."""
    names = unpacked(name)
    if not names:
        return contents
    kept = [item for item in contents.items if item.section in names]
    lead = _lead(contents, kept)
    rest = [item for item in kept if item is not lead]
    own = [lead, *rest] if lead else []
    numbers = {item.position: number for number, item in enumerate(own, start=1)}
    sections = (_without(lead, section, numbers) for section in contents.sections)
    return replace(
        _worded(contents, own),
        lead=replace(lead, position=1) if lead else None,
        sections=tuple(section for section in sections if section.items),
        web_view_url=links.of_edition(contents.web_view_url, name),
    )


def _lead(contents: Contents, kept: Sequence[Item]) -> Item | None:
    """The issue's own, or else the best that does not close it."""
    light = {section.name for section in contents.sections if section.is_light}
    if contents.lead in kept:
        return contents.lead
    return min(kept, key=lambda item: (item.section in light, -item.score, item.position), default=None)


def _without(lead: Item | None, section: SectionOfItems, numbers: Mapping[int, int]) -> SectionOfItems:
    """The section with what is kept of it, but for the lead, under new numbers."""
    kept = (item for item in section.items if item.position in numbers and item is not lead)
    return replace(section, items=tuple(replace(item, position=numbers[item.position]) for item in kept))


def _worded(contents: Contents, kept: Sequence[Item]) -> Contents:
    """What the editors have written stands as long as it would have been the same stories that it speaks of."""
    ours, own = _words(contents.items, contents.language), _words(kept, contents.language)
    if ours[0] != own[0]:
        return replace(contents, subject=own[0], preheader=own[1])
    return contents if ours[1] == own[1] else replace(contents, preheader=own[1])


def _words(items: Sequence[Item], language: str) -> tuple[str, str]:
    """Subject and preheader as drafting words them."""
    top = [*items[:1], *sorted(items[1:], key=lambda item: (-item.score, item.position))]
    titles = [item.title for item in top]
    return subject(titles, language), preheader(titles, top[0].standfirst if top else "", language)
