"""Articles that resemble each other → groups: average-link grouping, by one rule or by several at once.

The most alike groups are joined first, until none are alike enough. What two groups have in common is the mean over all
pairs, and of two that have both grown more is asked than of a newcomer. So no join makes two groups more alike than
they were, and two that are each other's most alike will be joined whatever is joined before: the order of the work is
free, and each group is looked at a few times only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import NamedTuple

GROWN_MEMBERS = 8  # beyond so many, no more is asked for
ROUNDING = 1e-9  # more than sums of the same numbers in another order can differ in

Likeness = list[dict[int, float]]  # for each article or group, the others that resemble it


class Rule(NamedTuple):
    """What two groups must have in common to become one."""

    enough: float  # of two articles, or of a group and one
    grown: float  # every doubling of the smaller of two groups asks for so much more


def joined(like: Likeness, rules: Sequence[Rule]) -> list[list[list[int]]]:
    """The groups by each of the rules: the numbers of their articles, from the lowest. `like` is used up.

    The rules differ in what they ask of two that have both grown: while one of two is an article alone, what the
    strictest joins is joined by all, and that is done once.
    """
    common = _Groups.of(like, Rule(max(r.enough for r in rules), min(r.grown for r in rules)))
    _join(common, only_alone=True)
    return [_join(common.by(rule, last=rule is rules[-1])) for rule in rules]


def _join(groups: "_Groups", only_alone: bool = False) -> list[list[int]]:
    """From any group the way leads to its most alike, and on, until it finds two that are each other's: they join."""
    waiting, settled = sorted(groups.members), set[int]()
    while waiting:
        way = [waiting.pop()]
        while way:
            there = groups.most_alike(way[-1]) if way[-1] in groups.members else None
            if there is None:
                way.pop()
            elif there in settled:
                settled.update(way)
                way.clear()
            elif len(way) == 1 or there != way[-2]:
                way.append(there)
            elif only_alone and min(groups.sizes[way[-1]], groups.sizes[there]) > 1:
                settled.update(way)  # nothing on it can be joined before those two
                way.clear()
            else:
                waiting.append(groups.join(way.pop(), way.pop()))
    return sorted(groups.members.values())


@dataclass(frozen=True)
class _Groups:
    """Groups that grow, each under the number of one of its members."""

    sums: Likeness  # what the members of two groups have in common, all together
    members: dict[int, list[int]]  # from the lowest number
    sizes: list[int]
    group_of: list[int]  # for each article
    first: Sequence[int]  # for each article the one most alike, good as long as both are alone; -1: it has none
    near: list[list[int]]  # for each group, articles of those that may be alike enough
    enough: float
    asked: Sequence[float]  # by the size of the smaller of two groups: how many times as much they must have in common

    @classmethod
    def of(cls, like: Likeness, rule: Rule) -> "_Groups":
        """Each article alone."""
        alone, sizes = {one: [one] for one in range(len(like))}, [1] * len(like)
        return cls(like, alone, sizes, list(alone), _first(like), *_asked(like, sizes, rule))

    def by(self, rule: Rule, last: bool) -> "_Groups":
        """The same groups, to be joined by another rule; the `last` one may use up what they have in common."""
        sums = self.sums if last else [dict(others) for others in self.sums]
        asked = _asked(sums, self.sizes, rule)
        return _Groups(sums, dict(self.members), list(self.sizes), list(self.group_of), self.first, *asked)

    def most_alike(self, here: int) -> int | None:
        """The group that this one is most alike; of several the one with the lowest article. None: none is enough."""
        sums, sizes, size, group_of = self.sums[here], self.sizes, self.sizes[here], self.group_of
        first = self.first[here]
        if size == 1 and first >= 0 and group_of[first] == first and sizes[first] == 1:
            return first if sums[first] >= self.enough else None  # no group that has grown since is more alike
        capped = min(size, GROWN_MEMBERS)
        asked, least = self.asked[capped], self.enough * (1 - ROUNDING)
        near, best, most = [], -1, 0.0
        for other in {group_of[article] for article in self.near[here]}:
            its = sizes[other]
            alike = sums[other] / (size * its) / (asked if its >= capped else self.asked[its])
            if alike >= least:
                near.append(other)
                if alike > most or (alike == most and self.members[other] < self.members[best]):
                    best, most = other, alike
        self.near[here] = near
        return best if most >= self.enough else None

    def join(self, a: int, b: int) -> int:
        """Put the group that has fewer others beside it into the other one, whose number is returned."""
        if len(self.sums[a]) < len(self.sums[b]):
            a, b = b, a
        sums = self.sums
        of_a, of_b = sums[a], sums[b]
        del of_a[b], of_b[a]
        for other, total in of_b.items():
            its = sums[other]
            del its[b]
            its[a] = of_a[other] = of_a.get(other, 0.0) + total
        gone = self.members.pop(b)
        for article in gone:
            self.group_of[article] = a
        self.members[a] = sorted(self.members[a] + gone)
        self.sizes[a] += self.sizes[b]
        self.near[a] = [article for article in self.near[a] + self.near[b] if self.group_of[article] != a]
        of_b.clear()
        return a


def _first(like: Likeness) -> list[int]:
    """For each article the one most alike, the lowest of several; -1 where there is none."""
    found = []
    for others in like:
        most = max(others.values(), default=0.0)
        found.append(min((other for other, alike in others.items() if alike == most), default=-1))
    return found


def _asked(sums: Likeness, sizes: Sequence[int], rule: Rule) -> tuple[list[list[int]], float, list[float]]:
    """What `_Groups` ends with: who may be alike enough, and what is asked."""
    near = []
    for others, size in zip(sums, sizes, strict=True):
        least = rule.enough * (1 - ROUNDING) * size
        near.append([other for other, total in others.items() if total >= least * sizes[other]])
    return near, rule.enough, [0.0, *(1 + rule.grown * log2(size) for size in range(1, GROWN_MEMBERS + 1))]
