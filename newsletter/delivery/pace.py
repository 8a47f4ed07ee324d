"""How fast: token buckets, back-off, the warm-up's ladder, and when a refused delivery is tried again. All pure.

A bucket is one moment: when its next message may go. Taking a message moves that moment on by the bucket's step, so
one stored time is all that processes have to share and all that a restart has to find (lanes.py keeps it).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TypeVar

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)  # after the first, second, … refusal; the last one goes on
JITTER = 0.2  # ±: so that a relay that refused a thousand at once is not asked by a thousand at once
BURST = timedelta(seconds=0.5)  # so late a sender may be and still catch up: under 1 % of a minute
PORTION = timedelta(seconds=0.25)  # what is claimed at once of a limited lane, so that the database is asked seldom
SLOWED_PER_MINUTE = 600.0  # of a lane without a limit that asks for less: the rate of its first back-off
MOST_HALVINGS = 6
DOUBLE_AFTER = 100  # accepted ones
PAUSE_AFTER = 3  # refusals in a row
PAUSE = timedelta(minutes=15)

K = TypeVar("K", bound=Hashable)


def retry_at(now: datetime, attempts: int, delivery_id: int) -> datetime:
    """When to try again after `attempts` refusals, at least 1. The jitter is the delivery's own: no clock, no dice."""
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
    spread = Random(delivery_id * 1000 + attempts).uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)
    return now + timedelta(minutes=minutes * spread)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket (GCRA): `free_at` is when its next message may go; `per_minute` 0 is no limit."""

    per_minute: float
    free_at: datetime

    def tokens(self, now: datetime, most: int) -> int:
        """How many messages may go now, at most `most`."""
        if not self.per_minute:
            return most
        start = self._start(now)
        return 0 if start > now else min(most, int((now - start) / self._step) + 1)

    def take(self, count: int, now: datetime) -> "Bucket":
        """The bucket without `count` messages, which may be more than it holds: the rate is kept by what comes."""
        return replace(self, free_at=self._start(now) + count * self._step) if self.per_minute else self

    def ready_at(self, now: datetime) -> datetime:
        """When it will hold a portion that is worth asking for."""
        portion = max(1, int(PORTION / self._step)) if self.per_minute else 1
        return self._start(now) + (portion - 1) * self._step

    @property
    def _step(self) -> timedelta:
        return timedelta(minutes=1 / self.per_minute) if self.per_minute else timedelta()

    def _start(self, now: datetime) -> datetime:
        return max(self.free_at, now - BURST)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How a lane's server bears us: each "slow down" halves the rate, a hundred accepted ones double it again."""

    halvings: int = 0
    refusals: int = 0  # "slow down", in a row
    accepted: int = 0  # since the rate last changed
    paused_until: datetime | None = None

    def after(self, heard: Sequence[bool], now: datetime) -> "Backoff":
        """The same after a batch's answers in their order: True is an accepted message, False a "slow down".

        However many a batch brings, it halves the rate once. The third in a row pauses the lane; after the pause one
        more is enough to pause it again, and one accepted message ends the row.
        """
        halvings, refusals, accepted, until = self.halvings, self.refusals, self.accepted, self.paused_until
        for good in heard:
            refusals, accepted = (0, accepted + 1) if good else (min(refusals + 1, PAUSE_AFTER), 0)
            if refusals == PAUSE_AFTER:
                refusals, until = PAUSE_AFTER - 1, now + PAUSE
        if not all(heard):
            halvings = min(halvings + 1, MOST_HALVINGS)
        elif halvings and accepted >= DOUBLE_AFTER:
            halvings, accepted = halvings - 1, 0
        return Backoff(halvings, refusals, accepted, until)

    def slowed(self, per_minute: float) -> float:
        """The rate that is left of `per_minute`."""
        if not self.halvings:
            return per_minute
        return (per_minute * 0.5 if per_minute else SLOWED_PER_MINUTE) * 0.5 ** (self.halvings - 1)


def warm_up_cap(ladder: Sequence[int], first_day: date | None, day: date) -> int | None:
    """How many messages may go on `day` while a new sender warms up; None: as many as there are."""
    if first_day is None or not ladder:
        return None
    number = (day - first_day).days
    return None if number >= len(ladder) else ladder[max(0, number)]


def opens_at(between: tuple[time, time] | None, local: datetime) -> datetime | None:
    """When the hours of sending begin next, None if it is within them. `local` is aware, in the zone that counts."""
    if between is None:
        return None
    begin, end = between
    clock = local.time().replace(tzinfo=None)
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    if inside:
        return None
    day = local.date() if clock < begin else local.date() + timedelta(days=1)
    return datetime.combine(day, begin, tzinfo=local.tzinfo)


def portions(limit: int, waiting: Mapping[K, int], may: Mapping[K, int]) -> dict[K, int]:
    """Share `limit` among what is `waiting`, in proportion, so that each batch mixes the lanes; at most `may` each.

    A lane that waits for something gets at least one; what a slow lane may not have goes to the others. The sum may
    fall short of `limit`, never above it.
    """
    room = {key: min(count, may[key]) for key, count in waiting.items()}
    shares = dict.fromkeys(waiting, 0)
    while (left := limit - sum(shares.values())) and any(room.values()):
        open_ones = sorted((key for key in waiting if room[key]), key=lambda key: waiting[key])
        whole = sum(waiting[key] for key in open_ones)
        for key in open_ones:
            more = min(room[key], max(1, left * waiting[key] // whole), limit - sum(shares.values()))
            shares[key] += more
            room[key] -= more
    return {key: share for key, share in shares.items() if share}
