"""The store: subscribers add, import, export, list, show, unsubscribe, erase."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from newsletter import daily
from newsletter.cli.out import Json, errors, now, opened, plain, print_json, say, say_table, table
from newsletter.config import Config
from newsletter.delivery import departures
from newsletter.errors import Refused
from subscribers import (
    Proof,
    SubscriptionState,
    directory,
    erasure,
    leavings,
    preferences,
    signup,
    transfer,
    unsubscribe,
)

app = typer.Typer(help="The people who get it.", no_args_is_help=True)

Slug = Annotated[
    str, typer.Option("--newsletter", "-n", metavar="NEWSLETTER", help="Which one.", show_default="the only one")
]
OneOrAll = Annotated[
    str, typer.Option("--newsletter", "-n", metavar="NEWSLETTER", help="Only this one.", show_default="all")
]
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
ProofWords = Annotated[
    str, typer.Option("--proof", metavar="WORDS", help="How they agreed to get it; kept with each of them.")
]
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SOME_REASONS = 20  # that people gave, the latest; --json and --csv have them all
NOBODY = "Nobody had that address; it is never mailed now."
NOT_GIVEN = "The operator says that they agreed; no words were given."


@app.command()
def add(
    context: typer.Context, email: Email, newsletter: Slug = "",
    name: Annotated[str, typer.Option(metavar="NAME")] = "",
    proof: ProofWords = "",
) -> None:  # fmt: skip
    """Add somebody who has agreed elsewhere; active at once."""
    with opened(context) as paper, paper.database.transaction() as session:
        slug = slug_meant(paper.config, newsletter)
        agreed = Proof(wording=proof or NOT_GIVEN, origin="command line")
        subscription = signup.add(session, paper.config.keys, slug, email, agreed, now())
        if name:
            preferences.rename(session, subscription.subscriber_id, name)
    say(f"{plain(email)} gets {slug}.")


@app.command("form")
def form_(context: typer.Context, newsletter: Slug = "") -> None:
    """Print the sign-up form as plain HTML, to be put into a page of your own site."""
    from newsletter.web.sign_up import embeddable  # the pages' framework, slow to import for the other commands

    with opened(context) as paper:
        chosen = paper.config.newsletter(slug_meant(paper.config, newsletter))
    sys.stdout.write(embeddable(paper.config.site, chosen))


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=False)],
    newsletter: Slug = "", proof: ProofWords = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read, check and count; write nothing.")] = False,
    refused: Annotated[
        Path | None, typer.Option("--errors", metavar="FILE.csv", help="Write line and reason of each row kept out.")
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Bring people in from a CSV file. Who left or is suppressed stays out. Cut off? Start it again: it is quick."""
    if not proof and not dry_run and sys.stdin.isatty():
        proof = typer.prompt("How did these people agree to get it? (kept as the proof of consent)", err=True)
    with (
        opened(context) as paper, _noted(refused) as note, nullcontext() if json else _counting() as progress,
        paper.database.in_bulk() as transaction,
    ):  # fmt: skip
        report = transfer.import_csv(
            transaction, paper.config.keys, slug_meant(paper.config, newsletter), file,
            proof or NOT_GIVEN, now(), dry_run=dry_run, refused=note,
            progress=progress.rows if progress else None,
        )  # fmt: skip
    if json:
        print_json(_import_document(report, dry_run))
    else:
        _say_import(report, dry_run, refused)


def _import_document(report: transfer.Report, dry_run: bool) -> dict[str, Any]:
    layout = report.layout
    read_as = {"encoding": layout.encoding, "delimiter": layout.delimiter, "columns": layout.mapping} if layout else {}
    lines = [{"line": n.line, "outcome": str(n.outcome), "why": n.why} for n in report.notes]
    of_them = {name: getattr(report, name) for name in ("new_as_left", "taken_off")}
    return {**_counts(report), **of_them, "dry_run": dry_run, **read_as, "lines": lines}


def _say_import(report: transfer.Report, dry_run: bool, refused: Path | None) -> None:
    if report.layout is not None:
        columns = ", ".join(f"{field} from “{heading}”" for field, heading in report.layout.mapping.items())
        between = DELIMITERS.get(report.layout.delimiter, report.layout.delimiter)
        say(f"Read as {report.layout.encoding}, {between} between the cells: {plain(columns)}")
    counts = ", ".join(f"{count:,} {name}" for name, count in _counts(report).items())
    say(f"Nothing is written; it would be: {counts}" if dry_run else counts)
    if report.new_as_left:
        say(f"Of the new, {report.new_as_left:,} have left, as the file says: kept as such, and never mailed.")
    if report.taken_off:
        say(f"Of the updated, {report.taken_off:,} get it no more, for the file says that they have left.")
    for note in report.notes[:20]:
        say(f"line {note.line}: {note.outcome}: {plain(note.why)}")
    if refused is not None:
        say(f"{refused}: every row that was kept out, with its reason.")
    elif len(report.notes) > 20:
        say(f"… and {report.suppressed + report.invalid - 20:,} more; --errors FILE lists them all.")


def _counts(report: transfer.Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in ("new", "updated", "unchanged", "suppressed", "invalid")}


@contextmanager
def _noted(file: Path | None) -> Iterator[Callable[[transfer.Note], None] | None]:
    """Writes each note into `file`, if one is wanted."""
    if file is None:
        yield None
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("line", "outcome", "why"))
        yield lambda note: writer.writerow((note.line, str(note.outcome), transfer.defused(note.why)))


@app.command()
def export(
    context: typer.Context, newsletter: Slug = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE.csv", help="Not on the terminal.")] = None,
    person: Annotated[str, typer.Option(metavar="EMAIL", help="All data of one person instead, as JSON.")] = "",
) -> None:  # fmt: skip
    """Write a newsletter's people as CSV; cells that a spreadsheet would run are defused."""
    with opened(context) as paper, paper.database.reading() as session:
        if person:
            print_json(daily.data_of(session, paper.config, person))
            return
        slug = slug_meant(paper.config, newsletter)
        out: TextIO
        with to.open("w", encoding="utf-8", newline="") if to else nullcontext(sys.stdout) as out:
            for line in transfer.export_csv(session, slug):
                out.write(line)
    if to:
        say(f"{to}: written.")


@app.command("list")
def list_(
    context: typer.Context, newsletter: Slug = "",
    state: Annotated[SubscriptionState | None, typer.Option(help="Only these.")] = None,
    after: Annotated[int, typer.Option(metavar="NUMBER", help="Begin after this number: the next page.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:  # fmt: skip
    """A page of a newsletter's people."""
    with opened(context) as paper, paper.database.reading() as session:
        slug = slug_meant(paper.config, newsletter)
        entries = directory.page(session, slug, state=state, after=after, limit=limit)
    if json:
        print_json({"subscribers": [entry._asdict() for entry in entries]})
        return
    shown = table("Number", "Address", "Name", "State", "Since", numbers=("Number",))
    for entry in entries:
        since = f"{entry.active_since:%Y-%m-%d}" if entry.active_since else ""
        standing = f"suppressed: {entry.suppressed}" if entry.suppressed else str(entry.state)
        shown.add_row(str(entry.subscriber_id), plain(entry.email), plain(entry.name), standing, since)
    say_table(shown)
    if len(entries) == limit:
        say(f"Next page: --after {entries[-1].subscriber_id}")


@app.command()
def show(context: typer.Context, email: Email, json: Json = False) -> None:
    """One person: what they get, what they agreed to, when they left."""
    with opened(context) as paper, paper.database.reading() as session:
        if json:
            print_json(daily.data_of(session, paper.config, email))
            return
        person = directory.show(session, paper.config.keys, email)
    say(f"[bold]{plain(person.subscriber.email)}[/] {plain(person.subscriber.name)}")
    if person.suppression:
        say(f"[red]Never mailed[/] since {person.suppression.at:%Y-%m-%d}: {person.suppression.reason}")
    for one in person.subscriptions:
        say(f"{one.newsletter}: {one.state}, since {one.changed_at:%Y-%m-%d %H:%M} UTC")
    for act in person.consents:
        say(f"  {act.at:%Y-%m-%d %H:%M} {act.act} {act.newsletter}, {plain(act.origin)}: {plain(act.wording)}")
    for leaving in person.leavings:
        after = f" after issue {leaving.issue}" if leaving.issue else ""
        say(f"  {leaving.at:%Y-%m-%d %H:%M} left {leaving.newsletter} by {leaving.way}{after} {plain(leaving.reason)}")


@app.command("unsubscribe")
def unsubscribe_(context: typer.Context, email: Email, newsletter: OneOrAll = "") -> None:
    """Take somebody off one newsletter, or off all when none is named."""
    with opened(context) as paper, paper.database.transaction() as session:
        slug = slug_meant(paper.config, newsletter) if newsletter else None
        count = unsubscribe.by_operator(session, email, slug, now())
    say(f"Taken off {count} newsletter{'s' if count != 1 else ''}." if count else "They got none of it any more.")


@app.command("leavings")
def leavings_(
    context: typer.Context, newsletter: Slug = "",
    days: Annotated[int, typer.Option(min=1, metavar="DAYS", help="How far back.")] = 90,
    to: Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="Each leaving as a line.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Who left, in numbers: by day and by issue, by which way, why, and how long they had been readers."""
    since = now() - timedelta(days=days)
    with opened(context) as paper, paper.database.reading() as session:
        slug = slug_meant(paper.config, newsletter)
        if to is not None:
            with to.open("w", encoding="utf-8", newline="") as out:
                lines = leavings.listed(session, slug, since)
                csv.writer(out).writerows([leavings.LISTED, *([transfer.defused(c) for c in line] for line in lines)])
        document = departures.document(session, slug, since)
    if json:
        print_json(document)
        return
    shown = table("Day", "Left", "Undone", "By", numbers=("Left", "Undone"))
    for day in document["days"]:
        ways = ", ".join(f"{way} {count:,}" for way, count in day["ways"].items())
        shown.add_row(day["date"], f"{day['left']:,}", f"{day['undone']:,}", ways)
    every = document["all"]
    shown.add_row("All", f"{every['left']:,}", f"{every['undone']:,}", _tenure(every["tenure"]))
    say_table(shown)
    if every["sections"]:
        read = ", ".join(f"{plain(name)} ({count:,})" for name, count in every["sections"].items())
        say(f"{every['had_read']:,} of them had followed links lately: {read}.")
    if document["issues"]:
        say_table(_by_issue(document["issues"]))
    for reason in every["reasons"][:SOME_REASONS]:
        say(f"“{plain(reason)}”")
    if to is not None:
        say(f"{to}: written.")


def _by_issue(issues: list[dict[str, Any]]) -> Table:
    """Out of which issue's mail they left, and how many of its readers that were."""
    shown = table("Issue", "Left", "Of its readers", numbers=("Left", "Of its readers"))
    for issue in issues:
        rate = "" if issue.get("rate") is None else f"{issue['rate']:.2%}"
        shown.add_row(issue["date"] or ("out of no mail" if issue["issue"] is None else ""), f"{issue['left']:,}", rate)
    return shown


def _tenure(counts: dict[str, int]) -> str:
    """ "readers for under a week: 3, longer: 1"."""
    said = ", ".join(f"{name}: {count:,}" for name, count in counts.items() if count)
    return f"readers for {said}" if said else ""


@app.command()
def erase(
    context: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", show_default=False)] = "",
    again: Annotated[
        Path | None, typer.Option("--again-from", metavar="FILE", help="After a restored backup: erase all in it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:  # fmt: skip
    """Forget a person but for one keyed hash, so that the address is never mailed again."""
    if bool(email) == (again is not None):
        raise typer.BadParameter("Name an address, or a list with --again-from.")
    if not yes and sys.stdin.isatty() and not typer.confirm("This can't be undone. Erase everything?", err=True):
        raise Refused("Nothing was erased.")
    with opened(context) as paper:
        if again is not None:
            erased = _erased_before(again)
            with paper.database.transaction() as session:
                count = erasure.erase_again(session, erased, now())
            listed = len({one.hashed for one in erased})
            said = f"Erased again: {count:,} of {listed:,}. Who has signed up themselves since then stays."
        else:
            found = daily.erase(paper, email, now())
            said = "Erased. The address is never mailed again." if found else NOBODY
        paper.database.forget_journal()
    say(said)


def _erased_before(file: Path) -> list[erasure.Erased]:
    """What stands in that list; a line without a time is of now. Refused for a file that is none."""
    try:
        lines = [line.split() for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read as a list of erasures.") from error
    try:
        return [_erased(*words) for words in lines]
    except (TypeError, ValueError) as error:
        raise Refused(f"{file} is no list of erasures: each line is 64 hex digits, and the time.") from error


def _erased(hashed: str, at: str = "") -> erasure.Erased:
    """Out of the words of a line. Raises ValueError."""
    if len(hashed) != 64 or not set(hashed) <= set("0123456789abcdef"):
        raise ValueError(hashed)
    return erasure.Erased(hashed, datetime.fromisoformat(at).astimezone(UTC) if at else now())


def slug_meant(config: Config, words: str) -> str:
    """The newsletter that is meant; with only one, it need not be said."""
    if words:
        return config.newsletter(words).slug
    if len(config.newsletters) == 1:
        return config.newsletters[0].slug
    raise Refused(f"Say which newsletter with --newsletter: {', '.join(n.slug for n in config.newsletters)}.")


class _counting:
    """A count of rows on stderr while an import runs."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.completed:,.0f} rows"), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), console=errors, transient=True, disable=not errors.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None, rate="")

    def __enter__(self) -> "_counting":
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def rows(self, done: int) -> None:
        """So many are done."""
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, completed=done, rate=f"{speed:,.0f}/s" if speed else "")
