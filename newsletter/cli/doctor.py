"""Whether a real morning would work here: doctor."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsletter import config
from newsletter.cli.out import Json, now, plain, print_json, say
from newsletter.doctor import Finding, Level, examine
from newsletter.doctor.findings import fail
from newsletter.doctor.lookups import Lookups, NoAnswer
from newsletter.errors import ConfigError, Refused

MARKS = {Level.OK: "[green]ok[/]  ", Level.WARN: "[yellow]warn[/]", Level.FAIL: "[red]fail[/]"}


def doctor(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: look only at the file, this machine and the database.")
    ] = False,
    resolver: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Ask this resolver, as 9.9.9.9.", show_default="the system's")
    ] = "",
    json: Json = False,
) -> None:
    """Look whether a real morning would work here: config, keys, database, relay, DNS, site. Nothing is sent.

    Each line is ok, warn or fail, and says what to do; status 1 if anything fails.
    """
    found = []
    for finding in _findings(Path(context.obj), _lookups(offline, resolver)):
        found.append(finding)
        if not json:
            say(f"{MARKS[finding.level]}  {finding.check:<9} {plain(finding.where)}: {plain(finding.message)}")
    counts = Counter(finding.level for finding in found)
    if json:
        print_json({"ok": not counts[Level.FAIL], "checks": [asdict(finding) for finding in found]})
    if counts[Level.FAIL]:
        raise typer.Exit(1) if json else Refused(f"{counts[Level.FAIL]} of {len(found)} checks fail: mend those first.")


def _findings(path: Path, lookups: Lookups | None) -> Iterator[Finding]:
    try:
        settings = config.load(path)
    except ConfigError as error:
        yield fail("config", path.name, str(error))
        return
    yield from examine(settings, now(), lookups)


def _lookups(offline: bool, resolver: str) -> Lookups | None:
    if offline:
        return None
    try:
        return Lookups(resolver)
    except NoAnswer as error:
        raise Refused(f"The DNS can't be asked: {error}, and --offline asks nobody.") from error
    except ValueError as error:
        raise typer.BadParameter(f"{resolver!r} is no address; write 9.9.9.9", param_hint="--resolver") from error
