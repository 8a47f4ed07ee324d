"""Pictures: words for those who see none, a size so that nothing jumps, and no more bytes than a phone wants."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lxml import html as lxml_html

from newsletter.rendering.preflight.findings import Case, Fault

MOST_BYTES = 300_000  # of one
MOST_BYTES_IN_ALL = 1_500_000


def picture_alt(case: Case) -> Iterator[Fault]:
    for picture in case.pictures:
        if not (picture.get("alt") or "").strip():
            yield Fault(
                "A picture has no alternative text, and half of all readers see none. Say what it shows.",
                _source(picture),
            )


def picture_size(case: Case) -> Iterator[Fault]:
    """A width always, and a height wherever we know the picture's own."""
    known = {item.image for item in case.contents.items if item.image_height}
    for picture in case.pictures:
        wanted = ("width", "height") if _source(picture) in known else ("width",)
        missing = [name for name in wanted if not picture.get(name)]
        if missing:
            yield Fault(
                f"A picture has no {' and no '.join(missing)}, so the mail jumps while it loads and Outlook shows it "
                "as large as it is. Give it one in the template.",
                _source(picture),
            )


def picture_weight(case: Case) -> Iterator[Fault]:
    """Pictures that we serve: each one alone, and all together."""
    sizes = {name: file.stat().st_size for name, file in _ours(case).items() if file.is_file()}
    for name, size in sizes.items():
        if size > MOST_BYTES:
            yield Fault(
                f"A picture weighs {size // 1000} kB; {MOST_BYTES // 1000} are enough. Take a smaller one.", name
            )
    if sum(sizes.values()) > MOST_BYTES_IN_ALL:
        yield Fault(
            f"All pictures together weigh {sum(sizes.values()) / 1e6:.1f} MB. Drop some: phones pay by the byte.",
            "pictures",
        )


def picture_missing(case: Case) -> Iterator[Fault]:
    for picture in case.pictures:
        if not _source(picture):
            yield Fault("A picture has no address, so a broken one is shown. Take it out of the template.", "html")
    for name, file in _ours(case).items():
        if not file.is_file():
            yield Fault("This picture of ours is not in site.media_dir. Draft the issue again.", name)


def picture_lost(case: Case) -> Iterator[Fault]:
    for address, why in case.lost.items():
        yield Fault(f"A story goes without its picture. {why} Draft again, or give it another one.", address[:200])


def _source(picture: lxml_html.HtmlElement) -> str:
    return str(picture.get("src", ""))[:200]


def _ours(case: Case) -> dict[str, Path]:
    """The files of the pictures that we serve ourselves, by address."""
    if case.media_dir is None:
        return {}
    start = f"{case.site_url}/media/"
    sources = dict.fromkeys(_source(picture) for picture in case.pictures)
    return {s: case.media_dir / Path(urlsplit(s).path).name for s in sources if s.startswith(start)}
