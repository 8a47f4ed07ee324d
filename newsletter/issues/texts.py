"""The words of an issue that editors write: what a form sent, laid over what stands there now. All of it is pure.

A form says of each field what it showed. Where somebody else has written there since, neither word is lost: the new
one stays, and whoever came later is shown both. The other fields of the form go through.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from newsletter.errors import Refused
from newsletter.issues.contents import Sponsor
from newsletter.issues.edits import Field
from newsletter.sources import clean

LONGEST = {
    Field.TITLE: 300,
    Field.STANDFIRST: 2000,
    Field.IMAGE_ALT: 500,
    Field.NOTE: 2000,
    Field.IS_PAID: 10,
    Field.SUBJECT: 300,
    Field.PREHEADER: 300,
    Field.INTRO: 2000,
    Field.SIGNATURE: 300,
    Field.SPONSOR: 5000,
}
OF_ARTICLE = (Field.TITLE, Field.STANDFIRST, Field.IMAGE_ALT, Field.NOTE, Field.IS_PAID)
OF_ISSUE = (Field.SUBJECT, Field.PREHEADER, Field.INTRO, Field.SIGNATURE, Field.SPONSOR)
IN_PARAGRAPHS = (Field.NOTE, Field.INTRO)  # Markdown: its line breaks mean something
NEVER_EMPTY = (Field.TITLE, Field.SUBJECT, Field.PREHEADER)  # an empty one is the source's or the machine's again
YES = "yes"


@dataclass(frozen=True)
class Text:
    """One field: as it stands, and as it was without editors."""

    now: str
    own: str


@dataclass(frozen=True)
class Said:
    """One field of a form: what it showed, and what it sent."""

    field: Field
    seen: str
    said: str


@dataclass(frozen=True)
class Conflict:
    """Two editors wrote in one field: `theirs` stands there, `mine` came later."""

    field: Field
    mine: str
    theirs: str


def merged(form: Iterable[Said], texts: Mapping[Field, Text]) -> tuple[dict[Field, Any], list[Conflict]]:
    """The values to write down, and the fields in which somebody else was quicker. Raises Refused for a bad value."""
    values: dict[Field, Any] = {}
    conflicts = []
    for one in form:
        text, said = texts[one.field], tidy(one.field, one.said)
        if said in (tidy(one.field, one.seen), text.now):
            continue
        if tidy(one.field, one.seen) != text.now:
            conflicts.append(Conflict(one.field, said, text.now))
            continue
        values[one.field] = _value(one.field, said, text.own)
    return values, conflicts


def tidy(field: Field, words: str) -> str:
    """A field's words as we keep them: without what no reader can see, on one line unless it is Markdown.

    Raises Refused for words that are too long.
    """
    words = clean.printable(words.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(words) > LONGEST[field]:
        raise Refused(f"The {field.replace('_', ' ')} has {len(words):,} characters; {LONGEST[field]:,} are the most.")
    return words if field in IN_PARAGRAPHS else " ".join(words.split())


def sponsor_in_words(sponsor: Sponsor | None) -> str:
    """A sponsor's slot as the text of a field; "" for none."""
    if sponsor is None:
        return ""
    typed = {name: value for name, value in asdict(sponsor).items() if name != "image_size"}
    return json.dumps(typed, sort_keys=True, ensure_ascii=False)


def sponsor(label: str, text: str, url: str, image: str, image_alt: str) -> str:
    """The same from a form's five fields. Raises Refused for one that readers could not use; "" where text is empty."""
    text = clean.printable(text).strip()
    if not text:
        return ""
    for name, address in (("link", url), ("picture", image)):
        if (address or name == "link") and not address.strip().lower().startswith(("https://", "http://")):
            raise Refused(f"The sponsor's {name} is no address of the web: begin it with https://.")
    label, image_alt = clean.line(label, 100), clean.line(image_alt, 300)
    return sponsor_in_words(Sponsor(label, text[:1000], clean.web_url(url), clean.web_url(image), image_alt))


def _value(field: Field, said: str, own: str) -> Any:
    """What is written down; None where it is as it was without editors."""
    if said == own or (not said and field in NEVER_EMPTY):
        return None
    if field is Field.IS_PAID:
        return said == YES or None
    if field is Field.SPONSOR:
        return json.loads(said) if said else False
    return said
