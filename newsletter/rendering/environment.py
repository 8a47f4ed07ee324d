"""Jinja as templates here use it: sandboxed, escaping, strict about names it does not know, and in the reader's words.

Issues, notices, readers' pages and the desk are all made by it. A project's own templates/ folder is looked in first,
then ours, so a publisher may change any of them.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from newsletter import templates_folder
from newsletter.rendering import kept
from newsletter.rendering.plaintext import Footnotes

_PLAIN = frozenset({FunctionType, MethodType, partial})  # functions, all of them ours
_TO_ESCAPE = re.compile("[&<>\"']")


def of_project(project: Path, *extensions: type[Extension]) -> jinja2.Environment:
    """The environment of a project, which is the folder of config.toml; its templates/ may be missing.

    All but .txt files are escaped. `_("Read on")` in them is said in the words of the `wordbook` that they are rendered
    with.
    """
    environment = _Sandbox(
        loader=jinja2.FileSystemLoader(templates_folder.folders(project)),
        bytecode_cache=kept.compiled(repr(extensions), __file__),
        autoescape=lambda name: not (name or "").endswith(".txt"),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", *extensions],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=_gettext, gettext=_gettext, ngettext=_ngettext)
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # {% trans %} lets them lay in the values
    return environment


class _Code(CodeGenerator):
    """Jinja's compiler, but for what stands around each printed value: a text is escaped without being wrapped."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("environment.escaped(")
        else:
            super()._output_child_pre(node, frame, finalize)


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox that asks once, for each attribute of a type, whether templates may have it.

    Jinja's own answer depends on nothing else, and costs most of what naming an attribute costs. It also looks at each
    called thing for what it might want to be given; a macro and a plain function of `values` want nothing.
    """

    code_generator_class = _Code

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._safe: set[tuple[type, str]] = set()

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As jinja2.sandbox does it, and at once for what it has allowed before."""
        if (type(obj), attribute) in self._safe:
            try:
                return getattr(obj, attribute)
            except AttributeError:
                pass
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As jinja2.sandbox decides; of a text nothing is remembered, since its `format` is wrapped each time."""
        is_safe: bool = super().is_safe_attribute(obj, attr, value)
        if is_safe and not isinstance(obj, str):
            self._safe.add((type(obj), attr))
        return is_safe

    def call(
        self, context: Context, obj: Any, /, *args: Any, _loop_vars: Any = None, _block_vars: Any = None, **kwargs: Any
    ) -> Any:
        """As jinja2.sandbox does it, and at once for what is called most; that asks for no names of loops around it."""
        kind = type(obj)
        if (kind in _PLAIN and not obj.__dict__) or kind is Footnotes:  # where a function would say what it wants
            return obj(*args, **kwargs)
        if kind is Macro:
            return obj(context.eval_ctx, *args, **kwargs)
        if obj is _gettext or obj is _ngettext:
            return obj(context, *args, **kwargs)
        return super().call(context, obj, *args, _loop_vars=_loop_vars or {}, _block_vars=_block_vars or {}, **kwargs)

    @staticmethod
    def escaped(value: Any) -> str:
        """What is printed of a value where it stands among tags."""
        if type(value) is Markup:
            return value
        if type(value) is str and _TO_ESCAPE.search(value) is None:
            return value
        return escape(value)


@jinja2.pass_context
def _gettext(context: Context, english: str, **values: object) -> str:
    return _laid_in(_escaped(context, context["wordbook"].gettext(english)), values)


@jinja2.pass_context
def _ngettext(context: Context, one: str, many: str, num: int, **values: object) -> str:
    return _laid_in(_escaped(context, context["wordbook"].ngettext(one, many, num)), {"num": num, **values})


def _laid_in(words: str, values: Mapping[str, object]) -> str:
    if "%" not in words:
        return words
    if not isinstance(words, Markup):
        return words % values
    # As Markup's own % does it for values that are no tuples and have no format of their own, in a third of the time
    return Markup(str(words) % {name: v if type(v) is int else escape(v) for name, v in values.items()})  # noqa: S704


def _escaped(context: Context, words: str) -> str:
    """Words are words: a publisher's own may hold an ampersand, and none holds a tag."""
    return escape(words) if context.eval_ctx.autoescape else words
