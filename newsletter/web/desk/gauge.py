"""A figure that many look at and one counts.

Counting a million rows takes a tenth of a second and more: ten open pages must not do it ten times, nor one page four
times a second. So a process counts for all who look, and no more often than takes a small share of its time: a short
list is counted at every look, a long one every few seconds. Each figure says when it was counted.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from threading import Condition
from typing import Generic, TypeVar

SHARE = 0.1  # of one thread's time
MOST_KEPT = 200  # figures

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Counted(Generic[Value]):
    """A figure and the moment of its counting."""

    value: Value
    at: datetime
    began: float  # monotonic seconds
    took: float

    def is_fresh(self, now: float, share: float, least: float) -> bool:
        """Whether counting again would take more than its share, or less than `least` seconds have passed."""
        return now - self.began < max(least, self.took / share)


class Gauge(Generic[Key, Value]):
    """Figures by key, counted by `count(key, now)` in whichever thread asks first."""

    def __init__(
        self, count: Callable[[Key, datetime], Value], *, share: float = SHARE, least: float = 0.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._count, self._share, self._least, self._timer = count, share, least, timer
        self._known: OrderedDict[Key, Counted[Value]] = OrderedDict()
        self._busy: set[Key] = set()
        self._changed = Condition()

    def read(self, key: Key, now: datetime) -> Counted[Value]:
        """The figure: a fresh one, else the last while somebody counts anew; whoever is first waits for the count."""
        with self._changed:
            while True:
                known = self._known.get(key)
                if known and (key in self._busy or known.is_fresh(self._timer(), self._share, self._least)):
                    self._known.move_to_end(key)
                    return known
                if key not in self._busy:
                    break
                self._changed.wait()
            self._busy.add(key)
        try:
            return self._counted(key, now)
        finally:
            with self._changed:
                self._busy.discard(key)
                self._changed.notify_all()

    def forget(self, key: Key) -> None:
        """Something was done that changes it: the next look counts."""
        with self._changed:
            self._known.pop(key, None)

    def _counted(self, key: Key, now: datetime) -> Counted[Value]:
        began = self._timer()
        value = self._count(key, now)
        counted = Counted(value, now, began, self._timer() - began)
        with self._changed:
            self._known[key] = counted
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return counted
