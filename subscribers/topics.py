"""A set of topics as one text, for a column and for counting how many have chosen the same. Pure.

A topic is a name on one line, such as a newsletter's section. The same names in any order are the same text; "" stands
for all, also for those that are yet to come.
"""

from collections.abc import Iterable

ALL = ""
LONGEST = 1000  # characters of a packed set


def packed(names: Iterable[str]) -> str:
    """The set as text: sorted, one name a line."""
    return "\n".join(sorted(set(names)))


def unpacked(text: str) -> frozenset[str]:
    """The names in it; none where all are meant."""
    return frozenset(text.split("\n")) if text else frozenset()
