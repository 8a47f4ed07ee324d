"""One run of the send loop: what the senders of one process share, from the issue's message to the emergency brake."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from newsletter.config import Config, Newsletter, Relay
from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.conversation import Answer
from newsletter.delivery.lanes import Lanes
from newsletter.delivery.moulds import Moulds
from newsletter.delivery.pace import opens_at
from newsletter.delivery.replies import Fate
from newsletter.delivery.rows import Share
from newsletter.errors import RelayDown, StoreError
from newsletter.issues.models import Issue
from newsletter.rendering import editions

LOOK_SECONDS = 0.25  # how often a run looks at the issue's state
COUNTING_SHARE = 0.01  # of the time: reading a million rows four times a second would be all we do
DATABASE_RESTS = (0.2, 0.5, 1, 2, 4, 8, 15, 30)  # a database that restarts is back within a minute

Clock = Callable[[], datetime]
OnProgress = Callable[[ledger.Totals], None]
Result = TypeVar("Result")

log = structlog.get_logger()


class Breaker:
    """The emergency brake: too many hard refusals among the last so many attempts."""

    def __init__(self, share: float, after: int) -> None:
        self._share, self._after = share, after
        self._attempts = self._refused = 0
        self._lock = Lock()

    def hear(self, accepted: int, others: Sequence[Answer]) -> str | None:
        """Count attempts, so many accepted ones and `others`; in words why to stop, if it is time to. A share of 0
        never stops."""
        refusals = [answer for answer in others if answer.fate is Fate.FAILED] if others else []
        with self._lock:
            self._attempts += len(refusals) + accepted
            self._refused += len(refusals)
            if self._attempts < self._after:
                return None
            attempts, refused = self._attempts, self._refused
            self._attempts = self._refused = 0
        if not self._share or refused < self._share * attempts:
            return None
        last = f"; the last one said {refusals[-1].reply}" if refusals else ""
        return f"{refused} of the last {attempts} messages were refused for good{last}"


@dataclass
class Run:
    """What the senders of one process share."""

    database: Database
    config: Config
    newsletter: Newsletter
    issue: Issue
    moulds: Moulds
    lanes: Lanes
    clock: Clock
    rests: Sequence[float]
    breaker: Breaker
    stopping: Event = field(default_factory=Event)
    trouble: RelayDown | None = None  # why the run ended early
    fault: BaseException | None = None  # a bug, or a disk that is full
    _standing: ledger.Standing = field(default_factory=ledger.Standing)
    _counted: tuple[float, float] = (0.0, 0.0)  # monotonic seconds: when the count began, how long it took
    _counting: Lock = field(default_factory=Lock)

    @classmethod
    def of(
        cls, database: Database, config: Config, newsletter: Newsletter, issue: Issue, clock: Clock,
        rests: Sequence[float],
    ) -> "Run":  # fmt: skip
        """A run that is ready to go: the editions are read here, once."""
        with database.reading() as session:
            moulds = Moulds(config.site, newsletter, editions.all_of(session, issue))
        sending = config.sending
        breaker = Breaker(sending.refused_share, sending.refused_after)
        return cls(
            database, config, newsletter, issue, moulds, Lanes.of(config, newsletter), clock, rests, breaker
        )  # fmt: skip

    def stop(self, trouble: RelayDown | None = None) -> None:
        """Let every sender put down what it has not handed over."""
        self.trouble = self.trouble or trouble
        self.stopping.set()

    def fail(self, fault: BaseException) -> None:
        """A sender can't go on: neither can the others."""
        self.fault = self.fault or fault
        self.stop()

    def transaction(self, work: Callable[[Session, bool], Result]) -> Result:
        """What `work` returns, committed. A database that is locked or restarts is waited for, up to a minute; `work`
        is told whether it may have come through before. Raises StoreError when patience is at its end."""

        def committed(again: bool) -> Result:
            with self.database.transaction() as session:
                return work(session, again)

        return self.patiently(committed)

    def patiently(self, ask: Callable[[bool], Result]) -> Result:
        """What `ask` returns; it is asked again, and told so, while the database does not answer. Raises StoreError."""
        again = False
        for rest in (*DATABASE_RESTS, None):
            try:
                return ask(again)
            except (OperationalError, InterfaceError) as error:
                reason = str(error.orig).strip().partition("\n")[0]
                log.warning("The database does not answer.", action="database_trouble", why=reason)
                if rest is None:
                    raise StoreError(f"The database does not answer: {reason}. Nothing is lost; send again.") from error
                again = True
                time.sleep(rest)
        raise AssertionError("the loop above ends by itself")

    def standing(self, since: float | None = None) -> ledger.Standing:
        """The issue's totals and what is due: counted anew if the last count began before `since` (monotonic seconds),
        by itself as often as counting takes no more than its share of the time."""
        with self._counting:
            began, took = self._counted
            wanted = began + max(LOOK_SECONDS, took / COUNTING_SHARE) if since is None else since
            now = time.monotonic()
            if not began or (now >= wanted if since is None else began < wanted):
                with self.database.reading() as session:
                    self._standing = ledger.standing(session, self.issue.id or 0, self.clock())
                self._counted = (now, time.monotonic() - now)
        return self._standing

    def opens_at(self) -> datetime | None:
        """When the newsletter's hours of sending begin; None if it is within them."""
        return opens_at(self.newsletter.hours, self.clock().astimezone(self.newsletter.zone))

    def due_at(self, relay: Relay, standing: ledger.Standing) -> dict[Share, int]:
        """What is due of the lanes that a relay takes."""
        return {share: n for share, n in standing.due.items() if self.lanes.relay_of(share[1]) is relay}
