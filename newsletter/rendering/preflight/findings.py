"""What a rule is given and what it gives back: a Case to look at, faults in words, findings with a level."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from lxml import html as lxml_html

from newsletter.config import Collecting
from newsletter.issues.before import Before
from newsletter.issues.contents import Contents
from newsletter.rendering.preflight import css
from newsletter.rendering.preflight.support import Support


class Level(StrEnum):
    """How grave it is: `block` stops the send, `warn` should be looked at, `note` is good to know."""

    BLOCK = "block"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True)
class Fault:
    """What a rule found: `message` says what to do; `where` is a part of the edition, a picture or an address."""

    message: str
    where: str = ""


@dataclass(frozen=True)
class Finding:
    """A fault with the rule that found it and the level that the config gives that rule."""

    rule: str
    level: Level
    message: str
    where: str = ""


class Form(Protocol):
    """An edition, as it comes from `render` or out of the store."""

    @property
    def subject(self) -> str:
        """The subject."""

    @property
    def preheader(self) -> str:
        """What inboxes show after it."""

    @property
    def html(self) -> str:
        """The HTML part, its marks not filled yet."""

    @property
    def text(self) -> str:
        """The text part, likewise."""


@dataclass(frozen=True)
class Answer:
    """What was heard of an address: an HTTP status, or 0 and the reason in words."""

    status: int
    why: str = ""


@dataclass(frozen=True)
class Case:
    """What the rules look at. Whatever is None is not looked at."""

    form: Form
    contents: Contents
    site_url: str
    min_articles: int
    support: Support
    message: EmailMessage | None = None  # as the first reader would get it, parsed with `email.policy.default`
    media_dir: Path | None = None
    before: Before | None = None
    collecting: Collecting = field(default_factory=Collecting)
    lost: Mapping[str, str] = field(default_factory=dict)  # pictures that could not be had, with the reason
    answers: Mapping[str, Answer] | None = None  # of others' addresses, where somebody looked outside

    @cached_property
    def page(self) -> lxml_html.HtmlElement:
        """The HTML, parsed; an empty paragraph where there is none."""
        return lxml_html.document_fromstring(self.form.html or "<p></p>")

    @cached_property
    def anchors(self) -> list[lxml_html.HtmlElement]:
        """Every element that leads somewhere, in the order of the mail."""
        return [link for link in self.page.iter("a") if link.get("href")]

    @cached_property
    def links(self) -> list[str]:
        """Every address that can be followed, once, in the order of the mail."""
        return list(dict.fromkeys(str(link.get("href")) for link in self.anchors))

    @cached_property
    def pictures(self) -> list[lxml_html.HtmlElement]:
        """Every <img>, in the order of the mail."""
        return list(self.page.iter("img"))

    @cached_property
    def styles(self) -> list[css.Ruleset]:
        """What stands in the mail's <style> elements; those for some media only carry its condition."""
        return [
            ruleset
            for style in self.page.iter("style")
            for ruleset in css.rulesets(str(style.text or ""), media=str(style.get("media", "")))
        ]

    @cached_property
    def words(self) -> str:
        """What a reader of the HTML part can read."""
        hidden = {"style", "script", "head", "title"}
        body = self.page.find("body")
        found = body.xpath(".//text()") if body is not None else []
        return " ".join(str(t) for t in found if (t.getparent().tag if t.is_text else "") not in hidden)

    @property
    def host(self) -> str:
        """Our own."""
        return urlsplit(self.site_url).hostname or ""


def squeezed(text: str) -> str:
    """`text` with one space between its words."""
    return " ".join(text.split())


def is_web(link: str) -> bool:
    """Whether an address is one of the web."""
    return link.startswith(("https://", "http://"))


def host_of(link: str) -> str:
    """The host of an address, "" where it is none."""
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""
