"""START HERE: the day of an issue, one line a stage.

sources ─Article→ picks ─Pick→ issues ─Issue→ rendering ─Edition→ delivery ─Delivery→ mailboxes

Each verb of this page is one call for the doors (command line, web, clock). All are safe to call again: a stage does
what is left to do, and a row in the database says what is done.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any, Protocol, TypeVar

from sqlmodel import Session

from newsletter import notices, proof
from newsletter.config import Config, Newsletter
from newsletter.delivery import ledger, results, send, tallies, whom
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.run import Clock, OnProgress
from newsletter.errors import NeedsDecision, PreflightFailed, Refused, RelayDown
from newsletter.issues import approvals, assemble, changing, find, pictures, states
from newsletter.issues.acts import Act
from newsletter.issues.changing import Changed
from newsletter.issues.chosen import chosen_for
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import send_moment
from newsletter.paper import Paper as Paper
from newsletter.rendering import by_topics, editions
from newsletter.rendering.models import Edition
from newsletter.rendering.preflight import Finding
from newsletter.rendering.preflight.reports import Occasion
from newsletter.sources import collect, health, hosting
from newsletter.sources.collect import SourceReport
from newsletter.tracking import inbox, mailboxes
from subscribers import directory, erasure

What = TypeVar("What", contravariant=True)
LATEST = timedelta(hours=24)  # after its own hour an issue may still be sent
SEND_NOW = "send now"


def gather(paper: Paper, now: datetime, *, only_due: bool = False) -> list[SourceReport]:
    """1. Read all sources into the store; one report a source, the bad ones with their reason."""
    reports = collect.refresh(paper.database, paper.config, now, only_due=only_due)
    with paper.database.transaction() as session:
        notices.sources_died(session, paper.config, health.newly_dead(session, paper.config, now), now)
    return reports


def draft(paper: Paper, newsletter: Newsletter, day: date, now: datetime) -> Issue:
    """2–4. Pick and build that day's issue; a draft is made anew, an approved issue is left as it is."""
    _bring_pictures(paper, newsletter, day, now)
    with paper.database.transaction() as session:
        issue = assemble.draft(session, paper.config, newsletter, day, now)
        if issue.state in (IssueState.DRAFT, IssueState.HELD):
            _render(session, paper, newsletter, issue, now)
    return issue


def check(paper: Paper, issue_id: int, now: datetime, occasion: Occasion = Occasion.CHECK) -> list[Finding]:
    """What speaks against sending it: the edition's faults and the message's, as the first reader would get it.

    The report is kept with the issue. Links are followed if the config's look-outside says so for this occasion.
    """
    return proof.checked(paper, issue_id, now, occasion)[1]


def approve(paper: Paper, issue_id: int, who: str, now: datetime, *, alone: bool = False) -> Issue:
    """An editor says yes: from now on the edition is frozen. Raises PreflightFailed if a fault blocks it.

    Where the newsletter wants two, the first yes is noted and the issue comes back as it was, unless `alone`.
    """
    with paper.database.reading() as session:
        may_be_approved = IssueState.APPROVED in states.MOVES[session.get_one(Issue, issue_id).state]
    checked = None
    if may_be_approved:
        with paper.database.transaction() as session:
            issue = session.get_one(Issue, issue_id)
            by_topics.complete(session, paper.config, paper.config.newsletter(issue.newsletter), issue, now)
        checked, findings = proof.checked(paper, issue_id, now, Occasion.APPROVAL)
        proof.require_no_fault(findings)
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if checked and editions.of(session, issue).rendered_at != checked.rendered_at:
            raise Refused("It was drafted anew while it was checked. Look at it again, then approve it.")
        if checked and not alone and not _is_enough(session, paper, issue, checked, who, now):
            return issue
        return states.move(session, issue_id, IssueState.APPROVED, who, "", now)


def deliver(
    paper: Paper, issue_id: int, who: str, clock: Clock,
    on_progress: OnProgress = lambda _totals: None, stopping: Event | None = None,
) -> ledger.Totals:  # fmt: skip
    """5. Send it to everybody; started again it goes on. A draft that nobody need approve is approved first."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
    newsletter = paper.config.newsletter(issue.newsletter)
    if issue.state is IssueState.DRAFT and newsletter.approval == "none":
        approve(paper, issue_id, who, clock(), alone=True)
    elif issue.state is IssueState.APPROVED:
        _check_before_send(paper, issue_id, who, clock())
    try:
        totals = send.send(
            paper.database, paper.config, newsletter, issue_id,
            clock=clock, who=who, on_progress=on_progress, stopping=stopping,
        )  # fmt: skip
    except (RelayDown, NeedsDecision) as error:
        if error.stop:
            _tell_that_it_stopped(paper, issue_id, clock())
        raise
    tallies.keep(paper.database, issue_id)
    return totals


class Changing(Protocol[What]):
    """One of changing.py's: it changes an issue's row, its picks and words."""

    def __call__(
        self, session: Session, config: Config, newsletter: Newsletter, issue_id: int, what: What, /, who: str,
        now: datetime,
    ) -> Changed:  # fmt: skip
        """Within the session's transaction. Raises Refused."""


# --- changes by editors: each is one step, can be undone, and is kept by a redraft -----------------------------------


def change(paper: Paper, issue_id: int, act: Act, who: str, now: datetime) -> Changed:
    """An editor moves, drops, pulls in, words …; the issue is picked and rendered again, in a moment.

    An approval is taken back. Refused, with nothing changed, for an issue that is being sent or was.
    """
    return _changed(paper, issue_id, changing.change, act, who, now)


def undo(paper: Paper, issue_id: int, who: str, now: datetime, step: int | None = None) -> Changed:
    """Take the last step back, or the one with that number."""
    return _changed(paper, issue_id, changing.undo, step, who, now)


def redo(paper: Paper, issue_id: int, who: str, now: datetime, step: int | None = None) -> Changed:
    """Bring back what was undone last, or the step with that number."""
    return _changed(paper, issue_id, changing.redo, step, who, now)


def bring_pictures(paper: Paper, issue_id: int, now: datetime) -> None:
    """Fetch the pictures of what editors pulled in, and render again: an act itself waits for nobody's server."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        newsletter = paper.config.newsletter(issue.newsletter)
        picked = [chosen.pick.article_id for chosen in chosen_for(session, issue)]
        wanted = pictures.wanted_by(session, paper.config, picked)
    if newsletter.images == "none" or not wanted:
        return
    hosting.host(
        paper.database, paper.config.site, paper.config.collecting, wanted, now, copy=newsletter.images == "host"
    )
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.state in (IssueState.DRAFT, IssueState.HELD):
            _render(session, paper, newsletter, issue, now)


def _changed(paper: Paper, issue_id: int, do: Changing[What], what: What, who: str, now: datetime) -> Changed:
    with paper.database.transaction() as session:
        newsletter = paper.config.newsletter(find.by_number(session, str(issue_id)).newsletter)
        changed = do(session, paper.config, newsletter, issue_id, what, who, now)
        if changed.step:
            _render(session, paper, newsletter, changed.issue, now)
        return changed


# --- decisions ------------------------------------------------------------------------------------------------------


def hold(paper: Paper, issue_id: int, who: str, why: str, now: datetime) -> Issue:
    """It does not go out by itself; the editors are told why. Approving it again lets it go."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.HELD, who, why, now)
        notices.issue_held(session, paper.config.newsletter(issue.newsletter), issue, now)
        return issue


def cancel(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """No reader who has not got it gets it; those whose turn had not come are skipped, and the ledger says why."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.CANCELLED, who, "cancelled by the editors", now)
        for state in (DeliveryState.QUEUED, DeliveryState.DEFERRED):
            ledger.give_up(session, issue_id, state, DeliveryState.SKIPPED, "the issue was cancelled", now)
        return issue


def aim(
    paper: Paper, issue_id: int, include: Sequence[str], exclude: Sequence[str], who: str, now: datetime
) -> Issue:  # fmt: skip
    """Say which readers an issue goes to: names of segments, or filters. Refused once its audience is drawn."""
    for words in (include, exclude):
        whom.filters(paper.config, words)
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        if issue.drawn_at is not None or issue.started_at is not None or issue.state in states.OVER:
            raise Refused(f"{issue.newsletter}/{issue.issue_date} is {issue.state}: whom it goes to is settled.")
        issue.include, issue.exclude = list(include), list(exclude)
        session.add(issue)
        said = [f"only {words}" for words in include] + [f"not {words}" for words in exclude]
        states.note(session, issue_id, "aimed", who, "; ".join(said) or "at every reader", now)
        return issue


def pause(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """Every sender stops within a second, wherever it runs; what is on the wire gets its answer."""
    with paper.database.transaction() as session:
        return states.move(session, issue_id, IssueState.PAUSED, who, "paused by the editors", now)


def resume(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """Let a paused issue go on; after a long pause its deadline begins anew, for somebody has decided so."""
    with paper.database.transaction() as session:
        issue = states.move(session, issue_id, IssueState.SENDING, who, "", now)
        _begin_deadline_anew(paper, issue, now)
        return issue


def resolve(paper: Paper, issue_id: int, deliveries: Sequence[int], who: str, now: datetime, *, again: bool) -> None:
    """Somebody decides about deliveries whose fate a crash has hidden: they were sent, or they go once more."""
    outcome = "to be sent again" if again else "counted as sent"
    why = f"deliveries {', '.join(map(str, sorted(set(deliveries))))}: {outcome}"
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        ledger.resolve(session, issue_id, deliveries, again=again, now=now)
        states.note(session, issue_id, "resolved", who, why, now)
        if again:
            states.reopen(session, issue_id, who, why, now)
            session.refresh(issue)
            _begin_deadline_anew(paper, issue, now)


def reschedule(paper: Paper, issue_id: int, send_at: datetime, who: str, now: datetime) -> Issue:
    """It goes out at `send_at` instead of at the newsletter's hour; an approval stays. Refused for a past moment, or
    one more than a day after its hour."""
    with paper.database.transaction() as session:
        issue = _not_begun(session, issue_id)
        newsletter = paper.config.newsletter(issue.newsletter)
        usual = newsletter.moment("send_at", issue.issue_date)
        if not now < send_at <= usual + LATEST:
            raise Refused(f"A new time lies between now and {usual + LATEST:%d %B, %H:%M} ({newsletter.timezone}).")
        issue.send_at = send_at
        there = send_at.astimezone(newsletter.zone)
        states.note(session, issue_id, "rescheduled", who, f"to {there:%d %B, %H:%M} ({newsletter.timezone})", now)
        return issue


def send_now(paper: Paper, issue_id: int, who: str, now: datetime) -> Issue:
    """An approved issue's time is now: whoever keeps the clock sends it within seconds."""
    with paper.database.transaction() as session:
        issue = _not_begun(session, issue_id)
        if issue.state is not IssueState.APPROVED:
            raise Refused(f"It is {issue.state}: approve it first, then send it.")
        issue.send_at = now
        states.note(session, issue_id, SEND_NOW, who, "", now)
        return issue


def remind(paper: Paper, issue_id: int, who: str, now: datetime) -> None:
    """Tell the editors, once for each time it is to go out at, that nobody has approved it yet."""
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        newsletter = paper.config.newsletter(issue.newsletter)
        since = send_moment(newsletter, issue.issue_date, issue) - timedelta(minutes=newsletter.remind_minutes)
        if not states.was_noted(session, issue_id, "reminded", since):
            states.note(session, issue_id, "reminded", who, "", now)
            missing = newsletter.approvals - len(approvals.so_far(session, issue, issue.drafted_at))
            notices.nobody_yet(session, newsletter, issue, now, missing)


def _not_begun(session: Session, issue_id: int) -> Issue:
    """The issue, locked, if no reader has got it yet."""
    issue = session.get_one(Issue, issue_id, with_for_update=True)
    if issue.state not in (IssueState.DRAFT, IssueState.APPROVED, IssueState.HELD):
        raise Refused(f"It is {issue.state}: its time can't be changed any more.")
    return issue


def _is_enough(session: Session, paper: Paper, issue: Issue, seen: Edition, who: str, now: datetime) -> bool:
    """Whether this yes is the last one that is wanted; else it is noted, and the others are told."""
    newsletter = paper.config.newsletter(issue.newsletter)
    before = [decision.who for decision in approvals.so_far(session, issue, seen.rendered_at)]
    if who in before:
        raise Refused("You have approved it already; it wants the yes of another editor too.")
    if len(before) + 1 >= newsletter.approvals:
        return True
    states.note(session, issue.id or 0, approvals.FIRST, who, "", now)
    notices.second_wanted(session, newsletter, issue, who, now)
    return False


def skip(paper: Paper, newsletter: Newsletter, day: date, who: str, why: str, now: datetime) -> Issue:
    """Note that a day has no issue, and why: every day ends in words."""
    with paper.database.transaction() as session:
        issue = assemble.draft(session, paper.config, newsletter, day, now)
        return states.move(session, issue.id or 0, IssueState.SKIPPED, who, why, now)


def reopen(paper: Paper, newsletter: Newsletter, day: date, who: str, why: str, now: datetime) -> Issue:
    """Let a skipped day have its issue after all: a draft, as if it had never been skipped. Refused for any other day,
    and once its hour is more than a day ago."""
    if now > newsletter.moment("send_at", day) + LATEST:
        raise Refused(
            f"The hour of {newsletter.slug}/{day} is more than a day ago: its stories go into the next issue."
        )
    with paper.database.transaction() as session:
        assemble.reopen(session, newsletter, day, who, why, now)
    return draft(paper, newsletter, day, now)


def _begin_deadline_anew(paper: Paper, issue: Issue, now: datetime) -> None:
    """If it has passed: whoever lets an issue go on that late means it to be tried."""
    if issue.deadline_at is not None and now > issue.deadline_at:
        issue.deadline_at = now + timedelta(hours=paper.config.smtp.deadline_hours)


def _tell_that_it_stopped(paper: Paper, issue_id: int, now: datetime) -> None:
    """Going on by itself would do harm: nobody but a person can mend that."""
    with paper.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        newsletter = paper.config.newsletter(issue.newsletter)
        name = f"{issue.newsletter}/{issue.issue_date}"
        go_on = "approve" if issue.state is IssueState.HELD else "resume"
        notices.tell_editors(
            session, newsletter, f"{str(issue.state).capitalize()}: {newsletter.title}, {issue.issue_date}",
            [issue.why, "Nothing is lost: those who have it are on record, the others wait."], now,
            commands=[f"newsletter {go_on} {name}", f"newsletter status {name}"], about=issue,
        )  # fmt: skip


def hear(paper: Paper, now: datetime) -> inbox.Read:
    """6. What came back: read the mailbox that readers write to in order to leave. Raises MailboxDown."""
    with mailboxes.opened(paper.config.mailbox) as box:
        return inbox.read(paper.database, paper.config.keys, box, now)


def hear_one(paper: Paper, mail: bytes, now: datetime) -> bool:
    """The same for a mail that a mail server hands over as it comes; False if it names nobody, and is kept for people
    in the Maildir that config names. Raises Refused if it names none, MailboxDown."""
    folder = paper.config.mailbox.maildir
    if folder is None:
        raise Refused("A mail that names nobody is kept for people: [mailbox] wants a maildir.")
    if inbox.take(paper.database, paper.config.keys, mail, now):
        return True
    with mailboxes.maildir(folder) as box:
        box.keep(mail)
    return False


# --- people ---------------------------------------------------------------------------------------------------------

ERASED = "erased.txt"  # beside config.toml: the keyed hash and the time of each erasure; no restored backup undoes it


def data_of(session: Session, config: Config, email: str) -> dict[str, Any]:
    """Everything stored about a person, ready for JSON (GDPR Articles 15 and 20): what the store of readers holds, each
    issue and each notice that was for them, and what became of it. Raises NotAnAddress, NotKnown."""
    document = directory.export_person(session, config.keys, email)
    number = directory.show(session, config.keys, email).subscriber.id or 0
    of_delivery, of_notice = (
        {"state", "attempts", "code", "status", "why", "changed_at"},
        {"kind", "newsletter", "state"},
    )
    document["deliveries"] = [
        {"newsletter": issue.newsletter, "date": issue.issue_date.isoformat()}
        | delivery.model_dump(mode="json", include=of_delivery)
        for issue, delivery in results.of_reader(session, number, limit=None)
    ]
    document["notices"] = [
        notice.model_dump(mode="json", include=of_notice | {"made_at", "sent_at"})
        for notice in notices.of_reader(session, number)
    ]
    return document


def erase(paper: Paper, email: str, now: datetime) -> bool:
    """Forget a person but for one keyed hash; whether there was anybody. Raises NotAnAddress."""
    hashed = erasure.hash_of(paper.config.keys, email)
    with (paper.config.folder / ERASED).open("a", encoding="ascii") as file:  # first: it must outlive a crash
        file.write(f"{hashed} {now.astimezone(UTC).isoformat()}\n")
    with paper.database.transaction() as session:
        found = erasure.erase(session, paper.config.keys, email, now)
    paper.database.forget_journal()
    return found


# --- what several of these do ---------------------------------------------------------------------------------------


def _render(session: Session, paper: Paper, newsletter: Newsletter, issue: Issue, now: datetime) -> None:
    """Store the edition of a draft; one without a pick has nothing to show."""
    contents = assemble.contents(session, paper.config, newsletter, issue)
    if contents.items:
        by_topics.keep(session, paper.config, newsletter, issue, contents, now)


def _bring_pictures(paper: Paper, newsletter: Newsletter, day: date, now: datetime) -> None:
    """The pictures of what is about to be picked: asked for before any transaction, for it may take seconds."""
    with paper.database.reading() as session:
        issue = find.on(session, newsletter, day)
        if newsletter.images == "none" or (issue and issue.state not in (IssueState.DRAFT, IssueState.HELD)):
            return
        choice = assemble.choice_of(session, paper.config, newsletter, day)
        wanted = pictures.wanted(session, paper.config, choice.picks)
    hosting.host(
        paper.database, paper.config.site, paper.config.collecting, wanted, now, copy=newsletter.images == "host"
    )


def _check_before_send(paper: Paper, issue_id: int, who: str, now: datetime) -> None:
    """Much can happen between approval and send: what blocks then holds the issue, and the editors are told."""
    try:
        proof.require_no_fault(check(paper, issue_id, now, Occasion.SEND))
    except PreflightFailed as error:
        hold(paper, issue_id, who, str(error), now)
        raise
