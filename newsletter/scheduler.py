"""The door for time: APScheduler wakes, the database decides.

Every wake asks, for each newsletter and each day that is not settled, what the timetable says, and does it. The job
store is memory and nothing of importance is in it: after a crash the next wake finds all there is to do in the rows.
Of several processes on one database one leads; another takes over when it dies.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from threading import Event, Lock, Thread

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlmodel import Session, col, func, select

from newsletter import daily, notices
from newsletter.config import Newsletter
from newsletter.daily import Paper
from newsletter.delivery import tallies
from newsletter.delivery.run import Clock
from newsletter.errors import MailboxDown, NewsletterError, PreflightFailed, RelayDown
from newsletter.issues import find
from newsletter.issues.models import Decision, Issue, IssueState
from newsletter.issues.timetable import Due, Turn, own_zone, reminder_due, send_moment, turn
from newsletter.tracking import clicks
from subscribers import audience, search, signup

WHO = "schedule"
LOOK_BACK = timedelta(days=31)  # of days that may have been missed
UNSETTLED = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING)
WAKE_SECONDS = 60
HURRY_SECONDS = 3
NOTICES_SECONDS = 5
AT_ONCE = (IssueState.SENDING, IssueState.APPROVED, daily.SEND_NOW)  # what somebody waits for, once decided
TIDY_SECONDS = 3600
COLLECT_MINUTES = 5  # who is asked then says each source's own record

log = structlog.get_logger()


class Clockwork:
    """The running scheduler of one process. `start()` returns at once, `stop()` when all is put down.

    Each of its jobs may be called by hand as well; what is due is asked of `clock`.
    """

    def __init__(self, paper: Paper, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._paper, self._clock = paper, clock
        self._stopping = Event()
        self._sending: dict[int, Thread] = {}
        self._lock = Lock()
        self._leadership = ExitStack()
        self._leads = False
        self._hurried: int | None = None  # the last decision that was hurried for
        self._scheduler = BackgroundScheduler(timezone=UTC)

    def start(self) -> None:
        """Wake at each newsletter's times, and every minute for what was missed."""
        self._every(self.wake, seconds=WAKE_SECONDS)
        self._every(self.hurry, seconds=HURRY_SECONDS)
        self._every(self.notices, seconds=NOTICES_SECONDS)
        self._every(self.collect, seconds=COLLECT_MINUTES * 60)
        self._every(self.tidy, seconds=TIDY_SECONDS)
        if self._paper.config.mailbox.is_read:
            self._every(self.mailbox, seconds=self._paper.config.mailbox.check_seconds)
        for newsletter in self._paper.config.newsletters:
            for clock in (newsletter.draft_at, newsletter.send_at):
                at = time.fromisoformat(clock)
                trigger = CronTrigger(hour=at.hour, minute=at.minute, second=at.second, timezone=newsletter.zone)
                self._add(self.wake, trigger)
        self._scheduler.start()
        log.info("The clock runs.", action="clock_started", newsletters=len(self._paper.config.newsletters))

    def stop(self) -> None:
        """Wake no more; sends put down what they have not handed over."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self.rest()
        self._leadership.close()

    def rest(self) -> None:
        """Wait until no send goes on any more."""
        for thread in list(self._sending.values()):
            thread.join()

    def wake(self) -> None:
        """Do what is due now, if this process leads."""
        with self._lock:
            if self._stopping.is_set() or not self._lead():
                return
            for newsletter in self._paper.config.newsletters:
                try:
                    for issue_id in wake(self._paper, newsletter, self._clock()):
                        self._send(issue_id)
                except NewsletterError as error:
                    log.error(
                        "A morning is in trouble.", action="wake_failed", newsletter=newsletter.slug, why=str(error)
                    )

    def hurry(self) -> None:
        """Wake at once after an editor's "send now" or "go on": nobody who has pressed it wants to wait a minute."""
        with self._paper.database.reading() as session:
            newest = session.exec(select(Decision).order_by(col(Decision.id).desc()).limit(1)).first()
        if newest and newest.act in AT_ONCE and newest.id != self._hurried and newest.who != WHO:
            self._hurried = newest.id
            self.wake()

    def notices(self) -> None:
        """Send the mails that are no issue."""
        notices.ask_those_who_wished(self._paper.database, self._paper.config, self._clock())
        notices.deliver_due(self._paper.database, self._paper.config, self._clock(), self._stopping)

    def collect(self) -> None:
        """Read the sources between the mornings too: feeds hold only their newest pieces."""
        if self._leads:
            gather(self._paper, self._clock(), only_due=True)

    def mailbox(self) -> None:
        """Take off those who wrote that they want to leave."""
        if self._leads:
            read_mailbox(self._paper, self._clock())

    def tidy(self) -> None:
        """Forget addresses that somebody typed into a form and nobody ever confirmed, and who followed which link so
        long ago; add up what closed otherwise than by the end of a send; mend what a killed import left."""
        if self._leads:
            tallies.keep_missing(self._paper.database)
            clicks.forget(self._paper.database, self._clock() - self._paper.config.tracking.clicks_are_kept)
            with self._paper.database.transaction() as session:
                signup.forget_unconfirmed(session, self._clock())
                search.prepare(session)

    def _lead(self) -> bool:
        """Whether this process leads, now that it has tried to."""
        if not self._leads:
            with ExitStack() as attempt:
                self._leads = attempt.enter_context(self._paper.database.leadership())
                if self._leads:
                    self._leadership = attempt.pop_all()
        return self._leads

    def _send(self, issue_id: int) -> None:
        """Send in a thread of its own, one at a time for an issue; the clock goes on."""
        running = self._sending.get(issue_id)
        if running is None or not running.is_alive():
            self._sending[issue_id] = Thread(target=self._deliver, args=(issue_id,), name=f"issue-{issue_id}")
            self._sending[issue_id].start()

    def _deliver(self, issue_id: int) -> None:
        try:
            totals = daily.deliver(self._paper, issue_id, WHO, self._clock, stopping=self._stopping)
            log.info("An issue was handed over.", action="issue_sent", issue=issue_id, **totals.as_json())
        except RelayDown as error:
            log.error("The relay is in trouble.", action="relay_down", issue=issue_id, why=str(error))
        except NewsletterError as error:
            log.error("An issue could not be sent.", action="send_refused", issue=issue_id, why=str(error))

    def _every(self, job: object, *, seconds: int) -> None:
        self._add(job, IntervalTrigger(seconds=seconds), next_run_time=datetime.now(UTC))

    def _add(self, job: object, trigger: object, **more: object) -> None:
        # A wake that is late is still wanted (the default drops it after a second), and one stands for many.
        self._scheduler.add_job(job, trigger, misfire_grace_time=None, coalesce=True, max_instances=1, **more)


def wake(paper: Paper, newsletter: Newsletter, now: datetime) -> list[int]:
    """Draft, hold and skip what is due of one newsletter; returns the issues that are to be sent now."""
    to_send = []
    with paper.database.reading() as session:
        find.require_right_clock(session, now)
        open_days = list(_open_days(session, newsletter, now))
        first_waves = {day: _first_wave(session, newsletter, issue, now) for day, issue in open_days}
    for day, issue in open_days:
        if issue is not None and reminder_due(newsletter, issue, now):
            daily.remind(paper, issue.id or 0, WHO, now)
        told = turn(newsletter, day, issue, now, first_waves[day])
        issue_id = _act(paper, newsletter, day, issue, told, now)
        if issue_id is not None:
            to_send.append(issue_id)
    return to_send


def _first_wave(session: Session, newsletter: Newsletter, issue: Issue | None, now: datetime) -> datetime | None:
    """When the first readers of an issue that is ready are due, where each gets it at their own hour."""
    if not newsletter.local_time or issue is None or issue.state is not IssueState.APPROVED:
        return None
    zones = audience.zones(session, newsletter.slug, now)
    moments = [send_moment(newsletter, issue.issue_date, issue, own_zone(newsletter, zone)) for zone in zones]
    return min(moments, default=None)


def read_mailbox(paper: Paper, now: datetime) -> None:
    """Read it, and say in the log if it can't be; the next time comes in a minute."""
    try:
        found = daily.hear(paper, now)
    except MailboxDown as error:
        log.error("The mailbox can't be read.", action="mailbox_down", why=str(error))
    else:
        if found.left:
            log.info("Readers left by mail.", action="mailbox_read", left=found.left)


def gather(paper: Paper, now: datetime, *, only_due: bool) -> None:
    """Collect, and say in the log which sources were bad."""
    for report in daily.gather(paper, now, only_due=only_due):
        if report.error:
            log.warning("A source can't be read.", action="source_failed", source=report.name, why=report.error)


def _open_days(session: Session, newsletter: Newsletter, now: datetime) -> Iterator[tuple[date, Issue | None]]:
    """The days that may be due for something: publishing days since the last issue, and issues not settled yet."""
    today = now.astimezone(newsletter.zone).date()
    of_ours = col(Issue.newsletter) == newsletter.slug
    last = session.scalar(select(func.max(col(Issue.issue_date))).where(of_ours, col(Issue.issue_date) < today))
    if last is not None:
        for number in range(1, (today - last).days):
            day = last + timedelta(days=number)
            if newsletter.has_its_day_on(day) and day >= today - LOOK_BACK:
                yield day, None
    unsettled = select(Issue).where(of_ours, col(Issue.issue_date) < today, col(Issue.state).in_(UNSETTLED))
    for issue in session.exec(unsettled.order_by(col(Issue.issue_date))):
        yield issue.issue_date, issue
    issue_of_today = find.on(session, newsletter, today)
    if issue_of_today is not None or newsletter.has_its_day_on(today):
        yield today, issue_of_today
    tomorrow = today + timedelta(days=1)
    if newsletter.local_time and (early := find.on(session, newsletter, tomorrow)):  # it is morning there in the east
        yield tomorrow, early


def _act(
    paper: Paper, newsletter: Newsletter, day: date, issue: Issue | None, told: Turn, now: datetime
) -> int | None:  # fmt: skip
    """Do what the timetable said; the number of an issue that is to be sent."""
    match told.due:
        case Due.DRAFT:
            _draft(paper, newsletter, day, now)
        case Due.DRAFT_AND_HOLD:
            if _has_a_past(paper, newsletter):
                late = daily.draft(paper, newsletter, day, now)
                if late.state is IssueState.DRAFT:
                    daily.hold(paper, late.id or 0, WHO, told.why, now)
        case Due.SKIP:
            daily.skip(paper, newsletter, day, WHO, told.why, now)
        case Due.HOLD if issue is not None:
            daily.hold(paper, issue.id or 0, WHO, told.why, now)
        case Due.SEND if issue is not None:
            return _to_send(paper, issue, now)
    return None


def _draft(paper: Paper, newsletter: Newsletter, day: date, now: datetime) -> None:
    """The morning itself: collect, draft, and a word to the editors."""
    gather(paper, now, only_due=False)  # a day's last look: no feed's own rest may cost the morning its news
    issue = daily.draft(paper, newsletter, day, now)
    log.info("The day's issue is drafted.", action="drafted", issue=issue.id, state=str(issue.state))
    if issue.state is IssueState.DRAFT:
        daily.check(paper, issue.id or 0, now)  # so that the desk shows a verdict from the first look on
    with paper.database.transaction() as session:
        tell = notices.draft_ready if issue.state is IssueState.DRAFT else notices.issue_held
        tell(session, newsletter, issue, now)


def _to_send(paper: Paper, issue: Issue, now: datetime) -> int | None:
    """The issue's number; None if it is held instead, because a check found a fault in an issue nobody looks at."""
    if issue.state is not IssueState.DRAFT:
        return issue.id
    try:
        daily.approve(paper, issue.id or 0, WHO, now, alone=True)
    except PreflightFailed as error:
        daily.hold(paper, issue.id or 0, WHO, str(error), now)
        return None
    return issue.id


def _has_a_past(paper: Paper, newsletter: Newsletter) -> bool:
    """Whether it ever had an issue: a first start in the afternoon is no missed morning."""
    with paper.database.reading() as session:
        return (
            session.scalar(select(col(Issue.id)).where(col(Issue.newsletter) == newsletter.slug).limit(1)) is not None
        )
