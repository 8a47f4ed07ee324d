"""An issue's contents → the edition that every reader gets: Jinja → MJML → inlined CSS, and the text part beside it.

Pure but for reading the templates: the same contents, site and templates give the same bytes. It runs once for an
edition; a reader's own links stand in it as marks (`slots`) and are laid in while sending.
"""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from markupsafe import Markup

from newsletter import links
from newsletter.config import Site
from newsletter.issues.contents import Contents, Item
from newsletter.rendering import colours, fragments, inline, layout, mjml, plaintext, slots
from newsletter.rendering.templates import Templates

LEAD_WORDS = (60, 120)  # of the body, at least and at most
STORY_WORDS = (25, 50)  # of a story without a standfirst
INBOX_CHARACTERS = 150  # what an inbox shows of preheader and body; filled up so that the body does not leak into it
_FILLER = "\u034f\u200c\u00a0"  # takes room in an inbox, and shows nothing
_RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Rendered:
    """One rendered form of an issue, with marks where a reader's links go. `template_digest` is SHA-256 in hex."""

    subject: str
    preheader: str
    html: str
    text: str
    template_digest: str


def edition(contents: Contents, templates: Templates, site: Site) -> Rendered:
    """The edition of an issue. Raises TemplateError, with file and line, where a publisher's own template is wrong."""
    values = _values(contents, site)
    return Rendered(
        subject=contents.subject,
        preheader=contents.preheader,
        html=_html(templates.render("digest/digest.mjml", **values)),
        text=_text(templates, values),
        template_digest=templates.digest("digest"),
    )


def _html(source: str) -> str:
    mjml.lint(source)
    rest, css = inline.take_out(source)
    return inline.put_in(mjml.to_html(rest), css)


def _text(templates: Templates, values: dict[str, Any]) -> str:
    notes = plaintext.Footnotes(story.url for story in values["layout"].stories)
    text = templates.render(
        "digest/digest.txt",
        **values,
        notes=notes,
        wrapped=plaintext.wrapped,
        paragraphs=lambda fragment: plaintext.paragraphs(fragment, notes),
    )
    return plaintext.tidy(text)


def _values(contents: Contents, site: Site) -> dict[str, Any]:
    """What a digest's templates may name."""
    arranged = layout.arrange(contents)
    right_to_left = contents.language.split("-")[0].lower() in _RIGHT_TO_LEFT
    return {
        "issue": contents,
        "layout": arranged,
        "date": long_date(contents.day),
        "intro": fragments.from_markdown(contents.intro),
        "lead_text": _lead_text(arranged.lead),
        "short_text": _short_text,
        "credit": partial(_credit, contents.site_name),
        "brief_credit": partial(_brief_credit, contents.site_name),
        "filler": _FILLER * max(0, INBOX_CHARACTERS - len(contents.preheader)),
        "dir": "rtl" if right_to_left else "ltr",
        "start": "right" if right_to_left else "left",
        "end": "left" if right_to_left else "right",
        "accent": colours.on_light(contents.accent),
        "dark_accent": colours.on_dark(contents.accent),
        "paper": colours.PAPER,
        "dark_paper": colours.DARK_PAPER,
        "unsubscribe_url": links.unsubscribe(site, slots.UNSUBSCRIBE),
        "preferences_url": links.preferences(site, slots.PREFERENCES),
    }


def long_date(day: date) -> str:
    """ "Monday, 23 November 2026", whatever the machine's locale."""
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def _lead_text(lead: Item | None) -> Markup:
    least, most = LEAD_WORDS
    body, standfirst = (lead.body, lead.standfirst) if lead else ("", "")
    return fragments.excerpt(body, at_least=least, at_most=most, without=standfirst)


def _short_text(item: Item) -> str:
    """A story's standfirst, or the first words of its body."""
    least, most = STORY_WORDS
    return item.standfirst or fragments.plain(fragments.excerpt(item.body, at_least=least, at_most=most))


def _credit(own_name: str, item: Item) -> str:
    """Who tells it: another paper by its name, a piece of our own by its writer's."""
    return item.author if item.source == own_name and item.author else item.source


def _brief_credit(own_name: str, item: Item) -> str:
    """The same in one word for a line: our own piece by the section it would have stood in."""
    return item.section if item.source == own_name and item.section else item.source
