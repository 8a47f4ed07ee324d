"""Kill -9 in mid-send: nobody gets two, nobody is lost in silence, whatever the moment.

The real command sends to a sink that writes down what it took, and the sink itself kills the sender when its
conversations have reached a chosen point: no test here depends on how fast the machine is.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from random import Random

import pytest
from sqlmodel import col, select

from newsletter.database import Database
from newsletter.delivery.models import Delivery, DeliveryState
from subscribers import preferences
from subscribers.models import Subscriber
from subscribers.tokens import Keys, Purpose, check
from tests.builders import NOW
from tests.command import Project, a_project, an_article_file, readers_file
from tests.sink import Sink

CONNECTIONS = 4
ISSUE = "daily/2026-11-23"
KEYS = Keys((b"0123456789abcdef" * 4,))  # of `a_project`
STAGES_OF_A_MESSAGE = 4  # MAIL, RCPT, DATA, dot


@pytest.mark.slow
def test_a_sender_that_is_killed_again_and_again_doubles_nobody_and_loses_nobody(tmp_path: Path):
    """Two kills of a send to 1,000: none twice, every missing one is uncertain, at most one for each connection and
    kill, the sum is right each time, and the rest finish by themselves."""
    readers, kills = 1000, 2
    kill_again_and_again(tmp_path, readers, kills)


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("senders", [1, 2])
def test_fifty_kills_of_a_send_to_ten_thousand(tmp_path: Path, senders: int):
    """The same at fifty random moments, with one sender process and with two."""
    kill_again_and_again(tmp_path, readers=10_000, kills=50, senders=senders)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_who_has_chosen_sections_gets_her_own_edition_once_though_the_sender_is_killed(tmp_path: Path):
    """Three editions, a kill: what was drawn for a reader is what she gets, in whichever run; with clicks counted,
    each mail's links are its own reader's."""
    readers, chosen = 600, ("", "City", "World")
    stories = {"City": "Ferry comes home after refit", "World": "Parliament votes on island treaty"}
    with Sink() as sink:
        project = approved_editions(tmp_path, sink, readers, stories, chosen)
        for moment in moments(Random(20261123), 1, readers):
            kill_at(sink, project, moment)
        totals = project.json("send", ISSUE)
    assert totals["selected"] == totals["accepted"] + totals["uncertain"] == readers
    nobody_twice_nobody_lost(project, sink)
    numbers = readers_by_address(project)
    for mail in sink.taken:
        text = plain_text(mail.data)
        words = " ".join(text.split())
        wanted = chosen[number_in(mail.recipient) % len(chosen)]
        assert [section for section, title in stories.items() if title in words] == ([wanted] if wanted else [*stories])
        claims = [check(KEYS, Purpose.CLICK, token) for token in re.findall(r"/c/([\w-]+)/\d+", text)]
        assert {claim and claim.subject for claim in claims} == {numbers[mail.recipient]}


def plain_text(mail: bytes) -> str:
    """Of the first part; the library's modern policy would take ten times as long for hundreds of them."""
    first = message_from_bytes(mail).get_payload(0)
    assert isinstance(first, Message)
    assert first.get_content_type() == "text/plain"
    content = first.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("senders", [1, pytest.param(2, marks=pytest.mark.proof)])
def test_a_sender_that_is_asked_to_end_puts_down_its_work_and_leaves_nothing_uncertain(tmp_path: Path, senders: int):
    """SIGTERM to all its processes, as a service manager gives it in mid-send: what is on the wire gets its answer."""
    readers = 400
    with Sink() as sink:
        project = approved_issue(tmp_path, sink, readers, more=f"[sending]\nsenders = {senders}")
        ended = signal_at(sink, project, readers, signal.SIGTERM)
        status = project.json("status", ISSUE)
        assert (ended, status["in_hand"], status["uncertain"]) == (130, 0, 0)
        assert status["accepted"] + status["queued"] == readers
        totals = project.json("send", ISSUE)
    assert (totals["accepted"], totals["uncertain"]) == (readers, 0)
    nobody_twice_nobody_lost(project, sink)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_two_commands_started_at_once_share_the_list(tmp_path: Path):
    """A double cron: every reader once, both end well or one is told that the other has done it."""
    readers = 3000
    with Sink() as sink:
        project = approved_issue(tmp_path, sink, readers)
        both = [project.start("send", ISSUE) for _ in range(2)]
        said = [process.communicate(timeout=200)[1] for process in both]
        assert [process.returncode for process in both].count(0) >= 1, said
    assert Counter(sink.recipients).most_common(1)[0][1] == 1
    assert len(sink.recipients) == readers


def kill_again_and_again(folder: Path, readers: int, kills: int, senders: int = 1) -> None:
    """Kill so many sends at random moments, let the last one finish, and hold the ledger against what was taken."""
    uncertain = 0
    with Sink() as sink:
        project = approved_issue(folder, sink, readers, more=f"[sending]\nsenders = {senders}")
        for moment in moments(Random(20261123), kills, readers):
            kill_at(sink, project, moment)
            status = project.json("status", ISSUE)
            assert status["selected"] in (0, readers)
            assert status["selected"] == sum_of_states(status)
            assert status["uncertain"] - uncertain <= CONNECTIONS, "of the kill before, settled by this run"
            uncertain = status["uncertain"]
        totals = project.json("send", ISSUE)
    assert totals["selected"] == totals["accepted"] + totals["uncertain"] == readers
    assert totals["uncertain"] - uncertain <= CONNECTIONS
    nobody_twice_nobody_lost(project, sink)


def approved_issue(folder: Path, sink: Sink, readers: int, more: str = "") -> Project:
    """A project with an approved issue and so many readers, whose relay is the sink."""
    project = with_readers(folder, sink, readers, more)
    an_article_file(folder)
    return with_issue(project)


def approved_editions(
    folder: Path, sink: Sink, readers: int, stories: Mapping[str, str], chosen: Sequence[str]
) -> Project:  # fmt: skip
    """The same with a story in each section; reader n has chosen `chosen[n % len(chosen)]`, "" for all sections."""
    project = with_readers(folder, sink, readers, newsletter="clicks = true")
    config = folder / "config.toml"
    config.write_text(config.read_text().replace('section = "City"', 'section = "City"\nsections = ["World"]', 1))
    for section, title in stories.items():
        (folder / "articles" / f"{section}.md").write_text(
            f"---\ntitle: {title}\ndate: 2026-11-23 04:30\nurl: https://post.example.com/{section.lower()}\n"
            f"section: {section}\nstandfirst: At last.\n---\nIt is so.\n"
        )
    database = Database(f"sqlite:///{folder}/newsletter.db")
    with database.transaction() as session:
        for number, email in session.execute(select(Subscriber.id, Subscriber.email)).all():
            wanted = chosen[number_in(email) % len(chosen)]
            preferences.choose_topics(session, number or 0, "daily", [wanted] if wanted else [], NOW)
    database.close()
    return with_issue(project)


def readers_by_address(project: Project) -> dict[str, int]:
    database = Database(f"sqlite:///{project.folder}/newsletter.db")
    with database.reading() as session:
        found = {email: number or 0 for number, email in session.execute(select(Subscriber.id, Subscriber.email))}
    database.close()
    return found


def number_in(address: str) -> int:
    return int(address.removeprefix("reader").partition("@")[0])


def with_readers(folder: Path, sink: Sink, readers: int, more: str = "", newsletter: str = "") -> Project:
    settings = f'port = {sink.port}\nsecurity = "none"\nconnections = {CONNECTIONS}'
    project = a_project(folder, smtp=settings, more=more, newsletter=newsletter)
    readers_file(folder, readers)
    project("subscribers", "import", "readers.csv", "--newsletter", "daily")
    return project


def with_issue(project: Project) -> Project:
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
    assert signal_at(sink, project, moment, signal.SIGKILL) == -9


def signal_at(sink: Sink, project: Project, moment: int, what: signal.Signals) -> int:
    """The same with any signal, which is given again and again until the sender ends; returns its exit status."""
    before, process = sink.reached.total(), None

    def give(_stage: str, _word: str) -> None:
        if process is not None and sink.reached.total() >= before + moment:
            for number in [*children_of(process.pid), process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(number, what)

    sink.refuse = give
    process = project.start("send", ISSUE)
    process.communicate(timeout=100)
    sink.refuse = lambda _stage, _word: None
    return process.returncode


def children_of(pid: int) -> list[int]:
    """The processes of a run, and theirs: they would put down their work when it dies, in a moment of their own."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [number for child in map(int, words) for number in (*children_of(child), child)]


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
