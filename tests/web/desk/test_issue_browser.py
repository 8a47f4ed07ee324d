"""The issue's page in Chromium: by drag and by key, two editors at once, a lost login, a restart, hostile words."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.editors import accounts, sessions
from newsletter.web.desk.door import COOKIE
from tests.builders import ALONE, CONFIG, NOW, a_config, an_article
from tests.conftest import CHROMIUM
from tests.issues.test_assemble import MONDAY, store
from tests.issues.test_edits import order
from tests.picks.pieces import EVENTS
from tests.test_accessible import faults
from tests.web.conftest import Clock, free_port
from tests.web.desk.conftest import serving, with_editors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = "<script>parent.ran=1;window.ran=1</script><img src=x onerror='window.ran=1'><style>*{display:none}</style>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Morning:
    """A drafted issue, and the site that shows it."""

    paper: Paper
    issue: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/desk/issues/{self.issue}"

    def served(self) -> AbstractContextManager[None]:
        """The site on its port, until the block ends."""
        return serving(self.paper, self.port, Clock())

    def token(self, name: str) -> str:
        with self.paper.database.transaction() as session:
            return sessions.begin(session, accounts.find(session, f"{name}@example.com"), NOW)

    def page(self, browser: Browser, name: str = "ed", **more: Any) -> Page:
        """The issue's page in a browser of its own, with that editor logged in."""
        context = browser.new_context(bypass_csp=False, **more)
        context.add_cookies([{"name": COOKIE, "value": self.token(name), "url": f"http://127.0.0.1:{self.port}/desk"}])
        page = context.new_page()
        page.goto(self.url)
        return page

    @property
    def order(self) -> list[int]:
        return order(self.paper, self.issue)


@pytest.fixture
def morning(sqlite: Database, tmp_path: Path) -> Morning:
    port = free_port()
    text = CONFIG.replace("https://post.example.com", f"http://127.0.0.1:{port}").replace(
        "[[newsletters]]", '[[newsletters]]\nimages = "none"\nmax_articles = 5'
    )
    paper = Paper(a_config(text + ALONE, tmp_path), sqlite)
    with_editors(sqlite, Clock())
    articles = [
        an_article(number=n, title=EVENTS[n], published_at=NOW - timedelta(hours=n), body="") for n in range(1, 8)
    ]
    store(sqlite, *articles)
    return Morning(paper, daily.draft(paper, paper.config.newsletters[0], MONDAY, NOW).id or 0, port)


def headlines(page: Page) -> Any:
    return page.locator(".pick h3")


def shows(page: Page, *numbers: int) -> None:
    """The list has these stories in this order, and so has the preview beside it."""
    expect(headlines(page)).to_have_text([EVENTS[n] for n in numbers])
    expect(page.frame_locator("#frame").get_by_text(EVENTS[numbers[0]]).first).to_be_visible()


def test_a_morning_by_mouse_and_by_key(morning: Morning, browser: Browser):
    """Reorder by drag and by keyboard, ban, pull in, rewrite, subject, phone and dark, undo, the check."""
    with morning.served():
        page = morning.page(browser, viewport={"width": 1280, "height": 1600})
        shows(page, 1, 2, 3, 4, 5)
        start, end = page.locator(".handle").nth(3).bounding_box(), page.locator(".pick").nth(0).bounding_box()
        assert start
        assert end
        page.mouse.move(start["x"] + 5, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(start["x"] + 5, end["y"] + 60, steps=8)
        page.mouse.move(start["x"] + 5, end["y"] + 4, steps=4)
        page.mouse.up()
        expect(page.locator(".pick").first).to_contain_text("pinned")  # the answer is there, not the dragged row alone
        shows(page, 4, 1, 2, 3, 5)
        for key in ("j", "J"):  # what was dragged is chosen
            page.keyboard.press(key)
        shows(page, 4, 2, 1, 3, 5)
        page.keyboard.press("x")
        shows(page, 4, 2, 3, 5, 6)
        page.get_by_role("searchbox").fill(EVENTS[7][:12])
        page.get_by_role("button", name=f"Pull in: {EVENTS[7]}").click()
        expect(page.get_by_text(f"“{EVENTS[7]}” came in.")).to_be_visible()
        page.locator(".pick .more summary").first.click()
        page.get_by_role("button", name="Never again: ban it").click()
        expect(headlines(page)).not_to_contain_text([EVENTS[4]])
        page.get_by_role("link", name=f"Write: {EVENTS[2]}").click()
        page.get_by_label("Headline").fill("Our own headline")
        page.get_by_role("button", name="Save").last.click()
        expect(page.get_by_text(f"The source: {EVENTS[2]}")).to_be_visible()
        expect(page.frame_locator("#frame").get_by_text("Our own headline").first).to_be_visible()
        page.get_by_text("Words on top").click()
        page.get_by_label("Subject").fill("A quiet day at the quay")
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#inbox")).to_contain_text("A quiet day at the quay")
        page.get_by_role("link", name="Phone").click()
        page.get_by_role("link", name="Dark").click()
        expect(page.locator(".frame.phone.dark iframe")).to_be_visible()
        page.get_by_role("link", name="Changes").click()
        expect(page.locator("#look")).to_contain_text("A quiet day at the quay")
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator("#inbox")).not_to_contain_text("A quiet day at the quay")
        page.get_by_role("button", name="Run the check").click()
        expect(page.locator("#findings")).to_contain_text("found.")
        page.context.close()


def test_two_editors_see_each_other_and_nothing_is_lost(morning: Morning, browser: Browser):
    """What one does stands on the other's screen; words in one field are shown to whoever came later."""
    with morning.served():
        ed, ada = morning.page(browser), morning.page(browser, "ada")
        ada.get_by_role("link", name=f"Write: {EVENTS[1]}").click()
        ada.get_by_label("Headline").fill("Ada's headline")
        ed.get_by_role("button", name=f"Move up: {EVENTS[3]}").click()
        expect(headlines(ada)).to_have_text([EVENTS[n] for n in (1, 3, 2, 4, 5)], timeout=20_000)
        ed.get_by_role("link", name=f"Write: {EVENTS[1]}").click()
        ed.get_by_label("Headline").fill("Ed's headline")
        ed.get_by_role("button", name="Save").last.click()
        expect(headlines(ed).first).to_have_text("Ed's headline")
        ada.get_by_role("button", name="Save").last.click()
        expect(ada.locator(".conflict")).to_contain_text("Ed's headline")
        expect(ada.locator(".conflict")).to_contain_text("Ada's headline")
        ed.context.close()
        ada.context.close()


def test_a_lost_login_and_a_restart_in_mid_edit_lose_nothing(morning: Morning, browser: Browser):
    """The words stay in the window; after the login, or when the desk is back, they are saved."""
    with morning.served():
        page = morning.page(browser)
        page.get_by_text("Words on top").click()
        page.get_by_label("Subject").fill("Words that took an hour")
        page.context.clear_cookies()
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#said")).to_contain_text("You have been logged out")
        expect(page.get_by_label("Subject")).to_have_value("Words that took an hour")
        page.context.add_cookies(
            [{"name": COOKIE, "value": morning.token("ed"), "url": f"http://127.0.0.1:{morning.port}/desk"}]
        )
    page.get_by_label("Subject").fill("Words that took two hours")
    page.locator("#words").get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("could not be reached")
    with morning.served():
        page.goto(morning.url)
        expect(page.get_by_label("Subject")).to_have_value("Words that took two hours")
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#inbox")).to_contain_text("Words that took two hours")
        page.context.close()


def test_hostile_words_never_run_or_restyle_the_desk(morning: Morning, browser: Browser):
    """A headline, a standfirst, a body and an editor's note: on the page, in the dialog, and in the preview's frame."""
    hostile = an_article(number=9, title=HOSTILE, standfirst=HOSTILE, body=f"<p>{HOSTILE}</p>", published_at=NOW)
    store(morning.paper.database, hostile)
    daily.draft(morning.paper, morning.paper.config.newsletters[0], MONDAY, NOW)
    with morning.served():
        page = morning.page(browser)
        expect(headlines(page).first).to_have_text(HOSTILE)
        page.get_by_role("link", name="Write:").first.click()
        expect(page.get_by_label("Headline")).to_have_value(HOSTILE)
        page.get_by_label("Note by the editors").fill(HOSTILE)
        page.get_by_role("button", name="Save").last.click()
        expect(page.locator("#writing")).not_to_be_visible()
        page.get_by_role("link", name="Changes").click()
        expect(page.locator(".differences")).to_be_visible()
        assert page.evaluate("window.ran === undefined")
        assert page.locator("#list").is_visible()
        page.goto(f"{morning.url}/preview")
        assert page.evaluate("window.ran === undefined")
        page.context.close()


@pytest.mark.npm
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_has_no_serious_fault(morning: Morning, browser: Browser, width: int, scheme: Any):
    """By axe-core, with a form open too."""
    with morning.served():
        context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.add_cookies(
            [{"name": COOKIE, "value": morning.token("ed"), "url": f"http://127.0.0.1:{morning.port}/desk"}]
        )
        page = context.new_page()
        page.goto(morning.url)
        assert faults(page) == []
        page.get_by_role("link", name="Write:").first.click()
        expect(page.locator("#writing")).to_be_visible()
        assert faults(page) == []
        context.close()
