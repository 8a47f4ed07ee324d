"""Parse a stranger's bytes in a process of its own, so that no feed and no page can keep us or eat the machine.

A thread can't be stopped, a process can: whatever the bytes do to a parser, after CPU_SECONDS of work it is gone, and
it never gets more than MEMORY. A process is started when the first large feed comes, serves one after another, and ends
with the block. Small feeds are parsed on the spot: they can't do much, and a process takes a tenth of a second.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Timer
from typing import Any, BinaryIO, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from newsletter.errors import FetchError
from newsletter.sources import feed, page
from newsletter.sources.found import FoundArticle, FoundFeed

CPU_SECONDS = 10  # for one feed or page; 8 MB of whole articles take five
SECONDS = 60.0  # by the clock, should the machine be busy
MEMORY = 1_000_000_000  # bytes of address space; a feed of 8 MB takes feedparser a third of it
SMALL = 50_000  # bytes of a feed; the worst that is known takes half a second

_FEED, _PAGE = TypeAdapter(FoundFeed), TypeAdapter(FoundArticle)
Found = TypeVar("Found")


class Parsers:
    """The parsers of one collection, as many at once as there are cores. Safe between threads."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._free = BoundedSemaphore(os.cpu_count() or 1)

    def feed(self, data: bytes, url: str, *, zone: ZoneInfo, max_items: int, content_type: str) -> FoundFeed:
        """What `feed.parse` finds. Raises FetchError also for one that takes too long."""
        if len(data) <= SMALL:
            return feed.parse(data, url, zone=zone, max_items=max_items, content_type=content_type)
        more = {"zone": zone.key, "max_items": max_items, "content_type": content_type}
        return self._found(_FEED, {"what": "feed", "url": url, **more}, data)

    def page(self, data: bytes, url: str, *, zone: ZoneInfo, content_type: str) -> FoundArticle:
        """What `page.read` finds. Raises FetchError also for one that takes too long."""
        return self._found(_PAGE, {"what": "page", "url": url, "zone": zone.key, "content_type": content_type}, data)

    def _found(self, kind: TypeAdapter[Found], job: dict[str, Any], data: bytes) -> Found:
        with self._free:
            process = self._take()
            answer = process.ask(job, data, self._seconds)
            if answer is None:
                seconds = min(self._seconds, CPU_SECONDS)
                raise FetchError(
                    f"It can't be parsed within {seconds:g} seconds and {MEMORY // 10**6:,} MB; "
                    "whatever it is, it is no feed or page as newsrooms write them."
                )
            self._idle.put(process)
        if error := answer.get("error"):
            raise FetchError(error)
        return kind.validate_python(answer["found"])

    def _take(self) -> "_Process":
        try:
            return self._idle.get_nowait()
        except Empty:
            return _Process()

    def __enter__(self) -> "Parsers":
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().end()


class _Process:
    """One child that parses: a line of JSON and the bytes go in, a line of JSON comes out."""

    def __init__(self) -> None:
        secretless = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "newsletter.sources.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=secretless,
        )

    def ask(self, job: dict[str, Any], data: bytes, seconds: float) -> dict[str, Any] | None:
        """Its answer; None if there is none in time, or ever: then the child is dead."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        clock = Timer(seconds, self._child.kill)
        clock.start()
        line = b""
        try:
            with suppress(BrokenPipeError):
                self._child.stdin.write(json.dumps(job | {"size": len(data)}).encode() + b"\n" + data)
                self._child.stdin.flush()
                line = self._child.stdout.readline()
        finally:
            clock.cancel()
        if line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.end()
        return None

    def end(self) -> None:
        """Send the child away, whatever it is doing."""
        self._child.kill()
        with suppress(BrokenPipeError):
            self._child.communicate()


# --- in the child ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Answer one job after another until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library may print is no answer
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    _serve(sys.stdin.buffer, answers)


def _limit(what: int, most: int) -> None:
    with suppress(ValueError, OSError):  # a system may know no such limit, or have a lower one
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    for line in jobs:
        job = json.loads(line)
        data = jobs.read(job["size"])
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + CPU_SECONDS)  # beyond it the system ends us
        try:
            answer = {"found": _PARSE[job["what"]](job, data)}
        except FetchError as error:
            answer = {"error": str(error)}
        except (MemoryError, RecursionError) as error:
            answer = {"error": f"It can't be parsed: {type(error).__name__}."}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _feed(job: dict[str, Any], data: bytes) -> Any:
    found = feed.parse(
        data, job["url"], zone=ZoneInfo(job["zone"]), max_items=job["max_items"], content_type=job["content_type"]
    )
    return _FEED.dump_python(found, mode="json")


def _page(job: dict[str, Any], data: bytes) -> Any:
    found = page.read(data, job["url"], zone=ZoneInfo(job["zone"]), content_type=job["content_type"])
    return _PAGE.dump_python(found, mode="json")


_PARSE: dict[str, Callable[[dict[str, Any], bytes], Any]] = {"feed": _feed, "page": _page}

if __name__ == "__main__":
    main()
