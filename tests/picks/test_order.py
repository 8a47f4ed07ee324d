"""Our order beside an editor's, on real feeds."""

from pathlib import Path
from statistics import mean

import pytest

from benchmarks.order import CLEARLY, hits


@pytest.mark.proof
@pytest.mark.shared
@pytest.mark.timeout(900)
def test_our_order_is_nearer_to_an_editors_than_newest_first_and_chance(shared: Path):
    """Of our first ten, far more tell a story of the outlet's own first ten, though its feed was not asked."""
    ours, newest, chance = (
        mean(mean(days) for days in by_outlet.values()) for by_outlet in hits(shared / "data" / "feeds", 3).values()
    )
    assert ours >= CLEARLY * max(newest, chance)
