"""Kill -9 in mid-send: nobody gets two, nobody is lost in silence, whatever the moment.

The real command sends to a sink that writes down what it took, and the sink itself kills the sender when its
conversations have reached a chosen point: no test here depends on how fast the machine is.
"""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from sqlmodel import col, select

from newsletter.database import Database
from newsletter.delivery.models import Delivery, DeliveryState
from subscribers.models import Subscriber
from tests.command import Project, a_project, an_article_file, readers_file
from tests.sink import Sink

CONNECTIONS = 4
ISSUE = "daily/2026-11-23"
STAGES_OF_A_MESSAGE = 4  # MAIL, RCPT, DATA, dot


@pytest.mark.slow
def test_a_sender_that_is_killed_again_and_again_doubles_nobody_and_loses_nobody(tmp_path: Path):
    """Three kills of a send to 1,500: none twice, every missing one is uncertain, at most one for each connection and
    kill, the sum is right each time, and the rest finish by themselves."""
    readers, kills = 1500, 3
    with Sink() as sink:
        project = approved_issue(tmp_path, sink, readers)
        for moment in moments(Random(20261123), kills, readers):
            kill_at(sink, project, moment)
            status = project.json("status", ISSUE)
            assert status["selected"] in (0, readers)
            assert status["selected"] == sum_of_states(status)
        totals = project.json("send", ISSUE)
    assert totals["selected"] == totals["accepted"] + totals["uncertain"] == readers
    assert totals["uncertain"] <= kills * CONNECTIONS
    nobody_twice_nobody_lost(project, sink)


def approved_issue(folder: Path, sink: Sink, readers: int, *, database_url: str = "", smtp: str = "") -> Project:
    """A project with an approved issue and so many readers, whose relay is the sink."""
    settings = f'port = {sink.port}\nsecurity = "none"\nconnections = {CONNECTIONS}\n{smtp}'
    project = a_project(folder, database_url=database_url, smtp=settings)
    an_article_file(folder)
    readers_file(folder, readers)
    project("subscribers", "import", "readers.csv", "--newsletter", "daily")
    project("collect")
    project("draft", "daily", "--date", "2026-11-23")
    project("approve", ISSUE)
    return project


def moments(dice: Random, kills: int, readers: int) -> list[int]:
    """After how many stages of conversation, counted from the run's start, each run is killed."""
    share = readers * STAGES_OF_A_MESSAGE // (kills + 1)
    return [dice.randrange(1, share) for _ in range(kills)]


def kill_at(sink: Sink, project: Project, moment: int) -> None:
    """Send, and kill the sender when the sink has heard `moment` more stages; what it hears is taken all the same."""
    before, process = sink.reached.total(), None

    def kill(_stage: str, _word: str) -> None:
        if process is not None and sink.reached.total() >= before + moment:
            process.kill()

    sink.refuse = kill
    process = project.start("send", ISSUE)
    process.communicate(timeout=100)
    assert process.returncode == -9
    sink.refuse = lambda _stage, _word: None


def sum_of_states(totals: dict[str, int]) -> int:
    return sum(totals[state] for state in DeliveryState)


def nobody_twice_nobody_lost(project: Project, sink: Sink) -> None:
    """What the sink took, held against the ledger."""
    database = Database(f"sqlite:///{project.folder}/newsletter.db")
    with database.reading() as session:
        rows = session.exec(
            select(Subscriber.email, Delivery.state).where(col(Delivery.subscriber_id) == col(Subscriber.id))
        ).all()
    database.close()
    taken = Counter(sink.recipients)
    assert set(taken.values()) == {1}
    assert {email for email, state in rows if state is DeliveryState.ACCEPTED} <= set(taken)
    assert {email for email, _ in rows} - set(taken) <= {e for e, s in rows if s is DeliveryState.UNCERTAIN}
