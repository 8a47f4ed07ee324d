"""Letting it go: approve, hold, cancel, skip, reschedule, send, pause, resume."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
    now,
    opened,
    plain,
    print_json,
    say,
    the_issue,
)
from newsletter.daily import Paper
from newsletter.delivery import ledger
from newsletter.editors import accounts
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.timetable import moment_on


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


def _who(paper: Paper, email: str) -> str:
    """Whose decision it is: the editor's of that address, or the command line's."""
    if not email:
        return WHO
    with paper.database.reading() as session:
        return accounts.find(session, email).name


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
        if self._progress.live.is_started:  # else it would end with an empty line
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
