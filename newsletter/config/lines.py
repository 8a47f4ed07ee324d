"""Errors that name the key and the line. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from newsletter.config.tables import Config
from newsletter.errors import ConfigError

Place = tuple[str | int, ...]
PLAIN_WORDS = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "string_type": "this must be text in quotes",
    "int_type": "this must be a whole number",
    "float_type": "this must be a number",
    "bool_type": "this must be true or false",
    "tuple_type": "this must be a list in [ ]",
}

# What tomllib's sentences begin with, and what they mean to who wrote the file.
NOT_TOML = {
    "Expected '=' after a key": "a line is `key = value`, a [table], or begins with #",
    "Invalid statement": "a line is `key = value`, a [table], or begins with #",
    "Invalid initial character for a key part": "a key has only letters, digits, - and _",
    "Expected ']' at the end of a table": "a ] is missing after the table's name",
    "Expected ']]' at the end of an array": "]] is missing after the table's name",
    "Expected newline or end of document": "there is more on the line than one value; text stands in quotation marks",
    "Invalid value": "the value is missing, or it is text without quotation marks",
    "Unterminated string": "the quotation mark that closes a text is missing",
    "Expected \"'": "the quotation mark that closes a text is missing",
    "Illegal character '\\n'": "the quotation mark that closes a text is missing",
    "Unescaped '\\' in a string": "a backslash in \"…\" is written twice; in '…' it stands for itself",
    "Unclosed array": "the ] that closes a list is missing",
    "Unclosed inline table": "the } that closes a table is missing",
    "Cannot overwrite a value": "this key is there twice",
    "Duplicate inline table key": "this key is there twice",
    "Cannot declare": "this table is there twice; of [[tables]] there may be many",
}


def sentence(error: Any, text: str, file: str) -> str:
    """One of pydantic's findings in plain words."""
    words = PLAIN_WORDS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    words = words.replace("Input should be", "this must be", 1).replace("String should have", "this may have", 1)
    if error["type"] == "tuple_type" and isinstance(error["input"], dict):
        words = f"there may be many of these; write [[{error['loc'][-1]}]]"
    elif error["type"] == "missing" and _table_in(Config, str(error["loc"][-1])) and len(error["loc"]) == 1:
        words = f"this table is missing; write [{error['loc'][0]}] and its keys below it"
    elif error["type"] == "model_type":
        words = f"this is a table; write [{error['loc'][-1]}] and its keys below it"
    if error["type"] == "extra_forbidden" and (near := _near(error["loc"])):
        words += f"; did you mean {near}?"
    return str(fault(file, text, tuple(error["loc"]), words))


def fault(file: str, text: str, place: Place, words: str) -> ConfigError:
    """The error that says `words` of the key at `place`."""
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    end = "" if words.endswith("?") else "."
    return ConfigError(f"{file}, line {line_of(text, place)}: {key}: {words}{end}")


def not_toml(file: str, text: str, words: str) -> ConfigError:
    """The error for a text that the library can't read; `words` are the library's, with the line in their last bracket
    or, where it read to the end in vain, without one."""
    what, _, where = words.rpartition(" (at ")
    if found := re.match(r"line (\d+),", where):
        line = int(found[1])
    else:
        line = max(len(text.rstrip().splitlines()), 1)
    plain = next((plain for begin, plain in NOT_TOML.items() if what.startswith(begin)), what[:1].lower() + what[1:])
    return ConfigError(f"{file}, line {line}: this is not TOML: {plain}.")


def _near(place: Sequence[str | int]) -> str | None:
    """The key that was perhaps meant by the last one of `place`."""
    table: type[BaseModel] | None = Config
    for part in place[:-1]:
        if isinstance(part, str) and table is not None:
            table = _table_in(table, part)
    names = [field.alias or name for name, field in table.model_fields.items()] if table else []
    matches = get_close_matches(str(place[-1]), names, n=1)
    return matches[0] if matches else None


def _table_in(table: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The table that stands under `key`, alone or many times."""
    field = table.model_fields.get(key)
    kinds = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def line_of(text: str, place: Place) -> int:
    """The line, from 1, on which the key at `place` stands; where it is missing, its table's. Line 1 if nothing fits.

    tomllib gives no lines, so the tables and keys are followed here: enough for a file that already parsed.
    """
    best, best_depth = 1, 0
    table: list[str | int] = []
    counts: Counter[tuple[str | int, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\[([^\]]+)\]\]", line):
            table = _table_path(match[1], counts, is_array=True)
            here = tuple(table)
        elif match := re.match(r"\s*\[([^\]=]+)\]\s*(?:#.*)?$", line):
            table = _table_path(match[1], counts, is_array=False)
            here = tuple(table)
        elif match := re.match(r"\s*([A-Za-z0-9_\-.\"']+)\s*=", line):
            here = (*table, *(part.strip(" \"'") for part in match[1].split(".")))
        else:
            continue
        depth = len(here)
        if depth > best_depth and place[:depth] == here:
            best, best_depth = number, depth
    return best


def _table_path(words: str, counts: Counter[tuple[str | int, ...]], *, is_array: bool) -> list[str | int]:
    """The path of a table header; an array's header opens its next item, and its parents are the open ones."""
    names = [part.strip(" \"'") for part in words.split(".")]
    path: list[str | int] = []
    for position, name in enumerate(names):
        path.append(name)
        if is_array and position == len(names) - 1:
            counts[tuple(path)] += 1
        if counts[tuple(path)]:
            path.append(counts[tuple(path)] - 1)
    return path
