"""The door of counted links: it leads where the issue's links lead, at once, and nowhere else, whoever comes."""

import re
import time
from collections.abc import Sequence
from email import message_from_bytes, policy
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser
from sqlalchemy import event, text
from sqlmodel import Session, select
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import followed
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering.counted import TRAP, Link
from newsletter.rendering.models import Edition
from newsletter.web.app import create_app
from subscribers import Way, erasure, unsubscribe
from subscribers.models import Click
from subscribers.tokens import LENGTH, Keys, Purpose, sign
from tests.builders import CONFIG, KEY, NOW, a_config, an_issue
from tests.command import an_article_file
from tests.sink import Sink
from tests.subscribers.conftest import KEYS, a_reader, the, unsubscribe_token
from tests.web.conftest import WEEKLY, Served, Site
from tests.web.test_every_route import dump

COUNTING = CONFIG.replace("min_articles = 1\n", "min_articles = 1\nclicks = true\n")
ARTICLE = "https://radio.example.com/ferry?a=1&b=2"
LINKS = (
    Link(TRAP, "https://post.example.com/archive/daily/2026-11-20", "", "", "trap"),
    Link(1, ARTICLE, "The ferry", "City", "story"),
    Link(2, "https://radio.example.com/gull", "The gull", "World", "story"),
)
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def settings() -> str:
    """Its daily counts clicks."""
    return COUNTING + WEEKLY


@pytest.fixture
def counting(site: Site) -> Site:
    """Reader 1 has its issue 1."""
    with site.database.transaction() as session:
        a_reader(session)
        a_counted_issue(session, LINKS)
    site.client.headers.update(FIREFOX)
    return site


def a_counted_issue(session: Session, links: Sequence[Link]) -> Issue:
    """The first one of all, under way."""
    issue = an_issue(session, IssueState.SENT)
    issue.started_at = NOW
    edition = session.exec(select(Edition)).one()
    edition.links = [link._asdict() for link in links]
    session.add_all([issue, edition])
    return issue


def door(number: object = 1, reader: int = 1, issue: int = 1, keys: Keys = KEYS) -> str:
    return f"/c/{sign(keys, Purpose.CLICK, reader, issue)}/{number}"


def kept(database: Database) -> list[tuple[int, int, str, str]]:
    with database.reading() as session:
        rows = session.exec(select(Click).order_by("id"))
        return [(row.subscriber_id, row.link, row.section, row.signs) for row in rows]


def test_a_link_leads_to_its_article_and_is_kept(counting: Site):
    """No cookie, kept by no cache, and the article's site does not learn the address of the door."""
    answer = counting.client.get(door())
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, ARTICLE, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "set-cookie" not in answer.headers
    assert kept(counting.database) == [(1, 1, "City", "")]


def test_head_gets_the_same_answer_and_is_a_robots(counting: Site):
    """So does a prefetch; of a reader nothing changes by either."""
    get, head = counting.client.get(door(2), headers={"Purpose": "prefetch"}), counting.client.head(door(2))
    assert dict(get.headers) == dict(head.headers)
    assert (head.status_code, head.content) == (302, b"")
    assert [signs for *_, signs in kept(counting.database)] == ["ahead", "head"]


NOWHERE = (
    door(3),
    door(-1),
    door("01"),
    door("1.0"),
    door("１"),
    door("99999999999999999999"),
    door("1").replace("/c/", "/c//"),
    door("https://evil.example/"),
    door("//evil.example/"),
    door("%0d%0aLocation:%20https://evil.example/"),
    door(1, issue=2),
    door(1, issue=10**9),
    door(1, keys=Keys((b"e" * 32,))),
    "/c/" + "A" * LENGTH + "/1",
    "/c/short/1",
    f"/c/{sign(KEYS, Purpose.UNSUBSCRIBE, 1, 1)}/1",
    f"/c/{sign(KEYS, Purpose.PREFERENCES, 1, 1)}/1",
    door(1)[:-3] + "x/1",
)


def test_there_is_no_way_to_lead_anywhere_else(counting: Site):
    """No open redirect: a page in words, and no Location but those of the issue's own set."""
    for path in NOWHERE:
        for method in ("GET", "HEAD"):
            answer = counting.client.request(method, path)
            assert (answer.status_code, "location" in answer.headers) == (404, False), path
    assert "This link does not work" in counting.client.get(NOWHERE[0]).text
    for query in ("?url=https://evil.example/", "?to=//evil.example", "?1=2#3"):
        assert counting.client.get(door() + query).headers["location"] == ARTICLE
    assert {link for _, link, *_ in kept(counting.database)} == {1}


def test_a_token_of_any_other_letter_is_none(counting: Site):
    """Some of each part are turned: of key, reader, issue, and signature."""
    token = sign(KEYS, Purpose.CLICK, 1, 1)
    for place in (0, 1, 8, 12, 20, 22, 23, 30, LENGTH - 1):
        letter = token[place]
        wrong = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        answer = counting.client.get(f"/c/{wrong}/1")
        assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert kept(counting.database) == []


def test_an_issue_that_is_not_out_leads_nowhere(counting: Site):
    """A draft's links may still change."""
    with counting.database.transaction() as session:
        session.get_one(Issue, 1).started_at = None
    assert counting.client.get(door()).status_code == 404


def test_whoever_has_left_or_was_erased_still_gets_to_the_article(counting: Site):
    """And nothing is written of them any more."""
    with counting.database.transaction() as session:
        unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com"), Way.LINK, NOW)
    assert counting.client.get(door()).headers["location"] == ARTICLE
    with counting.database.transaction() as session:
        erasure.erase(session, KEYS, "ann@example.com", NOW)
    assert counting.client.get(door()).headers["location"] == ARTICLE
    assert kept(counting.database) == []


def test_pages_say_that_links_are_noted_and_a_reader_can_forbid_it(counting: Site):
    """The form, the consent that is kept, and the page of preferences; where nothing is counted, none says a word."""
    noted = "Which of its links I follow is noted."
    assert noted in counting.client.get("/subscribe/daily").text
    assert "noted" not in counting.client.get("/subscribe/weekly").text
    assert "forgotten after 180 days" in counting.client.get("/").text
    counting.client.get(door())
    page = f"/preferences/{sign(KEYS, Purpose.PREFERENCES, 1)}"
    assert "forgotten after 180 days" in counting.client.get(page).text
    answer = counting.client.post(page, data={"act": "note-nothing"})
    assert "what was is forgotten" in answer.text
    assert "Nothing is noted of you." in answer.text
    counting.client.get(door())
    assert kept(counting.database) == []
    assert "Saved." in counting.client.post(page, data={"act": "note-again"}).text
    counting.client.get(door())
    assert len(kept(counting.database)) == 1


def test_who_asks_not_to_be_followed_is_not(counting: Site):
    """Global Privacy Control is a setting of their browser."""
    assert counting.client.get(door(), headers={"Sec-GPC": "1"}).headers["location"] == ARTICLE
    assert kept(counting.database) == []


def test_a_newsletter_that_counts_no_more_writes_nothing(counting: Site):
    """Its old mails' links go on working, also under a key that no longer signs."""
    config = counting.config.model_copy(update={"newsletters": a_config(CONFIG + WEEKLY).newsletters})
    config._keys = Keys((b"n" * 32, KEY.encode()))
    with TestClient(create_app(config, counting.database), follow_redirects=False) as client:
        assert client.get(door()).headers["location"] == ARTICLE
    assert kept(counting.database) == []


def test_a_store_that_refuses_costs_no_reader_their_article(counting: Site):
    """It is said in the log, without a word of whose it was."""
    counting.client.get(door(2))
    with counting.database.transaction() as session:
        session.execute(text("ALTER TABLE click RENAME TO away"))
    try:
        with capture_logs() as lines:
            answer = counting.client.get(door())
        assert (answer.status_code, answer.headers["location"]) == (302, ARTICLE)
        assert [line for line in lines if line.get("action") == "clicks_lost"] == [
            {"event": "Clicks were not counted.", "action": "clicks_lost", "clicks": 1, "log_level": "warning",
             "why": "ProgrammingError" if not counting.database.is_sqlite else "OperationalError"}
        ]  # fmt: skip
    finally:
        with counting.database.transaction() as session:
            session.execute(text("ALTER TABLE away RENAME TO click"))


def test_links_are_looked_up_once_an_issue(counting: Site):
    """They are frozen, so a morning's thousands cost no look into the store each."""
    asked: list[str] = []
    event.listen(counting.database._reader, "before_cursor_execute", lambda *said: asked.append(said[2]))
    for number in (1, 2, 1):
        counting.client.get(door(number))
    assert len([words for words in asked if "edition.links" in words]) == 1


@pytest.mark.slow
@pytest.mark.browser
def test_scanners_and_then_a_person_follow_the_links_of_a_real_mail(served: Served, browser: Browser, tmp_path: Path):
    """Drafted, approved, sent through SMTP. A gateway opens every link, by GET, HEAD and as a prefetch: nothing about a
    reader changes, and no person is counted. Chromium opens the mail and clicks: the article, and one person."""
    with Sink() as sink:
        html = sent_mail(served, sink, tmp_path)
    before = dump(served.database, without="click")
    doors = set(re.findall(rf"{re.escape(served.url)}/c/[^\"]+", html))
    assert len(doors) == 2
    with httpx2.Client(headers=FIREFOX) as scanner:
        for link in doors:
            for method, headers in (("GET", {}), ("HEAD", {}), ("OPTIONS", {}), ("GET", {"Purpose": "prefetch"})):
                assert scanner.request(method, link, headers=headers).status_code < 500
    wait_for(served.database, 6)
    served.clock.forward(hours=1)
    assert dump(served.database, without="click") == before
    with served.database.reading() as session:
        seen = the(followed.of(session, 1))
    assert (seen.people, seen.robots) == (0, 6)
    page = browser.new_page(user_agent=FIREFOX["User-Agent"])
    page.set_content(html)
    hidden = page.locator(f'a[href$="/{TRAP}"]')
    assert hidden.count() == 1
    assert hidden.bounding_box() is None
    page.get_by_role("link", name="Ferry number 1 sails again").last.click()
    page.wait_for_url(f"{served.url}/articles/*")
    assert "Ferry number 1 sails again" in page.content()
    wait_for(served.database, 7)
    assert kept(served.database)[6:] == [(1, 1, "City", "")]
    assert dump(served.database, without="click") == before


def wait_for(database: Database, clicks: int) -> None:
    """They are written right after the answer."""
    deadline = time.monotonic() + 60
    while len(kept(database)) < clicks and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(kept(database)) == clicks


def sent_mail(served: Served, sink: Sink, folder: Path) -> str:
    """The HTML of the issue as reader 1 gets it."""
    (folder / "articles").mkdir()
    an_article_file(folder)
    smtp = served.config.smtp.model_copy(update={"port": sink.port, "journal_dir": folder / "journal"})
    config = served.config.model_copy(update={"smtp": smtp})
    paper = Paper(config, served.database)
    with served.database.transaction() as session:
        a_reader(session)
    daily.gather(paper, NOW)
    issue = daily.draft(paper, config.newsletters[0], NOW.date(), NOW)
    daily.approve(paper, issue.id or 0, "Ed", NOW)
    daily.deliver(paper, issue.id or 0, "Ed", lambda: NOW)
    mail = message_from_bytes(sink.taken[0].data, policy=policy.default)
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())
