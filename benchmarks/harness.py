"""What every bench stands on: receivers, references, a project filled with readers, and the table of ratios.

A bench measures us and a reference in turns, in one run, and shows the median of the ratios: a bare time says more
about the machine and its other guests than about the program.
"""

import json
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from time import monotonic, process_time, sleep
from typing import Any

ROOT = Path(__file__).parent.parent
SINK = which("smtp-sink") or "/usr/sbin/smtp-sink"
SOURCE = which("smtp-source") or "/usr/sbin/smtp-source"
MESSAGE_BYTES = 20_000
DATA = ROOT.parent / "shared" / "data"  # labelled stories and real feeds; no part of the project


@dataclass(frozen=True)
class Setting:
    """How thoroughly to measure."""

    folder: Path  # for databases and journals; emptied afterwards
    data: Path = DATA
    quick: bool = False  # fewer readers and rounds: to see that the bench works, not to quote

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 5

    def size(self, count: int) -> int:
        """`count` readers, or a tenth in a quick run."""
        return count // 10 if self.quick else count


@dataclass(frozen=True)
class Ratio:
    """One line of the table. Every round's ratio is kept; the median counts."""

    name: str
    values: tuple[float, ...]
    wanted: float
    at_least: bool = True  # False: at most
    unit: str = "×"
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        return self.median >= self.wanted if self.at_least else self.median <= self.wanted


def table(ratios: Sequence[Ratio]) -> str:
    """The ratios as a Markdown table."""
    rows = [
        f"| {r.name} | {r.median:.2f} {r.unit} | {min(r.values):.2f}–{max(r.values):.2f} | "
        f"{'≥' if r.at_least else '≤'} {r.wanted:g} | {'yes' if r.is_met else 'NO'} | {r.note} |"
        for r in ratios
    ]
    head = ["| what | median | range | wanted | met | note |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's smtp-sink in a process of its own; gives its port."""
    port = free_port()
    user = ["-u", "nobody"] if _is_root() else []
    process = subprocess.Popen([SINK, *user, f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    with _running(process, port):
        yield port


@contextmanager
def slow_line(port: int, milliseconds: int) -> Iterator[int]:
    """A proxy to `port` that adds so much to every byte's way, in each direction; gives its own port."""
    mine = free_port()
    command = [sys.executable, "-m", "benchmarks.slow_line", str(mine), str(port), str(milliseconds)]
    with _running(subprocess.Popen(command, cwd=ROOT), mine):
        yield mine


def measured(module: str, **arguments: object) -> dict[str, Any]:
    """Run `python -m benchmarks.MODULE` in a process of its own and return the JSON it prints."""
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", f"benchmarks.{module}", *words]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.{module} failed with status {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def smtp_source(port: int, count: int) -> float:
    """Messages a second of Postfix's own load generator: eight sessions, kept connections, no ledger, all alike."""
    command = [SOURCE, "-d", "-s", "8", "-l", str(MESSAGE_BYTES), "-m", str(count), f"127.0.0.1:{port}"]
    start = monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return count / (monotonic() - start)


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak memory in MB of this process while `work` runs."""
    start, cpu = monotonic(), process_time()
    work()
    return {"seconds": monotonic() - start, "cpu": process_time() - cpu, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """Of this program alone: what `getrusage` says counts in whoever started it, and that one filled the database."""
    status = Path("/proc/self/status").read_text()
    [line] = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(process: "subprocess.Popen[bytes]", port: int) -> Iterator[None]:
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}: is Postfix's smtp-sink installed?")


def _is_root() -> bool:
    return subprocess.check_output(["/usr/bin/id", "-u"]).strip() == b"0"
