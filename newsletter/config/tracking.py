"""The table [tracking]: how long is kept what came back."""

from datetime import timedelta

from pydantic import Field

from newsletter.config.section import Section


class Tracking(Section):
    """What holds for every newsletter."""

    keep_clicks_days: int = Field(default=180, ge=2, le=3_660)

    @property
    def clicks_are_kept(self) -> timedelta:
        """For how long it is known who followed which link."""
        return timedelta(days=self.keep_clicks_days)
