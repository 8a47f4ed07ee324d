"""The latest issue at once: who confirms gets the newest one that is out, and never a second copy."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlmodel import select

from newsletter import notices
from newsletter.config import Smtp
from newsletter.daily import Paper
from newsletter.delivery import ledger, send
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.issues.models import Issue, IssueState
from newsletter.notices.models import Notice
from subscribers import signup, unsubscribe
from tests.builders import NOW, an_issue
from tests.sink import Sink
from tests.subscribers.conftest import KEYS, PROOF, confirm_token, the

MORNING = NOW + timedelta(hours=3)  # half past eight: today's daily is out


@pytest.fixture
def issue(site):
    """Today's daily, sent to nobody, on a site that gives newcomers the newest issue."""
    daily, *others = site.config.newsletters
    papers = (daily.model_copy(update={"welcome_issue_days": 1}), *others)
    site.config = site.config.model_copy(update={"newsletters": papers})
    site.client.app.state.house = replace(site.client.app.state.house, config=site.config)
    site.clock.now = MORNING
    with site.database.transaction() as session:
        made = an_issue(session, IssueState.SENT)
        made.started_at = made.drawn_at = made.finished_at = NOW + timedelta(hours=1)
        made.deadline_at = NOW + timedelta(hours=2)
        return made.id


def comes(site, email="ann@example.com"):
    """Sign up and confirm; the page that says so."""
    with site.database.transaction() as session:
        due = the(signup.ask(session, KEYS, ["daily"], email, PROOF, site.clock.now))
    return site.client.post(f"/confirm/{confirm_token(due)}").text


def rows(site):
    with site.database.reading() as session:
        return session.exec(select(Delivery)).all()


def sent(site, issue, tmp_path):
    """Hand over what waits; the mails that came."""
    with Sink() as sink:
        relay = {"port": sink.port, "security": "none", "journal_dir": tmp_path / "journal"}
        config = site.config.model_copy(update={"smtp": Smtp.model_validate(relay)})
        paper = Paper(config, site.database)
        send.send(
            paper.database, config, config.newsletters[0], issue, clock=lambda: site.clock.now, who="test", rests=(0,)
        )
        return sink.taken


def test_who_confirms_gets_the_newest_issue_once(site, issue, tmp_path):
    """One row of the ledger, sent by the same senders, though its deadline was past; pressing again gives no second;
    the page and the mail say that it is on its way, and when the next comes; when it was sent stays as it was."""
    page = comes(site)
    assert "The latest issue is on its way to you." in page
    assert "the next one on Tuesday, 24 November." in page
    assert [(row.issue_id, row.state, row.edition_id) for row in rows(site)] == [(issue, DeliveryState.QUEUED, None)]
    [mail] = sent(site, issue, tmp_path)
    assert mail.recipient == "ann@example.com"
    assert message_from_bytes(mail.data, policy=policy.default)["Subject"] == "The ferry sails again"
    with site.database.reading() as session:
        one = session.get_one(Issue, issue)
        assert (one.state, one.finished_at) == (IssueState.SENT, NOW + timedelta(hours=1))
        assert ledger.totals(session, issue) == ledger.Totals(accepted=1)
        [notice] = session.exec(select(Notice).where(Notice.kind == "welcome")).all()
        assert notice.about == {"with_issue": True}


def test_coming_back_on_the_same_day_brings_no_second_copy(site, issue, tmp_path):
    """Left and back: what they had, they had."""
    comes(site)
    assert len(sent(site, issue, tmp_path)) == 1
    with site.database.transaction() as session:
        unsubscribe.by_operator(session, "ann@example.com", "daily", site.clock.now)
    site.clock.forward(hours=2)
    assert "your first one on Tuesday, 24 November" in comes(site)
    assert [row.state for row in rows(site)] == [DeliveryState.ACCEPTED]


def test_leaving_before_it_goes_wins(site, issue, tmp_path):
    """It is checked again when it is claimed."""
    comes(site)
    with site.database.transaction() as session:
        unsubscribe.by_operator(session, "ann@example.com", "daily", site.clock.now)
    assert sent(site, issue, tmp_path) == []
    assert [row.state for row in rows(site)] == [DeliveryState.SKIPPED]


@pytest.mark.parametrize("later", [timedelta(days=2), timedelta(hours=21, minutes=30)])
def test_an_old_issue_or_one_within_an_hour_of_the_next_is_not_given(site, issue, later):
    """No stale news; and no two mails for one breakfast."""
    site.clock.now = MORNING + later
    assert "on its way to you" not in comes(site)
    assert rows(site) == []


@pytest.mark.parametrize("state", [IssueState.DRAFT, IssueState.HELD, IssueState.PAUSED, IssueState.CANCELLED])
def test_an_issue_that_is_not_out_is_not_given(site, issue, state):
    """Nobody gets before others what editors have not let go."""
    with site.database.transaction() as session:
        session.get_one(Issue, issue).state = state
    comes(site)
    assert rows(site) == []


def test_without_the_key_nobody_gets_an_old_issue(site, issue):
    """`welcome_issue_days = 0` is the default."""
    daily = site.config.newsletters[0].model_copy(update={"welcome_issue_days": 0})
    with site.database.transaction() as session:
        assert notices.give_latest(session, site.config, daily, 1, MORNING) is None
