"""Editors and operators see every edition: by its topics, as a reader gets it, and counted."""

from email import message_from_bytes, policy
from pathlib import Path

from newsletter import daily
from newsletter.config import load
from newsletter.daily import Paper
from newsletter.database import Database
from subscribers import Format, preferences, signup
from subscribers.preferences import Manner
from tests.builders import NOW
from tests.command import Project, a_project
from tests.sink import Sink
from tests.subscribers.conftest import PROOF, the

ISSUE = "daily/2026-11-23"
SECTIONS = 'sections = ["World"]'


def a_desk(folder: Path, port: int) -> tuple[Project, Paper]:
    """Two stories in two sections, three readers: one wants all, one World, one World as text alone."""
    project = a_project(folder, smtp=f'port = {port}\nsecurity = "none"')
    config = folder / "config.toml"
    config.write_text(config.read_text().replace('section = "City"\n', f'section = "City"\n{SECTIONS}\n', 1))
    for section, title in (("City", "Ferry comes home after refit"), ("World", "Parliament votes on island treaty")):
        (folder / "articles" / f"{section}.md").write_text(
            f"---\ntitle: {title}\ndate: 2026-11-23 04:30\nsection: {section}\nstandfirst: At last.\n---\nIt is so.\n"
        )
    settings = load(config)
    paper = Paper(settings, Database(settings.database.url))
    paper.database.prepare()
    with paper.database.transaction() as session:
        people = {
            name: the(signup.add(session, settings.keys, "daily", f"{name}@example.com", PROOF, NOW).subscriber_id)
            for name in ("all", "world", "text")
        }
        for name in ("world", "text"):
            preferences.choose_topics(session, people[name], "daily", ["World"], NOW)
        preferences.settle(session, people["text"], Manner(format=Format.TEXT))
    daily.gather(paper, NOW)
    daily.draft(paper, settings.newsletters[0], NOW.date(), NOW)
    return project, paper


def test_editions_are_previewed_and_counted(tmp_path: Path):
    """`preview --topics`, `preview --as`, `status ISSUE`, by hand before the send and after it."""
    with Sink() as sink:
        project, paper = a_desk(tmp_path, sink.port)
        world = project("preview", ISSUE, "--topics", "World")
        assert "Parliament votes" in world
        assert "Ferry comes home" not in world
        assert "Parliament votes" not in project("preview", ISSUE, "--topics", "City")  # unchosen, made to look at
        assert "has no section 'Sport'; it has City, World." in project("preview", ISSUE, "--topics", "Sport", status=1)
        project("preview", ISSUE, "--as", "text@example.com", "--eml", "text.eml")
        before = project.json("status", ISSUE)
        number = before["issue"]
        daily.approve(paper, number, "Ed", NOW)
        daily.deliver(paper, number, "Ed", lambda: NOW)
        after = project.json("status", ISSUE)
    mail = message_from_bytes((tmp_path / "text.eml").read_bytes(), policy=policy.default)
    assert (mail.get_content_type(), mail["Subject"]) == ("text/plain", "Parliament votes on island treaty")
    assert [(e["topics"], e["readers"], e["selected"]) for e in before["editions"]] == [([], 1, 0), (["World"], 2, 0)]
    assert [(e["topics"], e["readers"], e["accepted"]) for e in after["editions"]] == [([], 1, 1), (["World"], 2, 2)]
    assert after["accepted"] == 3
    assert "Parliament votes on island treaty" in project("status", ISSUE)
    assert "gets nothing of this issue" in project("preview", ISSUE, "--topics", "City", status=1)  # frozen
    paper.database.close()
