"""A send of 2,000 letters, watched in Chromium: live, paused, loaded again, resumed, and read when it is done."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.editors import Role, accounts, sessions
from newsletter.issues.models import IssueState
from newsletter.web.desk.door import COOKIE
from tests.builders import CONFIG, a_config, add_readers, an_issue
from tests.conftest import CHROMIUM
from tests.sink import Sink
from tests.web.conftest import Clock, free_port
from tests.web.desk.conftest import real_now, serving, with_editors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
READERS, STOP_AT = 2_000, 700


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Gate:
    """Lets STOP_AT recipients through, and the others when it is opened."""

    def __init__(self) -> None:
        self.open, self._count, self._lock = threading.Event(), 0, threading.Lock()

    def __call__(self, stage: str, word: str) -> str | None:
        if stage == "RCPT":
            with self._lock:
                self._count += 1
                count = self._count
            if count > STOP_AT:
                self.open.wait()
        return "550 5.1.1 nobody here" if word == "reader9@example.com" and stage == "RCPT" else None


def sending(paper: Paper, issue_id: int) -> threading.Thread:
    """As `run` does it, in a thread of its own."""
    thread = threading.Thread(target=daily.deliver, args=(paper, issue_id, "schedule", real_now))
    thread.start()
    return thread


def logged_in(browser: Browser, paper: Paper, role: Role) -> BrowserContext:
    with paper.database.transaction() as session:
        editor = accounts.find(session, "sam@example.com")
        assert editor.role is role
        token = sessions.begin(session, editor, real_now())
    context = browser.new_context()
    context.add_cookies([{"name": COOKIE, "value": token, "url": f"{paper.config.site.url}/desk"}])
    return context


def test_a_send_is_watched_paused_resumed_and_read(sqlite: Database, browser: Browser, tmp_path: Path):
    """Numbers move by themselves; what an editor presses holds everywhere; the page turns into the results."""
    gate, port = Gate(), free_port()
    with Sink(refuse=gate) as sink:
        text = CONFIG.replace("https://post.example.com", f"http://127.0.0.1:{port}")
        config = a_config(text.replace("port = 1025", f"port = {sink.port}"), tmp_path)
        paper = Paper(config, sqlite)
        with_editors(sqlite, Clock(real_now()))
        with sqlite.transaction() as session:
            add_readers(session, READERS)
            issue_id = an_issue(session, IssueState.SENDING).id or 0
        with serving(paper, port):
            page = logged_in(browser, paper, Role.SENDER).new_page()
            faults: list[str] = []
            page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
            page.goto(f"{config.site.url}/desk/issues/{issue_id}/sending")
            expect(page.get_by_text("The audience is being drawn")).to_be_visible()
            thread = sending(paper, issue_id)

            expect(page.locator(".big")).to_contain_text(f"of {READERS:,} readers", timeout=30_000)
            expect(page.locator(".of-accepted .count")).not_to_have_text("0", timeout=30_000)
            page.get_by_role("button", name="Pause").click()
            gate.open.set()
            thread.join()
            expect(page.get_by_text("Nothing goes out until somebody resumes it")).to_be_visible()
            page.reload()
            expect(page.get_by_text("Nothing goes out until somebody resumes it")).to_be_visible()
            with sqlite.reading() as session:
                halfway = ledger.totals(session, issue_id)
            assert 0 < halfway.accepted < READERS
            expect(page.locator(".of-accepted .count")).to_have_text(f"{halfway.accepted:,}")

            page.get_by_role("button", name="Resume").click()
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
            sending(paper, issue_id).join()
            expect(page.get_by_text(f"of {READERS:,} readers got it")).to_be_visible(timeout=30_000)
            expect(page.locator(".of-accepted .count")).to_have_text(f"{READERS - 1:,}")
            expect(page.get_by_text("There is no such mailbox")).to_be_visible()
            assert faults == []
    assert len(sink.taken) == READERS - 1
