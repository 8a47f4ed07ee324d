"""What an issue holds, as plain values: the one thing that templates, pages, previews and checks read.

It is made from rows by `assemble.contents` and knows no database; two equal Contents give the same bytes.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Also:
    """Another source that tells the same story."""

    source: str  # as readers know it
    url: str
    title: str


@dataclass(frozen=True)
class Item:
    """One pick as a reader meets it. Text fields are plain text; empty ones close up."""

    position: int  # from 1; 1 is the lead
    section: str
    title: str
    standfirst: str
    body: str  # clean HTML of the whole piece; "" where the source gave none
    url: str  # never empty: a piece without a page of its own has one on our site
    source: str  # as readers know it
    author: str
    image: str  # an absolute address, or ""
    image_alt: str
    minutes: int  # to read the whole piece; 0 where its length is not known
    published_at: datetime
    also: tuple[Also, ...] = ()


@dataclass(frozen=True)
class SectionOfItems:
    """A section and its items, in order. The lead is not among them."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Contents:
    """The whole issue. Reader's own links are not here: `rendering.slots` marks their places."""

    newsletter: str  # the slug
    title: str
    description: str
    day: date
    number: int
    subject: str
    preheader: str
    intro: str  # Markdown, by the editor
    signature: str
    language: str
    accent: str  # #rrggbb
    lead: Item | None
    sections: tuple[SectionOfItems, ...]
    site_name: str
    postal_address: str
    web_view_url: str
    sign_up_url: str
    archive_url: str
    feed_url: str

    @property
    def items(self) -> tuple[Item, ...]:
        """Every item, the lead first, in the order of the mail."""
        rest = tuple(item for section in self.sections for item in section.items)
        return (self.lead, *rest) if self.lead else rest

    @property
    def minutes(self) -> int:
        """To read the issue itself, at least 1: its words as they stand in the mail, 230 a minute."""
        words = sum(len(f"{i.title} {i.standfirst}".split()) for i in self.items) + len(self.intro.split())
        lead_words = min(len(self.lead.body.split()), 120) if self.lead else 0
        return max(1, round((words + lead_words) / 230))
