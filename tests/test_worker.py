"""One more sender: it helps with what is being sent, and begins nothing."""

import threading
from pathlib import Path

from newsletter import worker
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import plan
from newsletter.issues import states
from newsletter.issues.models import Issue, IssueState
from tests.builders import NOW, an_issue
from tests.delivery.desks import Desk
from tests.sink import Sink


def test_a_worker_finishes_what_is_being_sent_and_begins_no_issue(database: Database, tmp_path: Path):
    """One issue is `sending` and has readers; another is approved and waits for its hour."""
    desk = Desk(database, tmp_path)
    desk.readers(20)
    plan.draw(database, desk.issue(), NOW)
    stopping = threading.Event()
    with database.transaction() as session:
        waits = an_issue(session, day=NOW.date().replace(day=24)).id
        states.move(session, desk.issue_id, IssueState.SENDING, "test", "", NOW)
    with Sink() as sink:
        sink.refuse = lambda stage, _word: stopping.set() if (stage, sink.nth) == ("dot", 20) else None
        helper = Paper(desk.config(sink), database)
        worker.live(helper, desk.clock, stopping)
    assert len(sink.taken) == 20
    assert desk.totals().accepted == 20
    assert desk.issue().state is IssueState.SENT
    with database.reading() as session:
        assert session.get_one(Issue, waits).state is IssueState.APPROVED
