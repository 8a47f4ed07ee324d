"""What every table of config.toml is made from."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """What every table of the file shares: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
