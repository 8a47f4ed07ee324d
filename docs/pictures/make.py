"""Makes the pictures of the sample digest that stand beside this file: `uv run python docs/pictures/make.py`.

It lays out the sample articles as an editor might, renders them as any issue is rendered, and photographs the page
with Chromium at desktop and phone width, in light and in dark. Georgia, or its free double Gelasio, should be
installed: a mail asks for it. With `--all DIR` it takes every width, with and without pictures, to look at.
"""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from markdown_it import MarkdownIt
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from newsletter.config import Site
from newsletter.issues.contents import Also, Contents, Item, Look, SectionOfItems
from newsletter.rendering.chromium import program
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
ARTICLES = PROJECT / "newsletter" / "sample" / "articles"
LEAD = "ferry-returns"
ORDER = {
    "City": ("market-hall", "harbour-pool", "night-buses"),
    "World": ("river-treaty", "slow-trains"),
    "Business": ("cranes", "chandler"),
    "Culture": ("choir", "lighthouse-book"),
    "And finally": ("gull",),
}
SITE = Site(name="The Harbour Post", url="https://post.example.com", postal_address="1 Quay Street, Harbourton")
MOST_BYTES = 300_000
DESIGNS = ("digest", "letter", "links")
VIEWS = (
    *product(("digest",), (700,), (1500,), ("light", "dark")),
    *product(("digest",), (390,), (1500,), ("light", "dark")),
    *product(("letter", "links"), (700,), (1100,), ("light",)),
    *product(("letter", "links"), (390,), (1100,), ("dark",)),
)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="DIR", help="every width, to look at, in DIR")
    wanted = parser.parse_args()
    pages = {design: edition(contents(design), Templates(PROJECT), SITE).html for design in DESIGNS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        if wanted.all:
            for design, page in pages.items():
                every_view(browser, page, wanted.all / design)
        else:
            views(browser, pages)


def views(browser: Browser, pages: dict[str, str]) -> None:
    """The pictures of README and docs: the digest on desk and phone, by day and night; the others once on each."""
    for design, width, height, scheme in VIEWS:
        take = partial(photograph, browser, pages[design], width, scheme, height=height)
        name = f"{design}-{'phone' if width < 480 else 'desktop'}-{scheme}.png"
        (HERE / name).write_bytes(light_enough(take))


def every_view(browser: Browser, page: str, folder: Path) -> None:
    """Three widths, day and night, with and without pictures: to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, scheme, pictures in product((640, 390, 320), ("light", "dark"), (True, False)):
        name = f"{width}-{scheme}{'' if pictures else '-no-pictures'}.png"
        (folder / name).write_bytes(photograph(browser, page, width, scheme, pictures=pictures))


def contents(design: str) -> Contents:
    """The sample's issue of a Monday in November, in one of the designs."""
    lead = item(LEAD, 1)
    position, sections = 1, []
    for name, stems in ORDER.items():
        items = []
        for stem in stems:
            position += 1
            items.append(item(stem, position))
        sections.append(SectionOfItems(name, tuple(items), is_light=name == "And finally"))
    return Contents(
        newsletter="daily",
        title="The Harbour Daily",
        description="The town, the harbour and a little of the world, every weekday at half past six.",
        day=date(2026, 11, 23),
        number=214,
        subject="After eleven months in dry dock, the Saint Brannoc sails home",
        preheader="The market hall's clock is four minutes slow on purpose, and winter swimmers get a sauna",
        intro="Good morning. There is frost on the Fish Steps and a ferry back at the Quay; "
        "mind the one, and wave at the other.",
        signature="Nell Ashdown, editor",
        language="en",
        accent="#9c2b1f",
        lead=lead,
        sections=tuple(sections),
        site_name=SITE.name,
        postal_address=SITE.postal_address,
        web_view_url=f"{SITE.url}/archive/daily/2026-11-23",
        sign_up_url=f"{SITE.url}/",
        archive_url=f"{SITE.url}/archive/daily",
        feed_url=f"{SITE.url}/archive/daily/feed.xml",
        look=Look(design),
    )


def item(stem: str, position: int) -> Item:
    """One sample article as an item of the issue."""
    _, front, words = (ARTICLES / f"{stem}.md").read_text(encoding="utf-8").split("---\n", 2)
    facts = yaml.safe_load(front)
    also = (Also("Skerry Radio", "https://radio.example.com/ferry", "The ferry is back"),) if stem == LEAD else ()
    return Item(
        position=position,
        section=facts["section"],
        title=facts["title"],
        standfirst=facts["standfirst"],
        body=MarkdownIt().render(words),
        url=f"{SITE.url}/{stem}",
        source=SITE.name,
        author=facts["author"],
        image=(ARTICLES / facts["image"]).as_uri() if "image" in facts else "",
        image_alt=facts.get("image_alt", ""),
        minutes=max(1, round(len(words.split()) / 230)),
        published_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
        also=also,
    )


def photograph(
    browser: Browser,
    html: str,
    width: int,
    scheme: str,
    *,
    height: int | None = None,
    scale: float = 1,
    pictures: bool = True,
) -> bytes:
    """A PNG of the page, whole or its first `height` pixels; `scale` times as fine as it is wide."""
    page = browser.new_page(
        viewport={"width": width, "height": height or 800},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=scale,
    )
    if not pictures:
        page.route("**/*.jpg", lambda route: route.abort())
    with TemporaryDirectory() as folder:  # a page that is a file may show pictures that are files
        place = Path(folder) / "page.html"
        place.write_text(html, encoding="utf-8")
        page.goto(place.as_uri())
        shot = page.screenshot(full_page=height is None)
    page.close()
    return shot


def light_enough(take: Callable[..., bytes], scales: Sequence[float] = (2, 1.75, 1.5, 1.25, 1)) -> bytes:
    """The finest picture, in the most colours, that is not too heavy for a README; `take` is told its `scale`."""
    for scale in scales:
        image = Image.open(io.BytesIO(take(scale=scale))).convert("RGB")
        for colours in (256, 160, 112):
            out = io.BytesIO()
            image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
            if out.tell() <= MOST_BYTES:
                return out.getvalue()
    raise SystemExit("A picture is too heavy; take a lower one.")


if __name__ == "__main__":
    main()
