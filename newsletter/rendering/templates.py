"""Jinja as templates here use it: sandboxed, escaping, and strict about names it does not know.

A project's own templates/ folder is looked in first, then ours. Each line of a .mjml template that begins with a tag
leaves a mark with its file and line in the output, so that `mjml.lint` can say where a fault was written.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from typing import Any

import jinja2
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from newsletter import templates_folder
from newsletter.errors import TemplateError
from newsletter.rendering import fragments

_LINE_WITH_A_TAG = re.compile(r"^(\s*)(?=</?[a-zA-Z])")
SHARED = "mail"  # the folder of parts that designs share
_FAULTS = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


class Templates:
    """The templates of a project."""

    def __init__(self, project: Path) -> None:
        """`project` is the folder of config.toml; its templates/ may be missing."""
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(templates_folder.folders(project)),
            autoescape=lambda name: not (name or "").endswith(".txt"),
            undefined=jinja2.StrictUndefined,
            finalize=_printable,
            extensions=["jinja2.ext.i18n", _LineMarks],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        install_words(self._environment)

    def render(self, name: str, **values: Any) -> str:
        """The text of the template `name` ("digest/issue.mjml"). Raises TemplateError with file and line."""
        try:
            return self._environment.get_template(name).render(**values)
        except jinja2.TemplateNotFound as error:
            raise TemplateError(f"There is no template {error.name}; the folder templates/ should hold it.") from error
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{error.name or name}, line {error.lineno}: {_sentence(error.message)}") from error
        except _FAULTS as error:
            raise TemplateError(f"{self._place(error, name)}: {_sentence(str(error))}") from error

    def digest(self, *folders: str) -> str:
        """SHA-256, in hex, of every template under `folders`: what an issue was made from."""
        under = tuple(f"{folder}/" for folder in folders)
        names = [name for name in self._environment.list_templates() if name.startswith(under)]
        hashed = sha256()
        for name in names:
            hashed.update(f"{name}\0{self._source(name)}\0".encode())
        return hashed.hexdigest()

    def _source(self, name: str) -> str:
        assert self._environment.loader is not None
        return self._environment.loader.get_source(self._environment, name)[0]

    def _place(self, error: Exception, name: str) -> str:
        """File and line of the innermost template that an error went through."""
        names = self._environment.list_templates()
        for frame in reversed(extract_tb(error.__traceback__)):
            for known in names:
                if Path(frame.filename).as_posix().endswith(f"/{known}"):
                    return f"{known}, line {frame.lineno}"
        return name


def install_words(environment: jinja2.Environment) -> None:
    """Let templates of `environment` say `_("Read on")`: in the words of the `wordbook` that they are rendered with."""
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]


@jinja2.pass_context
def _gettext(context: Context, english: str) -> str:
    return _escaped(context, context["wordbook"].gettext(english))


@jinja2.pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _escaped(context, context["wordbook"].ngettext(one, many, number))


def _escaped(context: Context, words: str) -> str:
    """Words are words: a publisher's own may hold an ampersand, and none holds a tag."""
    return escape(words) if context.eval_ctx.autoescape else words


class _LineMarks(Extension):
    """Puts `<!--@file:line-->` before each tag that begins a line of a .mjml template."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        if not (name or "").endswith(".mjml"):
            return source
        return "\n".join(_marked(source.split("\n"), name or ""))


def _marked(lines: Iterable[str], name: str) -> Iterable[str]:
    for number, line in enumerate(lines, start=1):
        yield _LINE_WITH_A_TAG.sub(rf"\1<!--@{name}:{number}-->", line)


def _printable(value: Any) -> Any:
    """What Jinja does with each value before it escapes it."""
    if isinstance(value, Markup):
        return Markup(fragments.printable(value))  # noqa: S704 - it was markup before
    return fragments.printable(value) if isinstance(value, str) else value


def _sentence(message: str | None) -> str:
    return f"{message or 'this is no template'}".rstrip(".") + "."
