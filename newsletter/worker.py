"""The door for help: one more sender that joins whatever issue is being sent, on this machine or another.

It never begins an issue: the clock and the editors do. What it has in hand stands in the ledger like everybody's, so it
may be started and stopped at any moment.
"""

from threading import Event

import structlog
from sqlmodel import col, select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.delivery import ledger
from newsletter.delivery.run import Clock
from newsletter.errors import NewsletterError
from newsletter.issues.models import Issue, IssueState

WHO = "worker"
LOOK_SECONDS = 1.0

log = structlog.get_logger()


def live(paper: Paper, clock: Clock, stopping: Event | None = None) -> None:
    """Help until `stopping` is set."""
    stopping = stopping or Event()
    while not stopping.is_set():
        for issue_id in _to_help_with(paper, clock):
            try:
                totals = daily.deliver(paper, issue_id, WHO, clock, stopping=stopping)
                log.info("Helped to send an issue.", action="helped", issue=issue_id, **totals.as_json())
            except NewsletterError as error:
                log.warning("An issue could not be sent.", action="send_refused", issue=issue_id, why=str(error))
        stopping.wait(LOOK_SECONDS)


def _to_help_with(paper: Paper, clock: Clock) -> list[int]:
    """Issues that are being sent and have something due."""
    with paper.database.reading() as session:
        sending = session.exec(select(col(Issue.id)).where(col(Issue.state) == IssueState.SENDING)).all()
        return [number for number in sending if number and ledger.has_due(session, number, clock())]
