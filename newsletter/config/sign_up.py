"""The table [sign_up]: how often the form may be used, and on whose pages it stands."""

from typing import Annotated

from pydantic import AfterValidator, Field

from newsletter.config.section import Section
from newsletter.config.words import origin


class SignUp(Section):
    """What holds for every newsletter's form; an hour is one of the clock, of one process."""

    network_an_hour: int = Field(default=30, ge=1)
    site_an_hour: int = Field(default=2_000, ge=1)
    sites: tuple[Annotated[str, AfterValidator(origin)], ...] = Field(default=(), strict=False)
