"""Sending, results and figures, as pages: what they show, who may act, and what each table is as CSV."""

import csv
from datetime import timedelta
from io import StringIO
from pathlib import Path

from sqlmodel import col, select

from newsletter.database import Database
from newsletter.delivery import tallies
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editors import Role
from newsletter.editors.models import AuditEntry
from newsletter.issues.models import Decision, Issue, IssueState
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition
from subscribers import Way, clicks, unsubscribe
from subscribers.clicks import Following
from tests.builders import CONFIG, NOW, add_readers, an_issue
from tests.delivery.ledgers import FULL, GONE, TAKEN, an_issue_with
from tests.subscribers.conftest import KEYS, unsubscribe_token
from tests.web.conftest import WEEKLY, Clock
from tests.web.desk.conftest import Desk, opened

ACCEPTED, FAILED = DeliveryState.ACCEPTED, DeliveryState.FAILED


def a_sent_issue(desk: Desk, *more, state: IssueState = IssueState.SENT) -> int:
    """With one left reader, who said why in words that a spreadsheet would run."""
    with desk.database.transaction() as session:
        addresses = add_readers(session, 3)
        issue_id = an_issue_with(
            session, (8, ACCEPTED, TAKEN), (3, ACCEPTED, TAKEN | {"lane": "google"}), (2, FAILED, GONE), *more,
            state=state,
        ).id or 0  # fmt: skip
        token = unsubscribe_token(session, addresses[0], issue=issue_id)
        unsubscribe.by_token(session, KEYS, token, Way.HEADER, NOW)
        unsubscribe.say_why(session, KEYS, token, "=2+5 too many", NOW)
    return issue_id


def table(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text)))


def test_the_page_of_a_send_says_how_far_it_is(desk_anywhere: Desk):
    """Without a script too: the bar in words, five numbers, refusals, providers."""
    with desk_anywhere.database.transaction() as session:
        groups = [
            (6, ACCEPTED, TAKEN),
            (1, FAILED, GONE),
            (1, DeliveryState.DEFERRED, FULL),
            (12, DeliveryState.QUEUED, {}),
        ]
        issue_id = an_issue_with(session, *groups, state=IssueState.SENDING).id
    text = desk_anywhere.browser(Role.VIEWER).get(f"/desk/issues/{issue_id}/sending").text
    assert "40.0 %" in text
    assert "6 accepted, 1 failed, 1 deferred, 12 waiting." in text
    assert "There is no such mailbox" in text
    assert "The mailbox is full" in text
    assert "All others" in text
    assert "/pause" not in text, "a viewer looks"
    assert "/pause" in desk_anywhere.browser(Role.SENDER).get(f"/desk/issues/{issue_id}/sending").text


def test_who_may_send_may_pause_resume_and_cancel(desk: Desk):
    """Each is a decision with a name, in the issue's history and in the audit."""
    with desk.database.transaction() as session:
        groups = [(1, ACCEPTED, TAKEN), (3, DeliveryState.QUEUED, TAKEN)]
        issue_id = an_issue_with(session, *groups, state=IssueState.SENDING).id or 0
    sender = desk.browser(Role.SENDER)
    for act in ("pause", "resume", "cancel"):
        answer = sender.post(f"/desk/issues/{issue_id}/{act}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/issues/{issue_id}/sending")
    with desk.database.reading() as session:
        decisions = session.exec(select(Decision).order_by(Decision.id)).all()  # type: ignore[arg-type]
        assert [(d.act, d.who) for d in decisions] == [("paused", "Sam"), ("sending", "Sam"), ("cancelled", "Sam")]
        assert [e.act for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))] == [
            "paused",
            "resumed",
            "cancelled",
        ]
        assert session.get_one(Issue, issue_id).state is IssueState.CANCELLED
    answer = sender.get(f"/desk/issues/{issue_id}/sending")
    assert answer.headers["location"] == f"/desk/issues/{issue_id}/results"
    assert "The issue was cancelled" in sender.get(answer.headers["location"]).text
    refused = sender.post(f"/desk/issues/{issue_id}/pause")
    assert (refused.status_code, "nothing more can be decided" in refused.text) == (409, True)


def test_the_events_of_a_send_end_when_there_is_no_more_to_watch(desk: Desk):
    """A draft, a sent issue, and one that is not there."""
    with desk.database.transaction() as session:
        draft = an_issue(session, IssueState.DRAFT, NOW.date() + timedelta(days=1)).id
    viewer = desk.browser(Role.VIEWER)
    for number in (draft, a_sent_issue(desk), 99):
        answer = viewer.get(f"/desk/issues/{number}/sending/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: over" in answer.text


def test_results_are_told_in_words_and_numbers(desk_anywhere: Desk):
    """Totals, refusals by reason, providers, who left by which way and why."""
    issue_id = a_sent_issue(desk_anywhere)
    tallies.keep_missing(desk_anywhere.database)
    text = desk_anywhere.browser(Role.VIEWER).get(f"/desk/issues/{issue_id}/results").text
    assert "of 13 readers got it, 84.62 %" in text
    assert "There is no such mailbox" in text
    assert "550 5.1.1" in text
    assert "Google" in text
    assert "Their mail program" in text
    assert "=2+5 too many" in text
    assert "Uncertain: you decide" not in text


def test_every_table_of_the_results_is_a_csv(desk: Desk):
    """Streamed, and no cell is a formula."""
    issue_id, viewer = a_sent_issue(desk), desk.browser(Role.VIEWER)
    refusals = viewer.get(f"/desk/issues/{issue_id}/results/refusals.csv")
    assert 'filename="daily-2026-11-23-refusals.csv"' in refusals.headers["content-disposition"]
    assert table(refusals.text)[1] == ["failed", "there is no such mailbox", "550 5.1.1", "2", "User unknown"]
    providers = table(viewer.get(f"/desk/issues/{issue_id}/results/providers.csv").text)
    assert [row[:2] for row in providers] == [["provider", "selected"], ["Google", "3"], ["All others", "10"]]
    leavings = table(viewer.get(f"/desk/issues/{issue_id}/results/leavings.csv").text)
    assert leavings[1][2:5] == ["header", "0", "'=2+5 too many"]


def test_what_readers_followed_is_told_by_link_with_robots_apart(sqlite: Database, clock: Clock, tmp_path: Path):
    """For each hundred who got it; and which sections those who left had read, of one issue and over time."""
    counting = CONFIG.replace("min_articles = 1\n", "min_articles = 1\nclicks = true\n")
    for desk in opened(sqlite, clock, tmp_path, counting + WEEKLY):
        issue_id = a_sent_issue(desk)
        links = [
            Link(0, "https://post.example.com/archive/daily/2026-11-23", "", "", "trap"),
            Link(1, "https://radio.example.com/", "=A ferry", "City", "story"),
            Link(2, "https://sails.example.com/", "", "", "sponsor"),
        ]
        signs = ("", "agent", "early burst", "")
        with desk.database.transaction() as session:
            session.exec(select(Edition)).one().links = [link._asdict() for link in links]
            at = NOW - timedelta(days=1)
            followed = [Following(n % 3 + 1, "daily", issue_id, 1, "City", at, sign) for n, sign in enumerate(signs)]
            clicks.keep(session, followed)
        viewer = desk.browser(Role.VIEWER)
        text = viewer.get(f"/desk/issues/{issue_id}/results").text
        assert "<strong>1</strong> readers followed a link, likely in person: 9.1 of each hundred" in text
        assert "2 more look like robots" in text
        assert "1 of 1 had followed any" in text
        rows = table(viewer.get(f"/desk/issues/{issue_id}/results/clicks.csv").text)
        assert rows[1] == ["'=A ferry", "City", "story", "https://radio.example.com/", "1", "9.09", "2"]
        assert rows[2] == ["", "", "sponsor", "https://sails.example.com/", "0", "0.0", "0"]
        assert "1 of 1 had followed any" in viewer.get("/desk/figures").text
        leavings = table(viewer.get("/desk/figures/leavings.csv").text)
        assert [row[-1] for row in leavings] == ["sections", "City"]


def test_uncertain_deliveries_are_decided_about_by_a_sender(desk: Desk):
    """Counted as sent, or sent again: with the same sums afterwards as the rows."""
    issue_id = a_sent_issue(desk, (2, DeliveryState.UNCERTAIN, {"why": "no reply came"}))
    tallies.keep_missing(desk.database)
    with desk.database.reading() as session:
        numbers = session.exec(select(Delivery.id).where(Delivery.state == DeliveryState.UNCERTAIN)).all()
    page = f"/desk/issues/{issue_id}/results"
    assert "Send again" not in desk.browser(Role.EDITOR).get(page).text
    sender = desk.browser(Role.SENDER)
    assert "Send again" in sender.get(page).text
    nothing = sender.post(f"/desk/issues/{issue_id}/uncertain", outcome="sent")
    assert (nothing.status_code, "Choose at least one" in nothing.text) == (409, True)
    sender.post(f"/desk/issues/{issue_id}/uncertain", delivery=str(numbers[0]), outcome="sent")
    text = sender.get(page).text
    assert "12</span> of 15 readers got it" in text
    answer = sender.post(f"/desk/issues/{issue_id}/uncertain", delivery=str(numbers[1]), outcome="again")
    assert answer.headers["location"] == f"/desk/issues/{issue_id}/sending"
    with desk.database.reading() as session:
        assert session.get_one(Issue, issue_id).state is IssueState.SENDING


def test_figures_over_time_are_charts_with_their_tables(desk_anywhere: Desk):
    """Charts have words for who can't see them; sums that are not made yet are said to be missing."""
    desk = desk_anywhere
    with desk.database.transaction() as session:
        an_issue_with(session, (5, ACCEPTED, TAKEN), at=NOW - timedelta(days=1))
    tallies.keep_missing(desk.database)
    a_sent_issue(desk, state=IssueState.SENDING)
    viewer = desk.browser(Role.VIEWER)
    text = viewer.get("/desk/figures").text
    assert text.count('role="img"') == 3
    assert "3 joined, 1 left; at most 3 and 1 in a day." in text
    assert "added up when it is done" in text
    issues = table(viewer.get("/desk/figures/issues.csv?newsletter=daily&days=30").text)
    assert [row[0] for row in issues] == ["date", "2026-11-23", "2026-11-22"]
    assert issues[2][2:6] == ["sent", "5", "0", "0"]
    days = table(viewer.get("/desk/figures/days.csv?days=30").text)
    assert (len(days), days[-1]) == (31, ["2026-11-23", "3", "1"])
    assert viewer.get("/desk/figures?newsletter=nonsense").status_code == 404


def test_pages_without_anything_say_what_comes_next(desk: Desk):
    """An empty table is a riddle."""
    with desk.database.transaction() as session:
        number = an_issue(session, IssueState.DRAFT).id
    viewer = desk.browser(Role.VIEWER)
    assert "It is not being sent yet" in viewer.get(f"/desk/issues/{number}/sending").text
    assert "Nobody was mailed" in viewer.get(f"/desk/issues/{number}/results").text
    assert "No issue has gone out" in viewer.get("/desk/figures?newsletter=weekly").text
    assert viewer.get("/desk/issues/99/results").status_code == 404
