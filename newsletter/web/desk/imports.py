"""Bringing people in from a file: put it up, see how it is read, see what would happen, then let it happen.

A file lies below `uploads/` beside config.toml, readable to us alone, until its import is over or taken back. What goes
on is known to this process only: if it ends in between, the same file is put up again, and what is in is unchanged.
"""

import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread

import structlog
from fastapi import Request, Response
from starlette.datastructures import UploadFile

from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.web import dependencies
from newsletter.web.dependencies import FormDep, House, HouseDep
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.figures import chosen
from newsletter.web.desk.frame import desk_page, redirect
from subscribers import SubscribersError, transfer
from subscribers.csv_rows import FIELDS, Layout, layout_of
from subscribers.transfer import Report

MAX_FILE_BYTES = 300_000_000  # some five million people
FOLDER = "uploads"
KEPT = timedelta(days=1)  # a file that nobody let in
MOST_KEPT = 20  # of imports that are over
CHECKING, CHECKED, IMPORTING, DONE, FAILED = "checking", "checked", "importing", "done", "failed"
BUSY = (CHECKING, IMPORTING)
WORDS = {
    "email": "Address",
    "name": "Name",
    "first": "First name",
    "last": "Last name",
    "status": "Status",
    "permission": "Permission",
    "left": "Left when",
    "until": "Paused until",
}

log = structlog.get_logger(__name__)


@dataclass
class Job:
    """One file on its way in."""

    number: str
    newsletter: str
    file_name: str
    path: Path
    proof: str
    who: str
    at: datetime
    layout: Layout
    phase: str = CHECKING
    rows: int = 0  # done in this phase
    of: int = 0  # in all, as the check has counted
    report: Report = field(default_factory=Report)
    error: str = ""

    @property
    def is_busy(self) -> bool:
        """Whether somebody works on it now."""
        return self.phase in BUSY

    @property
    def headings(self) -> list[str]:
        """The file's columns, by name or by number."""
        width = max([*self.layout.columns.values(), len(self.layout.headings) - 1]) + 1
        return [*self.layout.headings] or [f"Column {number + 1}" for number in range(width)]

    def forget_file(self) -> None:
        """Its people's data lie nowhere but in the store."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


class Imports:
    """The imports of this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def receive(self, upload: UploadFile, newsletter: str, proof: str, who: str, now: datetime) -> Job:
        """Put the file down and see how it is written. Raises BadFile."""
        number = secrets.token_hex(8)
        path = self._place(number, now) / (_plain_name(upload.filename or "") or "file.csv")
        with path.open("xb") as out:
            path.chmod(0o600)
            shutil.copyfileobj(upload.file, out)
        try:
            job = Job(number, newsletter, path.name, path, proof, who, now, layout_of(path))
        except SubscribersError:
            shutil.rmtree(path.parent)
            raise
        with self._lock:
            self._jobs[number] = job
            over = [one for one in self._jobs.values() if not one.is_busy and one is not job]
            for old in over[:-MOST_KEPT]:
                self._jobs.pop(old.number).forget_file()
        return job

    def find(self, number: str) -> Job:
        """That import. NotFound where it is not known (any more)."""
        job = self._jobs.get(number)
        if job is None:
            raise NotFound("This import is not known any more. Put the file up again: what is in stays as it is.")
        return job

    def latest(self) -> list[Job]:
        """The newest first."""
        return list(self._jobs.values())[::-1]

    def begin(self, job: Job, phase: str, work: Callable[[Job], Report]) -> None:
        """Let it go on in a thread of its own. Refused while it is busy, or when it is over."""
        with self._lock:
            if job.is_busy or job.phase == DONE:
                raise Refused("This import is at work, or over.")
            job.phase, job.rows, job.error = phase, 0, ""
        Thread(target=_run, args=(job, work), name=f"import-{job.number}", daemon=True).start()

    def drop(self, job: Job) -> None:
        """Forget it and its file. Refused while it is at work."""
        if job.is_busy:
            raise Refused("It is at work: wait until it is done.")
        self._jobs.pop(job.number, None)
        job.forget_file()

    def _place(self, number: str, now: datetime) -> Path:
        """A new folder for one file; those that a process left behind a day ago are gone."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for old in self._folder.iterdir():
            with suppress(FileNotFoundError):  # somebody else's import may be over in this very moment
                if old.name not in self._jobs and old.stat().st_mtime < (now - KEPT).timestamp():
                    shutil.rmtree(old, ignore_errors=True)
        place = self._folder / number
        place.mkdir(mode=0o700)
        return place


def page(request: Request, editor: EditorDep) -> Response:
    """The form, and what was brought in since the site was started."""
    return desk_page(request, editor, "imports", jobs=_imports(request).latest())


def receive(request: Request, editor: EditorDep, house: HouseDep, form: FormDep) -> Response:
    """A file comes; it is read and checked at once, and nothing of it is written."""
    upload, proof = form.get("file"), dependencies.field(form, "proof").strip()
    paper = chosen(house, dependencies.field(form, "newsletter"))
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise Refused("Choose a file.")
    if not proof:
        raise Refused("Say how these people agreed: it is kept with each of them as the proof of consent.")
    job = _imports(request).receive(upload, paper.slug, proof, editor.name, house.now)
    _check(request, house, job)
    says(request, f"{job.file_name} for {paper.slug}")
    return redirect(request, f"/desk/imports/{job.number}")


def look(request: Request, editor: EditorDep, number: str) -> Response:
    """How the file is read, what would happen or has happened, and how far it is."""
    job = _imports(request).find(number)
    piece = bool(request.headers.get("hx-request"))
    return desk_page(request, editor, "_import" if piece else "import", job=job, fields=WORDS)


def choose(request: Request, house: HouseDep, form: FormDep, number: str) -> Response:
    """Somebody knows better which column is what; then it is checked anew."""
    job = _imports(request).find(number)
    given = {name: dependencies.field(form, name) for name in FIELDS}
    columns = {
        name: int(value) for name, value in given.items() if value.isdecimal() and int(value) < len(job.headings)
    }
    if "email" not in columns:
        raise Refused("Say which column has the addresses.")
    if job.is_busy or job.phase == DONE:
        raise Refused("This import is at work, or over.")
    job.layout = replace(job.layout, columns=columns)
    _check(request, house, job)
    return redirect(request, f"/desk/imports/{number}")


def start(request: Request, house: HouseDep, number: str) -> Response:
    """It was looked at: now it happens."""
    job = _imports(request).find(number)
    if job.phase not in (CHECKED, FAILED):
        raise Refused("It has not been checked yet.")
    _imports(request).begin(job, IMPORTING, lambda job: _imported(house, job, dry_run=False))
    says(request, f"{job.file_name} into {job.newsletter}")
    return redirect(request, f"/desk/imports/{number}")


def drop(request: Request, number: str) -> Response:
    """Take the file back."""
    _imports(request).drop(_imports(request).find(number))
    return redirect(request, "/desk/imports")


def _check(request: Request, house: House, job: Job) -> None:
    job.phase = FAILED
    _imports(request).begin(job, CHECKING, lambda job: _imported(house, job, dry_run=True))


def _imported(house: House, job: Job, *, dry_run: bool) -> Report:
    def done(rows: int) -> None:
        job.rows = rows

    with house.database.in_bulk() as transaction:
        return transfer.import_csv(
            transaction, house.keys, job.newsletter, job.path, job.proof, house.now,
            dry_run=dry_run, progress=done, layout=job.layout,
        )  # fmt: skip


def _run(job: Job, work: Callable[[Job], Report]) -> None:
    """In its own thread: whatever goes wrong is said on the page, and a bug is in the log too."""
    is_check = job.phase == CHECKING
    try:
        job.report = work(job)
    except (NewsletterError, SubscribersError) as error:
        job.error, job.phase = str(error), FAILED
    except Exception:
        log.exception("An import broke.", action="import_failed")
        job.error, job.phase = "It broke; the log says where. What is in is in: start it again.", FAILED
    else:
        job.of, job.phase = job.report.rows, CHECKED if is_check else DONE
        if job.phase == DONE:
            job.forget_file()


def _plain_name(name: str) -> str:
    """A stranger's file name as ours: no path, no dots at its beginning; it stands in each consent that it brings."""
    return re.sub(r"[^\w.-]+", "-", name.replace("\\", "/").rpartition("/")[2]).lstrip(".-")[-80:]


def _imports(request: Request) -> Imports:
    imports: Imports = request.app.state.imports
    return imports
