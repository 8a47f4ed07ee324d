"""Text → its words, in any script: what of an article is compared. No word lists and no language."""

import re
import unicodedata
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from newsletter.picks.piece import Piece

STEM = 6  # characters of a word that count: "minister" and "ministry" are one
TEXT_WORDS = 260  # of standfirst and body that are read

WORD = re.compile(r"[^\W_]+")
# "2026-11-23", "2026年11月23日"; "23 November 2026", "Nov 23, 2026", "23/11/2026", "11/23/2026"; no COVID-19 of 2020
FULL_DATE = re.compile(
    r"(?<!\d)(?P<year>\d{4})\D{1,2}\d{1,2}\D{1,2}(?P<last>\d{1,2})(?!\d)"
    r"|(?<![\w-])(?P<first>\d{1,2})(?:[./-](?P<second>\d{1,2}))?\D{1,20}(?P<its_year>\d{4})(?!\d)"
)
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Told(NamedTuple):
    """What is read of one article: stems of words, as often as they stand there."""

    source: str
    title: list[str]
    text: list[str]  # of standfirst and body
    small: list[str]  # those of both that begin with a small letter there, so that they are no names

    @property
    def stems(self) -> set[str]:
        """Of headline and text."""
        return {*self.title, *self.text}


def told(piece: Piece) -> Told:
    """The words of the headline but for the day's date, and those of standfirst and text as far as they are read.

    A briefing, a cartoon and a sermon all carry the date in their headlines, and have nothing else in common.
    """
    dates = _dates(piece.published_at.date())
    title = [word for word in found_in(piece.title) if word not in dates]
    text = found_in(f"{piece.standfirst} {piece.text}"[: TEXT_WORDS * 8])[:TEXT_WORDS]
    return Told(piece.source, [stem(w) for w in title], [stem(w) for w in text], _small(title) + _small(text))


def stems(text: str) -> list[str]:
    """The stems of the words of `text`, in their order."""
    return [stem(word) for word in found_in(text)]


def found_in(text: str) -> list[str]:
    """The words of `text` in any script; where a script has no spaces, every two neighbouring characters are one."""
    if text.isascii():
        return [word for word in WORD.findall(text) if len(word) > 1]
    text = unicodedata.normalize("NFKC", text)
    if UNSPACED.search(text) is None:
        return [word for word in WORD.findall(text) if len(word) > 1]
    return [part for word in WORD.findall(text) for part in _parts(word)]


def is_pair(stem: str) -> bool:
    """Whether it is two neighbouring characters of a script without spaces."""
    return UNSPACED.search(stem) is not None


def _parts(word: str) -> list[str]:
    if UNSPACED.search(word):
        return [word[i : i + 2] for i in range(max(len(word) - 1, 1))]
    return [word] if len(word) > 1 else []


@lru_cache(maxsize=32768)  # a language's usual words
def stem(word: str) -> str:
    """The first letters of `word`, small: enough to know "sail" in "Sailing", in any language."""
    return word.casefold()[:STEM]


def _small(words: list[str]) -> list[str]:
    """The stems of those that begin with a small letter, or with one of a script that has no capitals."""
    return [stem(word) for word in words if _begins_small(word[0])]


@lru_cache(maxsize=4096)
def _begins_small(letter: str) -> bool:
    return letter.islower() or UNSPACED.match(letter) is not None


def carries_its_date(title: str, day: date) -> bool:
    """Whether a headline has the very day on which it came out, with its year, in whatever order and language."""
    near = {(d.year, d.day) for d in (day + timedelta(days=n) for n in (-1, 0, 1))}
    return any(
        (int(found["year"] or found["its_year"]), int(number)) in near
        for found in FULL_DATE.finditer(title)
        for number in found.group("last", "first", "second")
        if number
    )


@lru_cache(maxsize=64)
def _dates(day: date) -> frozenset[str]:
    """The numbers in which that day and its neighbours are written, whatever the zone."""
    days = [day + timedelta(days=n) for n in (-1, 0, 1)]
    return frozenset(form for day in days for n in (day.day, day.month, day.year) for form in (str(n), f"{n:02}"))
