"""What has been collected: the sources and how they are; one article by hand."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from newsletter.cli.out import Json, now, opened, plain, print_json, say, say_table, table
from newsletter.sources import by_hand, health
from newsletter.sources.health import Health, SourceRecord

app = typer.Typer(help="The articles in the store.", no_args_is_help=True)

COLOURS = {Health.GOOD: "green", Health.FAILING: "yellow", Health.DEAD: "red"}


@app.command()
def add(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FILE|URL", help="A .txt, .md or .html file, or an article's page.")],
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="The source it is of.", show_default="the only one")
    ] = "",
    json: Json = False,
) -> None:
    """Put one article into the store; the same one again is updated."""
    with opened(context) as paper:
        added = by_hand.add(paper.database, paper.config, what, source, now())
    if json:
        print_json(added.as_json())
        return
    words = {"new": "is in", "changed": "is in, and has changed", "seen": "was in already"}[added.outcome]
    say(f"[bold]{plain(added.title)}[/] ({plain(added.source)}, {plain(added.section)}) {words}.")
    if added.note:
        say(f"[yellow]{plain(added.note)}[/]")


def sources(context: typer.Context, json: Json = False) -> None:
    """How each source is: last good reading, what is wrong, how stale."""
    with opened(context) as paper, paper.database.reading() as session:
        moment = now()
        records = health.records(session, paper.config, moment)
    if json:
        print_json({"sources": [record.as_json(moment) for record in records]})
        return
    if not records:
        say("config.toml names no source, so there is nothing to read.")
    numbers = ("Items", "Articles")
    shown = table("Source", "Kind", "Health", "Last good", "Newest article", *numbers, "Next", numbers=numbers)
    for one in records:
        colour = COLOURS.get(one.health, "default")
        cells = (_ago(one.good_at, moment), _ago(one.newest_at, moment), str(one.items), str(one.articles))
        shown.add_row(one.name, one.kind, f"[{colour}]{one.health}[/]", *cells, _next(one, moment))
    say_table(shown)
    for one in records:
        if one.error:
            since = f" (since {one.failing_since:%Y-%m-%d %H:%M} UTC)" if one.failing_since else ""
            say(f"[yellow]{one.name}[/]: {plain(one.error)}{since}")
        if one.moved_to:
            say(
                f"[yellow]{one.name}[/]: it has moved to {plain(one.moved_to)} for good; change its url in config.toml."
            )


def _next(record: SourceRecord, moment: datetime) -> str:
    """When `run` asks it again."""
    if record.kind == "push" or record.health is Health.OUT:
        return ""
    if record.is_gone:
        return "never"
    if record.next_check_at is None or record.next_check_at <= moment:
        return "now"
    return f"in {_length(record.next_check_at - moment)}"


def _ago(then: datetime | None, moment: datetime) -> str:
    return f"{_length(moment - then)} ago" if then else "never"


def _length(time: timedelta) -> str:
    """A length of time in its largest fitting unit."""
    minutes = max(round(time.total_seconds() / 60), 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
