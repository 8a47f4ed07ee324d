"""Mail programs' one-click POSTs, then readers' clicks on counted links, against one web process, while a send on the
same database runs.

The web process and the sender are processes of their own, as in life; the load comes over kept connections, each POST
and each click for another reader. `python -m benchmarks.one_click --serve …` is the web process.
"""

import argparse
import asyncio
import json
import logging
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from benchmarks import project
from benchmarks.harness import ROOT, Ratio, Setting, free_port, smtp_sink
from newsletter.cli.out import set_up_logs
from newsletter.database import Database
from newsletter.web.app import create_app, serving
from subscribers.tokens import Keys, Purpose, sign

READERS = 300_000  # so that the send outlasts the POSTs and the clicks
POSTS = 10_000
CONNECTIONS = 32
WANTED_A_SECOND, WANTED_P99_MS = 500, 100
CLICKS_OVER_POSTS = 0.8  # in a second: what is written of a click is not waited for, but its request has more to read
POST = (
    b"POST /u/%b HTTP/1.1\r\nHost: post.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click"
)
GET = (
    b"GET /c/%b/1 HTTP/1.1\r\nHost: post.example.com\r\nAccept: text/html\r\nSec-Fetch-User: ?1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
)
LINK = {"number": 1, "url": "https://news.example.com/ferry", "title": "The ferry", "section": "City", "kind": "story"}
KEYS = Keys((project.KEY.encode(),))


def ratios(setting: Setting) -> list[Ratio]:
    """POSTs a second, the slowest hundredth in milliseconds, and how many failed; clicks as ratios to them."""
    posts = setting.size(POSTS)
    database = project.prepared(setting.folder, setting.size(READERS))
    with project.copy(database, setting.folder / "one-click") as (url, folder), smtp_sink() as relay:
        port = free_port()
        _count_a_link(url)
        web = _started("one_click", serve=port, url=url, folder=folder)
        send = _started("sending", url=url, folder=folder, port=relay)
        try:
            _wait_until_served(port)
            _wait_until_sent_some(url)
            took, speed, failed = _asked(port, _requests(POST, Purpose.UNSUBSCRIBE, posts), b"200")
            waited, pace, lost = _asked(port, _requests(GET, Purpose.CLICK, posts), b"302")
            still_sending = send.poll() is None
        finally:
            for process in (web, send):
                process.terminate()
                process.wait()
    note = f"{posts:,} POSTs on {CONNECTIONS} connections, " + ("a send ran all the time" if still_sending else "ALONE")
    p99, click_p99 = (statistics.quantiles(each, n=100)[98] * 1000 for each in (took, waited))
    over, a_second, against = pace / speed, f"{pace:,.0f} a second", f"{click_p99 / p99:.2f} times a POST's"
    return [
        Ratio("one-click POSTs", (speed,), WANTED_A_SECOND, unit="/s", note=note),
        Ratio("one-click POST, slowest hundredth", (p99,), WANTED_P99_MS, at_least=False, unit="ms"),
        Ratio("one-click POSTs that failed", (float(failed),), 0, at_least=False, unit=""),
        Ratio("clicks on counted links, against one-click POSTs", (over,), CLICKS_OVER_POSTS, note=a_second),
        Ratio("click, slowest hundredth", (click_p99,), WANTED_P99_MS, at_least=False, unit="ms", note=against),
        Ratio("clicks that failed", (float(lost),), 0, at_least=False, unit=""),
    ]


def _count_a_link(url: str) -> None:
    """The issue's edition has one link that is counted."""
    with closing(Database(url)) as database, database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE edition SET links = ?", (json.dumps([LINK]),))


def _requests(words: bytes, purpose: Purpose, count: int) -> list[bytes]:
    """One for each of so many readers, out of the mail of issue 1."""
    return [words % sign(KEYS, purpose, number, 1).encode() for number in range(1, count + 1)]


def _asked(port: int, requests: Sequence[bytes], good: bytes) -> tuple[list[float], float, int]:
    """Seconds of each, how many a second, how many were not answered by the status `good`."""
    waiting = iter(requests)
    answers: list[tuple[float, bool]] = []

    async def ask_all() -> None:
        await asyncio.gather(*(_keep_asking(port, waiting, good, answers) for _ in range(CONNECTIONS)))

    began = monotonic()
    asyncio.run(ask_all())
    took = monotonic() - began
    return [seconds for seconds, _ in answers], len(answers) / took, sum(not is_good for _, is_good in answers)


async def _keep_asking(port: int, requests: Iterator[bytes], good: bytes, answers: list[tuple[float, bool]]) -> None:
    """One kept connection; bytes by hand, so that the load takes little of the machine that it loads."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        began = monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        answers.append((monotonic() - began, head.startswith(b"HTTP/1.1 " + good)))
    writer.close()


def _started(module: str, **arguments: object) -> "subprocess.Popen[bytes]":
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", f"benchmarks.{module}", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_until_served(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    raise SystemExit("The web process did not start.")


def _wait_until_sent_some(url: str) -> None:
    with closing(Database(url)) as database:
        for _ in range(1200):
            with database.reading() as session:
                if (
                    session.connection()
                    .exec_driver_sql("SELECT 1 FROM delivery WHERE state='accepted' LIMIT 1")
                    .first()
                ):
                    return
            sleep(0.05)
    raise SystemExit("The send did not begin.")


def main() -> None:
    """The web process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, required=True, metavar="PORT")
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    wanted = parser.parse_args()
    set_up_logs(logging.INFO)  # one line an answer, as in life
    app = create_app(project.a_config(wanted.folder, 25, 1, "clicks = true\n"), Database(wanted.url))
    serving(app, "127.0.0.1", wanted.serve).run()


if __name__ == "__main__":
    main()
