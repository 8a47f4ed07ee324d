"""Who decides about an issue, and what becomes of one that nobody has decided about. Keys of [[newsletters]]."""

from typing import Literal

from pydantic import Field

from newsletter.config.section import Section


class Deciding(Section):
    """The keys of a newsletter that are about its editors' decisions."""

    approval: Literal["required", "none"] = "required"
    approvals: int = Field(default=1, ge=1, le=2)
    unapproved: Literal["hold", "send"] = "hold"
    remind_minutes: int = Field(default=20, ge=0, le=720)

    @property
    def waits_for_editors(self) -> bool:
        """Whether an issue that nobody has approved stays where it is when its time comes."""
        return self.approval == "required" and self.unapproved == "hold"
