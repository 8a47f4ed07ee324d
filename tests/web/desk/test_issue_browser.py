"""The issue's page in Chromium: by drag and by key, two editors at once, a lost login, a restart, hostile words."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.editors import accounts, sessions
from newsletter.web.desk.door import COOKIE
from tests.builders import CONFIG, NOW, a_config, an_article
from tests.issues.test_assemble import MONDAY, store
from tests.issues.test_edits import order
from tests.picks.pieces import EVENTS
from tests.ports import a_free_port
from tests.test_accessible import views_with_faults
from tests.web.conftest import Clock
from tests.web.desk.conftest import serving, with_editors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = "<script>parent.ran=1;window.ran=1</script><img src=x onerror='window.ran=1'><style>*{display:none}</style>"


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
    port = a_free_port()
    text = CONFIG.replace("https://post.example.com", f"http://127.0.0.1:{port}").replace(
        "[[newsletters]]", '[[newsletters]]\nimages = "none"\nmax_articles = 5'
    )
    paper = Paper(a_config(text, tmp_path), sqlite)
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


def test_two_editors_see_each_other_and_nothing_is_lost(morning: Morning, browser: Browser):
    """What one does stands on the other's screen; words in one field are shown to whoever came later."""
    with morning.served():
        ed, ada = morning.page(browser), morning.page(browser, "ada")
        ada.get_by_role("link", name=f"Write: {EVENTS[1]}").click()
        ada.get_by_label("Headline").fill("Ada's headline")
        ed.get_by_role("button", name=f"Move up: {EVENTS[3]}").click()
        expect(headlines(ada)).to_have_text([EVENTS[n] for n in (1, 3, 2, 4, 5)])
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
        page.get_by_role("textbox", name="Subject").fill("Words that took an hour")
        page.context.clear_cookies()
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#said")).to_contain_text("You have been logged out")
        expect(page.get_by_role("textbox", name="Subject")).to_have_value("Words that took an hour")
        page.context.add_cookies(
            [{"name": COOKIE, "value": morning.token("ed"), "url": f"http://127.0.0.1:{morning.port}/desk"}]
        )
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#said")).to_contain_text("You have logged in anew meanwhile")
        page.locator("#words").get_by_role("button", name="Save").click()
        expect(page.locator("#inbox")).to_contain_text("Words that took an hour")
    page.get_by_role("textbox", name="Subject").fill("Words that took two hours")
    page.locator("#words").get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("could not be reached")
    with morning.served():
        page.goto(morning.url)
        expect(page.get_by_role("textbox", name="Subject")).to_have_value("Words that took two hours")
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
def test_the_page_has_no_serious_fault(morning: Morning, browser: Browser):
    """By axe-core, with a form open too: at a desk by day and on a phone by night."""
    with morning.served():
        context = browser.new_context(bypass_csp=True)
        context.add_cookies(
            [{"name": COOKIE, "value": morning.token("ed"), "url": f"http://127.0.0.1:{morning.port}/desk"}]
        )
        page = context.new_page()
        page.goto(morning.url)
        assert views_with_faults(page) == []
        page.get_by_role("link", name="Write:").first.click()
        expect(page.locator("#writing")).to_be_visible()
        assert views_with_faults(page) == []
        context.close()
