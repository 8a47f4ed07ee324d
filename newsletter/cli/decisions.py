"""Letting it go: approve, hold, cancel, skip, reschedule, send, pause, resume, status."""

from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlmodel import Session, col, select

from newsletter import daily
from newsletter.cli.out import (
    WHO,
    Day,
    IssueWords,
    Json,
    NewsletterSlug,
    console,
    day_for,
    errors,
    issue_in,
    now,
    opened,
    plain,
    print_json,
    say,
    say_table,
    table,
    the_issue,
)
from newsletter.cli.segments import readers_of
from newsletter.daily import Paper
from newsletter.delivery import dkim, followed, ledger, whom
from newsletter.delivery.models import DeliveryState
from newsletter.editors import accounts
from newsletter.errors import ConfigError
from newsletter.issues import states
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import moment_on
from newsletter.rendering import by_topics, editions
from subscribers import audience, leavings
from subscribers.topics import unpacked


def approve(
    context: typer.Context, issue: IssueWords,
    editor: Annotated[str, typer.Option("--as", metavar="EMAIL", help="The editor whose yes it is.")] = "",
) -> None:  # fmt: skip
    """Say yes: what readers get is frozen, and it goes out at its time or with `send`.

    Where two have to approve (`approvals = 2`), the first yes is noted and the second one must be somebody else's.
    """
    with opened(context) as paper:
        done = daily.approve(paper, the_issue(paper, issue).id or 0, _who(paper, editor), now())
        _tell(done)
    if done.state is not IssueState.APPROVED:
        say("The first yes is noted. It wants the yes of another editor too.")


def hold(
    context: typer.Context, issue: IssueWords,
    why: Annotated[str, typer.Option(metavar="WHY", help="The reason, for the other editors.")],
) -> None:  # fmt: skip
    """It does not go out until somebody approves it (again)."""
    with opened(context) as paper:
        _tell(daily.hold(paper, the_issue(paper, issue).id or 0, WHO, why, now()))


def cancel(context: typer.Context, issue: IssueWords) -> None:
    """It does not go out, or not any further. This can't be undone."""
    with opened(context) as paper:
        _tell(daily.cancel(paper, the_issue(paper, issue).id or 0, WHO, now()))


def skip(
    context: typer.Context, newsletter: NewsletterSlug,
    why: Annotated[str, typer.Option(metavar="WHY", help="The reason, for the other editors.")],
    date: Day = "",
) -> None:  # fmt: skip
    """No issue on that day, today if none is named; `reopen` takes it back."""
    with opened(context) as paper:
        which = paper.config.newsletter(newsletter)
        _tell(daily.skip(paper, which, day_for(which, date), WHO, why, now()))


def reopen(
    context: typer.Context, newsletter: NewsletterSlug,
    why: Annotated[str, typer.Option(metavar="WHY", help="The reason, for the other editors.")],
    date: Day = "",
) -> None:  # fmt: skip
    """A skipped day gets its issue after all, today if none is named: a draft, also a special one on a holiday."""
    with opened(context) as paper:
        which = paper.config.newsletter(newsletter)
        _tell(daily.reopen(paper, which, day_for(which, date), WHO, why, now()))


def reschedule(
    context: typer.Context, issue: IssueWords,
    at: Annotated[str, typer.Option(metavar="TIME", help="08:15, or 2026-11-24T08:15, in the newsletter's zone.")],
) -> None:  # fmt: skip
    """It goes out at another time than the newsletter's; an approval stays."""
    with opened(context) as paper:
        found = the_issue(paper, issue)
        moment = moment_on(paper.config.newsletter(found.newsletter), found.issue_date, at)
        daily.reschedule(paper, found.id or 0, moment, WHO, now())
    say(f"{found.newsletter}/{found.issue_date} goes out at {moment:%d %B %Y, %H:%M %Z}.")


def pause(context: typer.Context, issue: IssueWords) -> None:
    """Stop a running send within a second, wherever it runs."""
    with opened(context) as paper:
        _tell(daily.pause(paper, the_issue(paper, issue).id or 0, WHO, now()))


def resume(context: typer.Context, issue: IssueWords) -> None:
    """Let a paused issue go on: `run` takes it up, or `send`."""
    with opened(context) as paper:
        _tell(daily.resume(paper, the_issue(paper, issue).id or 0, WHO, now()))


def send(context: typer.Context, issue: IssueWords, json: Json = False) -> None:
    """Hand it to everybody, with a progress bar; started again it resumes."""
    with opened(context) as paper:
        issue_id = the_issue(paper, issue).id or 0
        with _bar() as bar:
            totals = daily.deliver(paper, issue_id, WHO, now, on_progress=bar.show)
        found = the_issue(paper, str(issue_id))
    if json:
        print_json(totals.as_json())
        return
    _tell(found)
    say(_sum(totals))
    if totals.deferred:
        say("The deferred ones are tried again when their time comes: by `run`, or by `send` once more.")
    if totals.queued:
        say("Those still queued go when their hour, their lane or the day's allowance lets them: by `run`, or `send`.")
    if totals.uncertain:
        say("Uncertain ones may have been taken when something died; `newsletter deliveries list` shows them.")


def status(
    context: typer.Context, issue: Annotated[str, typer.Argument(metavar="[ISSUE]", show_default=False)] = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Where things stand: one issue with its totals, or the latest of each newsletter."""
    with opened(context) as paper, paper.database.reading() as session:
        found = [issue_in(session, paper, issue)] if issue else _latest(session, paper)
        documents = [_document(session, one) for one in found]
        if issue:
            documents[0]["editions"] = _editions(session, paper, found[0])
            clicks = followed.of(session, found[0].id or 0)
            documents[0]["clicks"] = clicks and clicks.document(documents[0]["accepted"])
            if found[0].drawn_at is None and found[0].state not in states.OVER:
                documents[0]["audience"] = readers_of(session, paper, found[0])
        lost = ledger.listed(session, found[0].id or 0, DeliveryState.UNCERTAIN, _SHOWN) if issue else []
    if json:
        print_json(documents[0] if issue else {"issues": documents, "missing": _missing(paper)})
        return
    for words in () if issue else _missing(paper):
        say(f"[bold]Missing:[/] {plain(words)}")
    if not documents:
        say("There is no issue yet: `newsletter collect`, then `newsletter draft NEWSLETTER`.")
    shown = table("Issue", "State", *_COUNTS, numbers=_COUNTS)
    for one, document in zip(found, documents, strict=True):
        counts = [f"{document[name.lower().replace(' ', '_')]:,}" for name in _COUNTS]
        shown.add_row(f"{one.newsletter}/{one.issue_date}", str(one.state), *counts)
    say_table(shown)
    if issue and "audience" in documents[0]:
        say(f"{documents[0]['audience']['readers']:,} readers would get it now.")
    if issue and len(documents[0]["editions"]) > 1:
        _show_editions(documents[0]["editions"])
    if issue and documents[0]["clicks"]:
        _show_clicks(documents[0]["clicks"])
    if issue and (sections := documents[0]["leavings"]["sections"]):
        say(f"Those who left had read: {plain(_counted_words(sections))}.")
    for one in found:
        if one.why:
            say(f"{one.newsletter}/{one.issue_date}: {plain(one.why)}")
    for delivery in lost:
        say(f"Uncertain: delivery {delivery.id}, subscriber {delivery.subscriber_id}: {plain(delivery.why)}")
    if lost:
        say("Decide about them: `newsletter deliveries resolve ISSUE DELIVERY… --sent`, or `--again`.")


def _who(paper: Paper, email: str) -> str:
    """Whose decision it is: the editor's of that address, or the command line's."""
    if not email:
        return WHO
    with paper.database.reading() as session:
        return accounts.find(session, email).name


def _missing(paper: Paper) -> list[str]:
    """What config.toml names and the machine lacks, a sentence each: the morning would find it out too late."""
    words = []
    for key in paper.config.dkim:
        try:
            dkim.read(key)
        except ConfigError as error:
            words.append(str(error))
    for source in paper.config.sources:
        if source.path and not source.path.is_dir():
            words.append(f"source {source.name}: there is no folder {source.path}; make it, or correct `path`.")
    return words


_SHOWN = 100  # uncertain deliveries; `deliveries list` shows more
_COUNTS = ("Selected", "Queued", "In hand", "Accepted", "Deferred", "Failed", "Skipped", "Uncertain")


def _latest(session: Session, paper: Paper) -> list[Issue]:
    """Ten issues of each newsletter, the newest first."""
    found: list[Issue] = []
    for newsletter in paper.config.newsletters:
        query = select(Issue).where(Issue.newsletter == newsletter.slug)
        found += session.exec(query.order_by(col(Issue.issue_date).desc()).limit(10))
    return found


def _editions(session: Session, paper: Paper, issue: Issue) -> list[dict[str, Any]]:
    """The issue's editions with the totals of each, the whole one first; none of an issue that was never built.

    `readers` are those in the ledger, and until it is drawn those who would get that edition now.
    """
    made, expected = editions.every(session, issue), _expected(session, paper, issue) if not issue.drawn_at else {}
    totals: dict[int | None, ledger.Totals] = {None: ledger.totals(session, issue.id or 0)}
    if len(made) > 1:
        totals = ledger.by_edition(session, issue.id or 0)
    return [
        {
            "topics": sorted(unpacked(edition.topics)),
            "subject": edition.subject,
            "readers": expected.get(edition.topics, sums.selected),
            **sums.as_json(),
        }
        for edition in made
        for sums in (totals.get(edition.id if edition.topics else None, ledger.Totals()),)
    ]


def _expected(session: Session, paper: Paper, issue: Issue) -> dict[str, int]:
    newsletter = paper.config.newsletter(issue.newsletter)
    chosen = audience.by_topics(session, newsletter.slug, now(), whom.of_issue(paper.config, newsletter, issue, now()))
    return by_topics.readers(session, paper.config, newsletter, issue, chosen)


def _show_editions(found: list[dict[str, Any]]) -> None:
    shown = table("Edition", "Subject", "Readers", "Accepted", numbers=("Readers", "Accepted"))
    for edition in found:
        name = ", ".join(edition["topics"]) or "the whole issue"
        shown.add_row(plain(name), plain(edition["subject"]), f"{edition['readers']:,}", f"{edition['accepted']:,}")
    say_table(shown)


def _show_clicks(clicks: dict[str, Any]) -> None:
    shown = table("Link", "Section", "People", "Per 100", "Robots", numbers=("People", "Per 100", "Robots"))
    for link in clicks["links"]:
        numbers = (f"{link['people']:,}", f"{link['per_hundred']:.2f}", f"{link['robots']:,}")
        shown.add_row(plain(link["title"] or link["kind"]), plain(link["section"]), *numbers)
    say_table(shown)
    say(f"{clicks['people']:,} readers followed a link, likely in person.")


def _counted_words(counts: dict[str, int]) -> str:
    """ "City (3), World (1)"."""
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _document(session: Session, issue: Issue) -> dict[str, Any]:
    totals = ledger.totals(session, issue.id or 0)
    return {
        "issue": issue.id,
        "newsletter": issue.newsletter,
        "date": issue.issue_date.isoformat(),
        "state": str(issue.state),
        "why": issue.why,
        **totals.as_json(),
        "leavings": leavings.of_issue(session, issue.id or 0).document(totals.accepted),
    }


def _tell(issue: Issue) -> None:
    name = f"{issue.newsletter}/{issue.issue_date}"
    console.print(f"{name} is [bold]{issue.state}[/]{': ' + plain(issue.why) if issue.why else '.'}")


def _sum(totals: ledger.Totals) -> str:
    parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in totals.as_json().items() if count]
    return ", ".join(parts) or "Nobody gets it: there is no active subscriber."


class _bar:
    """The progress bar, on stderr: rate and time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), TextColumn("{task.fields[trouble]}"), console=errors, transient=False,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None, rate="", trouble="")

    def __enter__(self) -> "_bar":
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def show(self, totals: ledger.Totals) -> None:
        """What the ledger says now; the bar begins with its first word, so that a refusal stands alone."""
        self._progress.start()
        done = totals.selected - totals.queued - totals.in_hand
        speed = self._progress.tasks[0].speed
        trouble = ", ".join(
            f"{count:,} {name}"
            for name, count in (
                ("deferred", totals.deferred),
                ("failed", totals.failed),
                ("uncertain", totals.uncertain),
            )
            if count
        )
        self._progress.update(
            self._task, completed=done, total=totals.selected, rate=f"{speed:,.0f}/s" if speed else "", trouble=trouble
        )
