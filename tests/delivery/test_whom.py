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
from subscribers import clicks, segments
from subscribers.clicks import Following
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


def past_issues(session):
    """Three issues of the daily, of which readers 1 to 4 got some and followed some; the last is not out yet."""
    for number, (ago, got, followed) in enumerate(
        (
            (5, (1, 2, 3), ((1, "City", ""), (2, "World", ""))),
            (3, (1, 2, 4), ((2, "City", "agent"), (4, "City", ""))),
            (1, (), ()),
        )
    ):
        issue = an_issue(session, IssueState.SENT if got else IssueState.APPROVED, NOW.date() - timedelta(days=ago))
        issue.drawn_at, numbered = NOW if got else None, issue.id or 0
        for reader in got:
            state = DeliveryState.ACCEPTED
            session.add(
                Delivery(issue_id=numbered, subscriber_id=reader, subscription_id=reader, state=state, changed_at=NOW)
            )
        some = [Following(who, "daily", numbered, 1, section, NOW, signs) for who, section, signs in followed]
        clicks.keep(session, some)
        assert number + 2 == numbered
    session.flush()


PAST = {
    "got daily/2026-11-18": [1, 2, 3],
    "got daily last 1 issue": [1, 2, 4],
    "got daily last 2 issues": [1, 2, 3, 4],
    "not got daily last 1 issue": [3],
    "got daily since 4 days ago": [1, 2, 4],
    "got daily from 2026-11-01 to 4 days ago": [1, 2, 3],
    "got weekly last 9 issues": [],
    "clicked daily/2026-11-20": [4],
    "clicked daily last 1 issue": [4],
    "clicked daily last 2 issues": [1, 2, 4],
    'clicked daily last 2 issues in "City"': [1, 4],
    "clicked daily since 2026-11-19": [4],
    "got daily last 2 issues and not clicked daily last 2 issues": [3],
}


def test_past_issues_can_be_asked_for_by_name_by_number_and_by_days(past):
    """What robots followed counts for nobody; an issue that is not out is none of the last ones."""
    session, config = past
    around = whom.around(config.newsletters[0], NOW)
    for words, who in PAST.items():
        (node,) = whom.filters(config, [words])
        found = segments.listed(session, around, segments.condition(node, around))
        assert [number for number, _ in found] == who, words


def test_the_issue_that_a_segment_is_for_is_none_of_those_before_it(past):
    """It is drawn while it is being sent, and who goes on with it must not see another audience."""
    session, config = past
    newsletter, aimed = config.newsletters[0], session.get_one(Issue, 1)
    aimed.include, aimed.drawn_at = ["got daily last 1 issue"], NOW
    session.flush()
    assert whom.count(session, config, newsletter, aimed, NOW) == 3


@pytest.fixture
def past(database, issue):
    with database.transaction() as session:
        past_issues(session)
        yield session, a_config()


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
    drafted = project.json("draft", "daily", "--date", "2026-11-23")
    assert drafted["audience"]["readers"] == 2
    aimed = project.json("audience", str(drafted["issue"]), "--include", "ours", "--exclude", 'language = "fr"')
    assert (aimed["readers"], aimed["of"], aimed["include"]) == (1, 2, ["ours"])
    assert project.json("draft", "daily", "--date", "2026-11-23")["audience"]["readers"] == 1
    assert project.json("status", str(drafted["issue"]))["audience"]["readers"] == 1
    assert project.json("audience", str(drafted["issue"]), "--everybody")["readers"] == 2
