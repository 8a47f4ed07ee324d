"""Notices are written down with what caused them, and sent when they are due, each by one process at a time.

A refusal for now is tried again after 5, 15, 30, 60 … minutes, for two days. A relay that can't be reached ends the
round: the others wait as they are. After a crash in mid-sending a notice may come twice, with the same Message-ID:
for a confirmation that is better than never.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog
from sqlalchemy import or_, select, update
from sqlmodel import Session, col

from newsletter.config import Config, Newsletter
from newsletter.database import Database
from newsletter.delivery.connections import hand_over
from newsletter.errors import GiveUp, RelayDown, TryLater
from newsletter.issues.fate import fate
from newsletter.issues.models import Issue
from newsletter.notices.models import Notice, NoticeKind, NoticeState
from newsletter.sources.health import SourceRecord
from subscribers import ConfirmationDue

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
TRIED_FOR = timedelta(days=2)
IN_HAND_FOR = timedelta(minutes=30)  # longer than a round lasts; after a crash another process takes over
A_ROUND = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Delivered:
    """What one round did."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    dropped: int = 0


def ask_to_confirm(session: Session, due: ConfirmationDue, now: datetime) -> None:
    """Somebody wants newsletters: mail that address a link with a button behind it."""
    about = {"subscription": due.subscription_id, "asked_at": due.asked_at, "newsletters": list(due.newsletters)}
    _write(session, NoticeKind.CONFIRM, due.newsletters[0], now, subscriber_id=due.subscriber_id, about=about)


def welcome(session: Session, newsletter: str, subscriber_id: int, now: datetime, *, with_issue: bool = False) -> None:
    """Somebody has confirmed: tell them when the next issue comes, and how to leave; `with_issue` says that the newest
    one is on its way to them."""
    about = {"with_issue": with_issue}
    _write(session, NoticeKind.WELCOME, newsletter, now, subscriber_id=subscriber_id, about=about)


def of_reader(session: Session, subscriber_id: int) -> list[Notice]:
    """The notices to one reader, the oldest first."""
    theirs = select(Notice).where(col(Notice.subscriber_id) == subscriber_id).order_by(col(Notice.id))
    return list(session.scalars(theirs))


def draft_ready(session: Session, newsletter: Newsletter, issue: Issue, now: datetime) -> None:
    """The day's draft is there to look at; the mail shows it as text and says what to do next."""
    name = f"{newsletter.slug}/{issue.issue_date}"
    commands = [f"newsletter approve {name}"] * (newsletter.approval == "required") + [
        f"newsletter preview {name} --html preview.html",
        f'newsletter hold {name} --why "…"',
    ]
    words = [fate(newsletter, issue, now, newsletter.approvals).words]
    tell_editors(
        session, newsletter, f"Draft: {_name(newsletter, issue)}", words, now, commands=commands, about=issue,
        shows_it=True,
    )  # fmt: skip


def nobody_yet(session: Session, newsletter: Newsletter, issue: Issue, now: datetime, missing: int) -> None:
    """Its time comes near, and `missing` editors still have to approve it."""
    headline = f"Not approved yet: {_name(newsletter, issue)}"
    commands = [f"newsletter approve {newsletter.slug}/{issue.issue_date}"]
    words = [fate(newsletter, issue, now, missing).words]
    tell_editors(session, newsletter, headline, words, now, commands=commands, about=issue)


def second_wanted(session: Session, newsletter: Newsletter, issue: Issue, who: str, now: datetime) -> None:
    """One editor has approved it; the newsletter wants another one's yes too."""
    headline = f"A second yes is wanted: {_name(newsletter, issue)}"
    commands = [f"newsletter approve {newsletter.slug}/{issue.issue_date}"]
    words = [f"{who} has approved it.", fate(newsletter, issue, now).words]
    tell_editors(session, newsletter, headline, words, now, commands=commands, about=issue)


def issue_held(session: Session, newsletter: Newsletter, issue: Issue, now: datetime) -> None:
    """The day's issue does not go out by itself; `issue.why` says why."""
    name = f"{newsletter.slug}/{issue.issue_date}"
    sentences = [issue.why, "It does not go out until somebody decides."]
    commands = [f"newsletter approve {name}", f"newsletter cancel {name}"]
    tell_editors(
        session, newsletter, f"Held: {_name(newsletter, issue)}", sentences, now, commands=commands, about=issue
    )


def invite(session: Session, newsletter: Newsletter, mailbox: str, invitation: int, by: str, now: datetime) -> None:
    """Somebody is to join the desk, or has lost the password: a link to choose one."""
    sentences = [
        f"{by} invites you to the editors' desk of {newsletter.title}.",
        "Choose a password within three days; the link is good once.",
    ]
    told = {
        "headline": "Your way into the editors' desk", "sentences": sentences, "commands": [], "issue": None,
        "shows_it": False, "invitation": invitation,
    }  # fmt: skip
    _write(session, NoticeKind.EDITORS, newsletter.slug, now, editor=mailbox, about=told)


def _name(newsletter: Newsletter, issue: Issue) -> str:
    """ "The Harbour Daily, Monday 23 November"."""
    return f"{newsletter.title}, {issue.issue_date:%A} {issue.issue_date.day} {issue.issue_date:%B}"


def sources_died(session: Session, config: Config, dead: Sequence[SourceRecord], now: datetime) -> None:
    """Sources that nothing comes from any more, to the editors of the newsletters that draw on them."""
    for newsletter in config.newsletters:
        names = {source.name for source in config.sources_of(newsletter)}
        ours = [record for record in dead if record.name in names]
        if ours:
            who = ours[0].name if len(ours) == 1 else f"{len(ours)} sources"
            sentences = [_obituary(record) for record in ours]
            headline = f"Nothing comes from {who} any more: {newsletter.title}"
            tell_editors(session, newsletter, headline, sentences, now, commands=["newsletter sources"])


def _obituary(record: SourceRecord) -> str:
    since = f"{record.failing_since:%d %B %Y, %H:%M} UTC" if record.failing_since else "some time"
    return f"{record.name} can't be read since {since}: {record.error}"


def tell_editors(
    session: Session,
    newsletter: Newsletter,
    headline: str,
    sentences: Sequence[str],
    now: datetime,
    *,
    commands: Sequence[str] = (),
    about: Issue | None = None,
    shows_it: bool = False,
) -> None:
    """A word to every editor of a newsletter: the subject, some sentences, commands to copy, a link to the issue that
    it is `about`, and the issue itself if the mail `shows_it`."""
    told = {
        "headline": headline,
        "sentences": list(sentences),
        "commands": list(commands),
        "issue": about.id if about else None,
        "shows_it": shows_it,
    }
    for editor in newsletter.editors:
        _write(session, NoticeKind.EDITORS, newsletter.slug, now, editor=editor, about=told)


def deliver_due(database: Database, config: Config, now: datetime, stopping: Event | None = None) -> Delivered:
    """Send what is due, a hundred at most, none once `stopping` is set. Two processes may do it at once; none sends the
    other's."""
    counts = dict.fromkeys(NoticeState, 0)
    for _ in range(A_ROUND):
        if stopping and stopping.is_set():
            break
        notice = _claim(database, now)
        if notice is None:
            break
        try:
            state, why = _send(database, config, notice, now), ""
        except RelayDown as error:
            _record(database, notice, NoticeState.WAITING, str(error), now)
            log.warning("The relay does not take notices now; they wait.", action="notices_wait", why=str(error))
            counts[NoticeState.WAITING] += 1
            break
        except TryLater as error:
            state, why = _next_state(notice, now), str(error)
        except GiveUp as error:
            state, why = NoticeState.FAILED, str(error)
        _record(database, notice, state, why, now)
        counts[state] += 1
        log.info("A notice was handed on.", action="notice", notice=notice.id, kind=str(notice.kind), state=str(state))
    return Delivered(
        sent=counts[NoticeState.SENT],
        later=counts[NoticeState.WAITING],
        failed=counts[NoticeState.FAILED],
        dropped=counts[NoticeState.DROPPED],
    )


def _write(
    session: Session,
    kind: NoticeKind,
    newsletter: str,
    now: datetime,
    *,
    subscriber_id: int | None = None,
    editor: str = "",
    about: dict[str, Any] | None = None,
) -> None:
    session.add(
        Notice(
            kind=kind,
            newsletter=newsletter,
            subscriber_id=subscriber_id,
            editor=editor,
            about=about or {},
            due_at=now,
            made_at=now,
        )
    )


def _claim(database: Database, now: datetime) -> Notice | None:
    """The next notice that is due, in this process's hand; None if there is none."""
    free = or_(col(Notice.held_until).is_(None), col(Notice.held_until) <= now)
    due = (
        select(col(Notice.id))
        .where(col(Notice.state) == NoticeState.WAITING, col(Notice.due_at) <= now, free)
        .order_by(col(Notice.due_at), col(Notice.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        number = session.scalar(due)
        if number is None:
            return None
        taken = update(Notice).where(col(Notice.id) == number, col(Notice.state) == NoticeState.WAITING, free)
        session.execute(taken.values(held_until=now + IN_HAND_FOR, attempts=col(Notice.attempts) + 1))
        return session.get(Notice, number, populate_existing=True)


def _send(database: Database, config: Config, notice: Notice, now: datetime) -> NoticeState:
    from newsletter.notices.letters import letter_of  # templates and style sheets: slow to import, and seldom wanted

    with database.reading() as session:
        letter = letter_of(session, config, notice, now)
    if letter is None:
        return NoticeState.DROPPED
    hand_over(config.smtp, letter.envelope_from, letter.recipient, letter.data)
    return NoticeState.SENT


def _next_state(notice: Notice, now: datetime) -> NoticeState:
    return NoticeState.FAILED if now - notice.made_at > TRIED_FOR else NoticeState.WAITING


def _record(database: Database, notice: Notice, state: NoticeState, why: str, now: datetime) -> None:
    minutes = RETRY_MINUTES[min(notice.attempts, len(RETRY_MINUTES)) - 1]
    values: dict[str, Any] = {"state": state, "why": why[:500], "held_until": None}
    if state is NoticeState.WAITING:
        values["due_at"] = now + timedelta(minutes=minutes)
    if state is NoticeState.SENT:
        values["sent_at"] = now
    with database.transaction() as session:
        session.execute(update(Notice).where(col(Notice.id) == notice.id).values(**values))
