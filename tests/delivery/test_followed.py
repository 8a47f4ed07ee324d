"""What an issue's readers followed, as a document, and as the command line tells it."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, select

from newsletter.config import load
from newsletter.database import Database
from newsletter.delivery import followed
from newsletter.delivery.models import DeliveryState
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition
from subscribers import Way, clicks, unsubscribe
from subscribers.clicks import Following
from tests.builders import NOW, an_issue
from tests.command import a_project
from tests.delivery.ledgers import TAKEN, an_issue_with
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token

LINKS = (
    Link(0, "https://post.example.com/archive/daily/2026-11-23", "", "", "trap"),
    Link(1, "https://radio.example.com/ferry", "The ferry", "City", "story"),
    Link(2, "https://sails.example.com/", "", "", "sponsor"),
)


def a_followed_issue(session: Session) -> int:
    """Of eight who got it two followed the first link in person, one of them twice; a gateway followed all."""
    readers = [a_reader(session, f"{name}@example.com") for name in ("ann", "bob", "cay")]
    issue = an_issue_with(session, (8, DeliveryState.ACCEPTED, TAKEN)).id or 0
    session.exec(select(Edition).where(Edition.issue_id == issue)).one().links = [link._asdict() for link in LINKS]
    told = [(0, 1, ""), (0, 1, ""), (1, 1, ""), *((2, number, "early trap") for number in (0, 1, 2))]
    clicks.keep(session, [Following(readers[n], "daily", issue, link, "City", NOW, signs) for n, link, signs in told])
    return issue


def test_people_are_counted_for_each_hundred_who_got_it_and_robots_apart(database: Database):
    """A link that nobody followed has its line too; the trap only where it caught one."""
    with database.transaction() as session:
        found = followed.of(session, a_followed_issue(session))
        assert found is not None
        assert [(line.link.number, line.people, line.robots) for line in found.lines] == [
            (1, 2, 1),
            (2, 0, 1),
            (0, 0, 1),
        ]
        assert (found.people, found.robots, found.signs) == (2, 3, Counter(early=3, trap=3))
        told = found.document(accepted=8)
        assert (told["per_hundred"], told["links"][0]["per_hundred"]) == (25.0, 25.0)
        assert told["links"][1] == {
            "link": 2,
            "kind": "sponsor",
            "title": "",
            "section": "",
            "url": "https://sails.example.com/",
            "people": 0,
            "per_hundred": 0.0,
            "robots": 1,
        }
        assert found.document(accepted=0)["per_hundred"] == 0.0
        assert followed.of(session, an_issue(session, day=NOW.date() + timedelta(days=1)).id or 0) is None


def test_the_command_line_tells_it(tmp_path: Path):
    """`status ISSUE` by link, and which sections those who left had read; `subscribers leavings` over time."""
    project = a_project(tmp_path)
    (tmp_path / "secret.key").write_text(KEYS.secrets[0].decode() + "\n")
    config = load(tmp_path / "config.toml")
    database = Database(config.database.url)
    database.prepare()
    with database.transaction() as session:
        issue = a_followed_issue(session)
        unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com", issue=issue), Way.LINK, NOW)
    database.close()
    told = project("status", str(issue))
    assert "The ferry" in told
    assert "2 readers followed a link, likely in person." in told
    assert "Those who left had read: City (1)." in told
    document = project.json("status", str(issue))
    assert (document["clicks"]["people"], document["leavings"]["sections"]) == (2, {"City": 1})
    over_time = project("subscribers", "leavings", "--days", "30000")
    assert "1 of them had followed links lately: City (1)." in over_time
    assert "Of its readers" in over_time
