"""What can be made again at any time, kept for the next process: compiled templates, style sheets that were read.

Compiling the templates and importing what reads a style sheet is most of a first issue's rendering. Both are kept in
the user's folder for caches, `$XDG_CACHE_HOME/newsletter` or `~/.cache/newsletter`, if it belongs to nobody else;
anybody may delete it. Where there is none, or it can't be written, nothing is kept and nothing is lost.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from pickle import UnpicklingError
from tempfile import NamedTemporaryFile
from typing import Any

import jinja2
from jinja2.bccache import Bucket

_MOST = 200  # files of one kind


@cache
def folder() -> Path | None:
    """The folder, made if need be; None where nothing can be kept. What lies in it is run as code."""
    with suppress(OSError, RuntimeError):  # RuntimeError: nobody is at home
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsletter"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = place.stat()
        if found.st_uid == os.getuid() and not found.st_mode & 0o022 and os.access(place, os.W_OK):
            return place
    return None


def load(name: str) -> Any:
    """What was stored as `name`; None if nothing was, or it can't be read."""
    place = folder()
    if place:
        with suppress(OSError, ValueError):
            return json.loads((place / f"{name}.json").read_bytes())
    return None


def store(name: str, value: Any) -> None:
    """Keep `value`, which JSON can hold, as `name`; the oldest go where there are too many of its kind."""
    place = folder()
    if place:
        with suppress(OSError):
            _write(place, f"{name}.json", json.dumps(value).encode())
            _thin_out(place, name.partition("-")[0])


def stamp(*parts: bytes, files: Iterable[str]) -> str:
    """What changes when `parts` or the `files` of a program do: hexadecimal digits."""
    hashed = sha256()
    for part in parts:
        hashed.update(b"%d " % len(part) + part)
    for file in files:
        found = Path(file).stat()
        hashed.update(f"{file}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    return hashed.hexdigest()[:32]


class Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates, of one way to compile them: `way` tells it apart from all others."""

    def __init__(self, place: Path, way: str) -> None:
        super().__init__(str(place), f"template-{way}-%s")

    def load_bytecode(self, bucket: Bucket) -> None:
        """As Jinja does it; what can't be read is compiled again."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, TypeError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """As Jinja does it; a full disk is no fault of a template's."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
            _thin_out(Path(self.directory), "template")


def compiled(way: str, *files: str) -> Compiled | None:
    """Where an environment of Jinja keeps what it compiled; None where nothing can be kept.

    `files` are those that say how it compiles, `way` tells it apart from others that they make.
    """
    place = folder()
    return Compiled(place, stamp(way.encode(), files=(*files, jinja2.__file__))) if place else None


def _write(place: Path, name: str, data: bytes) -> None:
    """Whole, or not at all: another process may be reading."""
    with NamedTemporaryFile(dir=place, delete=False) as file:
        file.write(data)
    Path(file.name).replace(place / name)


def _thin_out(place: Path, kind: str) -> None:
    files = [(file.stat().st_mtime_ns, file) for file in place.glob(f"{kind}-*")]
    for _, file in sorted(files, key=itemgetter(0))[:-_MOST]:
        file.unlink(missing_ok=True)
