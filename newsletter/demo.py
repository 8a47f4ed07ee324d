"""A whole day on embedded parts, in a folder of its own: what `make demo` shows.

Nothing is pretended: real files are collected, a real SMTP server takes the mail, one reader leaves by a real
one-click POST, and the next day's issue no longer reaches that one.
"""

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from email import message_from_bytes, policy
from pathlib import Path
from shlex import quote
from threading import Thread
from time import sleep

import httpx2
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter import config, daily, sample
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import Refused
from newsletter.issues.models import Issue
from newsletter.rendering import editions, webview
from newsletter.web.app import server
from subscribers import transfer

READERS = 50
WHO = "demo"
MARKER = "# This folder was made by `newsletter demo`: it may delete it.\n"
EDITOR = {  # what an editor would have written into the shipped config
    "description": "The town, the harbour and a little of the world, every weekday at half past six.",
    "reply_to": "The Harbour Daily <letters@example.com>",
    "intro": "Good morning. There is frost on the Fish Steps and a ferry back at the Quay; mind the one, and wave at "
    "the other.",
    "signature": "Nell Ashdown, editor",
}
FIRST_NAMES = ("Ada", "Bo", "Cleo", "Dag", "Edda", "Finn", "Greta", "Hugo", "Ines", "Jon")

Say = Callable[[str], None]


class Catcher:
    """The embedded SMTP server: it keeps every mail as a file and delivers none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """aiosmtpd's name for a message that has arrived."""
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        recipient = re.sub(r"[^A-Za-z0-9@.+-]", "_", envelope.rcpt_tos[0])
        (self.folder / f"{recipient}.eml").write_bytes(data)
        return "250 2.0.0 caught"


def whole_day(folder: Path, say: Say) -> None:
    """Do it all in `folder`, saying each stage with its counts. Raises Refused if the folder is somebody else's."""
    _make_room(folder)
    smtp_port, web_port = _free_ports()
    paper = _project(folder, smtp_port, web_port)
    today = datetime.now(UTC)
    newsletter = paper.config.newsletters[0]
    say(f"[bold]{newsletter.title}[/], a whole day in {folder}/\n")
    _readers(paper, folder, today, say)
    with _web(paper):
        first = _morning(paper, folder, sample.TODAY, today, smtp_port, say)
        _look(paper, folder, first, say)
        leaver = _one_leaves(folder / "caught" / first.issue_date.isoformat(), say)
        tomorrow = a_day_later(today, newsletter.zone)
        second = _morning(paper, folder, sample.TOMORROW, tomorrow, smtp_port, say)
    reached = folder / "caught" / second.issue_date.isoformat() / f"{leaver}.eml"
    say(f"   {leaver} got {'a copy: this is a fault' if reached.exists() else 'none: leaving took effect at once'}")
    say(f"\n[bold]Look at it[/]\n   the digest      {folder}/issue.html\n   its text part   {folder}/issue.txt")
    say(f"   caught mails    {folder}/caught/{first.issue_date}/")
    command = f"{_our_command()} --config {quote(f'{folder}/config.toml')}"
    say(f"   what happened   {command} status")
    say(f"   its web pages   {command} serve, then http://127.0.0.1:{web_port}/")
    say(f"   its desk        {command} editors add you@example.com --name You --role admin, and the link it prints")
    paper.database.close()


# --- setting up -----------------------------------------------------------------------------------------------------


def _make_room(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        settings = folder / "config.toml"
        if not (settings.is_file() and settings.read_text(encoding="utf-8").startswith(MARKER)):
            raise Refused(f"{folder} is not empty and not a demo's: name another folder, as in `newsletter demo DIR`.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _project(folder: Path, smtp_port: int, web_port: int) -> Paper:
    """The shipped config with this demo's ports."""
    text = sample.config_text().replace("port = 1025", f"port = {smtp_port}").replace("8000", str(web_port))
    for key, words in EDITOR.items():
        text = re.sub(rf'^# {key} = ""', f'{key} = "{words}"', text, count=1, flags=re.MULTILINE)
    (folder / "config.toml").write_text(MARKER + text, encoding="utf-8")
    config.write_new_key(folder / "secret.key")
    settings = config.load(folder / "config.toml")
    database = Database(settings.database.url)
    database.prepare()
    return Paper(settings, database)


def _readers(paper: Paper, folder: Path, now: datetime, say: Say) -> None:
    rows = [
        f"{FIRST_NAMES[n % 10].lower()}{n}@example.com,{FIRST_NAMES[n % 10]} {chr(65 + n % 26)}."
        for n in range(1, READERS + 1)
    ]
    file = folder / "readers.csv"
    file.write_text("email,name\n" + "\n".join(rows) + "\n", encoding="utf-8")
    report = transfer.import_csv(
        paper.database.transaction, paper.config.keys, "daily", file, "made up for the demo", now
    )
    say(f"0. readers    {report.new} imported from readers.csv")


def write_articles(source: Path, folder: Path, now: datetime) -> None:
    """Copy a morning's sample articles; `hours_ago` becomes a date."""
    target = folder / "articles"
    target.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        dated = re.sub(
            r"^hours_ago: *([\d.]+) *$",
            lambda found: f"date: {(now - timedelta(hours=float(found[1]))).isoformat(timespec='minutes')}",
            text,
            flags=re.MULTILINE,
        )
        (target / path.name).write_text(dated, encoding="utf-8")
    if (source / "pictures").is_dir():
        shutil.copytree(source / "pictures", target / "pictures", dirs_exist_ok=True)


# --- a morning ------------------------------------------------------------------------------------------------------


def _morning(paper: Paper, folder: Path, articles: Path, now: datetime, smtp_port: int, say: Say) -> Issue:
    """Collect, draft, check, approve, send: as an editor would by hand."""
    newsletter = paper.config.newsletters[0]
    day = now.astimezone(newsletter.zone).date()
    say(f"\n[bold]{day:%A}, {day.day} {day:%B}[/]")
    write_articles(articles, folder, now)
    reports = daily.gather(paper, now)
    say(f"1. collect    {sum(r.new for r in reports)} new articles from {len(reports)} source")
    issue = daily.draft(paper, newsletter, day, now)
    findings = daily.check(paper, issue.id or 0, now)
    with paper.database.reading() as session:
        edition = editions.of(session, issue)
    say(f"2. draft      “{issue.subject}”")
    noted = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"
    blocking = sum(finding.level == "block" for finding in findings)
    say(f"3. check      {noted}, {blocking or 'none'} that blocks; {len(edition.html) / 1000:.0f} kB of HTML")
    daily.approve(paper, issue.id or 0, WHO, now)
    say("4. approve    what readers get is frozen now")
    catcher = Controller(
        Catcher(folder / "caught" / day.isoformat()), hostname="127.0.0.1", port=smtp_port, ready_timeout=60
    )
    catcher.start()
    try:
        totals = daily.deliver(paper, issue.id or 0, WHO, lambda: now)
    finally:
        catcher.stop()
    say(f"5. send       {totals.accepted} of {totals.selected} accepted by the SMTP catcher on port {smtp_port}")
    return issue


def _look(paper: Paper, folder: Path, issue: Issue, say: Say) -> None:
    """The edition as files that open without a server: pictures are beside them."""
    with paper.database.reading() as session:
        edition = editions.of(session, issue)
    html = webview.for_the_web(edition.html, paper.config.site)
    (folder / "issue.html").write_text(html.replace(f"{paper.config.site.url}/media/", "media/"), encoding="utf-8")
    (folder / "issue.txt").write_text(webview.for_the_web(edition.text, paper.config.site), encoding="utf-8")
    say(f"   to look at: {folder}/issue.html")


def _one_leaves(caught: Path, say: Say) -> str:
    """One reader presses the mail program's own button: a POST to the mail's List-Unsubscribe (RFC 8058)."""
    file = sorted(caught.glob("*.eml"))[0]
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    address = str(mail["List-Unsubscribe"]).strip("<>")
    answer = httpx2.post(address, data={"List-Unsubscribe": "One-Click"}, follow_redirects=False)
    say(f"6. leave      {file.stem} unsubscribes with one click (status {answer.status_code})")
    return file.stem


@contextmanager
def _web(paper: Paper) -> Iterator[None]:
    """The readers' pages, on a thread, while the demo runs."""
    web = server(paper.config, paper.database)
    thread = Thread(target=web.run, daemon=True)
    thread.start()
    while not web.started and thread.is_alive():
        sleep(0.02)
    try:
        yield
    finally:
        web.should_exit = True
        thread.join()


def _our_command() -> str:
    """What to type for this program: its name where the shell finds it, else the file that was started."""
    return "newsletter" if shutil.which("newsletter") else quote(os.path.relpath(sys.argv[0]))


def _free_ports() -> tuple[int, int]:
    """Two that differ: both are held while they are asked for."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def a_day_later(moment: datetime, zone: tzinfo) -> datetime:
    """The same hour of the next day in `zone`, in UTC: a day there has 23 or 25 hours when clocks are changed."""
    return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC)
