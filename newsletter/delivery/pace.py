"""How fast: a token bucket, and when a refused delivery is tried again. Pure but for the bucket's own state."""

from datetime import datetime, timedelta
from random import Random
from threading import Lock

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)  # after the first, second, … refusal; the last one goes on
JITTER = 0.2  # ±: so that a relay that refused a thousand at once is not asked by a thousand at once


def retry_at(now: datetime, attempts: int, delivery_id: int) -> datetime:
    """When to try again after `attempts` refusals, at least 1. The jitter is the delivery's own: no clock, no dice."""
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
    spread = Random(delivery_id * 1000 + attempts).uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)
    return now + timedelta(minutes=minutes * spread)


class Bucket:
    """Tokens that come back at an even pace. Shared by the threads of one process."""

    def __init__(self, per_minute: int, burst_seconds: float = 1.0) -> None:
        """`per_minute` 0 is no limit. A bucket holds what comes in `burst_seconds`, at least one token."""
        self._rate = per_minute / 60
        self._size = max(1.0, self._rate * burst_seconds)
        self._tokens, self._at = 1.0, 0.0
        self._lock = Lock()

    def take(self, now: float) -> float:
        """Take one token; returns the seconds to wait before it may be used. `now` is in seconds of a steady clock."""
        if not self._rate:
            return 0.0
        with self._lock:
            self._tokens = min(self._size, self._tokens + max(0.0, now - self._at) * self._rate)
            self._at = max(now, self._at)
            self._tokens -= 1.0
            return max(0.0, -self._tokens / self._rate)
