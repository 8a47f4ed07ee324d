"""The door for people: one command, one call. `newsletter --help` is its face.

Exit status 0 done, 1 refused or failed with one clear sentence on stderr, 2 wrong usage. `--json` prints one JSON
document on stdout and nothing else there.

doors.py        every command, by what it is for; its module is loaded when it is called
project.py      init, demo, db, run, serve: the house
doctor.py       doctor: would a real morning work here?
morning.py      collect, draft, stories, preview, check, test: making the issue
decisions.py    approve, hold, cancel, send, pause, resume: letting it go
status.py       status: where things stand
backtest.py     backtest: the rules tried on the past
articles.py     sources, articles …: what has been collected
deliveries.py   deliveries …: one by one, and what a crash has hidden
readers.py      subscribers …: the store
segments.py     segments …, audience: parts of the readers
editors.py      editors …: the people at the desk
keys.py         keys …: what signs the mail
out.py          what they all share: the project that is open, and how things are printed
"""

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from newsletter.cli.doors import Doors


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # reads a package's files, and brings what reads mail

        typer.echo(f"newsletter {version('newsletter')}")
        raise typer.Exit


app = typer.Typer(
    name="newsletter",
    cls=Doors,
    help="Collect the day's articles, build one issue, let the editors approve it, send it to every reader once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path, typer.Option("--config", "-c", metavar="PATH", help="The project's config file.")] = Path(
        "config.toml"
    ),
    version: Annotated[  # noqa: ARG001 (its callback does the work)
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    from newsletter.cli import out  # --help and --version want none of what it brings

    out.set_up_logs()
    context.obj = config


def main() -> None:
    """Run the command line. A NewsletterError is one sentence and status 1; a bug keeps its traceback.

    To be asked to end by a service manager is the same as Ctrl-C: what is in hand is put down first.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except KeyboardInterrupt:
        from newsletter.cli import out

        out.fail("Stopped. Nothing is lost: the same command goes on where it was.", 130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has had enough
        sys.exit(0)
    except Exception as error:
        from newsletter.cli import out

        if sentence := out.sentence_of(error):
            out.fail(sentence)
        raise


def _stop(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again, it is on its way already
    raise KeyboardInterrupt
