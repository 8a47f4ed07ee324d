"""What the templates of an issue may name; docs/template-authors.md lists it for those who write them. Pure."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from newsletter import links
from newsletter.config import Site
from newsletter.issues.contents import LEAD_TOLD, TOLD, Contents, Item
from newsletter.rendering import colours, fonts, fragments, layout, slots
from newsletter.wordbook import Wordbook

LEAD_WORDS = (60, LEAD_TOLD)  # of the body, at least and at most
STORY_WORDS = (40, TOLD)  # of a story without a standfirst
LONG_ISSUE = 9  # so many stories, and a list of them stands at the top
COLUMN = 600  # pixels that words and pictures have
THUMB = 160
INBOX_CHARACTERS = 150  # what an inbox shows of preheader and body; filled up so that the body does not leak into it
_SIDES = {"ltr": "\u200e", "rtl": "\u200f"}  # marks that take no room
_STRAIGHT, _TURNED = Markup(""), {"ltr": Markup(' dir="ltr"'), "rtl": Markup(' dir="rtl"')}
_FILLER = "\u034f\u200c\u00a0"  # takes room in an inbox, and shows nothing


def of(contents: Contents, site: Site) -> dict[str, Any]:
    """The values by their names."""
    words = Wordbook(contents.language, contents.words)
    return {
        "issue": contents,
        "layout": layout.arrange(contents),
        "design": contents.look.design,
        "wordbook": words,
        "reader_name": slots.NAME,
        "unsubscribe_url": links.unsubscribe(site, slots.UNSUBSCRIBE),
        "preferences_url": links.preferences(site, slots.PREFERENCES),
        **_sayings(contents, words),
        **_stories(contents, words),
        **_dress(contents, words),
    }


def _sayings(contents: Contents, words: Wordbook) -> dict[str, Any]:
    """Words about the issue as a whole."""
    return {
        "date": words.long_date(contents.day),
        "intro": fragments.from_markdown(contents.intro),
        "signature": fragments.line_from_markdown(contents.signature),
        "sponsor_text": fragments.from_markdown(contents.sponsor.text) if contents.sponsor else Markup(""),
        "filler": _FILLER * max(0, INBOX_CHARACTERS - len(contents.preheader)),
        "listed": partial(_listed, words),
        "write_to_us": partial(_write_to_us, contents, words),
        "host": lambda url: urlsplit(url).hostname or url,
    }


def _stories(contents: Contents, words: Wordbook) -> dict[str, Any]:
    """What is said of one story: each is a function of an item."""
    in_line = partial(_in_line, words.direction)
    return {
        "in_line": in_line,
        "is_long": len(contents.items) >= LONG_ISSUE,
        "lead_text": _lead_text(contents.lead),
        "short_text": short_text,
        "note": lambda item: fragments.from_markdown(item.note),
        "credit": lambda item: in_line(_credit(contents.site_name, item)),
        "brief_credit": lambda item: in_line(_brief_credit(contents.site_name, item)),
        "wide": partial(_size, COLUMN),
        "small": partial(_size, THUMB),
    }


def _dress(contents: Contents, words: Wordbook) -> dict[str, Any]:
    """Direction, type and colours."""
    right_to_left = words.direction == "rtl"
    return {
        "dir": words.direction,
        "start": "right" if right_to_left else "left",
        "end": "left" if right_to_left else "right",
        "arrow": "←" if right_to_left else "→",
        "letters_join": right_to_left,  # Arabic falls apart when its letters are spaced
        "turned": partial(_turned, words.direction),
        "family": partial(fonts.families, contents.look.font),
        "sans": fonts.families("sans", "sans"),
        "accent": colours.on_light(contents.accent),
        "dark_accent": colours.on_dark(contents.accent),
        "paper": colours.PAPER,
        "dark_paper": colours.DARK_PAPER,
    }


def short_text(item: Item) -> str:
    """A story's standfirst, or the first words of its body."""
    least, most = STORY_WORDS
    return item.standfirst or fragments.plain(fragments.excerpt(item.body, at_least=least, at_most=most))


def _lead_text(lead: Item | None) -> Markup:
    least, most = LEAD_WORDS
    body, standfirst = (lead.body, lead.standfirst) if lead else ("", "")
    return fragments.excerpt(body, at_least=least, at_most=most, without=standfirst)


def _credit(own_name: str, item: Item) -> str:
    """Who tells it: another paper by its name, a piece of our own by its writer's."""
    return item.author if item.source == own_name and item.author else item.source


def _brief_credit(own_name: str, item: Item) -> str:
    """The same in one word for a line: our own piece by the section it would have stood in."""
    return item.section if item.source == own_name and item.section else item.source


def _listed(words: Wordbook, things: Iterable[Any], said: Callable[[Any], str]) -> str:
    """ "A, B and C": each of `things` as the macro `said` says it; links stay links."""
    parts = [said(thing) for thing in things]
    if any(isinstance(part, Markup) for part in parts):
        return Markup(words.listed([str(escape(part)) for part in parts]))  # noqa: S704 - each part is escaped
    return words.listed(parts)


def _write_to_us(contents: Contents, words: Wordbook, opinion: str) -> str:
    """A link that opens a mail to the newsletter, with a reader's opinion of the issue as its subject."""
    return links.letter(contents.reply_to, f"{words.gettext(opinion)}: {contents.title}, {contents.day.isoformat()}")


def _size(widest: int, item: Item) -> tuple[int, int]:
    """Width and height in which a picture of the item is shown, never blown up; a height of 0 is not known."""
    width = min(widest, item.image_width or widest)
    return width, round(width * item.image_height / item.image_width) if item.image_width else 0


def _in_line(direction: str, name: str) -> str:
    """A name within a line; one that runs the other way gets a mark, so that what follows it stays on its side."""
    own = fragments.direction(name)
    return name + _SIDES[direction] if own and own != direction else name


def _turned(direction: str, text: str) -> Markup:
    """The attribute for words that run against the issue's direction: ` dir="rtl"`; else nothing."""
    own = fragments.direction(text)
    return _TURNED[own] if own and own != direction else _STRAIGHT
