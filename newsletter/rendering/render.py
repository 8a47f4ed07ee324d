"""An issue's contents → the edition that every reader gets: Jinja → MJML → inlined CSS, and the text part beside it.

Pure but for reading the templates: the same contents, site and templates give the same bytes. It runs once for an
edition; a reader's own links stand in it as marks (`slots`) and are laid in while sending.
"""

from dataclasses import dataclass
from typing import Any

from newsletter.config import Site
from newsletter.errors import TemplateError
from newsletter.issues.contents import Contents
from newsletter.rendering import inline, mjml, plaintext, shapes, values
from newsletter.rendering.templates import SHARED, Templates


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
    named, design = values.of(contents, site), contents.look.design
    return Rendered(
        subject=contents.subject,
        preheader=contents.preheader,
        html=_html(templates, f"{design}/issue.mjml", named),
        text=_text(templates, f"{design}/issue.txt", named),
        template_digest=templates.digest(design, SHARED),
    )


def _html(templates: Templates, name: str, named: dict[str, Any]) -> str:
    source = mjml.numbered_entities(templates.render(name, **named))
    try:
        return shapes.html(source, _converted)
    except TemplateError:
        mjml.lint(templates.render_marked(name, **named))  # the same, with the place
        raise


def _converted(source: str) -> str:
    mjml.lint(source)
    rest, css = inline.take_out(source)
    return inline.put_in(mjml.to_html(rest), css)


def _text(templates: Templates, name: str, named: dict[str, Any]) -> str:
    notes = plaintext.Footnotes()
    text = templates.render(
        name,
        **named,
        notes=notes,
        wrapped=plaintext.wrapped,
        numbered=plaintext.numbered,
        paragraphs=lambda fragment, margin="": plaintext.paragraphs(fragment, notes, margin),
    )
    return plaintext.tidy(text)
