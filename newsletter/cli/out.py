"""What all commands share: the project that is open, the clock, and how things are printed."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from newsletter import config
from newsletter.config import Newsletter
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import ConfigError, NewsletterError
from newsletter.issues.find import day_of, find
from newsletter.issues.models import Issue
from subscribers import SubscribersError

console = Console(highlight=False, soft_wrap=True)  # results
errors = Console(stderr=True, highlight=False, soft_wrap=True)  # progress, and what went wrong

WHO = "command line"
EVERY = "*"  # newsletter
_NO_END = 10_000  # columns
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the status at which a mail server keeps a mail for later

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
IssueWords = Annotated[str, typer.Argument(metavar="ISSUE", help="A number, daily/2026-11-23, or daily/today.")]
NewsletterSlug = Annotated[str, typer.Argument(metavar="NEWSLETTER", help="A newsletter's slug, as in config.toml.")]
Day = Annotated[
    str, typer.Option("--date", metavar="DATE", help="The issue's day, as 2026-11-23.", show_default="today")
]


@contextmanager
def opened(context: typer.Context, *, drafts: str = "") -> Iterator[Paper]:
    """The project that --config names, with its database ready. What speaks against a draft stops those who want one,
    of the newsletter `drafts` or of EVERY, and is only said to all others: nobody has to wait with a leaving until a
    mistyped section is found."""
    settings = config.load(Path(context.obj))
    for slug, words in settings.unfed:
        if drafts in (slug, EVERY):
            raise ConfigError(words)
        errors.print(escape(words))
    database = Database(settings.database.url)
    try:
        database.prepare()
        yield Paper(settings, database)
    finally:
        database.close()


def now() -> datetime:
    """The real clock: commands read it, nothing below them does."""
    return datetime.now(UTC)


def day_for(newsletter: Newsletter, words: str) -> date:
    """The day that --date means, in the newsletter's zone."""
    return day_of(newsletter, words or "today", now())


def the_issue(paper: Paper, words: str) -> Issue:
    """The issue that ISSUE names."""
    with paper.database.reading() as session:
        return find(session, paper.config, words, now())


def issue_in(session: Session, paper: Paper, words: str) -> Issue:
    """The same within a session that goes on."""
    return find(session, paper.config, words, now())


def say(text: str) -> None:
    """A sentence of the result; `text` may have Rich markup, so strangers' words go through `plain`."""
    console.print(text)


def plain(text: str) -> str:
    """Somebody else's words, so that brackets in them are no markup."""
    return escape(text)


def print_json(document: Any) -> None:
    """The one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")


def table(*headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """A plain table; columns in `numbers` are right-aligned."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return made


def say_table(shown: Table) -> None:
    """The rows, if there are any; where the terminal is too narrow for whole words, a line with headings for each."""
    if not shown.rows:
        return
    if console.measure(shown, options=console.options.update(max_width=_NO_END)).minimum <= console.width:
        console.print(shown)
        return
    headings = [str(column.header) for column in shown.columns]
    for first, *others in zip(*(column.cells for column in shown.columns), strict=True):
        told = [f"{heading.lower()} {cell}" for heading, cell in zip(headings[1:], others, strict=True) if cell]
        console.print(f"{first}: {', '.join(told)}")


def sentence_of(error: Exception) -> str:
    """What a person is told of an error, or "" for a bug."""
    if isinstance(error, NewsletterError | SubscribersError):
        return str(error)
    if isinstance(error, SQLAlchemyError):
        return f"The database can't do that: {str(getattr(error, 'orig', None) or error).splitlines()[0]}"
    if isinstance(error, OSError) and error.filename is not None:  # a folder, a right or room is missing: no bug
        return f"{os.fsdecode(error.filename)} can't be used: {error.strerror}."
    return ""


@contextmanager
def else_tried_again() -> Iterator[None]:
    """For what another program hands over: at any failure it keeps that and comes again."""
    try:
        yield
    except Exception as error:
        if not (sentence := sentence_of(error)):
            errors.print_exception()
        fail(sentence or "This is a fault of the program.", TRY_AGAIN)


def fail(sentence: str, status: int = 1) -> NoReturn:
    """The one clear sentence, and out."""
    errors.print(escape(sentence))
    sys.exit(status)


def set_up_logs(level: int = logging.WARNING) -> None:
    """Logs are sentences with fields, on stderr; on a terminal for eyes, elsewhere as JSON lines.

    Commands that live long log from INFO on; a command that answers at once shows only what is wrong.
    """
    shown = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
