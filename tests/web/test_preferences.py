"""One page to choose on, by a link that may have been forwarded."""

import pytest
from sqlmodel import select

from newsletter.notices.models import Notice
from subscribers import Way, audience
from subscribers.models import Leaving, Subscriber
from subscribers.tokens import Purpose, sign
from tests.subscribers.conftest import KEYS, a_reader


@pytest.fixture
def door(site):
    """The address of a reader's page."""
    with site.database.transaction() as session:
        number = a_reader(session)
    return f"/preferences/{sign(KEYS, Purpose.PREFERENCES, number, 7)}"


def count(site, newsletter="daily"):
    with site.database.reading() as session:
        return audience.count(session, newsletter, site.clock.now)


def test_the_page_names_each_newsletter_and_no_whole_address(site, door):
    """Masked, and no field to change it."""
    page = site.client.get(door).text
    assert "The Harbour Daily" in page
    assert "The Harbour Weekly" in page
    assert "ann@example.com" not in page
    assert 'type="email"' not in page


@pytest.mark.parametrize("weeks", ["1", "2", "4"])
def test_a_pause_of_some_weeks_ends_by_itself(site, door, weeks):
    """And can be ended before."""
    answer = site.client.post(door, data={"act": "pause", "newsletter": "daily", "weeks": weeks})
    assert "Paused until" in answer.text
    assert count(site) == 0
    site.clock.forward(weeks=int(weeks))
    assert count(site) == 1


def test_a_pause_can_be_ended_now(site, door):
    """By its own button."""
    site.client.post(door, data={"act": "pause", "newsletter": "daily", "weeks": "4"})
    assert "comes again" in site.client.post(door, data={"act": "resume", "newsletter": "daily"}).text
    assert count(site) == 1


def test_leaving_one_is_written_down_with_its_way_and_issue(site, door):
    """And offers an undo that works."""
    answer = site.client.post(door, data={"act": "leave", "newsletter": "daily"})
    assert "You have left The Harbour Daily" in answer.text
    with site.database.reading() as session:
        leaving = session.exec(select(Leaving)).one()
    assert (leaving.way, leaving.issue) == (Way.PREFERENCES, 7)
    undo = answer.text.partition("/u/")[2][:44]
    assert "You are back on the list" in site.client.post(f"/u/{undo}/undo").text
    assert count(site) == 1


def test_leaving_everything_is_one_press(site, door):
    """From this moment on."""
    assert "You have left everything." in site.client.post(door, data={"act": "leave-all"}).text
    assert count(site) == 0
    assert "Leave everything" not in site.client.get(door).text


def test_one_more_newsletter_is_confirmed_by_the_mailbox(site, door):
    """A forwarded mail must not sign its reader up to more."""
    assert "Look in your mailbox" in site.client.post(door, data={"act": "join", "newsletter": "weekly"}).text
    assert count(site, "weekly") == 0
    with site.database.reading() as session:
        assert session.exec(select(Notice.newsletter)).all() == ["weekly"]


def test_a_name_is_kept_on_one_line(site, door):
    """It stands in the To of every mail."""
    site.client.post(door, data={"act": "name", "name": "Ann\r\nBcc: <b>"})
    with site.database.reading() as session:
        assert session.exec(select(Subscriber.name)).one() == "Ann Bcc: <b>"
    assert "Ann Bcc: &lt;b&gt;" in site.client.get(door).text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"act": "pause", "newsletter": "daily", "weeks": "5200"},
        {"act": "leave", "newsletter": "nonsense"},
        {"act": "email", "email": "eve@example.com"},
    ],
)
def test_what_is_no_button_of_ours_does_nothing(site, door, fields):
    """A stranger's form is data."""
    assert site.client.post(door, data=fields).status_code == 200
    assert count(site) == 1
