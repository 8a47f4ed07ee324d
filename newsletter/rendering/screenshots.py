"""Pictures of an issue as readers see it: three widths, by day and by night, with pictures and without."""

import re
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.config import Site
from newsletter.rendering import chromium, webview

WIDTHS = (320, 390, 640)  # the smallest phone, a usual one, a desk
SCHEMES = ("light", "dark")
_SOURCE = re.compile(r'(<img\b[^>]*?\bsrc=")[^"]*(")')


def take(html: str, site: Site, folder: Path) -> list[Path]:
    """Photograph an edition's HTML into `folder`; returns the files. Pictures of ours come from site.media_dir.

    Raises Refused where there is no Chromium.
    """
    chromium.program()
    folder.mkdir(parents=True, exist_ok=True)
    shown = webview.for_the_web(html, site).replace(f"{site.url}/media/", f"{site.media_dir.absolute().as_uri()}/")
    made = []
    with TemporaryDirectory(prefix="newsletter-screens-") as place, chromium.started() as browser:
        pages = {True: Path(place) / "page.html", False: Path(place) / "without-pictures.html"}
        pages[True].write_text(shown, encoding="utf-8")
        pages[False].write_text(_SOURCE.sub(r"\1none:\2", shown), encoding="utf-8")
        for width, scheme, pictures in product(WIDTHS, SCHEMES, (True, False)):
            file = folder / f"{width}-{scheme}{'' if pictures else '-no-pictures'}.png"
            file.write_bytes(browser.photograph(pages[pictures], width, scheme))
            made.append(file)
    return made
