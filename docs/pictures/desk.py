"""Makes the pictures of the desk that stand beside this file: `uv run python docs/pictures/desk.py --docs`.

A made-up paper on a fixed Monday at 06:04: a draft that editors have worked on, two months of issues, feeds that are
well and one that is not. The desk is served from a folder that is thrown away, somebody logs in with Chromium, and each
page is photographed on a laptop and on a phone, by day and by night. With a folder in place of `--docs` every picture
goes there, to look at.
"""

import argparse
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from harbour import PASSWORD, PEOPLE, Desk, go_on, opened, start
from make import light_enough
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from newsletter.rendering.chromium import program

HERE = Path(__file__).parent
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
BEST = {  # what docs show: name → (page, width, height, scheme)
    "today": ("today", 1280, 800, "light"),
    "issue": ("issue", 1280, 900, "light"),
    "issue-phone": ("issue", 390, 844, "dark"),
    "sending": ("sending", 1280, 760, "dark"),
    "results": ("results", 1280, 1470, "light"),
    "figures": ("figures", 1280, 1010, "light"),
}


PAGES = (  # the last changes the day
    "today", "issue", "article", "results", "figures", "readers", "reader", "erase", "suppressions", "imports",
    "sources", "source", "people", "account", "audit", "sending",
)  # fmt: skip


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="every page in every view, to look at, in this folder")
    parser.add_argument("--docs", action="store_true", help="only the best, beside this file")
    wanted = parser.parse_args()
    if not wanted.docs and not wanted.folder:
        parser.error("Name a folder, or --docs.")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        with opened(Path(folder)) as desk:
            entry = log_in(browser, desk)
            for page in PAGES:
                if page == "sending":
                    start(desk)
                (the_best if wanted.docs else every_view)(browser, desk, page, entry, wanted.folder)
        browser.close()


def every_view(browser: Browser, desk: Desk, page: str, entry: Path, folder: Path) -> None:
    """Both widths by day and by night, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, scheme in product(WIDTHS, SCHEMES):
        shot = photograph(browser, desk, page, entry, width, scheme)
        (folder / f"{page}-{width}-{scheme}.png").write_bytes(shot)


def the_best(browser: Browser, desk: Desk, page: str, entry: Path, _folder: Path) -> None:
    """Those of BEST that show this page, cut to one screen."""
    for name, (shown, width, height, scheme) in BEST.items():
        if shown == page:
            take = partial(photograph, browser, desk, page, entry, width, scheme, height=height)
            (HERE / f"desk-{name}.png").write_bytes(light_enough(take, (1.5, 1.25, 1)))


def photograph(
    browser: Browser, desk: Desk, page: str, entry: Path, width: int, scheme: str, *,
    height: int | None = None, scale: float = 1,
) -> bytes:  # fmt: skip
    """A PNG of the page, whole or its first `height` pixels."""
    context = browser.new_context(
        viewport={"width": width, "height": height or 900}, color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=scale, storage_state=entry,
    )  # fmt: skip
    context.clock.set_fixed_time(desk.clock.now)  # scripts count down from it
    view = context.new_page()
    if page == "sending":
        go_on(desk, view)
    view.goto(desk.url + desk.path(page))
    if page == "issue":
        settle(view, scheme)
    view.wait_for_timeout(400)  # pictures of the preview, and fonts
    shot = view.screenshot(full_page=height is None)
    context.close()
    return shot


def settle(view: Page, scheme: str) -> None:
    """Wait for the preview, as a reader has it at that hour."""
    frame = view.frame_locator("#frame").locator("body")
    if scheme == "dark" and view.get_by_role("link", name="Dark").count():
        view.get_by_role("link", name="Dark").first.click()
        view.locator(".frame.dark iframe").wait_for(state="attached")
    frame.wait_for(state="attached")


def log_in(browser: Browser, desk: Desk) -> Path:
    """As Nell does every morning; the file that keeps her cookie."""
    context: BrowserContext = browser.new_context()
    page = context.new_page()
    page.goto(f"{desk.url}/desk")
    page.fill("#email", PEOPLE[0][0])
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{desk.url}/desk")
    kept = desk.paper.config.folder / "cookie.json"
    context.storage_state(path=kept)
    context.close()
    return kept


if __name__ == "__main__":
    main()
