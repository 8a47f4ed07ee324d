"""One page to choose on, by a link that may have been forwarded."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from newsletter.issues import timetable
from newsletter.notices.models import Notice
from subscribers import Format, Way, audience
from subscribers.models import Leaving, Subscriber, Subscription
from subscribers.tokens import Purpose, sign
from tests.builders import CONFIG, a_config
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


def topics(site, newsletter="daily"):
    with site.database.reading() as session:
        return session.exec(select(Subscription.topics).where(Subscription.newsletter == newsletter)).one()


def manner(site):
    with site.database.reading() as session:
        person = session.exec(select(Subscriber)).one()
        return person.name, person.language, person.timezone, person.format


def test_the_page_names_each_newsletter_and_no_whole_address(site, door):
    """Masked, and no field to change it."""
    page = site.client.get(door).text
    assert "The Harbour Daily" in page
    assert "The Harbour Weekly" in page
    assert "ann@example.com" not in page
    assert 'type="email"' not in page


@pytest.mark.parametrize("day", ["2026-11-24", "2026-12-07", "2027-11-24"])
def test_a_pause_until_a_day_ends_with_that_days_issue(site, door, day):
    """The day that is named is the first that brings an issue again, and the page says that day."""
    answer = site.client.post(door, data={"act": "pause", "newsletter": "daily", "until": day})
    assert f"Paused until {date.fromisoformat(day).day} " in answer.text
    assert count(site) == 0
    site.clock.now = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(seconds=1)
    assert count(site) == 0
    site.clock.forward(seconds=1)
    assert count(site) == 1


@pytest.mark.parametrize("day", ["", "soon", "2026-11-23", "2020-01-01", "2027-11-25", "9999-99-99", "2026-12-07x"])
def test_a_day_that_no_pause_can_have_is_said_beside_its_field(site, door, day):
    """In words, and nothing is changed."""
    answer = site.client.post(door, data={"act": "pause", "newsletter": "daily", "until": day})
    assert answer.status_code == 422
    assert "Name a day from tomorrow on, within a year." in answer.text
    assert 'aria-describedby="until-error-daily"' in answer.text
    assert count(site) == 1


def test_in_the_readers_own_morning_a_pause_ends_for_the_easternmost_first():
    """With `local_time` an issue's audience is drawn when its day begins in the east: the named day's must have its
    readers by then."""
    daily = a_config(CONFIG.replace('slug = "daily"', 'slug = "daily"\nlocal_time = true')).newsletters[0]
    until = timetable.pause_ends(daily, date(2026, 12, 7))
    assert daily.moment("send_at", date(2026, 12, 6), ZoneInfo("Pacific/Kiritimati")) < until
    assert until <= daily.moment("send_at", date(2026, 12, 7), ZoneInfo("Pacific/Kiritimati"))
    assert timetable.pause_day(daily, until) == date(2026, 12, 7)


def test_topics_are_kept_and_shown_and_all_of_them_are_all(site, door):
    """Some ticked are those; all ticked are all, also those to come; none is said to be none."""
    answer = site.client.post(door, data={"act": "topics", "newsletter": "daily", "topic": ["World", "Bogus"]})
    assert "Saved. It holds from the next issue of The Harbour Daily on." in answer.text
    assert topics(site) == "World"
    assert '<input type="checkbox" name="topic" value="World" checked>' in answer.text
    assert '<input type="checkbox" name="topic" value="City">' in answer.text
    none = site.client.post(door, data={"act": "topics", "newsletter": "daily"})
    assert none.status_code == 422
    assert "Tick at least one." in none.text
    assert topics(site) == "World"
    site.client.post(door, data={"act": "topics", "newsletter": "daily", "topic": ["World", "City"]})
    assert topics(site) == ""


def test_a_newsletter_of_one_section_or_without_topics_offers_no_choice(site, door):
    """Nothing to choose is not shown."""
    daily = site.config.newsletters[0].model_copy(update={"topics": False})
    site.client.app.state.house = replace(
        site.client.app.state.house, config=site.config.model_copy(update={"newsletters": (daily,)})
    )
    assert 'name="topic"' not in site.client.get(door).text
    site.client.post(door, data={"act": "topics", "newsletter": "daily", "topic": ["World"]})
    assert topics(site) == ""


def test_language_zone_and_format_are_of_their_lists(site, door):
    """What is chosen is kept; what is none of ours leaves that as it was."""
    good = {"act": "manner", "name": "Ann", "language": "de", "timezone": "America/New_York", "format": "text"}
    answer = site.client.post(door, data=good)
    assert '<html lang="de" dir="ltr">' in answer.text
    assert "Gespeichert." in answer.text
    assert manner(site) == ("Ann", "de", "America/New_York", Format.TEXT)
    bad = {"act": "manner", "name": "Ann", "language": "xx", "timezone": "../etc/passwd", "format": "pdf"}
    site.client.post(door, data=bad)
    assert manner(site) == ("Ann", "de", "America/New_York", Format.TEXT)
    site.client.post(door, data={"act": "manner", "format": "html"})
    assert manner(site) == ("", "", "", Format.HTML)


def test_what_an_import_has_brought_is_not_lost_by_saving(site, door):
    """A zone and a language that are in no list of ours stay selected."""
    with site.database.transaction() as session:
        person = session.exec(select(Subscriber)).one()
        person.language, person.timezone = "pt-BR", "Etc/GMT+3"
    page = site.client.get(door).text
    assert "<option selected>pt-BR</option>" in page
    assert "<option selected>Etc/GMT+3</option>" in page
    site.client.post(door, data={"act": "manner", "language": "pt-BR", "timezone": "Etc/GMT+3", "name": "Ann"})
    assert manner(site) == ("Ann", "pt-BR", "Etc/GMT+3", Format.HTML)


def test_a_pause_can_be_ended_now(site, door):
    """By its own button."""
    site.client.post(door, data={"act": "pause", "newsletter": "daily", "until": "2026-12-24"})
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
    site.client.post(door, data={"act": "manner", "name": "Ann\r\nBcc: <b>"})
    with site.database.reading() as session:
        assert session.exec(select(Subscriber.name)).one() == "Ann Bcc: <b>"
    assert "Ann Bcc: &lt;b&gt;" in site.client.get(door).text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"act": "pause", "newsletter": "nonsense", "until": "2026-12-24"},
        {"act": "topics", "newsletter": "weekly", "topic": "City"},
        {"act": "leave", "newsletter": "nonsense"},
        {"act": "email", "email": "eve@example.com"},
    ],
)
def test_what_is_no_button_of_ours_does_nothing(site, door, fields):
    """A stranger's form is data."""
    assert site.client.post(door, data=fields).status_code == 200
    assert count(site) == 1
