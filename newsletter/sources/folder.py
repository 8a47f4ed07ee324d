"""Articles in a folder: the bytes of a .txt, .md or .html file → FoundArticle. Pure but for `files`, which looks.

A text file is headline, date, standfirst and paragraphs, with blank lines between, as newsrooms send it. A Markdown
file may say more in YAML front matter; `page` reads an .html file. A closing line that asks the reader to
sign up is left out: the issue's own footer does that.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from newsletter.errors import FetchError
from newsletter.sources import clean, dates, page
from newsletter.sources.found import FoundArticle

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LONGEST_NAME = 500  # the width of the store's column
LONGEST_SUBHEADING = 80  # characters
LONGEST_STANDFIRST = 400  # a longer second paragraph is the first of the body
LONGEST_FRONT_MATTER = 10_000
SLACK = 10  # characters by which hands wrap unevenly
WRAPPED_WIDTH = 100  # a file with a longer line than this is not wrapped by hand

_LIKELY_ENCODINGS = ["utf_16", "utf_32", "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1256", "gb18030"]
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


def files(folder: Path) -> list[Path]:
    """The article files under `folder`, by name. Hidden ones and drafts that begin with "_" are no articles."""
    if not folder.is_dir():
        raise FetchError(f"There is no folder {folder}; make it, or change `path` in config.toml.")
    try:
        return sorted(path for path in folder.rglob("*") if _is_article(path, folder))
    except OSError as error:
        raise FetchError(f"The folder {folder} can't be listed: {error.strerror}.") from error


def _is_article(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return path.suffix.lower() in _READERS and not any(p.startswith((".", "_", "~")) for p in parts) and path.is_file()


def read(data: bytes, name: str, *, zone: tzinfo, modified_at: datetime) -> FoundArticle:
    """The article in the file `name`, a path relative to its source's folder.

    A date without a zone is in `zone`; a file without a date has `modified_at`. Raises FetchError with the reason.
    """
    reader = _READERS.get(PurePosixPath(name).suffix.lower())
    if reader is None:
        raise FetchError(f"it is no {', '.join(_READERS)} file")
    text = clean.printable(decoded(data))
    if not text.strip():
        raise FetchError("the file is empty")
    fields = reader(text, zone)
    if not fields.get("title"):
        raise FetchError("it has no headline")
    published_at = fields.pop("published_at", None)
    return FoundArticle(
        guid=name if len(name) <= LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest(),
        published_at=published_at or modified_at,
        dated=published_at is not None,
        words=clean.word_count(fields.get("body", "")),
        **fields,
    )


def decoded(data: bytes) -> str:
    """Text of bytes: UTF-8, else what the bytes show. Line ends become newlines. FetchError where it is no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes  # slow to import, and few files are not UTF-8

        best = from_bytes(data, cp_isolation=_LIKELY_ENCODINGS).best() or from_bytes(data).best()
        if best is None:
            raise FetchError("it is no text in any known encoding") from None
        text = str(best).removeprefix("\ufeff")
    if "\0" in text:
        raise FetchError("it is no text: there are NUL bytes in it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- .txt ----------------------------------------------------------------------------------------------------------


def _text_file(text: str, zone: tzinfo) -> dict[str, Any]:
    """Headline, date line, standfirst, paragraphs."""
    paragraphs = _paragraphs(text[: clean.BODY])
    title, rest = clean.line(paragraphs[0], clean.TITLE), paragraphs[1:]
    published_at = dates.moment(rest[0], zone) if rest else None
    rest = clean.without_sign_up(rest[1:] if published_at else rest)
    standfirst = ""
    if rest and len(rest[0]) <= LONGEST_STANDFIRST:
        standfirst, rest = clean.line(rest[0], clean.STANDFIRST), rest[1:]
    body = "\n".join(
        f"<h3>{escape(words.strip(), quote=False)}</h3>"
        if _is_subheading(rest, n)
        else f"<p>{escape(words, quote=False)}</p>"
        for n, words in enumerate(rest)
    )
    return {"title": title, "standfirst": standfirst, "body": body, "published_at": published_at}


def _paragraphs(text: str) -> list[str]:
    """The paragraphs and subheadings, as they stand: stray spaces at their beginning too."""
    lines = [line.rstrip() for line in text.split("\n")]
    width = max(map(len, lines))
    found: list[str] = []
    for line, above in zip(lines, ["", *lines], strict=False):
        if not line.strip():
            continue
        if above.strip() and not _break_is_meant(above, line, width):
            found[-1] = f"{found[-1]} {line.strip()}"
        else:
            found.append(line)
    return found


def _break_is_meant(above: str, line: str, width: int) -> bool:
    """Whether `line` begins something new: in text wrapped by hand at `width`, its first word had room above."""
    had_room = len(above) + 1 + len(line.split()[0]) <= width - SLACK
    return width > WRAPPED_WIDTH or had_room or (above.endswith((".", "!", "?", "”", '"')) and line.endswith("?"))


def _is_subheading(paragraphs: list[str], n: int) -> bool:
    """A short line that ends in a question mark or has no full stop, with a paragraph after it."""
    line = paragraphs[n].strip()
    if n + 1 == len(paragraphs) or len(line) > LONGEST_SUBHEADING:
        return False
    return not line.rstrip("”’\"')").endswith((".", "!", "…", ":", ";", ","))


# --- .md -----------------------------------------------------------------------------------------------------------


def _markdown_file(text: str, zone: tzinfo) -> dict[str, Any]:
    """YAML front matter, then CommonMark. Without a `title` the first heading is it."""
    matter, text = _front_matter(text)
    if matter.get("draft", "").lower() in ("true", "yes"):
        raise FetchError("its front matter says that it is a draft")
    published_at = dates.moment(matter["date"], zone) if matter.get("date") else None
    if matter.get("date") and published_at is None:
        raise FetchError(f"its front matter has a date that can't be read: {clean.line(matter['date'], 60)!r}")
    title = matter.get("title", "")
    if not title and (heading := re.search(r"^# +(.+?)\s*#*$", text, re.MULTILINE)):
        title, text = heading[1], text.replace(heading[0], "", 1)
    url = clean.canonical_url(matter.get("url", ""))
    text = "\n\n".join(clean.without_sign_up(re.split(r"\n[ \t]*\n", text.strip())))
    return {
        "title": clean.text_of(title, clean.TITLE),
        "standfirst": clean.text_of(matter.get("standfirst", ""), clean.STANDFIRST),
        "body": clean.body(_markdown().render(text[: clean.BODY]), url),
        "author": clean.text_of(matter.get("author", ""), clean.AUTHOR),
        "sections": tuple(filter(None, [clean.text_of(matter.get("section", ""), clean.SECTION)])),
        "image": clean.picture_place(matter.get("image", ""), url),
        "image_alt": clean.text_of(matter.get("image_alt", ""), clean.ALT),
        "url": url,
        "published_at": published_at,
    }


@lru_cache(maxsize=1)
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # slow to import, and wanted by those who read .md files alone

    return MarkdownIt("commonmark", {"html": True})


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """What stands between the two --- lines, as text, and the rest of the file."""
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, text
    if len(found[1]) > LONGEST_FRONT_MATTER:
        raise FetchError("its front matter is longer than any front matter")
    import yaml  # as markdown_it

    try:
        # BaseLoader makes nothing but text, lists and tables: a title of 1984 or Yes stays what it is.
        matter = yaml.load(found[1], Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        why = getattr(error, "problem", "") or "it is nested too deep"
        raise FetchError(f"its front matter is no YAML{where}: {why}") from error
    if not isinstance(matter, dict):
        raise FetchError("its front matter is no list of `key: value` lines")
    for key in ("title", "date", "standfirst", "author", "section", "image", "image_alt", "url", "draft"):
        if not isinstance(matter.get(key, ""), str):
            raise FetchError(f"its front matter has a {key!r} that is no text; put it in quotes")
    return {str(key): value for key, value in matter.items() if isinstance(value, str)}, text[found.end() :]


_READERS: dict[str, Callable[[str, tzinfo], dict[str, Any]]] = {
    ".txt": _text_file,
    ".md": _markdown_file,
    ".html": page.fields,
}
