"""What an issue holds, as plain values: the one thing that templates, pages, previews and checks read.

It is made from rows by `assemble.contents` and knows no database; two equal Contents give the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

WORDS_A_MINUTE = 230
TOLD = 80  # words of a story without a standfirst that stand in the mail, at most
LEAD_TOLD = 120  # of the lead's body


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
    image_width: int = 0  # pixels of the file; 0 where they are not known
    image_height: int = 0
    is_update: bool = False  # it goes on with a story of an earlier issue
    is_paid: bool = False  # its page wants a subscription
    score: float = 0.0  # its points: which story leads, and is named first in a subject
    note: str = ""  # Markdown, by the editor


@dataclass(frozen=True)
class SectionOfItems:
    """A section and its items, in order. The lead is not among them."""

    name: str
    items: tuple[Item, ...]
    is_light: bool = False  # "And finally": it closes the issue, whatever its length


@dataclass(frozen=True)
class Sponsor:
    """A paid slot, always marked as one by its `label`, and never among the stories."""

    label: str  # "" for the word that the language has for it
    text: str  # Markdown
    url: str
    image: str = ""  # an absolute address, or ""
    image_alt: str = ""
    image_size: tuple[int, int] = (0, 0)  # width and height in pixels; zeros for another server's, which nobody asked


@dataclass(frozen=True)
class Logo:
    """It stands in the place of the title."""

    url: str
    alt: str
    width: int  # pixels
    height: int = 0  # the same; 0 for another server's picture, which nobody asked


@dataclass(frozen=True)
class Look:
    """How the issue is dressed, as config.toml says."""

    design: str = "digest"  # the folder of its templates
    font: str = ""  # "serif", "sans", a list of families, or "" for the design's own
    logo: Logo | None = None


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
    look: Look = Look()
    sponsor: Sponsor | None = None
    reply_to: str = ""  # where readers may write to; "" asks them nothing
    words: Mapping[str, str] = field(default_factory=dict)  # the newsletter's own, by key (`wordbook.keys`)

    @property
    def items(self) -> tuple[Item, ...]:
        """Every item, the lead first, in the order of the mail."""
        rest = tuple(item for section in self.sections for item in section.items)
        return (self.lead, *rest) if self.lead else rest

    @cached_property
    def minutes(self) -> int:
        """To read the issue itself, at least 1: its words as they stand in the mail."""
        words = sum(_words_told(item) for item in self.items) + len(self.intro.split())
        lead_words = min(len(self.lead.body.split()), LEAD_TOLD) if self.lead else 0
        return max(1, round((words + lead_words) / WORDS_A_MINUTE))


def _words_told(item: Item) -> int:
    told = len(item.standfirst.split()) or min(len(item.body.split()), TOLD)
    return len(item.title.split()) + told + len(item.note.split())
