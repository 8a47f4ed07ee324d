"""What a newsletter wants of a day: how many stories, of which words, on which days. Keys of [[newsletters]]."""

import re
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from newsletter.config.section import Section
from newsletter.config.words import Clock, Line, Name

SATURDAY = 5
HOLIDAY = re.compile(r"(?:\d{4}-)?\d\d-\d\d(?:\.\.(?:\d{4}-)?\d\d-\d\d)?")


def _holiday(value: str) -> str:
    first, _, last = value.partition("..")
    try:
        ends = [date.fromisoformat(end if len(end) > 5 else f"2024-{end}") for end in (first, last or first)]
        if not HOLIDAY.fullmatch(value) or len(first) != len(last or first) or ends[0] > ends[1]:
            raise ValueError
    except ValueError as error:
        raise ValueError(f"{value!r} is no holiday; write 12-25, 2026-04-03 or 2026-12-24..2026-12-26") from error
    return value


Holiday = Annotated[str, AfterValidator(_holiday)]


class SectionRule(Section):
    """One section of an issue: its name, the fewest picks it wants and the most it may have. A light one closes it."""

    name: Name
    min: int = Field(default=0, ge=0)
    max: int | None = Field(default=None, ge=1)
    light: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}")
        return self


class Weekend(Section):
    """What is different on Saturdays and Sundays; a key that is not there is as on weekdays."""

    draft_at: Clock | None = None
    send_at: Clock | None = None
    max_articles: int | None = Field(default=None, ge=1, le=40)
    min_articles: int | None = Field(default=None, ge=1)


class Picking(Section):
    """The keys of a newsletter that say what is picked for it, and the days on which nothing is."""

    max_articles: int = Field(default=10, ge=1, le=40)
    min_articles: int = Field(default=3, ge=1)
    max_per_source: int = Field(default=40, ge=1, le=40)
    half_life_hours: float = Field(default=12.0, gt=0)
    wanted: tuple[Line, ...] = Field(default=(), strict=False)
    unwanted: tuple[Line, ...] = Field(default=(), strict=False)
    widen_days: int = Field(default=0, ge=0, le=14)
    holidays: tuple[Holiday, ...] = Field(default=(), strict=False)
    weekend: Weekend = Weekend()
    sections: tuple[SectionRule, ...] = Field(default=(), strict=False)

    def holiday_on(self, day: date) -> str | None:
        """The entry of `holidays` that `day` falls under, if one does: "12-25" is every year's."""
        for words in self.holidays:
            first, _, last = words.partition("..")
            shown = day.isoformat() if len(first) > 5 else f"{day:%m-%d}"
            if first <= shown <= (last or first):
                return words
        return None

    def most_on(self, day: date) -> int:
        """`max_articles`, or the weekend's."""
        return (_is_weekend(day) and self.weekend.max_articles) or self.max_articles

    def least_on(self, day: date) -> int:
        """`min_articles`, or the weekend's, and never more than may be picked."""
        return min((_is_weekend(day) and self.weekend.min_articles) or self.min_articles, self.most_on(day))


def _is_weekend(day: date) -> bool:
    return day.weekday() >= SATURDAY
