"""A whole morning at the desk in Chromium, in one piece: from the login to the results of a send to 2,000 readers."""

import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.ledger import Totals
from newsletter.issues import acts
from newsletter.scheduler import Clockwork
from tests.builders import CONFIG, NOW, a_config, add_readers, an_article
from tests.fakes import FeedServer
from tests.issues.test_assemble import MONDAY, store
from tests.issues.test_edits import order
from tests.picks.pieces import EVENTS
from tests.ports import a_free_port
from tests.sink import Sink
from tests.web.conftest import Clock
from tests.web.desk.conftest import PASSWORD, serving, with_editors

pytestmark = [pytest.mark.browser, pytest.mark.proof, pytest.mark.timeout(300)]
READERS, STOP_AT = 2_000, 700
WIDE: ViewportSize = {"width": 1280, "height": 1600}
PHONE: ViewportSize = {"width": 390, "height": 800}
CRANE = b"""<!doctype html><html><head><title>The crane swings again</title>
<meta property="og:title" content="The crane swings again"></head>
<body><article><h1>The crane swings again</h1><p>It had stood still for a year, and lifts stone since dawn.</p>
</article></body></html>"""


@dataclass
class Gate:
    """Lets STOP_AT readers through, and the others when it is opened; one of them has no mailbox any more."""

    open: threading.Event = field(default_factory=threading.Event)
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, stage: str, word: str) -> str | None:
        if stage != "RCPT" or not word.startswith("reader"):
            return None
        with self.lock:
            self.count += 1
            waits = self.count > STOP_AT
        if waits:
            self.open.wait()
        return "550 5.1.1 nobody here" if word == "reader9@example.com" else None


@dataclass
class Morning:
    """A draft of five stories that two have to approve, at 05:30, on a real port, before a real relay."""

    paper: Paper
    issue: int
    port: int
    sink: Sink
    gate: Gate
    clock: Callable[[], datetime]
    crane: str  # the address of a page of the web

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/desk/issues/{self.issue}"

    @property
    def totals(self) -> Totals:
        with self.paper.database.reading() as session:
            return ledger.totals(session, self.issue)


@pytest.fixture
def morning(sqlite: Database, tmp_path: Path):
    begun, gate, port = monotonic(), Gate(), a_free_port()
    with ExitStack() as stack:
        sink, web = stack.enter_context(Sink(refuse=gate)), stack.enter_context(FeedServer())
        text = CONFIG.replace("https://post.example.com", f"http://127.0.0.1:{port}")
        text = text.replace("port = 1025", f"port = {sink.port}")
        text = text.replace("[[newsletters]]", '[[newsletters]]\nimages = "none"\nmax_articles = 5\napprovals = 2')
        more = '[collecting]\nprivate_networks = ["127.0.0.0/8"]\n'
        paper = Paper(a_config(text + more, tmp_path), sqlite)
        with_editors(sqlite, Clock())
        days = timedelta(days=1)
        store(sqlite, *(an_article(number=n, title=EVENTS[n], published_at=NOW - timedelta(hours=n), body="")
                        for n in range(1, 8)))  # fmt: skip
        store(sqlite, an_article(number=8, title=EVENTS[8], published_at=NOW - 5 * days, body=""))
        with sqlite.transaction() as session:
            add_readers(session, READERS)
        issue = daily.draft(paper, paper.config.newsletters[0], MONDAY, NOW).id or 0
        daily.check(paper, issue, NOW)

        def clock() -> datetime:
            return NOW + timedelta(seconds=monotonic() - begun)

        stack.enter_context(serving(paper, port, clock))
        stack.callback(gate.open.set)
        crane = web.serve("/crane", CRANE, content_type="text/html")
        yield Morning(paper, issue, port, sink, gate, clock, crane)


def test_a_whole_morning(morning: Morning, browser: Browser):
    """Read, change, check, approve by two, send, pause, resume, read the results; the browser minds nothing."""
    said: list[str] = []
    ed = come_in(browser, morning, "ed", said, viewport=WIDE)
    reorder(ed, morning)
    pull_in_and_ban(ed, morning)
    write(ed)
    look_and_check(ed, morning)
    drag_by_finger(browser, ed, morning)
    for name, words in (("sam", "Sam approved it, one more is wanted."), ("ada", "It goes out at 06:30 GMT.")):
        page = come_in(browser, morning, name, said, viewport=PHONE)
        page.get_by_role("button", name="Approve").click()  # the third click since the login's page
        expect(page.locator("#decide")).to_contain_text(words)
    watch_it_go(page, morning)
    assert [words for words in said if "favicon" not in words] == []
    assert len(morning.sink.taken) == READERS  # all but one, and the test


def come_in(browser: Browser, morning: Morning, name: str, said: list[str], **more: Any) -> Page:
    """Two clicks: log in, open the draft that Today shows."""
    page = browser.new_context(**more).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://127.0.0.1:{morning.port}/desk")
    page.fill("#email", f"{name}@example.com")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("main h2 a, main h3 a").first.click()
    expect(page.locator("#decide")).to_contain_text(f"{READERS:,} readers")
    return page


def shows(page: Page, *numbers: int) -> None:
    """The list has these stories in this order, and so has the preview beside it."""
    expect(page.locator(".pick h3")).to_have_text([EVENTS[n] for n in numbers])
    expect(page.frame_locator("#frame").get_by_text(EVENTS[numbers[0]]).first).to_be_visible()


def reorder(page: Page, morning: Morning) -> None:
    """By mouse, by keys that are pressed faster than the desk answers, and by somebody else while a reason is read."""
    shows(page, 1, 2, 3, 4, 5)
    start, end = page.locator(".handle").nth(3).bounding_box(), page.locator(".pick").nth(0).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + 60, steps=8)
    page.mouse.move(start["x"] + 5, end["y"] + 4, steps=4)
    page.mouse.up()
    for key in "JJJ":  # what was dragged is chosen; no key waits for an answer
        page.keyboard.press(key)
    shows(page, 1, 2, 3, 4, 5)
    for key in "kx":
        page.keyboard.press(key)
    shows(page, 1, 2, 5, 4, 6)  # what was put into the fourth place stays there
    for key in "uu":
        page.keyboard.press(key)
    shows(page, 1, 2, 4, 3, 5)
    page.locator(".reason summary").first.click()
    daily.change(morning.paper, morning.issue, acts.Move(5, 1), "Ada", morning.clock())
    shows(page, 5, 1, 2, 4, 3)
    expect(page.locator(".reason[open]")).to_have_count(1)


def pull_in_and_ban(page: Page, morning: Morning) -> None:
    """One that was left out, one of last week, a page of the web; and one that nobody is to see again."""
    for number in (7, 8):
        page.get_by_role("searchbox").fill(EVENTS[number][:12])
        page.get_by_role("button", name=f"Pull in: {EVENTS[number]}").click()
        expect(page.get_by_text(f"“{EVENTS[number]}” came in.")).to_be_visible()
    page.get_by_label("Add a page of the web").fill(morning.crane)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("“The crane swings again” came in.")).to_be_visible()
    page.locator(".pick .more summary").first.click()
    page.get_by_role("button", name="Never again: ban it").first.click()
    expect(page.locator(".pick h3").filter(has_text=EVENTS[5])).to_have_count(0)


def write(page: Page) -> None:
    """A headline, the subject, an intro with a signature in Markdown: each is in the preview at once."""
    own = page.locator(".pick h3").first.text_content()
    page.get_by_role("link", name=re.compile("^Write")).first.click()
    page.get_by_label("Headline").fill("Our own headline")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text(f"The source: {own}")).to_be_visible()
    mail = page.frame_locator("#frame")
    expect(mail.get_by_text("Our own headline").first).to_be_visible()
    page.get_by_text("Words on top").click()
    page.get_by_label("Subject").fill("A quiet day at the quay")
    page.get_by_label("Intro").fill("Good morning.")
    page.get_by_label("Signature").fill("*Ed*, [at his desk](https://post.example.com/ed)")
    page.locator("#words").get_by_role("button", name="Save").click()
    expect(page.locator("#inbox")).to_contain_text("A quiet day at the quay")
    expect(mail.get_by_role("link", name="at his desk")).to_be_visible()


def look_and_check(page: Page, morning: Morning) -> None:
    """Phone, dark, what was changed; the check; a test mail to oneself."""
    page.get_by_role("link", name="Phone").click()
    page.get_by_role("link", name="Dark").click()
    expect(page.locator(".frame.phone.dark iframe")).to_be_visible()
    page.get_by_role("button", name="Run the check").click()
    expect(page.locator("#findings")).to_contain_text("found.")
    page.get_by_role("button", name="Send a test to ed@example.com").click()
    expect(page.get_by_text("A test is on its way to ed@example.com.")).to_be_visible()
    [test] = morning.sink.taken
    assert test.recipient == "ed@example.com"
    assert b"Subject: [Test] A quiet day at the quay\r\n" in test.data
    page.get_by_role("link", name="Changes").click()
    expect(page.locator("#look")).to_contain_text("A quiet day at the quay")


def drag_by_finger(browser: Browser, of_ed: Page, morning: Morning) -> None:
    """On a phone, by touches as the glass sends them: the story moves and the page stays where it is."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    context.add_cookies(of_ed.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(morning.url)
    before = order(morning.paper, morning.issue)
    glass = context.new_cdp_session(page)
    page.locator(".handle").first.scroll_into_view_if_needed()
    start, end = page.locator(".handle").first.bounding_box(), page.locator(".pick").nth(1).bounding_box()
    assert start
    assert end
    top, x, y, below = page.evaluate("scrollY"), start["x"] + 8, start["y"] + 8, end["y"] + end["height"] - 4
    glass.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        point = {"x": x, "y": y + (below - y) * step / 8}
        glass.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    assert page.evaluate("scrollY") == top
    glass.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".pick").nth(1)).to_contain_text("pinned")
    after = order(morning.paper, morning.issue)
    assert after[1] == before[0]
    assert sorted(after) == sorted(before)
    context.close()


def watch_it_go(page: Page, morning: Morning) -> None:
    """Send now, and the clock hurries; numbers move by themselves; a pause holds over a reload; then all have it."""
    clockwork = Clockwork(morning.paper, morning.clock)
    clockwork.hurry()  # nobody waits for anything
    assert morning.totals == Totals()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Send now").click()
    expect(page.locator("#decide")).to_contain_text("It goes out now.")
    clockwork.hurry()
    page.goto(f"{morning.url}/sending")
    expect(page.locator(".big")).to_contain_text(f"of {READERS:,} readers")
    expect(page.locator(".of-accepted .count")).not_to_have_text("0")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing goes out until somebody resumes it")).to_be_visible()
    morning.gate.open.set()
    clockwork.rest()
    page.reload()
    expect(page.get_by_text("Nothing goes out until somebody resumes it")).to_be_visible()
    halfway = morning.totals
    assert 0 < halfway.accepted < READERS
    expect(page.locator(".of-accepted .count")).to_have_text(f"{halfway.accepted:,}")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    clockwork.hurry()
    expect(page.get_by_text(f"of {READERS:,} readers got it")).to_be_visible()
    expect(page.locator(".of-accepted .count")).to_have_text(f"{READERS - 1:,}")
    expect(page.get_by_text("There is no such mailbox")).to_be_visible()
    clockwork.stop()
