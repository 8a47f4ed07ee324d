"""The pages of figures, readers and sources in Chromium: no serious fault of axe, no sideways scroll on a phone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from sqlmodel import Session, select

from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import tallies
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editors import accounts, sessions
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition
from newsletter.sources.models import SourceState
from newsletter.web.desk.door import COOKIE
from subscribers import Way, clicks, preferences, unsubscribe
from subscribers.clicks import Following
from subscribers.models import Leaving, Subscriber
from tests.builders import CONFIG, NOW, a_config, add_readers, an_article
from tests.delivery.ledgers import FULL, GONE, TAKEN, an_issue_with
from tests.ports import a_free_port
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token
from tests.test_accessible import VIEWS, faults, look_as
from tests.web.conftest import WEEKLY, Clock
from tests.web.desk.conftest import serving, with_editors

pytestmark = [pytest.mark.npm, pytest.mark.browser, pytest.mark.slow]
DAYS = 24
Group = tuple[int, DeliveryState, dict[str, Any]]
WIDE_TABLES = "[...document.querySelectorAll('.table')].some(t => t.scrollWidth > t.clientWidth)"
SHOTS = os.environ.get("SCREENSHOTS", "")  # a folder: then every page is photographed too


@dataclass
class Shown:
    """A site with a month behind it, and its pages."""

    paper: Paper
    pages: dict[str, str]  # name → path


def a_month(database: Database) -> int:
    """Issues with refusals, comings and goings; the last is being sent. Returns its number."""
    dice = Random(7)
    with database.transaction() as session:
        for day in range(DAYS, 0, -1):
            at = NOW - timedelta(days=day)
            for n in range(dice.randrange(1, 6)):
                number = a_reader(session, f"reader-{day}-{n}@example.com", now=at)
                preferences.rename(session, number, dice.choice(["Ann Smith", "Émile Zola", "Zoë", ""]))
            size = 60 + 2 * (DAYS - day)
            groups: list[Group] = [
                (size, DeliveryState.ACCEPTED, TAKEN), (size // 3, DeliveryState.ACCEPTED, TAKEN | {"lane": "google"}),
                (dice.randrange(5), DeliveryState.FAILED, GONE | {"lane": "google"}), (2, DeliveryState.FAILED, FULL),
                (1, DeliveryState.SKIPPED, {"why": "unsubscribed"}),
            ]  # fmt: skip
            issue = an_issue_with(session, *groups, at=at)
            if day % 3 == 0:
                token = unsubscribe_token(session, f"reader-{day}-0@example.com", issue=issue.id or 0)
                unsubscribe.by_token(session, KEYS, token, dice.choice([Way.HEADER, Way.LINK]), at)
                unsubscribe.say_why(session, KEYS, token, "A letter a week would do.", at)
        add_readers(session, 3)
        more: list[Group] = [
            (940, DeliveryState.ACCEPTED, TAKEN), (310, DeliveryState.ACCEPTED, TAKEN | {"lane": "google"}),
            (12, DeliveryState.FAILED, GONE), (20, DeliveryState.DEFERRED, FULL | {"lane": "microsoft"}),
            (1, DeliveryState.UNCERTAIN, {"why": "no reply came: the relay may have taken it"}),
            (700, DeliveryState.QUEUED, {"attempts": 0}),
        ]  # fmt: skip
        live = an_issue_with(session, *more, state=IssueState.SENDING).id or 0
        session.add_all([an_article(number=n) for n in range(1, 6)])
        session.add(SourceState(name="city-desk", good_at=NOW - timedelta(hours=2), checked_at=NOW, items=5))
    tallies.keep_missing(database)
    return live


def uncertain_one(session: Session) -> int:
    """A sent issue with a delivery that nobody knows of."""
    issue = session.exec(select(Issue).where(Issue.state == IssueState.SENT).order_by(Issue.id.desc())).first()  # type: ignore[union-attr]
    assert issue is not None
    for n in range(2):
        session.add(
            Delivery(
                issue_id=issue.id or 0, subscriber_id=9_000 + n, subscription_id=1, state=DeliveryState.UNCERTAIN,
                why="its final dot was on the wire and no reply came: the relay may have taken it", changed_at=NOW,
            )
        )  # fmt: skip
    session.flush()
    return issue.id or 0


def follow_links(session: Session, issue_id: int) -> None:
    """A dozen of its readers, one of whom has left, and a gateway."""
    told = (
        ("Ferry comes home after a long refit, with the old bell and the teapot", "City", "story"),
        ("Parliament votes on the island treaty", "World", "story"), ("A gull paints", "And finally", "story"),
        ("The boat is back", "City", "also"), ("", "", "sponsor"),
    )  # fmt: skip
    links = [Link(0, "https://post.example.com/archive/daily/2026-11-22", "", "", "trap")]
    links += [Link(n, f"https://radio.example.com/{n}", *about) for n, about in enumerate(told, start=1)]
    session.exec(select(Edition).where(Edition.issue_id == issue_id)).one().links = [link._asdict() for link in links]
    gone = session.exec(select(Leaving.subscriber_id)).all()
    readers = [*gone, *session.exec(select(Subscriber.id).limit(12))]
    followed = [
        Following(reader or 0, "daily", issue_id, n % 5 + 1, told[n % 5][1], NOW - timedelta(days=25), sign)
        for n, (reader, sign) in enumerate(product(readers, ("", "early burst", "agent")))
    ]
    clicks.keep(session, followed)


@pytest.fixture(scope="module")
def shown(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Made once: it takes as long as what is looked at."""
    folder, port = tmp_path_factory.mktemp("month"), a_free_port()
    (folder / "newsletter.db").write_bytes(_sqlite_template.read_bytes())
    sqlite = Database(f"sqlite:///{folder}/newsletter.db")
    counting = CONFIG.replace("min_articles = 1\n", "min_articles = 1\nclicks = true\n")
    config = a_config((counting + WEEKLY).replace("https://post.example.com", f"http://127.0.0.1:{port}"), folder)
    paper = Paper(config, sqlite)
    with_editors(sqlite, Clock())
    live = a_month(sqlite)
    with sqlite.transaction() as session:
        sent = uncertain_one(session)
        follow_links(session, sent)
    tallies.keep(sqlite, sent)
    with serving(paper, port, Clock()):
        yield Shown(paper, {
            "sending": f"/desk/issues/{live}/sending", "results": f"/desk/issues/{sent}/results",
            "figures": "/desk/figures?days=30", "readers": "/desk/readers", "reader": "/desk/readers/3",
            "erase": "/desk/readers/3/erase", "suppressions": "/desk/suppressions?email=reader1@example.com",
            "imports": "/desk/imports", "sources": "/desk/sources", "source": "/desk/sources/city-desk",
        })  # fmt: skip
    sqlite.close()


def admin(browser: Browser, paper: Paper) -> BrowserContext:
    with paper.database.transaction() as session:
        token = sessions.begin(session, accounts.find(session, "ada@example.com"), NOW)
    context = browser.new_context(bypass_csp=True)
    context.add_cookies([{"name": COOKIE, "value": token, "url": f"{paper.config.site.url}/desk"}])
    return context


def test_every_page_of_figures_and_readers_is_accessible(shown: Shown, browser: Browser):
    """Contrast, names, roles; one first heading; a phone's page does not scroll sideways."""
    page = admin(browser, shown.paper).new_page()
    found = {}
    for name, path in shown.pages.items():
        page.goto(shown.paper.config.site.url + path)
        assert page.get_by_role("heading", level=1).count() == 1, name
        for width, scheme in VIEWS:
            look_as(page, width, scheme)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert not page.evaluate(WIDE_TABLES), name
            found[name, scheme] = faults(page)
    assert not any(found.values()), found


def test_a_file_is_imported_in_a_browser(shown: Shown, browser: Browser, tmp_path: Path):
    """Put up, look, press: the page goes on by itself when the work is done."""
    file = tmp_path / "people.csv"
    file.write_text("Email,First name\n" + "".join(f"new{n}@example.com,Ann\n" for n in range(500)) + "nobody,x\n")
    page = admin(browser, shown.paper).new_page()
    page.goto(f"{shown.paper.config.site.url}/desk/imports")
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("How these people agreed").fill("asked at the fair")
    page.get_by_role("button", name="Put up and check").click()
    page.get_by_role("heading", name="What would happen").wait_for()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/import-1280-light.png", full_page=True)
    assert faults(page) == []
    page.get_by_role("button", name="Import 500 people").click()
    page.get_by_text("Done. The file is deleted").wait_for()
