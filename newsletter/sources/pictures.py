"""Pictures: checked, scaled for mail, and stored under a hash of their own.

An article names its picture by a path, and whoever writes articles must not reach other files of the machine with it:
only pictures inside the source's own folder are read.
"""

import hashlib
import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING
from urllib.parse import unquote

from newsletter.errors import FetchError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000  # a camera's largest; more is a bomb
WIDEST, TALLEST = 1200, 2400  # pixels: twice a mail's 600, for sharp screens
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
JPEG_QUALITIES = (82, 72, 60, 45, 30)  # the first that is light enough
MOST_BYTES_OUT = 250_000


def store(path: str, article: Path, folder: Path, media: Path, *, max_bytes: int) -> str:
    """Store the picture at `path`, relative to the file `article`, and return "media/HASH.jpg" (or .png).

    What is stored already is not read twice. Raises FetchError with the reason.
    """
    data = _bytes_of(path, article, folder, max_bytes)
    digest = hashlib.sha256(data).hexdigest()[:32]
    for name in (f"{digest}.jpg", f"{digest}.png"):
        if (media / name).exists():
            return f"media/{name}"
    scaled, ending = fit_for_mail(data)
    name = f"{digest}.{ending}"
    _write(media / name, scaled)
    return f"media/{name}"


def fit_for_mail(data: bytes) -> tuple[bytes, str]:
    """A picture's bytes as JPEG ("jpg"), or as PNG ("png") where it is see-through; without EXIF, at most 1200 wide."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # slow to import, and few commands see pictures

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise FetchError(f"the picture has {opened.width} × {opened.height} pixels; make it smaller")
            upright = ImageOps.exif_transpose(opened)
            see_through = upright.has_transparency_data
            picture = upright.convert("RGBA" if see_through else "RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FetchError("the picture has too many pixels; make it smaller") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise FetchError("the picture is broken, or no JPEG, PNG, GIF or WebP") from error
    picture.thumbnail((WIDEST, TALLEST), Image.Resampling.LANCZOS)
    if see_through and len(drawn := _as_png(picture)) <= MOST_BYTES_OUT:
        return drawn, "png"
    return _as_jpeg(_on_white(picture) if see_through else picture), "jpg"


def keep(data: bytes, ending: str, media: Path) -> str:
    """Store a picture that is fit for mail under the hash of its bytes, and return "media/HASH.jpg" (or .png)."""
    name = f"{hashlib.sha256(data).hexdigest()[:32]}.{ending}"
    if not (media / name).exists():
        _write(media / name, data)
    return f"media/{name}"


def file_of(stored: str, media: Path) -> Path:
    """The file of what `store` and `keep` return."""
    return media / stored.removeprefix("media/")


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a picture that is fit for mail."""
    from PIL import Image  # as above

    with Image.open(BytesIO(data), formats=FORMATS) as opened:
        return opened.size


def measured(place: Path) -> tuple[int, int]:
    """The same of a file of ours. FetchError where it is gone or broken."""
    try:
        return size_of(place.read_bytes())
    except (OSError, ValueError, SyntaxError) as error:
        raise FetchError(f"the picture {place.name} is gone or broken") from error


def _as_png(picture: "Image") -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _as_jpeg(picture: "Image") -> bytes:
    """As fine as it may be without weighing too much for a phone; the coarsest where nothing helps."""
    for quality in JPEG_QUALITIES:
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= MOST_BYTES_OUT:
            break
    return out.getvalue()


def _on_white(picture: "Image") -> "Image":
    from PIL import Image  # as above

    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _bytes_of(path: str, article: Path, folder: Path, max_bytes: int) -> bytes:
    place = _inside(path, article, folder)
    try:
        with place.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise FetchError(f"the picture {path} can't be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise FetchError(f"the picture {path} is larger than {max_bytes:,} bytes")
    return data


def _inside(path: str, article: Path, folder: Path) -> Path:
    """The picture's file, symbolic links followed, if it lies in `folder`."""
    for words in dict.fromkeys((path, unquote(path))):
        with suppress(OSError, ValueError, RuntimeError):  # too long, a NUL in it, links in a circle
            place = (article.parent / words).resolve()
            if place.is_file():
                if not place.is_relative_to(folder.resolve()):
                    raise FetchError(f"the picture {path} lies outside the source's folder")
                return place
    raise FetchError(f"there is no picture {path} beside the article")


def _write(place: Path, data: bytes) -> None:
    """All of it or nothing, also when two write it at once."""
    unfinished = place.with_name(f".{place.name}.{os.getpid()}-{get_ident()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(place)
    except OSError as error:
        raise FetchError(f"its picture can't be stored in {place.parent} (site.media_dir): {error.strerror}") from error
