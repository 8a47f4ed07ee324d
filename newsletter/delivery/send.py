"""Claim → build → hand over → record, until nothing is due. May crash at any line.

A run has one thread a connection. Each thread is a sender of its own: it claims a batch, fills the edition's mould for
each reader, hands the letters over on its connection, and records what the relay said. The calling thread watches:
whoever pauses or cancels the issue, from whatever process, stops the run within a second.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic

import structlog
from sqlmodel import Session

from newsletter.config import Newsletter, Site, Smtp
from newsletter.database import Database
from newsletter.delivery import envelope, journal, ledger, message, plan
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.pace import Bucket
from newsletter.delivery.replies import Fate
from newsletter.delivery.transport import Answer, Connection, Letter
from newsletter.errors import Refused, RelayDown
from newsletter.issues import states
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering import editions
from subscribers.tokens import Keys

BATCH = 200  # deliveries of one claim: small against a second's work, large against a transaction's cost
LOOK_SECONDS = 0.25  # how often the run looks at the issue's state and reports
REST_SECONDS = (1, 2, 4, 8)  # for a relay in trouble, after each failure in a row; then the run ends

log = structlog.get_logger()

Clock = Callable[[], datetime]
OnProgress = Callable[[ledger.Totals], None]


@dataclass
class Run:
    """One run of the send loop: what its senders share."""

    database: Database
    smtp: Smtp
    newsletter: Newsletter
    issue: Issue
    mould: message.Mould
    keys: Keys
    clock: Clock
    pace: Bucket
    rests: Sequence[float]
    stopping: Event = field(default_factory=Event)
    trouble: RelayDown | None = None  # why the run ended early
    fault: BaseException | None = None  # a bug or a full disk in one of its threads

    def stop(self, trouble: RelayDown | None = None) -> None:
        """Let every sender put down what it has not handed over."""
        self.trouble = self.trouble or trouble
        self.stopping.set()


def send(
    database: Database, site: Site, smtp: Smtp, newsletter: Newsletter, keys: Keys, issue_id: int, *,
    clock: Clock, who: str, on_progress: OnProgress = lambda _totals: None, stopping: Event | None = None,
    rests: Sequence[float] = REST_SECONDS,
) -> ledger.Totals:  # fmt: skip
    """Hand an approved issue to everybody for whom it is due now; called again it goes on. Returns the totals.

    The issue is `sent` when nothing is open any more; refused deliveries whose time has not come leave it `sending`.
    Raises Refused if the issue may not be sent, RelayDown if the relay can't be used (nothing is lost, call again);
    where going on by itself would do harm, the issue is paused with the reason.
    """
    recover(database, smtp, clock())
    issue = _begin(database, issue_id, smtp.deadline_hours, who, clock())
    plan.draw(database, issue, clock())
    run = Run(
        database, smtp, newsletter, issue, mould(database, site, newsletter, issue), keys, clock,
        Bucket(smtp.messages_per_minute), rests,
    )  # fmt: skip
    _run_senders(run, on_progress, stopping or Event())
    totals = _finish(run, who)
    on_progress(totals)
    if run.fault:
        raise run.fault
    if run.trouble:
        raise run.trouble
    return totals


def recover(database: Database, smtp: Smtp, now: datetime) -> None:
    """Settle what dead senders of this machine had in hand. Safe to call while others send."""
    for remains in journal.orphans(smtp.journal_dir):
        with database.transaction() as session:
            ledger.recover(session, remains, now)
    with database.transaction() as session:
        ledger.recover_vanished(session, now)


def _begin(database: Database, issue_id: int, deadline_hours: float, who: str, now: datetime) -> Issue:
    """The issue, now `sending`. Another process may have moved it there a moment ago: they share the work."""
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        if issue.state is IssueState.APPROVED:
            with suppress(Refused):
                states.move(session, issue_id, IssueState.SENDING, who, "", now)
            session.refresh(issue)
            issue.deadline_at = issue.deadline_at or now + timedelta(hours=deadline_hours)
        _settle_what_is_too_late(session, issue, now)
    if issue.state is not IssueState.SENDING:
        raise Refused(
            f"The issue of {issue.issue_date} is {issue.state}: {_WHAT_TO_DO.get(issue.state, 'it stays so')}."
        )
    return issue


_WHAT_TO_DO = {
    IssueState.DRAFT: "approve it first with `newsletter approve`",
    IssueState.HELD: "approve it first with `newsletter approve`",
    IssueState.PAUSED: "go on with `newsletter resume`",
}


def mould(database: Database, site: Site, newsletter: Newsletter, issue: Issue) -> message.Mould:
    """The message of an issue's edition, ready to be filled for each reader."""
    with database.reading() as session:
        edition = editions.of(session, issue)
    return message.mould(site, newsletter, issue.id or 0, edition.subject, edition.html, edition.text)


def _run_senders(run: Run, on_progress: OnProgress, asked_to_stop: Event) -> None:
    """Start a thread a connection and watch until all have ended."""
    with run.database.reading() as session:
        waiting = ledger.totals(session, run.issue.id or 0).open
    threads = [Thread(target=_Sender(run).work, daemon=True) for _ in range(min(run.smtp.connections, waiting))]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            _wait(threads)
            with run.database.reading() as session:
                on_progress(ledger.totals(session, run.issue.id or 0))
                state = session.get_one(Issue, run.issue.id).state
            if asked_to_stop.is_set() or state is not IssueState.SENDING:
                run.stop()
    finally:  # also on Ctrl-C: what is on the wire gets its answer, the rest goes back
        run.stopping.set()
        for thread in threads:
            thread.join()


def _wait(threads: list[Thread]) -> None:
    """Up to LOOK_SECONDS, or until the threads have ended."""
    until = monotonic() + LOOK_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))


def _finish(run: Run, who: str) -> ledger.Totals:
    """Close the issue if nothing is open; pause it if the relay's trouble would only grow."""
    now, issue_id = run.clock(), run.issue.id or 0
    with run.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        _settle_what_is_too_late(session, issue, now)
        totals = ledger.totals(session, issue_id)
        if issue.state is IssueState.SENDING and totals.open == 0:
            states.move(session, issue_id, IssueState.SENT, who, "", now)
        elif issue.state is IssueState.SENDING and run.trouble and run.trouble.stop:
            states.move(session, issue_id, IssueState.PAUSED, who, str(run.trouble)[:500], now)
    return totals


def _settle_what_is_too_late(session: Session, issue: Issue, now: datetime) -> None:
    """Beyond its deadline an issue is stale: nobody gets it any more, and the ledger says why."""
    if issue.deadline_at is None or now <= issue.deadline_at or issue.id is None:
        return
    ledger.give_up(session, issue.id, DeliveryState.DEFERRED, DeliveryState.FAILED, "", now)
    why = "the issue's deadline passed before its turn"
    ledger.give_up(session, issue.id, DeliveryState.QUEUED, DeliveryState.SKIPPED, why, now)


class _Sender:
    """One connection's thread."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._connection: Connection | None = None
        self._failures = 0  # of the relay, in a row

    def work(self) -> None:
        """Batch after batch until nothing is due or the run stops."""
        try:
            with journal.Journal(self._run.smtp.journal_dir) as notes:
                while not self._run.stopping.is_set() and self._batch(notes):
                    pass
        except BaseException as error:
            self._run.fault = self._run.fault or error
            self._run.stop()
        finally:
            self._hang_up()

    def _batch(self, notes: journal.Journal) -> bool:
        """Claim, hand over, record. False when nothing is due."""
        run = self._run
        with run.database.transaction() as session:
            claimed = ledger.claim(session, run.issue.id or 0, run.newsletter.slug, notes.name, BATCH, run.clock())
        if not claimed:
            return False
        answers: dict[int, Answer] = {}
        dotted: set[int] = set()

        def before_dot(delivery_id: int) -> None:
            notes.before_dot(delivery_id)
            dotted.add(delivery_id)

        trouble: RelayDown | None = None
        try:
            for answer in self._open().send(self._letters(claimed), before_dot):
                notes.answer(answer)
                answers[answer.id] = answer
                if answer.fate is Fate.STOPPED:
                    trouble = RelayDown(
                        f"The relay refuses us at {answer.stage}: {answer.reply}. Nothing is lost.", stop=True
                    )
                    break
        except RelayDown as error:
            trouble = error
        finally:
            with run.database.transaction() as session:
                ledger.record(session, {c.delivery_id: c.attempts for c in claimed}, answers, dotted, run.clock())
            notes.clear()
        self._look_after_the_relay(answers, trouble)
        return True

    def _open(self) -> Connection:
        if self._connection and self._connection.is_worn:
            self._hang_up()
        self._connection = self._connection or Connection(self._run.smtp)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _letters(self, claimed: list[ledger.Claimed]) -> Iterator[Letter]:
        """The messages, each filled only when the wire wants it."""
        run = self._run
        for delivery in claimed:
            wait = run.pace.take(monotonic())
            if run.stopping.wait(wait) if wait else run.stopping.is_set():
                return
            to = delivery.recipient
            reader = message.Reader(delivery.delivery_id, to.subscriber_id, to.subscription_id, to.email, to.name)
            now = run.clock().astimezone(run.newsletter.zone)
            yield Letter(
                delivery.delivery_id, self._envelope(delivery), to.email, run.mould.fill(reader, run.keys, now)
            )

    def _envelope(self, delivery: ledger.Claimed) -> str:
        bounces = self._run.smtp.bounce_address
        if not bounces:
            return self._run.newsletter.sender_address
        return envelope.sender(bounces, self._run.keys, delivery.delivery_id)

    def _look_after_the_relay(self, answers: dict[int, Answer], trouble: RelayDown | None) -> None:
        """After a batch: keep the connection, or drop it and give the relay a rest, or end the run."""
        released = next((a for a in answers.values() if a.fate in (Fate.RELEASED, Fate.UNCERTAIN)), None)
        if trouble is None and released is None:
            self._failures = 0
            return
        self._hang_up()
        self._failures = 1 if any(a.fate is Fate.ACCEPTED for a in answers.values()) else self._failures + 1
        trouble = trouble or RelayDown(_in_words(released))
        log.warning("the relay is in trouble", action="relay_trouble", failures=self._failures, why=str(trouble))
        if trouble.stop or self._failures > len(self._run.rests):
            self._run.stop(trouble)
            return
        self._run.stopping.wait(self._run.rests[self._failures - 1])


def _in_words(answer: Answer | None) -> str:
    said = f"it said {answer.reply}" if answer and answer.reply else "the connection broke"
    where = answer.stage if answer else "connect"
    return f"The relay is in trouble: {said} at {where}. Nothing is lost; sending again goes on."
