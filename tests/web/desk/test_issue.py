"""The issue's page: acts through its forms, who may, two editors, and a preview that can do nothing."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlmodel import select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.editors import Role
from newsletter.editors.models import AuditEntry
from newsletter.issues import edits, states
from newsletter.issues.edits import Field
from newsletter.issues.models import Issue, IssueState
from newsletter.sources.models import Article
from subscribers import Proof, signup
from tests.builders import NOW, an_article
from tests.issues.test_assemble import MONDAY, store
from tests.issues.test_edits import order
from tests.picks.pieces import EVENTS
from tests.web.desk.conftest import Browser, Desk

HTMX = {"HX-Request": "true"}


def a_day(desk: Desk, *more: Article) -> int:
    """Monday's issue of the daily with four stories; its number."""
    articles = [
        an_article(number=n, title=EVENTS[n], section="City", published_at=NOW - timedelta(hours=n))
        for n in range(1, 5)
    ]
    store(desk.database, *articles, *more)
    return daily.draft(paper(desk), desk.config.newsletters[0], MONDAY, NOW).id or 0


def paper(desk: Desk) -> Paper:
    return Paper(desk.config, desk.database)


def do(browser: Browser, issue: int, act: str, **fields: Any) -> Any:
    return browser.post(f"/desk/issues/{issue}/act", HTMX, act=act, **{n: str(v) for n, v in fields.items()})


def edited(desk: Desk) -> edits.Edits:
    with desk.database.reading() as session:
        return edits.of(session, desk.config.newsletters[0], MONDAY)


def test_the_page_shows_picks_with_points_and_reason_and_what_was_left_out(desk: Desk):
    """Everything that an editor decides by is on one page."""
    issue = a_day(desk, an_article(number=9, title=EVENTS[9], section="Nowhere"))
    page = unescape(desk.browser(Role.EDITOR).get(f"/desk/issues/{issue}").text)
    for n in range(1, 5):
        assert EVENTS[n] in page
    assert "1 source tells it" in page
    assert "freshness" in page
    assert "the newsletter has no section Nowhere" in page


def test_every_act_goes_through_its_form(desk: Desk):
    """Up, down, to a place, pin, release, drop, ban, pull in, undo, redo: the answer is the list as it then stands."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    acts: list[tuple[str, dict[str, int], list[int]]] = [
        ("down", {"article": 1}, [2, 1, 3, 4]),
        ("up", {"article": 3}, [2, 3, 1, 4]),
        ("move", {"article": 4, "place": 1}, [4, 2, 3, 1]),
        ("drop", {"article": 3}, [4, 2, 1]),
        ("pull", {"article": 3}, [4, 2, 3, 1]),
        ("ban", {"article": 2}, [4, 3, 1]),
        ("undo", {}, [4, 2, 3, 1]),
        ("redo", {}, [4, 3, 1]),
        ("pin", {"article": 3}, [4, 3, 1]),
        ("release", {"article": 4}, [4, 3, 1]),
    ]
    for act, fields, _ in acts:
        answer = do(browser, issue, act, **fields)
        assert answer.status_code == 200, answer.text
        assert 'id="board"' in answer.text
        assert "<html" not in answer.text
    assert set(order(paper(desk), issue)) == {1, 3, 4}
    assert do(browser, issue, "fly", article=1).status_code == 404
    assert do(browser, issue, "pull", article=99).status_code == 404


def test_without_script_an_act_answers_with_the_page(desk: Desk):
    """The forms are ordinary ones."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    answer = browser.post(f"/desk/issues/{issue}/act", act="move", article="4", place="1")
    assert "<html" in answer.text
    assert order(paper(desk), issue)[0] == 4


def test_words_are_written_and_the_sources_own_stay_in_sight(desk: Desk):
    """The form shows both; what was not touched is not written down."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    fields = {"article": "1", "seen.title": EVENTS[1], "title": "Our words", "seen.note": "", "note": ""}
    browser.post(f"/desk/issues/{issue}/write", HTMX, **fields)
    assert edited(desk).articles == {1: {"title": "Our words"}}
    form = unescape(browser.get(f"/desk/issues/{issue}/articles/1", headers=HTMX).text)
    assert "Our words" in form
    assert f"The source: {EVENTS[1]}" in form
    sponsor = {"seen.sponsor": "", "sponsor.text": "Rope", "sponsor.url": "javascript:alert(1)"}
    refused = browser.post(f"/desk/issues/{issue}/write", HTMX, **sponsor)
    assert "no address of the web" in refused.text


def test_two_editors_see_each_other_and_lose_nothing(desk: Desk):
    """The list that stands still answers 204; a changed one comes whole, and a conflict shows both words."""
    issue = a_day(desk)
    ed, ada = desk.browser(Role.EDITOR), desk.browser(Role.ADMIN)
    version = ed.get(f"/desk/issues/{issue}").text.split('data-version="')[1].split('"')[0]
    poll = f"/desk/issues/{issue}/picks?version={version}"
    assert ed.get(poll).status_code == 204
    said = {"article": "1", "seen.title": EVENTS[1], "title": "Ada's words"}
    ada.post(f"/desk/issues/{issue}/write", HTMX, **said)
    assert "Ada&#39;s words" in ed.get(poll).text
    answer = unescape(ed.post(f"/desk/issues/{issue}/write", HTMX, **(said | {"title": "Ed's words"})).text)
    assert "Ada's words" in answer
    assert "Ed's words" in answer
    assert edited(desk).of(1, Field.TITLE) == "Ada's words"


def test_who_only_looks_has_no_buttons_and_what_is_sent_neither(desk: Desk):
    """The page is the same; nothing on it asks for what would be refused."""
    issue = a_day(desk)
    assert 'name="act"' not in desk.browser(Role.VIEWER).get(f"/desk/issues/{issue}").text
    with desk.database.transaction() as session:
        states.move(session, issue, IssueState.APPROVED, "Ed", "", NOW)
        states.move(session, issue, IssueState.SENDING, "Ed", "", NOW)
    browser = desk.browser(Role.EDITOR)
    assert 'name="act"' not in browser.get(f"/desk/issues/{issue}").text
    answer = do(browser, issue, "drop", article=1)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (409, "#said")


def test_a_change_is_written_into_the_audit(desk: Desk):
    """Who, what, of which issue."""
    issue = a_day(desk)
    do(desk.browser(Role.EDITOR), issue, "drop", article=1)
    with desk.database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.act == "changed an issue")).one()
    assert (entry.who, entry.about, entry.details) == ("Ed", "daily/2026-11-23", "step 1: drop")


def test_left_outs_are_searched_by_headline_and_source(desk: Desk):
    """Case does not matter, and a percent sign is a percent sign."""
    issue = a_day(desk, *(an_article(number=n, title=EVENTS[n], section="Nowhere") for n in (6, 7)))
    browser = desk.browser(Role.EDITOR)
    found = browser.get(f"/desk/issues/{issue}/left-out", params={"q": "BAKERS"}).text
    assert EVENTS[6] in found
    assert EVENTS[7] not in found
    assert EVENTS[6] not in browser.get(f"/desk/issues/{issue}/left-out", params={"q": "%"}).text


def test_the_preview_is_the_readers_bytes_in_a_frame_that_can_do_nothing(desk: Desk):
    """Its own policy lets no script and no form; by night, without pictures, as text, as source, as a reader."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    at = f"/desk/issues/{issue}/preview"
    shown = browser.get(at)
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups;")
    assert "script-src 'none'" in policy
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    assert "(prefers-color-scheme: dark)" not in shown.text
    assert "@media all" in browser.get(f"{at}?dark=1").text
    assert "img-src 'none'" in browser.get(f"{at}?pictures=0").headers["content-security-policy"]
    assert browser.get(f"{at}?view=text").headers["content-type"].startswith("text/plain")
    assert "List-Unsubscribe:" in browser.get(f"{at}?view=source").text
    with desk.database.transaction() as session:
        signup.add(session, desk.config.keys, "daily", "rita@example.com", Proof(wording="w", origin="test"), NOW)
    as_rita = browser.get(f"{at}?reader=rita@example.com")
    assert EVENTS[1] in as_rita.text
    assert "/u/preview" in as_rita.text
    unknown = browser.get(f"{at}?reader=nobody@example.com")
    assert (unknown.status_code, EVENTS[1] in unknown.text) == (200, False)
    assert desk.browser(Role.VIEWER).get(f"{at}?reader=rita@example.com").status_code == 403


def test_the_diff_says_what_editors_made_of_the_machines_pick(desk: Desk):
    """Dropped, moved, worded."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    do(browser, issue, "drop", article=2)
    do(browser, issue, "move", article=4, place=1)
    pane = unescape(browser.get(f"/desk/issues/{issue}/look?view=diff").text)
    for words in (EVENTS[2], "was 2, City", "was 4, City; is 1, City"):
        assert words in pane


def test_the_check_can_be_run_from_the_page(desk: Desk):
    """Its findings stand in their panel."""
    issue = a_day(desk)
    answer = desk.browser(Role.EDITOR).post(f"/desk/issues/{issue}/check", HTMX)
    assert 'id="findings"' in answer.text
    assert "found." in answer.text


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_a_hostile_headline_is_words_on_the_page(desk: Desk, words: str):
    """In the list, the history, the form, the inbox line and the diff."""
    issue = a_day(desk, an_article(number=8, title=words, standfirst=words, published_at=NOW))
    browser = desk.browser(Role.EDITOR)
    do(browser, issue, "pin", article=5)
    for path in ("", "/articles/5", "/look?view=diff", "/left-out?q=x", "/picks"):
        text = browser.get(f"/desk/issues/{issue}{path}").text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_an_address_that_is_none_of_the_web_is_refused(desk: Desk):
    """A file, a script, a private network: none is read."""
    issue = a_day(desk)
    browser = desk.browser(Role.EDITOR)
    for url in ("file:///etc/passwd", "javascript:alert(1)", "http://127.0.0.1/x"):
        assert browser.post(f"/desk/issues/{issue}/add", HTMX, url=url).status_code == 409, url
    with desk.database.reading() as session:
        assert len(session.exec(select(Article)).all()) == 4
        assert session.get_one(Issue, issue).state is IssueState.DRAFT
