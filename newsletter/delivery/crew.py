"""The senders of one process, a thread for each relay, and whoever watches them."""

import gc
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread
from time import monotonic

from sqlalchemy.exc import InterfaceError, OperationalError

from newsletter.config import Config
from newsletter.database import Database
from newsletter.delivery import journal, ledger
from newsletter.delivery.run import LOOK_SECONDS, OnProgress, Run
from newsletter.delivery.sender import Sender
from newsletter.issues.models import Issue, IssueState

YOUNG = 20_000  # objects, of some thousand letters: nearly all go by themselves before anybody looks for garbage
_USUAL = gc.get_threshold()


def recover(database: Database, config: Config, now: datetime) -> None:
    """Settle what dead senders of this machine had in hand. Safe to call while others send."""
    for remains in journal.orphans(config.smtp.journal_dir):
        with database.transaction() as session:
            ledger.recover(session, remains, now)
    with database.transaction() as session:
        ledger.recover_vanished(session, now)


def work(run: Run, processes: int, on_progress: OnProgress, asked_to_stop: Callable[[], bool]) -> None:
    """Let a sender for each relay work, and watch until all have ended. Of `processes` alike, each takes its share of
    the connections."""
    waiting = run.standing()
    relays = {relay.known_as: relay for relay in run.lanes.relays.values() if run.due_at(relay, waiting)}
    senders = [Sender(run, relay, max(1, relay.connections // processes)) for relay in relays.values()]
    ends = [Event() for _ in senders]
    on_one_core = processes == 1 and not run.moulds.whole.signer.keys  # several fill the cores; so does signing
    threads = [Thread(target=_work, args=(*each, on_one_core), daemon=True) for each in zip(senders, ends, strict=True)]
    gc.freeze()  # what is there stays to the end: going through it for garbage would take a tenth of the time
    gc.set_threshold(YOUNG)
    for thread in threads:
        thread.start()
    try:
        while not all(ended.is_set() for ended in ends):
            _wait(ends)
            if asked_to_stop() or not _is_sending(run):
                run.stop()
            with suppress(OperationalError, InterfaceError):
                on_progress(run.standing().totals)
    finally:  # also on Ctrl-C: what is on the wire gets its answer, the rest goes back
        run.stopping.set()
        for ended in ends:
            ended.wait()
        gc.set_threshold(*_USUAL)
        gc.unfreeze()


def _work(sender: Sender, ended: Event, on_one_core: bool) -> None:
    """A thread's life. Nobody joins the thread: before Python 3.13 a join that Ctrl-C interrupts takes it for dead."""
    try:
        if on_one_core:
            keep_to_one_core()
        sender.work()
    finally:
        ended.set()


def keep_to_one_core() -> None:
    """Confine this thread, and those that it will start, to the last core it may use; a system that can't goes on.

    The interpreter lets one of them work at a time, so they need no other core. Spread over two they get in the way of
    a relay on this machine, which waits for a core then and has nothing to do afterwards.
    """
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # of this thread, not of the process


def _wait(ends: list[Event]) -> None:
    """Up to LOOK_SECONDS, or until all have ended."""
    until = monotonic() + LOOK_SECONDS
    for ended in ends:
        ended.wait(max(0.0, until - monotonic()))


def _is_sending(run: Run) -> bool:
    """Whether nobody has paused or cancelled the issue. A database that is away for a moment has not said so."""
    with suppress(OperationalError, InterfaceError), run.database.reading() as session:
        return session.get_one(Issue, run.issue.id).state is IssueState.SENDING
    return True
