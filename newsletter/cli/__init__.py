"""The door for people: one command, one call. `newsletter --help` is its face.

Exit status 0 done, 1 refused or failed with one clear sentence on stderr, 2 wrong usage. `--json` prints one JSON
document on stdout and nothing else there.

project.py      init, demo, db, run, serve: the house
morning.py      collect, draft, stories, preview, check, test: making the issue
decisions.py    approve, hold, cancel, send, pause, resume, status: letting it go
backtest.py     backtest: the rules tried on the past
articles.py     sources, articles …: what has been collected
deliveries.py   deliveries …: one by one, and what a crash has hidden
readers.py      subscribers …: the store
segments.py     segments …, audience: parts of the readers
editors.py      editors …: the people at the desk
keys.py         keys …: what signs the mail
out.py          what they all share: the project that is open, and how things are printed
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from newsletter.cli import (
    articles,
    backtest,
    decisions,
    deliveries,
    editors,
    keys,
    morning,
    out,
    project,
    readers,
    segments,
)
from newsletter.errors import NewsletterError
from subscribers import SubscribersError

app = typer.Typer(
    name="newsletter",
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
        bool, typer.Option("--version", callback=out.print_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    context.obj = config


project.add_to(app)
morning.add_to(app)
backtest.add_to(app)
articles.add_to(app)
decisions.add_to(app)
app.add_typer(deliveries.app, name="deliveries", rich_help_panel="Letting it go")
app.add_typer(readers.app, name="subscribers")
app.add_typer(editors.app, name="editors")
segments.add_to(app)
app.add_typer(segments.app, name="segments")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command line. A NewsletterError is one sentence and status 1; a bug keeps its traceback."""
    out.set_up_logs()
    try:
        app()
    except (NewsletterError, SubscribersError) as error:
        out.fail(str(error))
    except SQLAlchemyError as error:
        out.fail(f"The database can't do that: {str(getattr(error, 'orig', None) or error).splitlines()[0]}")
    except KeyboardInterrupt:
        out.fail("Stopped. Nothing is lost: the same command goes on where it was.", status=130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has had enough
        sys.exit(0)
