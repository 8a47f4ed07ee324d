"""Tuning the rules on the past: what each issue would have held, and what another config would change."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter import config
from newsletter.cli.out import Json, NewsletterSlug, day_for, opened, plain, print_json, say
from newsletter.config import Newsletter
from newsletter.errors import Refused
from newsletter.issues import backtest as replay
from newsletter.picks.choose import Choice, Pick

MOST_DAYS = 366
NOT_THERE = "it is not among the articles of that day: an issue before has considered it"

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
    with opened(context, drafts=newsletter) as paper:
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
            _show(day, choice, settings)
    else:
        compare(dict(ours), dict(theirs))


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
            added, dropped = _differences(choice, others.get(day))
            whys = _whys(others.get(day))
            issue["added"] = [_pick(pick) for pick in added]
            issue["dropped"] = [_pick(pick) | {"why_not": whys.get(pick.piece.id, NOT_THERE)} for pick in dropped]
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


def _whys(choice: Choice | None) -> dict[int, str]:
    """Why each article is left out of a choice."""
    return {candidate.piece.id: candidate.why for candidate in choice.left_out} if choice else {}


def _show(day: date, choice: Choice, settings: Newsletter) -> None:
    least = settings.least_on(day)
    held = f"; [yellow]held, for it wants {least} at least[/]" if len(choice.picks) < least else ""
    say(f"[bold]{day}[/]  {len(choice.picks)} picks, {len(choice.left_out)} left out{held}")
    for pick in choice.picks:
        say(f"{pick.position:>4}  {_named(pick)}{'  [cyan]update[/]' if pick.is_update else ''}")
        say(f"      [dim]{plain(pick.why)}[/]")


def _named(pick: Pick) -> str:
    """Its headline, and whose it is in which section."""
    whose = (
        pick.piece.source if pick.piece.section == pick.piece.source else f"{pick.piece.source}, {pick.piece.section}"
    )
    return f"{plain(pick.piece.title)} ({plain(whose)})"


def compare(ours: dict[date, Choice], theirs: dict[date, Choice]) -> None:
    """Day by day what would go (-) and why, what would come (+), and which story another article would tell (~)."""
    nothing = Choice((), (), ())
    days = sorted(ours.keys() | theirs.keys())
    changed = 0
    for day in days:
        here, there = ours.get(day, nothing), theirs.get(day, nothing)
        added, dropped = _differences(here, there)
        told = _told_by(there, added)
        swapped = {told[pick.piece.id].piece.id for pick in dropped if pick.piece.id in told}
        another_lead = _lead(here) != _lead(there)
        changed += bool(added or dropped or another_lead)
        counts = f"{len(here.picks) - len(dropped)} the same, {len(dropped)} out, {len(added)} in"
        say(f"[bold]{day}[/]  {counts}{', another lead' if another_lead else ''}")
        whys = _whys(there)
        for pick in dropped:
            if pick.piece.id in told:
                say(f"   [cyan]~[/] {_named(pick)}  [dim]the same story as told by[/] {_named(told[pick.piece.id])}")
            else:
                say(f"   [red]-[/] {_named(pick)}  [dim]{plain(whys.get(pick.piece.id, NOT_THERE))}[/]")
        for pick in added:
            if pick.piece.id not in swapped:
                say(f"   [green]+[/] {_named(pick)}  [dim]{plain(pick.why)}[/]")
    say(f"\n{changed} of {len(days)} issues would differ.")
    for word, key in (("section", _section), ("source", _source)):
        if shifts := _shifts(ours, theirs, key):
            say(f"Picks by {word}: {plain(', '.join(shifts))}.")


def _told_by(choice: Choice, picks: Iterable[Pick]) -> dict[int, Pick]:
    """Of each article whose story has one of these picks: which."""
    by_id = {pick.piece.id: pick for pick in picks}
    stories = (told for told in choice.stories if told.best and told.best.piece.id in by_id)
    return {c.piece.id: by_id[told.best.piece.id] for told in stories if told.best for c in told.others}


def _lead(choice: Choice) -> int | None:
    return next((pick.piece.id for pick in choice.picks), None)


def _section(pick: Pick) -> str:
    return pick.piece.section


def _source(pick: Pick) -> str:
    return pick.piece.source


def _shifts(ours: dict[date, Choice], theirs: dict[date, Choice], key: Callable[[Pick], str]) -> list[str]:
    """ "City 20 → 25" for whatever has more or fewer picks, the largest change first."""
    before, after = (Counter(key(p) for c in choices.values() for p in c.picks) for choices in (ours, theirs))
    names = sorted(before.keys() | after.keys(), key=lambda name: (-abs(after[name] - before[name]), name))
    return [f"{name} {before[name]} → {after[name]}" for name in names if before[name] != after[name]]
