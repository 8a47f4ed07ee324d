"""Today and the decisions on it: what will happen is always said, and each button does what its role allows."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.editors import Role
from newsletter.issues.models import Decision, Issue, IssueState
from tests.builders import NOW, add_readers
from tests.command import an_article_file
from tests.web.desk.conftest import Desk

DAY = NOW.date()


@pytest.fixture
def drafted(desk: Desk) -> int:
    """The number of a draft of today, checked, with three readers waiting."""
    (desk.config.folder / "articles").mkdir()
    an_article_file(desk.config.folder)
    paper = Paper(desk.config, desk.database)
    with desk.database.transaction() as session:
        add_readers(session, 3)
    daily.gather(paper, NOW)
    issue = daily.draft(paper, desk.config.newsletters[0], DAY, NOW)
    daily.check(paper, issue.id or 0, NOW)
    return issue.id or 0


def state_of(desk: Desk, number: int) -> IssueState:
    with desk.database.reading() as session:
        return session.get_one(Issue, number).state


def test_today_says_what_will_happen_when_and_to_how_many(desk: Desk, drafted: int):
    """State, time left, what the clock will do, readers, the check's verdict, who did what."""
    page = desk.browser(Role.VIEWER).get("/desk").text
    for words in (
        "The Harbour Daily", "Ferry number 1 sails again", "in 1 h 00 min", "3 readers", "Check:",
        "It goes out at 06:30 GMT if somebody approves it. Else it is held at 09:30 GMT.", "drafted",
    ):  # fmt: skip
        assert words in page
    assert ">Approve</button>" not in page


def test_a_passed_hour_is_told_as_passed(desk: Desk, drafted: int):
    """Late, the draft says until when it can wait; later still, that this is over, and never that it is to come."""
    viewer = desk.browser(Role.VIEWER)
    desk.clock.forward(hours=2)
    late = "It goes out as soon as somebody approves it. Else it is held at 09:30 GMT."
    assert late in viewer.get("/desk").text
    desk.clock.forward(hours=3)
    page = viewer.get("/desk").text
    assert "Its time ended at 09:30 GMT, so it is held. It still goes out as soon as somebody approves it." in page
    assert "Else it is held" not in page


def test_an_empty_morning_says_when_there_will_be_something(desk: Desk):
    """Each newsletter: the daily later today, the weekly on Saturday."""
    desk.clock.forward(hours=-1)
    page = desk.browser(Role.VIEWER).get("/desk").text
    assert "Today’s issue is drafted at 05:30 GMT." in page
    assert "The next issue is of Saturday, 28 November" in page


def test_who_sends_approves_with_one_click_and_the_decision_bears_the_name(desk: Desk, drafted: int):
    """From Today, and back to Today."""
    answer = desk.browser(Role.SENDER).post(f"/desk/issues/{drafted}/approve", back="/desk")
    assert answer.headers["location"] == "/desk"
    assert state_of(desk, drafted) is IssueState.APPROVED
    with desk.database.reading() as session:
        assert ("approved", "Sam") in [(d.act, d.who) for d in session.exec(select(Decision))]


def test_hold_wants_a_reason_and_another_time_is_in_the_newsletters_zone(desk: Desk, drafted: int):
    """Both are shown to whoever looks next."""
    sam = desk.browser(Role.SENDER)
    assert sam.post(f"/desk/issues/{drafted}/hold", why="  ").status_code == 409
    sam.post(f"/desk/issues/{drafted}/reschedule", send_at=f"{DAY}T08:15")
    assert "It goes out at 08:15 GMT if somebody approves it." in sam.get("/desk").text
    sam.post(f"/desk/issues/{drafted}/hold", why="the lead is wrong")
    assert state_of(desk, drafted) is IssueState.HELD
    assert "the lead is wrong" in sam.get("/desk").text


def test_send_now_is_there_once_it_is_approved(desk: Desk, drafted: int):
    """Its time is that minute; who keeps the clock does the rest."""
    sam = desk.browser(Role.SENDER)
    assert sam.post(f"/desk/issues/{drafted}/send-now").status_code == 409
    sam.post(f"/desk/issues/{drafted}/approve")
    sam.post(f"/desk/issues/{drafted}/send-now")
    with desk.database.reading() as session:
        assert session.get_one(Issue, drafted).send_at == desk.clock()


def test_a_day_to_come_is_skipped_from_the_calendar(desk: Desk):
    """With a reason; the calendar shows it as skipped."""
    sam = desk.browser(Role.SENDER)
    tomorrow = DAY + timedelta(days=1)
    assert f'data-opens="skip-daily-{tomorrow}"' in sam.get("/desk").text
    sam.post(f"/desk/newsletters/daily/{tomorrow}/skip", why="the printers are on strike")
    page = sam.get("/desk").text
    assert f'data-opens="skip-daily-{tomorrow}"' not in page
    assert '<span class="state skipped">skipped</span>' in page


def test_a_skipped_day_is_taken_up_again_with_one_button(desk: Desk, drafted: int):
    """By who may send; a draft is there again, and the history says why."""
    sam, path = desk.browser(Role.SENDER), f"/desk/newsletters/daily/{DAY}"
    sam.post(f"{path}/skip", why="the printers are on strike")
    assert f'action="{path}/reopen"' in sam.get("/desk").text
    assert f'action="{path}/reopen"' not in desk.browser(Role.EDITOR).get("/desk").text
    sam.post(f"{path}/reopen", why="the strike is off")
    page = sam.get("/desk").text
    assert f'action="/desk/issues/{drafted}/approve"' in page
    assert "the strike is off" in page


def test_the_way_back_never_leads_out_of_the_desk(desk: Desk, drafted: int):
    """A field of a form is a stranger's word too."""
    answer = desk.browser(Role.SENDER).post(f"/desk/issues/{drafted}/approve", back="https://evil.example/")
    assert answer.headers["location"] == "/desk"
