"""What an editor can do to a draft, each as the fields it changes. All of it is pure.

An act sees the issue as it stands and answers with entries; `changing` writes them down as one step. Where it can't be
done it raises Refused with what to do instead.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from newsletter.errors import NotFound, Refused
from newsletter.issues.edits import Edits, Entry, Field
from newsletter.issues.texts import Conflict, Said, Text, merged
from newsletter.picks.rules import Wishes


@dataclass(frozen=True)
class Placed:
    """A pick where it stands."""

    article: int
    section: str
    story: int


@dataclass(frozen=True)
class Standing:
    """The issue before the act. `order` says in what order its picks would stand under other wishes."""

    picks: tuple[Placed, ...]
    stories: Mapping[int, int]  # of every article that was considered
    edits: Edits
    sections: tuple[str, ...]  # in the order of the mail
    most: int
    order: Callable[[Wishes], tuple[int, ...]]
    texts: Callable[[int | None], Mapping[Field, Text]]  # of an article, or of the whole issue

    def place(self, article: int) -> int:
        """The pick's position, from 1; NotFound if it is none."""
        for position, pick in enumerate(self.picks, start=1):
            if pick.article == article:
                return position
        raise NotFound("That article is not in the issue any more: somebody took it out, or the machine did.")

    def pick_of_story(self, article: int) -> Placed | None:
        """What stands in the issue for the story of `article`."""
        story = self.stories.get(article)
        return next((pick for pick in self.picks if pick.story == story), None)


class Act(ABC):
    """One thing an editor does."""

    @property
    @abstractmethod
    def word(self) -> str:
        """What the history calls it."""

    @abstractmethod
    def entries(self, standing: Standing) -> list[Entry]:
        """What changes."""

    def conflicts(self, standing: Standing) -> list[Conflict]:  # noqa: ARG002 - only words can be written by two
        """Where somebody else was quicker."""
        return []


@dataclass(frozen=True)
class Move(Act):
    """Put a pick in a place: what it passes keeps its order, and only the pins that this needs are written.

    Among the items of another section it becomes one of them.
    """

    article: int
    place: int
    word = "moved"

    def entries(self, standing: Standing) -> list[Entry]:
        """The new place as a pin, with the pins that it moves. Raises Refused for an article that is not picked."""
        standing.place(self.article)
        order = [pick.article for pick in standing.picks if pick.article != self.article]
        place = min(max(self.place, 1), len(order) + 1)
        order.insert(place - 1, self.article)
        section = _section_at(standing, order, place)
        changed = [Entry(self.article, Field.SECTION, section)] if section else []
        return changed + _pins(standing, order, self.article, standing.edits.with_entries(changed))


@dataclass(frozen=True)
class Pin(Act):
    """Keep a pick where it stands, whatever a redraft brings."""

    article: int
    word = "pinned"

    def entries(self, standing: Standing) -> list[Entry]:
        """Its place as it is now. Raises Refused for an article that is not picked."""
        return [Entry(self.article, Field.PLACE, standing.place(self.article))]


@dataclass(frozen=True)
class Release(Act):
    """Let points decide about an article again: no pin, no wish, its own section; in again if it was out."""

    article: int
    word = "released"

    def entries(self, standing: Standing) -> list[Entry]:
        """Every wish about it, taken back."""
        named = (Field.PLACE, Field.IN, Field.SECTION, Field.REPLACES, Field.OUT, Field.BAN)
        return [Entry(self.article, name, None) for name in named if standing.edits.of(self.article, name) is not None]


@dataclass(frozen=True)
class Drop(Act):
    """Take an article's story out of this issue; `for_good`, the article is never wanted again by this newsletter."""

    article: int
    for_good: bool = False

    @property
    def word(self) -> str:
        """Which of the two it was."""
        return "banned" if self.for_good else "dropped"

    def entries(self, standing: Standing) -> list[Entry]:
        """Its whole story, so that no other telling takes its place."""
        story = standing.stories.get(self.article)
        of_story = [article for article, its in standing.stories.items() if its == story] or [self.article]
        entries = [entry for article in of_story for entry in _unwished(standing, article)]
        entries.append(Entry(self.article, Field.OUT, True))
        return [*entries, Entry(self.article, Field.BAN, True)] if self.for_good else entries


@dataclass(frozen=True)
class PullIn(Act):
    """Bring an article in: in place of its story's pick, if there is one; else where points put it, or in a place."""

    article: int
    section: str = ""  # one of the newsletter's, for an article whose own is none of them
    word = "pulled in"

    def entries(self, standing: Standing) -> list[Entry]:
        """Raises Refused where the issue is full."""
        standing_for_it = standing.pick_of_story(self.article)
        if standing_for_it is not None:
            return Replace(standing_for_it.article, self.article).entries(standing)
        _require_room(standing)
        entries = [*_let_in(standing, self.article), Entry(self.article, Field.IN, True)]
        return [*entries, Entry(self.article, Field.SECTION, self.section)] if self.section else entries


@dataclass(frozen=True)
class Replace(Act):
    """Let another article of the same story stand for it, in the same place and section."""

    article: int
    by: int
    word = "replaced"

    def entries(self, standing: Standing) -> list[Entry]:
        """Place and section of the one before. Raises Refused for an article of another story."""
        place = standing.place(self.article)
        if standing.stories.get(self.by) != standing.stories[self.article] or self.by == self.article:
            raise Refused("Only another article of the same story can stand in its place.")
        return [
            *_unwished(standing, self.article),
            *_let_in(standing, self.by),
            Entry(self.by, Field.REPLACES, self.article),
            Entry(self.by, Field.PLACE, place),
            Entry(self.by, Field.SECTION, standing.picks[place - 1].section),
        ]


@dataclass(frozen=True)
class ToSection(Act):
    """Make a pick one of another section's: it stays in the issue, and points put it among the others there."""

    article: int
    section: str
    word = "moved"

    def entries(self, standing: Standing) -> list[Entry]:
        """Raises Refused for a section that there is not. The lead keeps its place."""
        if self.section not in standing.sections:
            raise Refused(f"There is no section {self.section}: there is {', '.join(standing.sections)}.")
        place = standing.place(self.article)
        entries = [Entry(self.article, Field.SECTION, self.section), Entry(self.article, Field.IN, True)]
        return entries if place == 1 else [*entries, Entry(self.article, Field.PLACE, None)]


@dataclass(frozen=True)
class Write(Act):
    """What a form says of an article's words, or of the whole issue's."""

    article: int | None
    form: tuple[Said, ...]
    word = "worded"

    def entries(self, standing: Standing) -> list[Entry]:
        """The fields that differ from what stands there."""
        values, _ = merged(self.form, standing.texts(self.article))
        return [Entry(self.article, field, value) for field, value in values.items()]

    def conflicts(self, standing: Standing) -> list[Conflict]:
        """The fields that somebody else has written since the form was opened."""
        return merged(self.form, standing.texts(self.article))[1]


def _section_at(standing: Standing, order: list[int], place: int) -> str:
    """The section that an item takes on in that place; "" where it keeps its own.

    The lead has its own label, and so has an item that stands alone between two sections.
    """
    sections = {pick.article: pick.section for pick in standing.picks}
    own = sections[order[place - 1]]
    before = sections[order[place - 2]] if place > 2 else ""
    after = sections[order[place]] if 1 < place < len(order) else ""
    if place == 1 or own in (before, after) or not (before or after):
        return ""
    elsewhere = any(sections[article] == own for article in order[1:] if article != order[place - 1])
    if before and after and before != after and not elsewhere:
        return ""
    return before or after


def _pins(standing: Standing, order: list[int], moved: int, edits: Edits) -> list[Entry]:
    """The pins under which the picks stand in `order`: the moved one's, the old ones where they now are, and as many
    more as it takes."""
    places = {article: place for place, article in enumerate(order, start=1)}
    pins = {article: places.get(article, place) for article, place in edits.wishes.pins.items()}
    pins[moved] = places[moved]
    for _ in order:
        found = standing.order(replace(edits.wishes, pins=pins))
        astray = next((article for article, there in zip(order, found, strict=False) if article != there), None)
        if astray is None:
            break
        pins[astray] = places[astray]
    before = standing.edits.wishes.pins
    return [Entry(article, Field.PLACE, place) for article, place in pins.items() if before.get(article) != place]


def _unwished(standing: Standing, article: int) -> list[Entry]:
    """Nobody wants it in any more."""
    named = (Field.PLACE, Field.IN, Field.REPLACES)
    return [Entry(article, name, None) for name in named if standing.edits.of(article, name) is not None]


def _let_in(standing: Standing, article: int) -> list[Entry]:
    """It may come in again."""
    named = (Field.OUT, Field.BAN)
    return [Entry(article, name, None) for name in named if standing.edits.of(article, name) is not None]


def _require_room(standing: Standing) -> None:
    forced = standing.edits.wishes.forced
    if sum(pick.article in forced for pick in standing.picks) >= standing.most:
        raise Refused(f"All {standing.most} places are held by editors: drop or release one first.")
