"""`newsletter run`, the normal way to live, as a real process by the real clock."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.command import Project, a_project, an_article_file, readers_file
from tests.ports import a_free_port
from tests.sink import Sink

AHEAD = timedelta(seconds=12)  # from now to the draft: time for a process to start; one that comes later catches up


def a_zone_where_it_is_noon(now: datetime) -> str:
    """So that "some seconds ahead" is today on any clock."""
    return next(
        zone for zone in (f"Etc/GMT{hours:+d}" for hours in range(-14, 13)) if now.astimezone(ZoneInfo(zone)).hour == 12
    )


def a_living_project(folder: Path, sink: Sink, *, readers: int = 20, more: str = "") -> tuple[Project, str]:
    """A project whose clock times are seconds ahead, and the name of its next issue."""
    now = datetime.now(UTC)
    zone = a_zone_where_it_is_noon(now)
    draft_at = (now + AHEAD).astimezone(ZoneInfo(zone))
    send_at = draft_at + timedelta(seconds=3)
    project = a_project(
        folder,
        smtp=f'port = {sink.port}\nsecurity = "none"',
        newsletter=f"""
timezone = "{zone}"
days = "daily"
draft_at = "{draft_at:%H:%M:%S}"
send_at = "{send_at:%H:%M:%S}"
{more}
""",
    )
    (folder / "config.toml").write_text((folder / "config.toml").read_text() + f"\n[web]\nport = {a_free_port()}\n")
    readers_file(folder, readers)
    project("subscribers", "import", "readers.csv", "--proof", "at the market stall")
    an_article_file(folder, date=f"{now - timedelta(hours=1):%Y-%m-%d %H:%M}Z")
    return project, f"daily/{draft_at.date()}"


def wait_until(condition, seconds: float = 200) -> None:
    """Look again and again; the processes have their own pace, and what they miss they see a minute later."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_running_newsletter_drafts_and_sends_by_itself(tmp_path: Path):
    """Nobody touches it: at draft_at it collects and drafts, at send_at everybody gets it, once."""
    with Sink() as sink:
        project, issue = a_living_project(tmp_path, sink, more='approval = "none"\neditors = ["ed@example.com"]')
        living = project.start("run")
        try:
            wait_until(lambda: len(sink.taken) == 21)
            wait_until(lambda: project.json("status", issue)["state"] == "sent")
        finally:
            living.terminate()
            _, errors = living.communicate(timeout=60)
    assert living.returncode == 0  # to be stopped is its end, and no failure
    assert "Traceback" not in errors
    assert "@example.com" not in errors  # no address in the log
    readers = sorted(address for address in sink.recipients if address.startswith("reader"))
    assert readers == sorted(f"reader{n}@example.com" for n in range(1, 21))
    assert sink.recipients.count("ed@example.com") == 1
    assert project.json("status", issue)["accepted"] == 20


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_two_runs_on_one_database_draft_and_send_once(tmp_path: Path):
    """One leads; a reader gets one mail, an editor one word, however many processes live."""
    with Sink() as sink:
        project, issue = a_living_project(tmp_path, sink, more='approval = "none"\neditors = ["ed@example.com"]')
        second = (tmp_path / "config.toml").read_text()
        (tmp_path / "second.toml").write_text(second.rpartition("port = ")[0] + f"port = {a_free_port()}\n")
        living = [project.start("run"), project.start("--config", "second.toml", "run")]
        try:
            wait_until(lambda: project.json("status")["issues"] and project.json("status", issue)["state"] == "sent")
            wait_until(lambda: "ed@example.com" in sink.recipients)
        finally:
            for process in living:
                process.terminate()
            for process in living:
                process.communicate(timeout=60)
    assert sorted(sink.recipients) == sorted(["ed@example.com", *(f"reader{n}@example.com" for n in range(1, 21))])
