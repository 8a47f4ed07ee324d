"""Which readers an issue goes to: the newsletter's segments, the issue's own, and what readers have got before."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.delivery import plan, whom
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import ConfigError, Refused
from newsletter.issues.models import Decision, Issue, IssueState
from subscribers.models import Subscriber
from tests.builders import CONFIG, NOW, a_config, add_readers, an_issue
from tests.command import a_project

SEGMENTS = """include = ["german"]
[[segments]]
name = "german"
where = 'language = "de"'
[[segments]]
name = "first-two"
where = 'domain = "example.com" and not got daily/2026-11-20'
"""


def drawn(session, issue):
    return list(session.exec(select(Delivery.subscriber_id).where(Delivery.issue_id == issue.id).order_by("id")))


@pytest.fixture
def issue(database):
    """Of four readers, two of whom speak German."""
    with database.transaction() as session:
        add_readers(session, 4)
        for number in (1, 2):
            session.get_one(Subscriber, number).language = "de"
        return an_issue(session)


def test_an_issue_goes_to_its_part_of_the_newsletters_part(database, issue):
    """Both narrow it; the number before the send is the number of rows after the drawing."""
    config = a_config(CONFIG + SEGMENTS)
    paper, paper_of = Paper(config, database), config.newsletters[0]
    daily.aim(paper, issue.id, [], ["first-two"], "Ed", NOW)
    with database.transaction() as session:
        before = an_issue(session, IssueState.SENT, day=NOW.date() - timedelta(days=3))
        number, got = before.id or 0, DeliveryState.ACCEPTED
        session.add(Delivery(issue_id=number, subscriber_id=2, subscription_id=2, state=got, changed_at=NOW))
    with database.reading() as session:
        aimed = session.get_one(Issue, issue.id)
        assert whom.count(session, config, paper_of, aimed, NOW) == 1
        notes = session.exec(select(Decision).where(Decision.act == "aimed")).one()
        assert (notes.who, notes.why) == ("Ed", "not first-two")
    plan.draw(database, aimed, NOW, whom=whom.of_issue(config, paper_of, aimed, NOW), rows=1)
    with database.reading() as session:
        assert drawn(session, aimed) == [2]


def test_whom_it_goes_to_is_settled_once_it_is_drawn(database, issue):
    """A part that is chosen later would be a lie."""
    paper = Paper(a_config(), database)
    plan.draw(database, issue, NOW)
    with pytest.raises(Refused, match="is settled"):
        daily.aim(paper, issue.id, ['language = "de"'], [], "Ed", NOW)


def test_what_is_no_segment_and_no_filter_is_refused_with_its_column(database, issue):
    """Nothing is written."""
    paper = Paper(a_config(CONFIG + SEGMENTS), database)
    with pytest.raises(Refused, match=r"neither a segment nor a filter: column 1: 'germans' .* by name: german, first"):
        daily.aim(paper, issue.id, ["germans"], [], "Ed", NOW)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('include = ["no"]\n', "there is no segment 'no'"),
        ('[[segments]]\nname = "x"\nwhere = "colour"\n', "column 1: 'colour' can't be asked for"),
        ("[[segments]]\nname = 'x'\nwhere = 'joined > 1 day ago'\n" * 2, "'x' is there twice"),
    ],
)
def test_config_names_the_line_of_a_bad_segment(text, told):
    """Found at the start, not in the morning."""
    with pytest.raises(ConfigError, match=told):
        a_config(CONFIG + text)


def test_the_commands_count_list_and_aim(tmp_path, database_url):
    """Before anything is sent."""
    segments = '[[segments]]\nname = "ours"\nwhere = \'domain = "example.com"\'\n'
    project = a_project(tmp_path, database_url=database_url, more=segments)
    (tmp_path / "people.csv").write_text("email\nann@example.com\nbob@gmx.de\n")
    project("subscribers", "import", "people.csv", "--proof", "they said so")
    assert project.json("segments", "count") == {"newsletter": "daily", "readers": 2, "segments": {"ours": 1}}
    assert [s["email"] for s in project.json("segments", "list", 'domain ends ".de"')["subscribers"]] == ["bob@gmx.de"]
    assert "column 1" in project("segments", "count", "nonsense", status=1)
    (tmp_path / "articles" / "ferry.txt").write_text("Ferry sails again\n2026-11-23\n\nShe is back.\n\nAnd how.\n")
    drafted = project.json("draft", "daily")
    assert drafted["audience"]["readers"] == 2
    aimed = project.json("audience", str(drafted["issue"]), "--include", "ours", "--exclude", 'language = "fr"')
    assert (aimed["readers"], aimed["of"], aimed["include"]) == (1, 2, ["ours"])
    assert project.json("draft", "daily")["audience"]["readers"] == 1
    assert project.json("status", str(drafted["issue"]))["audience"]["readers"] == 1
    assert project.json("audience", str(drafted["issue"]), "--everybody")["readers"] == 2
