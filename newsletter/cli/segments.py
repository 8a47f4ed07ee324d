"""Parts of the readers: how many, who, and which of them an issue goes to."""

from typing import Annotated, Any

import typer
from sqlmodel import Session

from newsletter import daily
from newsletter.cli.out import (
    WHO,
    IssueWords,
    Json,
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
from newsletter.cli.readers import Slug, slug_meant
from newsletter.daily import Paper
from newsletter.delivery import whom
from newsletter.issues.models import Issue
from newsletter.picks import reasons
from subscribers import segments

app = typer.Typer(help="Parts of the readers, by filters.", no_args_is_help=True)
Filter = Annotated[str, typer.Argument(metavar="SEGMENT", help="A name in config.toml, or a filter.")]
Names = Annotated[list[str] | None, typer.Option(metavar="SEGMENT", help="A name, or a filter; may be repeated.")]


@app.command()
def count(
    context: typer.Context,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="A name, or a filter.", show_default="all")] = "",
    newsletter: Slug = "", json: Json = False,
) -> None:  # fmt: skip
    """How many readers a segment has now; without one, each of config.toml's."""
    with opened(context) as paper, paper.database.reading() as session:
        slug = slug_meant(paper.config, newsletter)
        around = whom.around(paper.config.newsletter(slug), now())
        names = [segment] if segment else [found.name for found in paper.config.segments]
        parsed = dict(zip(names, whom.filters(paper.config, names), strict=True))
        counts = {n: segments.counted(session, around, segments.condition(f, around)) for n, f in parsed.items()}
        every = segments.counted(session, around, None)
    if json:
        print_json({"newsletter": slug, "readers": every, "segments": counts})
        return
    shown = table("Segment", "Readers", numbers=("Readers",))
    for name, readers in counts.items():
        shown.add_row(plain(name), f"{readers:,}")
    shown.add_row(f"all of {slug}", f"{every:,}")
    say_table(shown)


@app.command("list")
def list_(
    context: typer.Context, segment: Filter, newsletter: Slug = "",
    after: Annotated[int, typer.Option(metavar="NUMBER", help="Begin after this number: the next page.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:  # fmt: skip
    """A page of its readers."""
    with opened(context) as paper, paper.database.reading() as session:
        around = whom.around(paper.config.newsletter(slug_meant(paper.config, newsletter)), now())
        chosen = segments.condition(whom.filters(paper.config, [segment])[0], around)
        found = list(segments.listed(session, around, chosen, after=after, limit=limit))
    if json:
        print_json({"subscribers": [{"subscriber_id": number, "email": email} for number, email in found]})
        return
    shown = table("Number", "Address", numbers=("Number",))
    for number, email in found:
        shown.add_row(str(number), plain(email))
    say_table(shown)
    if len(found) == limit:
        say(f"Next page: --after {found[-1][0]}")


def audience(
    context: typer.Context, issue: IssueWords, include: Names = None, exclude: Names = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Take back what was said before.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Which readers an issue goes to, and how many they are. Without options: as it stands."""
    with opened(context) as paper:
        if include or exclude or everybody:
            daily.aim(paper, the_issue(paper, issue).id or 0, include or [], exclude or [], WHO, now())
        with paper.database.reading() as session:
            document = readers_of(session, paper, issue_in(session, paper, issue))
    if json:
        print_json(document)
        return
    for word, names in (("Only", document["include"]), ("Not", document["exclude"])):
        for name in names:
            say(f"{word}: {plain(name)}")
    say(f"{reasons.count(document['readers'], 'reader')} would get it now, of {document['of']:,}.")


def readers_of(session: Session, paper: Paper, issue: Issue) -> dict[str, Any]:
    """How many would get it now, and by which segments."""
    newsletter = paper.config.newsletter(issue.newsletter)
    return {
        "include": [*newsletter.include, *issue.include],
        "exclude": [*newsletter.exclude, *issue.exclude],
        "readers": whom.count(session, paper.config, newsletter, issue, now()),
        "of": segments.counted(session, whom.around(newsletter, now()), None),
    }
