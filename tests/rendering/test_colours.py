"""Whatever accent a publisher takes can be read, by day and by night."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.colours import BLACK, DARK_PAPER, PAPER, WHITE, contrast, on_dark, on_light


@given(st.integers(0, 0xFFFFFF))
def test_every_accent_can_be_read_on_every_paper(number: int) -> None:
    """4.5:1 at least (WCAG 2.1, level AA)."""
    accent = f"#{number:06x}"
    assert all(contrast(on_light(accent), paper) >= 4.5 for paper in (PAPER, WHITE))
    assert all(contrast(on_dark(accent), paper) >= 4.5 for paper in (DARK_PAPER, BLACK))


def test_a_good_accent_is_left_as_it_is() -> None:
    """The publisher's own red stays that red by day."""
    assert on_light("#9c2b1f") == "#9c2b1f"


@pytest.mark.parametrize(("one", "other", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)])
def test_contrast_is_as_the_guidelines_count_it(one: str, other: str, ratio: float) -> None:
    """Known pairs."""
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
