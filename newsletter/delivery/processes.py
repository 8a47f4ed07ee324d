"""The same run in several processes on one database: one process saturates a core.

Each is a run of its own, with its own connections and journal; what they share stands in the ledger, where a delivery
is claimed by one of them. They are not forked off whoever starts them, who has threads and open connections, but off a
process of its own that has imported the program and done nothing else: a second of a core each became a few
milliseconds. A process whose caller dies puts down its work, as if it had been asked to.
"""

import logging
import multiprocessing
import signal
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from threading import Event

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from newsletter.config import Config
from newsletter.database import Database
from newsletter.delivery import crew
from newsletter.delivery.run import LOOK_SECONDS, OnProgress, Run
from newsletter.errors import NewsletterError, RelayDown, StoreError
from newsletter.issues.models import Issue

MAX_STARTS = 3  # of a process that dies: its work goes on, but not for ever

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", __name__])

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """What a sender process is told."""

    url: str
    config: Config
    newsletter: str
    issue_id: int
    processes: int
    ahead: timedelta  # of the caller's clock before the machine's
    rests: tuple[float, ...]


def work(
    run: Run, count: int, on_progress: OnProgress, asked_to_stop: Event,
) -> None:  # fmt: skip
    """Start `count` processes and watch them until all have ended; their trouble becomes the run's."""
    job = Job(
        run.database.url.render_as_string(hide_password=False), run.config, run.newsletter.slug, run.issue.id or 0,
        count, run.clock() - datetime.now(UTC), tuple(run.rests),
    )  # fmt: skip
    pipes = dict(_start(job) for _ in range(count))
    starts = count
    try:
        while pipes:
            for pipe in wait(list(pipes), timeout=LOOK_SECONDS):
                process = pipes.pop(pipe)  # type: ignore[call-overload]
                died = not _take_word(run, pipe)  # type: ignore[arg-type]
                process.join()
                if died and starts < count * MAX_STARTS and not asked_to_stop.is_set():
                    log.warning("A sender process died; another takes its place.", action="sender_died")
                    pipes |= dict([_start(job)])
                    starts += 1
            if asked_to_stop.is_set() or run.stopping.is_set():
                _tell_to_stop(pipes)
            with suppress(OperationalError, InterfaceError):  # it is back soon; the processes wait for it
                on_progress(run.standing().totals)
    finally:  # also on Ctrl-C: what is on the wire gets its answer, the rest goes back
        _tell_to_stop(pipes)
        for pipe, process in pipes.items():
            _take_word(run, pipe)
            process.join()


def _tell_to_stop(pipes: Iterable[Connection]) -> None:
    for pipe in pipes:
        with suppress(OSError):
            pipe.send("stop")


def _start(job: Job) -> tuple[Connection, ForkServerProcess]:
    ours, theirs = _FORKS.Pipe()
    process = _FORKS.Process(target=_main, args=(theirs, job), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _take_word(run: Run, pipe: Connection) -> bool:
    """What a process said at its end becomes the run's trouble or fault. False if it died without a word."""
    try:
        trouble, stop, fault = pipe.recv()
    except (EOFError, OSError):
        return False
    if trouble:
        run.stop(RelayDown(trouble, stop=stop))
    if fault:
        run.fail(StoreError(fault))
    return True


# --- in the new process ---------------------------------------------------------------------------------------------


def _main(pipe: Connection, job: Job) -> None:
    """The whole life of a sender process."""
    for asked in (signal.SIGINT, signal.SIGTERM):  # they reach it too; the parent tells it what to do
        signal.signal(asked, signal.SIG_IGN)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    database = Database(job.url)
    try:
        run = _run(database, job)
        crew.work(run, job.processes, lambda _totals: None, pipe.poll)  # a word of the parent's, or its death
        if run.fault and not isinstance(run.fault, NewsletterError):
            traceback.print_exception(run.fault)
        trouble = run.trouble
        pipe.send((str(trouble or ""), bool(trouble and trouble.stop), str(run.fault or "")))
    except BrokenPipeError:
        pass  # nobody listens any more
    finally:
        database.close()


def _run(database: Database, job: Job) -> Run:
    def clock() -> datetime:
        return datetime.now(UTC) + job.ahead

    crew.recover(database, job.config, clock())
    with database.reading() as session:
        issue = session.get_one(Issue, job.issue_id)
    return Run.of(database, job.config, job.config.newsletter(job.newsletter), issue, clock, job.rests)
