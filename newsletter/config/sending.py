"""The table [sending] and its [[sending.lanes]]: how many senders, how fast, and when they stop by themselves."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from newsletter.config.section import Section
from newsletter.config.words import Domain


class LaneRule(Section):
    """A limit for the readers of some domains; naming one of a provider's domains means all of that provider's."""

    domains: tuple[Domain, ...] = Field(min_length=1, strict=False)
    messages_per_minute: int = Field(ge=1)


class Sending(Section):
    """What holds for all relays together, and for all processes on the database."""

    senders: int = Field(default=1, ge=1, le=64)
    messages_per_minute: int = Field(default=0, ge=0)
    warm_up: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(), strict=False)
    warm_up_from: date | None = None
    refused_share: float = Field(default=0.2, ge=0, le=1)
    refused_after: int = Field(default=200, ge=10)
    lanes: tuple[LaneRule, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _warm_up_has_a_first_day(self) -> Self:
        if bool(self.warm_up) != (self.warm_up_from is not None):
            raise ValueError("warm_up and warm_up_from go together: how many on each day, and which day is the first")
        return self
