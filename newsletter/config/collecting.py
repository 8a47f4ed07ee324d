"""The tables [collecting] and [[sources]]: where articles come from, and the bounds for what strangers serve us."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from newsletter.config.section import Section
from newsletter.config.words import FeedAddress, Line, Name, OptionalPath, Slug, ZoneOrEmpty

PLACES: dict[str, tuple[str, str]] = {
    "folder": ("path", "a folder has `path` and no `url`"),
    "feed": ("url", "a feed has `url` and no `path`"),
    "push": ("", "articles are pushed to it: it has neither `url` nor `path`"),
}


class Collecting(Section):
    """Bounds for what strangers serve us, and manners towards them."""

    private_networks: tuple[str, ...] = Field(default=(), strict=False)
    ca_file: OptionalPath = None
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    max_bytes: int = Field(default=8_000_000, ge=1_000)
    max_items: int = Field(default=500, ge=1)
    check_minutes: int = Field(default=30, ge=1, le=1440)
    connections_per_host: int = Field(default=2, ge=1, le=20)
    pages_per_run: int = Field(default=40, ge=1, le=1000)
    dead_after_days: int = Field(default=3, ge=1, le=90)

    @model_validator(mode="after")
    def _networks_exist(self) -> Self:
        for words in self.private_networks:
            ip_network(words)
        return self

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Private networks that sources may live in."""
        return tuple(ip_network(words) for words in self.private_networks)


class Source(Section):
    """Where articles come from: a folder of files, a feed, or a CMS that pushes them."""

    name: Slug
    title: Line = ""
    kind: Literal["folder", "feed", "push"]
    path: Path | None = Field(default=None, strict=False)
    url: FeedAddress | None = None
    section: Name
    sections: tuple[Name, ...] = Field(default=(), strict=False)
    weight: float = Field(default=1.0, ge=0, le=100)
    timezone: ZoneOrEmpty = ""
    fetch_pages: bool = False
    paid: bool = False

    @model_validator(mode="after")
    def _has_its_place(self) -> Self:
        wanted, words = PLACES[self.kind]
        if {name for name in ("path", "url") if getattr(self, name) is not None} != ({wanted} if wanted else set()):
            raise ValueError(words)
        if self.fetch_pages and self.kind != "feed":
            raise ValueError("`fetch_pages` is for feeds: only their articles have pages elsewhere")
        return self

    @property
    def shown_as(self) -> str:
        """The name that readers see."""
        return self.title or self.name
