"""Claim → build → hand over → record, until nothing is due. May crash at any line.

`send` is the whole of it: settle what dead senders left, begin, draw the audience, let the senders work, finish. The
calling thread watches meanwhile: whoever pauses or cancels the issue, from whatever process, stops it within a second.

crew.py       the senders of one process, and whoever watches them
processes.py  several such processes
sender.py     one sender: the letters of one relay
run.py        what the senders of a process share
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event

from sqlmodel import Session

from newsletter.config import Config, Newsletter
from newsletter.database import Database
from newsletter.delivery import crew, journal, ledger, plan, processes, whom
from newsletter.delivery.lanes import Lanes
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.run import Clock, OnProgress, Run
from newsletter.errors import NeedsDecision, Refused
from newsletter.issues import states, timetable
from newsletter.issues.models import Issue, IssueState
from subscribers import audience

REST_SECONDS = (1, 2, 4, 8)  # for a relay in trouble, after each failure in a row; then the run ends


def send(
    database: Database, config: Config, newsletter: Newsletter, issue_id: int, *,
    clock: Clock, who: str, on_progress: OnProgress = lambda _totals: None, stopping: Event | None = None,
    rests: Sequence[float] = REST_SECONDS,
) -> ledger.Totals:  # fmt: skip
    """Hand an approved issue to everybody for whom it is due now; called again it goes on. Returns the totals.

    The issue is `sent` when nothing is open any more; deliveries whose time has not come leave it `sending`.
    Raises Refused if the issue may not be sent, RelayDown if the relay can't be used (nothing is lost, call again);
    where going on by itself would do harm, the issue is paused with the reason.
    """
    crew.recover(database, config, clock())
    issue = _begin(database, config, issue_id, who, clock())
    waves = _waves(database, newsletter, issue, clock())
    with database.reading() as session:
        sets = whom.sets(session, config, newsletter, issue) if issue.drawn_at is None else plan.WHOLE
    readers = whom.of_issue(config, newsletter, issue, clock())
    plan.draw(database, issue, clock(), Lanes.of(config, newsletter).by_domain, waves, sets, whom=readers)
    _allow_for(database, config, issue_id, waves)
    run = Run.of(database, config, newsletter, issue, clock, rests)
    asked_to_stop = stopping or Event()
    if config.sending.senders > 1:
        processes.work(run, config.sending.senders, on_progress, asked_to_stop)
        crew.recover(database, config, clock())
    else:
        crew.work(run, 1, on_progress, asked_to_stop.is_set)
    totals = _finish(run, who)
    on_progress(totals)
    if run.fault:
        raise run.fault
    if run.trouble:
        raise run.trouble
    return totals


def _waves(database: Database, newsletter: Newsletter, issue: Issue, now: datetime) -> dict[str, datetime]:
    """When readers of each zone are due, if that differs and is not in the ledger yet."""
    if not newsletter.local_time or issue.drawn_at is not None:
        return {}
    with database.reading() as session:
        zones = audience.zones(session, newsletter.slug, now)
    return timetable.waves(newsletter, issue.issue_date, zones, now, issue)


def _allow_for(database: Database, config: Config, issue_id: int, waves: Mapping[str, datetime]) -> None:
    """The deadline begins with the last wave."""
    if waves:
        with database.transaction() as session:
            issue = session.get_one(Issue, issue_id, with_for_update=True)
            last = max(waves.values()) + timedelta(hours=config.smtp.deadline_hours)
            issue.deadline_at = max(issue.deadline_at or last, last)


def _begin(database: Database, config: Config, issue_id: int, who: str, now: datetime) -> Issue:
    """The issue, now `sending`. Another process may have moved it there a moment ago: they share the work."""
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        restored = _refuse_a_restored_store(session, config, issue, who, now)
        if not restored and issue.state is IssueState.APPROVED:
            with suppress(Refused):
                states.move(session, issue_id, IssueState.SENDING, who, "", now)
            session.refresh(issue)
            issue.deadline_at = issue.deadline_at or now + timedelta(hours=config.smtp.deadline_hours)
        if not restored:
            _settle_what_is_too_late(session, issue, now)
    if issue.state is not IssueState.SENDING:
        if restored:
            raise NeedsDecision(f"The issue of {issue.issue_date} is {issue.state} now: {issue.why}")
        raise Refused(
            f"The issue of {issue.issue_date} is {issue.state}: {_WHAT_TO_DO.get(issue.state, 'it stays so')}."
        )
    return issue


_WHAT_TO_DO = {
    IssueState.DRAFT: "approve it first with `newsletter approve`",
    IssueState.HELD: "approve it first with `newsletter approve`",
    IssueState.PAUSED: "go on with `newsletter resume`",
}


def _refuse_a_restored_store(session: Session, config: Config, issue: Issue, who: str, now: datetime) -> bool:
    """Hold or pause an issue of which this machine has sent more than the store knows of."""
    stop = {IssueState.APPROVED: IssueState.HELD, IssueState.SENDING: IssueState.PAUSED}.get(issue.state)
    if stop is None or not journal.remembers_more(config.smtp.journal_dir, issue):
        return False
    why = (
        "This machine has sent more of it than the database knows: was that restored from a backup? "
        "Whoever lets it go on sends some readers a second copy."
    )
    states.move(session, issue.id or 0, stop, who, why, now)
    return True


def _finish(run: Run, who: str) -> ledger.Totals:
    """Close the issue if nothing is open; pause it if the relay's trouble would only grow."""
    now, issue_id = run.clock(), run.issue.id or 0
    with run.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
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
