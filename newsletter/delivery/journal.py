"""What a sender writes down while it works, so that a crash can be read back (RFC 1047).

One append-only file a sender, beside the database. Before a final dot goes on the wire the sender writes `D id`, after
the reply `R id code status words`, at the latest together with the line's next `D`. Deliveries that a dead sender had
in hand are then known one by one: with an R line the relay's word is recorded, with only a D line they are uncertain,
with none they go back into the queue.

Beside them lies one small file an issue, `SLUG-DATE.claims`: how many batches this machine knows to have been claimed.
A store that knows of fewer is older than this machine's memory: somebody restored it from a backup.

The journal is locked while its sender lives; the kernel lets go of the lock when the process dies, however it dies. A
machine that lost power may have lost lines: after a reboot everything without an R line counts as uncertain.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

from newsletter.delivery.conversation import Answer
from newsletter.delivery.replies import Reply, Stage
from newsletter.errors import StoreError
from newsletter.issues.models import Issue

SUFFIX = ".journal"
_DOT = Stage.DOT


class Journal:
    """The open journal of a living sender. `name` is the sender's, as in the ledger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid4().hex
        self._path = folder / f"{self.name}{SUFFIX}"
        unborn = folder / f".{self.name}"  # nobody looks for it before it is locked
        self._file = os.open(unborn, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._folder = folder
        self.clear()
        unborn.rename(self._path)

    def note(self, heard: Sequence[Answer], dots: Sequence[int]) -> None:
        """Called with what the relay has answered, and just before the final dots of these deliveries. One write."""
        lines = ""
        for answer in heard:
            if answer.stage is _DOT and (reply := answer.reply):
                lines += f"R {answer.id} {reply.written}\n"
        for number in dots:
            lines += f"D {number}\n"
        if lines:
            self._write(lines.encode())

    def claimed(self, issue: Issue, number: int) -> None:
        """Called when the issue's claim of that number has come through."""
        _memory(self._folder, issue).write_text(f"{number}\n")

    def clear(self) -> None:
        """Everything so far is in the ledger, and no final dot is on the wire."""
        os.ftruncate(self._file, 0)
        self._write(f"B {_boot()}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Nothing is in hand any more: the file goes. After an error it stays, unlocked, for `orphans` to read."""
        if error is None:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _write(self, lines: bytes) -> None:
        """Whole lines, or an error: letters whose lines are not on record don't get their final dots."""
        try:
            written = os.write(self._file, lines)
        except OSError as error:
            raise _unwritable(self._path, error.strerror or "") from error
        if written != len(lines):
            raise _unwritable(self._path, "the disk is full")


def _unwritable(path: Path, why: str) -> StoreError:
    return StoreError(f"The journal {path} can't be written: {why}. Sending has stopped, nothing is lost; send again.")


def remembers_more(folder: Path, issue: Issue) -> bool:
    """Whether this machine knows of more claims of an issue than the store does. Says so once: from then on the
    store's number holds, for whoever lets the issue go on has decided."""
    memory = _memory(folder, issue)
    try:
        remembered = int(memory.read_text())
    except (FileNotFoundError, ValueError):
        return False
    if remembered > issue.claims:
        memory.write_text(f"{issue.claims}\n")
    return remembered > issue.claims


def _memory(folder: Path, issue: Issue) -> Path:
    return folder / f"{issue.newsletter}-{issue.issue_date}.claims"


@dataclass
class Remains:
    """What a dead sender left: `dotted` had their final dot on the wire, `answers` are the relay's words."""

    name: str
    rebooted: bool  # lines may be missing
    dotted: set[int] = field(default_factory=set)
    answers: dict[int, Answer] = field(default_factory=dict)


def orphans(folder: Path) -> Iterator[Remains]:
    """The journals of senders that are dead, each locked while it is looked at and deleted after the loop's body has
    recorded it. A living sender's is passed over."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        try:
            if path.exists():  # another one may have cleared it up before we had the lock
                yield read(path.stem, path.read_bytes())
                path.unlink(missing_ok=True)
        finally:
            os.close(file)


def read(name: str, raw: bytes) -> Remains:
    """What the lines of a journal say. A last line without its end was refused by a full disk: its dot never went."""
    remains = Remains(name, rebooted=True)
    for line in raw.decode("utf-8", "replace").split("\n")[:-1]:
        match line.split(" ", 4):
            case ["B", boot]:
                remains.rebooted = boot != _boot()
            case ["D", number] if number.isdigit():
                remains.dotted.add(int(number))
            case ["R", number, code, status, text] if number.isdigit() and code.isdigit():
                reply = Reply(int(code), "" if status == "-" else status, text)
                remains.answers[int(number)] = Answer(int(number), Stage.DOT, reply)
    return remains


def _boot() -> str:
    """Which run of the machine this is; "?" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "?"
