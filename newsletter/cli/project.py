"""The house itself: init, demo, db upgrade, run, serve."""

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from newsletter import config, daily, sample, templates_folder
from newsletter.cli.out import EVERY, else_tried_again, now, opened, plain, say, set_up_logs
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import dkim
from newsletter.errors import Refused

db = typer.Typer(help="The database.", no_args_is_help=True)


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Make a project folder: config.toml, templates/ to change, articles/ to fill."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not empty: name a new folder.")
    (folder / "articles").mkdir(parents=True)
    (folder / "config.toml").write_text(sample.config_text(), encoding="utf-8")
    shipped = templates_folder.folders(folder)[-1]
    shutil.copytree(shipped / "digest", folder / "templates" / "digest")
    (folder / "templates" / "README.md").write_text(_TEMPLATES_README, encoding="utf-8")
    (folder / ".gitignore").write_text("secret.key\ndkim-*.pem\n*.db*\nmedia/\njournal/\n", encoding="utf-8")
    config.write_new_key(folder / "secret.key")
    say(f"[bold]{plain(str(folder))}[/] is a project now. Next:")
    say(f"  1. edit {folder}/config.toml: your paper's name, its sender, its sources, its relay")
    say(f"  2. put articles into {folder}/articles, or name feeds as sources")
    say(f"  3. cd {folder} && newsletter subscribers add you@example.com --proof 'It is me'")
    say("  4. newsletter doctor, which says what is missing before real mail goes out")
    say("  5. newsletter run")


_TEMPLATES_README = """# Templates of this newsletter

What stands here takes the place of the shipped template of the same name: change it freely. What you do not change
you may delete, so that new versions of the program bring their own. `newsletter preview ISSUE --html FILE` shows the
result; a fault is reported with its file and line.
"""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it all happens.")] = Path("newsletter-demo"),
) -> None:
    """A whole day on embedded parts, in a folder of its own; it ends by itself."""
    from newsletter.demo import whole_day  # with a web and a mail server in it, slow to import for the other commands

    whole_day(folder, lambda line: say(line))


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this program's schema; safe to run again."""
    database = Database(config.load(Path(context.obj)).database.url)
    database.upgrade()
    database.close()
    say("The database is up to date.")


def run(context: typer.Context) -> None:
    """Live: scheduler, web pages and sender together, until stopped."""
    from newsletter.scheduler import Clockwork

    set_up_logs(logging.INFO)
    with opened(context, drafts=EVERY) as paper:
        dkim.signer(paper.config.dkim)  # a key that is missing or wrong is told now, not at the hour of sending
        clock = Clockwork(paper)
        with _until_stopped():
            try:
                clock.start()
                _serve(paper)
            finally:
                clock.stop()


def serve(context: typer.Context) -> None:
    """The web pages only."""
    set_up_logs(logging.INFO)
    with opened(context) as paper, _until_stopped():
        _serve(paper)


def worker(context: typer.Context) -> None:
    """One more sender, on this or another machine: it helps with whatever issue is being sent, until stopped."""
    from newsletter.worker import live

    set_up_logs(logging.INFO)
    with opened(context) as paper:
        if paper.database.is_sqlite:
            say("The database is SQLite: this worker must run on the same machine as the others.")
        say("Waiting for issues to send (stop with Ctrl-C).")
        with _until_stopped():
            live(paper, now)


@contextmanager
def _until_stopped() -> Iterator[None]:
    """For what goes on until it is asked to end, by Ctrl-C or SIGTERM: that is its end, and no failure."""
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped.")


def _serve(paper: Paper) -> None:
    from newsletter.web.app import server  # slow to import, wanted only here

    web = paper.config.web
    say(f"Listening on http://{web.host}:{web.port} (stop with Ctrl-C)")
    try:
        server(paper.config, paper.database).run()
    except SystemExit as error:  # uvicorn's way to say that it could not begin
        why = "another program does, or the address is not this machine's; [web] of config.toml names both"
        raise Refused(f"Nothing can listen on {web.host}, port {web.port}: {why}.") from error


def mailbox(
    context: typer.Context,
    mail: Annotated[
        str, typer.Argument(metavar="-", help="One mail on stdin instead, as a mail server's pipe hands it over.")
    ] = "",
) -> None:
    """Read the mailbox that readers write to in order to leave, now; `run` does it every minute.

    With -, whatever goes wrong has status 75, at which a mail server keeps the mail and tries again (sysexits.h).
    """
    if mail:
        if mail != "-":
            raise typer.BadParameter("the mailbox is named in config.toml; - reads one mail on stdin")
        with else_tried_again(), opened(context) as paper:
            has_left = daily.hear_one(paper, sys.stdin.buffer.read(), now())
        say("A reader left by mail." if has_left else "This mail names nobody; it lies in the mailbox, marked as read.")
        return
    with opened(context) as paper:
        if not paper.config.mailbox.is_read:
            raise Refused("config.toml names no mailbox: [mailbox] wants a maildir, or a host.")
        found = daily.hear(paper, now())
    say(f"{found.left:,} readers left by mail; {found.other:,} other mails are marked as read and left there.")
