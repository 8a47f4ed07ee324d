"""Average-link grouping, held against its definition: join the two most alike, measure all again, until none are."""

from itertools import combinations
from math import log2
from statistics import fmean

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.picks.joining import GROWN_MEMBERS, Likeness, Rule, joined

STRICT, LENIENT = Rule(0.25, 1.0), Rule(0.125, 0.25)

# eighths and sums of them are exact, so that both ways to count find the same ties
likenesses = st.integers(2, 14).flatmap(
    lambda size: st.lists(st.sampled_from([0.0, 0.0, 0.125, 0.25, 0.5, 1.0]), min_size=size**2, max_size=size**2)
)


def by_definition(like: Likeness, rule: Rule) -> list[list[int]]:
    """As slow as it is plain. Of several that are as alike, those with the lowest articles come first."""

    def strength(a: list[int], b: list[int]) -> float:
        smaller = min(len(a), len(b), GROWN_MEMBERS)
        return fmean(like[x].get(y, 0.0) for x in a for y in b) / (1 + rule.grown * log2(smaller))

    groups = [[article] for article in range(len(like))]
    while len(groups) > 1:
        a, b = min(combinations(groups, 2), key=lambda pair: -strength(*pair))
        if strength(a, b) < rule.enough:
            break
        groups = sorted([*(group for group in groups if group is not a and group is not b), sorted(a + b)])
    return groups


def rows(values: list[float]) -> Likeness:
    size = round(len(values) ** 0.5)
    like: Likeness = [{} for _ in range(size)]
    for a, b in combinations(range(size), 2):
        if values[a * size + b]:
            like[a][b] = like[b][a] = values[a * size + b]
    return like


@given(likenesses)
@settings(deadline=None)
def test_the_groups_are_those_of_the_definition_by_every_rule(values: list[float]):
    """However the work is ordered, and though the rules share a part of it."""
    wanted = [by_definition(rows(values), rule) for rule in (STRICT, LENIENT)]
    assert joined(rows(values), [STRICT, LENIENT]) == wanted


def test_a_group_that_resembles_both_does_not_chain_two_together():
    """Nought is like one, one like two, nought and two share nothing: the mean over all pairs is too little."""
    like: Likeness = [{1: 0.5}, {0: 0.5, 2: 0.4}, {1: 0.4}]
    assert joined(like, [Rule(0.25, 1.0)]) == [[[0, 1], [2]]]


def test_no_article_is_no_group():
    assert joined([], [STRICT]) == [[]]
