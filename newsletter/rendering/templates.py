"""The templates of issues: rendered, held against what they were, and blamed by file and line for their faults.

Where an issue's MJML is faulty it is rendered once more, and then each line of a .mjml template that begins with a tag
leaves a mark with its file and line in the output, so that `mjml.lint` can say where the fault was written.
"""

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import jinja2
from jinja2.ext import Extension

from newsletter import templates_folder
from newsletter.errors import TemplateError
from newsletter.rendering import environment, fragments

_LINE_WITH_A_TAG = re.compile(r"^(\s*)(?=</?[a-zA-Z])")
SHARED = "mail"  # the folder of parts that designs share
_FAULTS = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def of_project(project: Path) -> "Templates":
    """The templates of a project, compiled once: a changed file is read anew, and all are when one comes or goes."""
    return _kept(project, tuple(sorted(map(str, (project / "templates").rglob("*")))))


@lru_cache(maxsize=4)
def _kept(project: Path, _names: tuple[str, ...]) -> "Templates":
    return Templates(project)


class Templates:
    """The templates of a project."""

    def __init__(self, project: Path) -> None:
        """`project` is the folder of config.toml; its templates/ may be missing."""
        folders = templates_folder.folders(project)
        self._folders = [Path(folder) for folder in folders]
        self._environment = environment.of_project(project)
        self._marking = environment.of_project(project, _LineMarks)
        self._digests: dict[tuple[str, ...], _Digest] = {}

    def render(self, name: str, **values: Any) -> str:
        """The text of the template `name` ("digest/issue.mjml"). Raises TemplateError with file and line."""
        return self._rendered(self._environment, name, values)

    def render_marked(self, name: str, **values: Any) -> str:
        """The same, where a `.mjml` template's lines tell where they were written: for those who look for a fault."""
        return self._rendered(self._marking, name, values)

    def _rendered(self, environment: jinja2.Environment, name: str, values: Mapping[str, Any]) -> str:
        try:
            return fragments.printable(environment.get_template(name).render(values))
        except jinja2.TemplateNotFound as error:
            raise TemplateError(f"There is no template {error.name}; the folder templates/ should hold it.") from error
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{error.name or name}, line {error.lineno}: {_sentence(error.message)}") from error
        except _FAULTS as error:
            raise TemplateError(f"{self._place(error, name)}: {_sentence(str(error))}") from error

    def digest(self, *folders: str) -> str:
        """SHA-256, in hex, of every template under `folders`: what an issue was made from."""
        known = self._digests.get(folders)
        if known is None or known.stamps != _stamps(known.paths):
            paths = tuple(path for place in self._folders for folder in folders for path in _paths(place / folder))
            known = self._digests[folders] = _Digest(paths, _stamps(paths), self._digest(folders))
        return known.digest

    def _digest(self, folders: tuple[str, ...]) -> str:
        under = tuple(f"{folder}/" for folder in folders)
        hashed = sha256()
        for name in self._environment.list_templates():
            if name.startswith(under):
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


class _Digest(NamedTuple):
    """A digest, and what it holds for: files and folders with what changes when they do."""

    paths: tuple[str, ...]
    stamps: list[tuple[int, int] | None]
    digest: str


def _paths(folder: Path) -> list[str]:
    """A folder and all that is in it; the folder itself even where it is not there yet."""
    return [str(folder), *sorted(map(str, folder.rglob("*")))]


def _stamps(paths: Iterable[str]) -> list[tuple[int, int] | None]:
    """Of each path its time in nanoseconds and its size, or None; a folder's time tells of new files in it."""
    return [_stamp(path) for path in paths]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a dozen of them for each edition, and a Path takes longer than the question
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class _LineMarks(Extension):
    """Puts `<!--@file:line-->` before each tag that begins a line of a .mjml template."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        if not (name or "").endswith(".mjml"):
            return source
        return "\n".join(_marked(source.split("\n"), name or ""))


def _marked(lines: Iterable[str], name: str) -> Iterable[str]:
    for number, line in enumerate(lines, start=1):
        yield _LINE_WITH_A_TAG.sub(rf"\1<!--@{name}:{number}-->", line)


def _sentence(message: str | None) -> str:
    """A fault in a person's words: not those of the class that a value happens to have."""
    said = _NO_ATTRIBUTE.sub(lambda m: f"{_KNOWN_AS.get(m[1], m[1])} has no {m[2]!r}", message or "this is no template")
    for pattern, words in _MISCALLED:
        if found := pattern.match(said):
            said = found.expand(words)
    return said.rstrip(".") + "."


_NO_ATTRIBUTE = re.compile(r"'(?:[\w.]+\.)?(\w+) object' has no attribute '(\w+)'")
_KNOWN_AS = {
    "Contents": "the issue",
    "Item": "an item",
    "SectionOfItems": "a section",
    "Layout": "the layout",
    "TemplateModule": "what was imported",
}
_MISCALLED = [
    (re.compile(r"\w+\(\) missing 1 required .*argument: ('\w+')"), r"what is called here wants one thing more: \1"),
    (re.compile(r"\w+\(\) missing \d+ required .*arguments: (.*)"), r"what is called here wants more: \1"),
    (re.compile(r"\w+\(\) takes .* but \d+ were given"), "what is called here is given too much"),
    (re.compile(r"\w+\(\) got an unexpected keyword argument ('\w+')"), r"what is called here knows no \1"),
]
