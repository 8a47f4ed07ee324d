"""Commands that are loaded when they are called: `newsletter --help` and a mistyped word wait for none of them.

`DOORS` is the face of the command line. Each command stands there with the place of its function (or of its group of
commands) and the line that `--help` shows of it, which is the first line of its own help.
"""

import gc
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Door(NamedTuple):
    """One command. `place` is "module:name", the name of a function or of a Typer in a module of this package."""

    panel: str
    place: str
    says: str


def _panel(title: str, **doors: tuple[str, str]) -> dict[str, Door]:
    return {name: Door(title, *door) for name, door in doors.items()}


DOORS = {
    **_panel(
        "The project",
        init=("project:init", "Make a project folder: config.toml, templates/ to change, articles/ to fill."),
        demo=("project:demo", "A whole day on embedded parts, in a folder of its own; it ends by itself."),
        run=("project:run", "Live: scheduler, web pages and sender together, until stopped."),
        serve=("project:serve", "The web pages only."),
        worker=(
            "project:worker",
            "One more sender, on this or another machine: it helps with whatever issue is being sent, until stopped.",
        ),
        mailbox=(
            "project:mailbox",
            "Read the mailbox that readers write to in order to leave, now; `run` does it every minute.",
        ),
        doctor=(
            "doctor:doctor",
            "Look whether a real morning would work here: config, keys, database, relay, DNS, site. Nothing is sent.",
        ),
        db=("project:db", "The database."),
        keys=("keys:app", "Keys that sign mail (DKIM), and the key that signs links."),
        editors=("editors:app", "The people at the editors' desk."),
    ),
    **_panel(
        "Making the issue",
        sources=("articles:sources", "How each source is: last good reading, what is wrong, how stale."),
        articles=("articles:app", "The articles in the store."),
        collect=("morning:collect", "Read all sources into the store."),
        draft=(
            "morning:draft",
            "Pick and build that day's issue; run again, it refreshes a draft and never touches an approved one.",
        ),
        stories=("morning:stories", "The day's articles, grouped by the event they tell."),
        preview=("morning:preview", "What a reader would get; without a FILE, the text part on the terminal."),
        screenshots=(
            "morning:screenshots",
            "Photograph it with Chromium: three widths, by day and by night, with pictures and without.",
        ),
        check=("morning:check", "Look for what speaks against sending it; status 1 if anything blocks."),
        test=("morning:test", "Send one marked copy to an editor."),
        backtest=(
            "backtest:backtest",
            "Replay stored articles with the clock of each day: what each issue would have held. Nothing is written.",
        ),
    ),
    **_panel(
        "Letting it go",
        approve=(
            "decisions:approve",
            "Say yes: what readers get is frozen, and it goes out at its time or with `send`.",
        ),
        hold=("decisions:hold", "It does not go out until somebody approves it (again)."),
        cancel=("decisions:cancel", "It does not go out, or not any further. This can't be undone."),
        skip=("decisions:skip", "No issue on that day, today if none is named; `reopen` takes it back."),
        reopen=(
            "decisions:reopen",
            "A skipped day gets its issue after all, today if none is named: a draft, also a special one on a holiday.",
        ),
        reschedule=(
            "decisions:reschedule",
            "It goes out at another time than the newsletter's; an approval stays.",
        ),
        send=("decisions:send", "Hand it to everybody, with a progress bar; started again it resumes."),
        pause=("decisions:pause", "Stop a running send within a second, wherever it runs."),
        resume=("decisions:resume", "Let a paused issue go on: `run` takes it up, or `send`."),
        status=(
            "status:status",
            "Where things stand: one issue with its totals, or the latest of each newsletter.",
        ),
        audience=(
            "segments:audience",
            "Which readers an issue goes to, and how many they are. Without options: as it stands.",
        ),
        deliveries=("deliveries:app", "Single deliveries of an issue."),
    ),
    **_panel(
        "The readers",
        subscribers=("readers:app", "The people who get it."),
        segments=("segments:app", "Parts of the readers, by filters."),
    ),
}


class Doors(TyperGroup):
    """The commands of `DOORS`: each a name and a line, until it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, door in DOORS.items():
            self.add_command(TyperCommand(name, help=door.says, rich_help_panel=door.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Which command the words mean; it is loaded now."""
        if args and args[0] in DOORS:
            self.add_command(loaded(args[0]))
        return super().resolve_command(ctx, args)


def loaded(name: str) -> Any:
    """The command itself, out of its module."""
    module, attribute = DOORS[name].place.split(":")
    gc.disable()  # a tenth of an import goes by with looking for waste where everything stays
    try:
        found = getattr(import_module(f"newsletter.cli.{module}"), attribute)
    finally:
        gc.freeze()
        gc.enable()
    app = typer.Typer()
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
    return get_group(app).commands[name]
