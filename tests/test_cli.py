"""The command line as a contract: exit statuses, one clear sentence, JSON and nothing else."""

import re
import socket
import sqlite3
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from newsletter.cli.doors import DOORS, loaded
from tests.command import Project, a_project, an_article_file, readers_file
from tests.sink import Sink

TOTALS = {"selected", "queued", "in_hand", "accepted", "deferred", "failed", "skipped", "uncertain"}
DAY = "2026-11-23"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with three articles of one Monday."""
    made = a_project(tmp_path)
    for number in (1, 2, 3):
        an_article_file(tmp_path, number)
    return made


@pytest.mark.slow
def test_a_morning_by_hand_on_the_command_line(database_url: str, tmp_path: Path):
    """Collect, draft, stories, preview, check, test, approve, send, status: each document has its promised keys."""
    with Sink() as sink:
        project = a_project(tmp_path, database_url=database_url, smtp=f'port = {sink.port}\nsecurity = "none"')
        for number in (1, 2, 3):
            an_article_file(tmp_path, number)
        readers_file(tmp_path, 5)
        counts = project.json("subscribers", "import", "readers.csv", "--newsletter", "daily")
        assert {name: counts[name] for name in ("new", "updated", "unchanged", "suppressed", "invalid")} == {
            "new": 5, "updated": 0, "unchanged": 0, "suppressed": 0, "invalid": 0,
        }  # fmt: skip
        assert (counts["new_as_left"], counts["taken_off"]) == (0, 0)
        [source] = project.json("collect")["sources"]
        assert (source["name"], source["new"], source["failed"]) == ("city-desk", 3, [])

        draft = project.json("draft", "daily", "--date", DAY)
        assert set(draft) == {
            "issue", "newsletter", "date", "state", "subject", "preheader", "picks", "left_out", "audience",
        }  # fmt: skip
        assert set(draft["picks"][0]) == {
            "article", "title", "url", "source", "section", "position", "score", "why", "also_covered_by",
            "points", "is_update",
        }  # fmt: skip
        stories = project.json("stories", "daily", "--date", DAY)
        assert sum(len(story["articles"]) for story in stories) == 3
        assert set(stories[0]["articles"][0]) == {"title", "url", "source"}

        issue = f"daily/{DAY}"
        project(
            "preview", issue, "--html", "a.html", "--text", "a.txt", "--eml", "a.eml", "--as", "reader2@example.com"
        )
        mail = message_from_bytes((tmp_path / "a.eml").read_bytes(), policy=policy.default)
        assert str(mail["To"]) == "reader2@example.com"
        assert "MarkUnsubscribe" not in (tmp_path / "a.html").read_text() + (tmp_path / "a.txt").read_text()

        report = project.json("check", issue)
        assert report["ok"] is True
        assert all(set(finding) >= {"rule", "level", "message", "where"} for finding in report["findings"])
        project("test", issue, "--to", "editor@example.com")
        assert sink.recipients == ["editor@example.com"]
        assert b"Subject: [Test] " in sink.taken[0].data

        assert project("send", issue, status=1).startswith("The issue of 2026-11-23 is draft: approve it first")
        project("approve", issue)
        totals = project.json("send", issue)
        assert set(totals) == TOTALS
        assert (totals["selected"], totals["accepted"]) == (5, 5)
        status = project.json("status", issue)
        assert set(status) >= TOTALS | {"issue", "newsletter", "date", "state"}
        assert (status["newsletter"], status["date"], status["state"]) == ("daily", DAY, "sent")
        assert len(sink.taken) == 6


@pytest.mark.slow
def test_status_tells_what_the_config_names_and_is_not_there(project: Project):
    """A folder that moved or a key that was not copied is told before the morning needs it."""
    assert "Missing" not in project("status")
    settings = project.folder / "config.toml"
    key = '\n[[dkim]]\ndomain = "example.com"\nselector = "mail"\nkey_file = "dkim-mail.pem"\n'
    settings.write_text(settings.read_text().replace('path = "articles"', 'path = "moved"') + key)
    folder, missing_key = sorted(project.json("status")["missing"], reverse=True)
    assert folder.startswith("source ")
    assert "there is no folder" in folder
    assert "dkim-mail.pem does not exist; `newsletter keys create" in missing_key
    assert "Missing: " in project("status")


@pytest.mark.slow
def test_what_goes_wrong_is_one_sentence_and_status_1(project: Project):
    """No traceback, and what to do next."""
    assert "newsletter db upgrade" not in project("status")
    for words, says in (
        (("draft", "weekly"), "There is no newsletter 'weekly'"),
        (("draft", "daily", "--date", "tomorrow"), "is no day"),
        (("status", "daily/2020-01-01"), "There is no issue daily/2020-01-01"),
        (("check", "99"), "There is no issue 99"),
        (("subscribers", "show", "nobody@example.com"), "Nobody goes by that address"),
        (("subscribers", "add", "not-an-address"), "address"),
        (("subscribers", "import", "nowhere.csv"), "nowhere.csv"),
        (("subscribers", "export", "--to", "nowhere/x.csv"), "nowhere/x.csv can't be used: No such file or directory."),
        (("init", "secret.key/paper"), "secret.key/paper"),
        (("init", "."), "is not empty"),
        (("--config", "nowhere.toml", "status"), "newsletter init"),
    ):
        errors = project(*words, status=1)
        assert says in errors, words
        assert len(errors.splitlines()) <= 2, errors


@pytest.mark.slow
def test_a_section_without_a_source_stops_a_draft_and_nothing_else(project: Project):
    """A reader who wants to leave must not wait until a mistyped section is found."""
    settings = project.folder / "config.toml"
    settings.write_text(
        settings.read_text() + '[[newsletters]]\nslug = "weekly"\ntitle = "W"\nsender = "w@example.com"\n'
        '[[newsletters.sections]]\nname = "Citty"\n'
    )
    assert "no source feeds the section 'Citty'" in project("draft", "weekly", status=1)
    assert "no source feeds the section 'Citty'" in project("run", status=1)
    project("draft", "daily", "--date", DAY)
    project("subscribers", "add", "ann@example.com", "--newsletter", "daily", "--proof", "at the market stall")
    project("subscribers", "unsubscribe", "ann@example.com")


@pytest.mark.slow
def test_a_port_that_is_taken_is_a_sentence(project: Project):
    """Most likely `run` runs already."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = project.folder / "config.toml"
        settings.write_text(settings.read_text() + f"[web]\nport = {port}\n")
        assert f"Nothing can listen on 127.0.0.1, port {port}: another program does" in project("serve", status=1)


def test_wrong_usage_is_status_2(project: Project):
    """A missing argument and an unknown option."""
    project("draft", status=2)
    project("send", "--no-such-option", status=2)


@pytest.mark.slow
def test_a_draft_of_nothing_says_where_to_look(tmp_path: Path):
    """And draws no table for what is not there."""
    said = a_project(tmp_path)("draft", "daily", "--date", DAY)
    assert "Nothing is in it: `newsletter sources` says what became of each source." in " ".join(said.split())
    assert "Headline" not in said


@pytest.mark.slow
def test_check_ends_with_1_when_something_blocks(project: Project):
    """And its JSON is whole nevertheless."""
    shipped = Path(__file__).parent.parent / "templates" / "mail" / "foot.txt"
    own = project.folder / "templates" / "mail"
    own.mkdir(parents=True)
    (own / "foot.txt").write_text(shipped.read_text().replace("{{ unsubscribe_url }}", ""))
    project("collect")
    project("draft", "daily", "--date", DAY)
    report = project.json("check", f"daily/{DAY}", status=1)
    assert report["ok"] is False
    assert any(finding["rule"] == "unsubscribe-link" and finding["level"] == "block" for finding in report["findings"])
    assert "unsubscribe" in project("approve", f"daily/{DAY}", status=1)


@pytest.mark.slow
def test_editors_decisions_are_kept_and_what_is_frozen_stays(project: Project):
    """Hold, approve, redraft: an approved issue keeps its picks and its bytes."""
    issue = f"daily/{DAY}"
    project("collect")
    project("draft", "daily", "--date", DAY)
    project("hold", issue, "--why", "one more look")
    assert project.json("status", issue)["why"] == "one more look"
    assert f"{issue}: state held, selected 0, queued 0" in project("status", COLUMNS="80")  # nothing is cut in two
    project("approve", issue)
    project("preview", issue, "--html", "before.html")
    an_article_file(project.folder, 9)
    project("collect")
    assert len(project.json("draft", "daily", "--date", DAY)["picks"]) == 3
    project("preview", issue, "--html", "after.html")
    before, after = ((project.folder / f"{name}.html").read_bytes() for name in ("before", "after"))
    assert before == after
    project("cancel", issue)
    assert "cancelled" in project("approve", issue, status=1)


@pytest.mark.slow
def test_init_makes_a_project_that_works(tmp_path: Path):
    """Every file it makes is right; the key is its owner's alone; the first command runs."""
    Project(tmp_path)("init", "paper")
    folder = tmp_path / "paper"
    assert {path.name for path in folder.iterdir()} == {
        ".gitignore", "articles", "config.toml", "secret.key", "templates",
    }  # fmt: skip
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600
    project = Project(folder)
    assert project.json("collect")["sources"][0]["error"] == ""
    said = project("status")
    assert "no issue yet" in said
    assert "Selected" not in said  # no table of nothing


@pytest.mark.slow
def test_people_on_the_command_line(project: Project):
    """Add, show, list, export, unsubscribe, erase; who left stays out of an import."""
    project("subscribers", "add", "ann@example.com", "--name", "=Ann", "--proof", "at the market stall")
    readers_file(project.folder, 2)
    project("subscribers", "import", "readers.csv")
    project("subscribers", "unsubscribe", "reader1@example.com", "--newsletter", "daily")
    again = project.json("subscribers", "import", "readers.csv")
    assert (again["new"], again["suppressed"], again["unchanged"]) == (0, 1, 1)
    states = {one["email"]: one["state"] for one in project.json("subscribers", "list")["subscribers"]}
    assert states == {
        "ann@example.com": "active", "reader1@example.com": "unsubscribed", "reader2@example.com": "active",
    }  # fmt: skip
    exported = project("subscribers", "export")
    assert "'=Ann" in exported
    person = project.json("subscribers", "show", "ann@example.com")
    assert person["consents"][0]["wording"] == "at the market stall"
    project("subscribers", "erase", "ann@example.com", "--yes")
    assert "suppressed" in project("subscribers", "add", "ann@example.com", status=1)
    assert "ann@example.com" not in project("subscribers", "export")


@pytest.mark.slow
def test_an_old_schema_is_refused_with_a_sentence(project: Project):
    """`run` and all others say which command mends it."""
    project("status")
    with sqlite3.connect(project.folder / "newsletter.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    assert "run `newsletter db upgrade`" in project("run", status=1)


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_the_demo_tells_a_whole_day_and_ends(tmp_path: Path):
    """50 readers, one leaves by one click, 49 the next day; its files open without a server; it may run again."""
    project = Project(tmp_path)
    for _ in range(2):
        told = project("demo", "day")
        assert "50 of 50 accepted" in told
        assert "49 of 49 accepted" in told
        assert "leaving took effect at once" in told
    html = (tmp_path / "day" / "issue.html").read_text()
    pictures = re.findall(r'src="(media/[0-9a-f]+\.\w+)"', html)
    assert pictures
    assert all((tmp_path / "day" / picture).is_file() for picture in pictures)
    assert len(list((tmp_path / "day" / "caught").glob("*/*.eml"))) == 99
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("do not touch")
    assert "not empty" in project("demo", "mine", status=1)


def test_help_names_every_command(project: Project):
    """What the contract lists is there."""
    told = project("--help")
    for command in (
        "init", "demo", "collect", "draft", "stories", "preview", "check", "test", "approve", "hold", "cancel",
        "send", "pause", "resume", "status", "run", "serve", "subscribers", "db",
    ):  # fmt: skip
        assert re.search(rf"\b{command}\b", told), command


def test_the_lines_of_help_are_what_each_command_says_of_itself():
    """`newsletter --help` loads no command, so its lines stand apart from them: they must say the same."""
    for name, door in DOORS.items():
        said = loaded(name).help.split("\n\n")[0].replace("\n", " ")
        assert said == door.says, name


@pytest.mark.parametrize(
    ("module", "not_wanted"),
    [
        ("newsletter.cli", {"sqlalchemy", "pydantic", "jinja2", "lxml", "fastapi", "httpx2"}),  # all that --help needs
        ("newsletter.cli.decisions", {"premailer", "jinja2", "fastapi", "httpx2", "feedparser", "alembic"}),
    ],
)
def test_a_command_waits_for_nothing_that_others_need(module: str, not_wanted: set[str]):
    """What is slow to import is imported where it is wanted: `status` renders and fetches nothing."""
    lines = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert "newsletter" in done.stdout.split()
    assert not not_wanted & set(done.stdout.split())
