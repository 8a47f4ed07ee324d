"""Tuning the rules on the past: what each issue would have held, and what another config would change."""

from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter import config
from newsletter.cli.out import Json, NewsletterSlug, day_for, opened, plain, print_json, say
from newsletter.errors import Refused
from newsletter.issues import backtest as replay
from newsletter.picks.choose import Choice, Pick

MOST_DAYS = 366

Replayed = Sequence[tuple[date, Choice]]


def backtest(
    context: typer.Context, newsletter: NewsletterSlug,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day, as 2026-11-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    other: Annotated[
        Path | None, typer.Option("--config", metavar="OTHER.toml", help="Another config, to compare with.")
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Replay stored articles with the clock of each day: what each issue would have held. Nothing is written."""
    with opened(context) as paper:
        settings = paper.config.newsletter(newsletter)
        days = day_for(settings, first), day_for(settings, last)
        if not 0 <= (days[1] - days[0]).days < MOST_DAYS:
            raise Refused(f"{first} to {last} is no stretch of days: name a first day, and a last one within a year.")
        second = config.load(other) if other else None
        with paper.database.reading() as session:
            ours = replay.backtest(session, paper.config, settings, *days)
            theirs = replay.backtest(session, second, second.newsletter(newsletter), *days) if second else None
    if json:
        print_json(_document(newsletter, ours, theirs))
    elif theirs is None:
        for day, choice in ours:
            _show(day, choice)
    else:
        _compare(dict(ours), dict(theirs))


def _document(newsletter: str, ours: Replayed, theirs: Replayed | None) -> dict[str, Any]:
    """The JSON document: each day's picks, and with a second config what it would add and take out."""
    others = dict(theirs or ())
    issues = []
    for day, choice in ours:
        issue: dict[str, Any] = {
            "date": day.isoformat(),
            "picks": [_pick(pick) for pick in choice.picks],
            "left_out": len(choice.left_out),
        }
        if theirs is not None:
            issue["other"] = [_pick(pick) for pick in others[day].picks] if day in others else []
            issue["added"], issue["dropped"] = (
                [_pick(pick) for pick in picks] for picks in _differences(choice, others.get(day))
            )
        issues.append(issue)
    return {"newsletter": newsletter, "issues": issues}


def _pick(pick: Pick) -> dict[str, Any]:
    piece = pick.piece
    return {
        "article": piece.id, "position": pick.position, "title": piece.title, "url": piece.url,
        "source": piece.source, "section": piece.section, "score": round(pick.score, 4), "why": pick.why,
        "points": {name: round(part, 4) for name, part in pick.parts.items()}, "is_update": pick.is_update,
    }  # fmt: skip


def _differences(ours: Choice, theirs: Choice | None) -> tuple[list[Pick], list[Pick]]:
    """What the other config would add, and what it would take out."""
    other = theirs.picks if theirs else ()
    here, there = ({pick.piece.id for pick in picks} for picks in (ours.picks, other))
    return [p for p in other if p.piece.id not in here], [p for p in ours.picks if p.piece.id not in there]


def _show(day: date, choice: Choice) -> None:
    say(f"[bold]{day}[/]  {len(choice.picks)} picks, {len(choice.left_out)} left out")
    for pick in choice.picks:
        say(f"{pick.position:>4}  {plain(pick.piece.title)} ({plain(pick.piece.source)})")
        say(f"      [dim]{plain(pick.why)}[/]")


def _compare(ours: dict[date, Choice], theirs: dict[date, Choice]) -> None:
    """Day by day what would go (-) and what would come (+)."""
    nothing = Choice((), (), ())
    changed = 0
    for day in sorted(ours.keys() | theirs.keys()):
        added, dropped = _differences(ours.get(day, nothing), theirs.get(day, nothing))
        same = len(ours.get(day, nothing).picks) - len(dropped)
        changed += bool(added or dropped)
        say(f"[bold]{day}[/]  {same} the same, {len(dropped)} out, {len(added)} in")
        for out, come in zip_longest(dropped, added):
            if out:
                say(f"   [red]-[/] {plain(out.piece.title)} ({plain(out.piece.source)})  [dim]{plain(out.why)}[/]")
            if come:
                say(f"   [green]+[/] {plain(come.piece.title)} ({plain(come.piece.source)})  [dim]{plain(come.why)}[/]")
    say(f"\n{changed} of {len(ours.keys() | theirs.keys())} issues would differ.")
