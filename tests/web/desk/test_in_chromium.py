"""The desk in Chromium: from the login to an approval in three clicks, two who approve, and axe-core on every page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.editors import Role, accounts, sessions
from newsletter.issues.models import Issue, IssueState
from newsletter.web.desk.door import COOKIE
from tests.builders import CONFIG, NOW, a_config, add_readers
from tests.command import an_article_file
from tests.ports import a_free_port
from tests.test_accessible import views_with_faults
from tests.web.conftest import Clock
from tests.web.desk.conftest import serving, with_editors

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class House:
    """A morning at 05:30: a draft that two have to approve, on a real port."""

    def __init__(self, paper: Paper, port: int) -> None:
        self.paper, self.url = paper, f"http://127.0.0.1:{port}"
        self.number = daily.draft(paper, paper.config.newsletters[0], NOW.date(), NOW).id or 0
        daily.check(paper, self.number, NOW)

    @property
    def state(self) -> IssueState:
        with self.paper.database.reading() as session:
            return session.get_one(Issue, self.number).state

    def cookie_of(self, role: Role) -> str:
        names = {Role.ADMIN: "ada@example.com", Role.SENDER: "sam@example.com"}
        with self.paper.database.transaction() as session:
            return sessions.begin(session, accounts.find(session, names[role]), NOW)


@pytest.fixture
def house(sqlite: Database, tmp_path: Path) -> Iterator[House]:
    (tmp_path / "articles").mkdir()
    for number in (1, 2, 3):
        an_article_file(tmp_path, number)
    port = a_free_port()
    text = CONFIG.replace("https://post.example.com", f"http://127.0.0.1:{port}") + "approvals = 2\n"
    paper = Paper(a_config(text, tmp_path), sqlite)
    with_editors(sqlite, Clock())
    with sqlite.transaction() as session:
        add_readers(session, 7)
    daily.gather(paper, NOW)
    with serving(paper, port, Clock()):
        yield House(paper, port)


def test_keys_and_dialogs_work_without_a_mouse(browser: Browser, house: House) -> None:
    """? shows the keys, Esc closes, g then p goes to People, a approves; a key that is typed into a field is typed."""
    page = a_page(browser, house, Role.ADMIN)
    page.goto(f"{house.url}/desk")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page).to_have_url(f"{house.url}/desk/people")
    page.fill("#name", "")
    page.locator("#name").press_sequentially("gta?")
    expect(page.locator("#name")).to_have_value("gta?")
    page.goto(f"{house.url}/desk")
    page.keyboard.press("a")
    expect(page.locator("#decide")).to_contain_text("Ada approved it, one more is wanted.")


def test_the_time_that_is_left_counts_down_on_an_open_page(browser: Browser, house: House) -> None:
    """Without loading it again, and in the same words."""
    page = a_page(browser, house, Role.SENDER)
    page.clock.install(time=NOW)
    page.goto(f"{house.url}/desk")
    expect(page.locator(".decide-left")).to_have_text("in 1 h 00 min")
    page.clock.fast_forward("05:00")
    expect(page.locator(".decide-left")).to_have_text("in 55 min")


@pytest.mark.npm
def test_no_page_of_the_frame_has_a_serious_fault(browser: Browser, house: House) -> None:
    """Login, Today with its dialogs, account with a code to scan, people, audit, a refusal: at a desk by day and on a
    phone by night, which is no narrower than they are."""
    page = a_page(browser, house, Role.ADMIN)
    page.goto(f"{house.url}/desk/account")
    page.get_by_role("button", name="Set up a code").click()
    for path in ("/desk", "/desk/account", "/desk/people", "/desk/audit", "/desk/nowhere"):
        page.goto(f"{house.url}{path}")
        assert (path, views_with_faults(page)) == (path, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    for opener in ("[data-opens^=other]", "[data-opens=keys]"):
        page.goto(f"{house.url}/desk")
        page.locator(opener).dispatch_event("click")
        assert views_with_faults(page) == [], opener
    page.context.clear_cookies()
    page.goto(f"{house.url}/desk/login")
    assert views_with_faults(page) == []


def listen(page: Page, said: list[str]) -> None:
    """What the browser complains about: a script or a style that the policy refuses would be among it."""
    page.on("console", lambda message: said.append(message.text))


def a_page(browser: Browser, house: House, role: Role, *, width: int = 1280, scheme: str = "light") -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True
    )
    context.add_cookies([{"name": COOKIE, "value": house.cookie_of(role), "url": f"{house.url}/desk"}])
    return context.new_page()
