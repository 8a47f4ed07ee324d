"""axe-core finds no serious fault in the mails of every design, in web views, in readers' pages, by day or night."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import Session

from newsletter.issues.contents import Contents
from newsletter.issues.models import Issue, IssueState
from newsletter.notices import ask_to_confirm
from newsletter.rendering.models import Edition
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from subscribers import signup
from subscribers.tokens import Purpose, sign
from tests.builders import NOW, an_article
from tests.conftest import NPM
from tests.rendering import issues
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, unsubscribe_token
from tests.web.conftest import Served, catcher, clock, served, settings

__all__ = ["catcher", "clock", "served", "settings"]
pytestmark = [pytest.mark.npm, pytest.mark.browser, pytest.mark.slow]
Scheme = Literal["light", "dark"]
VIEWS: tuple[tuple[int, Scheme], ...] = ((1280, "light"), (360, "dark"))  # a desk by day, a phone by night
COLOURS = ("color-contrast", "link-in-text-block")  # all that can differ where nothing but the colours do
AXE = NPM / "node_modules" / "axe-core" / "axe.min.js"
PICTURE = Path(__file__).parent.parent / "newsletter" / "sample" / "articles" / "pictures" / "ferry.jpg"


@pytest.fixture(scope="module")
def window(browser: Browser) -> Page:
    """One for all: a new one costs as much as what axe looks at in it."""
    return browser.new_page(bypass_csp=True)


@pytest.fixture
def page(window: Page) -> Page:
    window.unroute_all()
    window.context.clear_cookies()
    return window


def faults(page: Page, *, only: tuple[str, ...] | None = None) -> list[tuple[str, str, str]]:
    """(rule, how grave, the first element) of what axe minds gravely; `only` some of its rules, or all."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    run = (
        "only => axe.run({resultTypes: ['violations'], selectors: false, preload: false, ...(only && {runOnly: only})})"
    )
    found = page.evaluate(run, only)
    return [
        (fault["id"], fault["impact"], fault["nodes"][0]["html"][:200])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def look_as(page: Page, width: int, scheme: Scheme) -> None:
    """Go on with the open page in a window of another width, by day or by night: to load it anew costs as much as what
    axe looks at. Without motion the new colours are there at once."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


def views_with_faults(page: Page) -> list[tuple[int, Scheme, list[tuple[str, str, str]]]]:
    """Where axe minds the open page gravely: at a desk by day, on a phone by night."""
    found = []
    for width, scheme in VIEWS:
        look_as(page, width, scheme)
        found.append((width, scheme, faults(page)))
    return [view for view in found if view[2]]


@pytest.mark.parametrize("design", ["digest", "letter", "links"])
@pytest.mark.parametrize("case", [issues.everything, issues.arabic])
def test_a_mail_has_no_serious_fault(case: Callable[[], Contents], design: str, page: Page, tmp_path: Path) -> None:
    """By day and by night. Languages, roles, names of links, contrast, alt: with its pictures in place."""
    made = edition(issues.in_(design, case()), Templates(tmp_path), issues.SITE)
    page.route("**/media/*", lambda route: route.fulfill(body=PICTURE.read_bytes(), content_type="image/jpeg"))
    page.route(
        "https://post.example.com/issue",
        lambda route: route.fulfill(body=made.html, content_type="text/html; charset=utf-8"),
    )
    look_as(page, 1280, "light")
    page.goto("https://post.example.com/issue")
    assert faults(page) == []
    look_as(page, 1280, "dark")
    assert faults(page, only=COLOURS) == []


def test_no_page_for_readers_has_a_serious_fault(served: Served, page: Page, tmp_path: Path) -> None:
    """By day and by night: sign up, confirm, choose, leave, the archive, a web view, an article, and nothing at all."""
    with served.database.transaction() as session:
        paths = ["/", "/subscribe/weekly", "/archive/daily", "/archive/daily/2026-11-20", "/nowhere", *_tokens(session)]
        _sent(session, tmp_path)
    for path in paths:
        look_as(page, 1280, "light")
        page.goto(f"{served.url}{path}")
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert faults(page) == [], path
        look_as(page, 1280, "dark")
        assert faults(page, only=COLOURS) == [], path


def _tokens(session: Session) -> list[str]:
    """The pages behind a reader's own links."""
    reader = a_reader(session, "ann@example.com")
    article = an_article()
    session.add(article)
    due = signup.ask(session, KEYS, ["weekly"], "ann@example.com", PROOF, NOW)
    assert due is not None
    ask_to_confirm(session, due, NOW)
    session.flush()
    return [
        f"/confirm/{confirm_token(due)}",
        f"/u/{unsubscribe_token(session, 'ann@example.com')}",
        f"/preferences/{sign(KEYS, Purpose.PREFERENCES, reader)}",
        f"/articles/{sign(KEYS, Purpose.ARTICLE, article.id or 0)}",
    ]


def _sent(session: Session, folder: Path) -> None:
    """An issue that is out, for the archive and its web view."""
    made = edition(issues.normal(), Templates(folder), issues.SITE)
    day = NOW.date().replace(day=20)
    issue = Issue(
        newsletter="daily", issue_date=day, number=1, state=IssueState.SENT, subject=made.subject, drafted_at=NOW,
        started_at=NOW,
    )  # fmt: skip
    session.add(issue)
    session.flush()
    values = {name: getattr(made, name) for name in ("subject", "preheader", "html", "text", "template_digest")}
    session.add(Edition(issue_id=issue.id or 0, rendered_at=NOW, **values))
