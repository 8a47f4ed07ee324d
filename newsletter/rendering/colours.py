"""The one accent colour, made readable on light and on dark paper.

Contrast is WCAG 2.1's: the ratio of relative luminances, 1 to 21; 4.5 is what text needs.
"""

from functools import lru_cache

PAPER = "#fbf9f4"
DARK_PAPER = "#1a1917"
WHITE = "#ffffff"  # some clients put their own white or black under a mail
BLACK = "#000000"
ENOUGH = 4.5
ENOUGH_AT_NIGHT = 5.5  # thin light letters on dark paper want more
_STEPS = 50


@lru_cache(maxsize=64)
def on_light(accent: str) -> str:
    """`accent`, darkened as little as it takes to be read on our paper and on white."""
    return _readable(accent, towards=BLACK, papers=(PAPER, WHITE), enough=ENOUGH)


@lru_cache(maxsize=64)
def on_dark(accent: str) -> str:
    """`accent`, lightened as little as it takes to be read on our dark paper and on black."""
    return _readable(accent, towards=WHITE, papers=(DARK_PAPER, BLACK), enough=ENOUGH_AT_NIGHT)


def contrast(one: str, other: str) -> float:
    """From 1.0 (the same) to 21.0 (black on white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(maxsize=1024)  # a mail has thousands of words and a dozen colours
def turned(colour: str) -> str:
    """The same colour with its lightness turned round (CIE L*), as mail programs do that darken a mail themselves."""
    wanted = 100 - _lightness(colour)
    towards = WHITE if wanted > _lightness(colour) else BLACK
    mixes = (_mixed(colour, towards, step / _STEPS) for step in range(_STEPS + 1))
    return min(mixes, key=lambda mix: abs(_lightness(mix) - wanted))


def is_light(colour: str) -> bool:
    """Whether dark words would stand on it better than light ones."""
    return _lightness(colour) > 50


def _readable(colour: str, *, towards: str, papers: tuple[str, ...], enough: float) -> str:
    mixes = (_mixed(colour, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if all(contrast(mix, paper) >= enough for paper in papers))


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _lightness(colour: str) -> float:
    """CIE 1976 L*, from 0 (black) to 100 (white)."""
    luminance = _luminance(colour)
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
