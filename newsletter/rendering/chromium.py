"""Chromium, driven over its own pipe (the DevTools protocol): exact widths, day and night, whole pages.

Nothing but the program itself is needed, found on PATH. It speaks JSON, each message ended by a zero byte: we write to
its descriptor 3 and read from its 4. A browser that says nothing for too long is ended.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from newsletter.errors import Refused

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
SECONDS = 60.0  # for one answer
TALLEST = 16_000  # pixels; Chromium draws nothing beyond
_FLAGS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
)  # fmt: skip


class Chromium:
    """A running browser with one page."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._number, self._rest = 0, b""
        self._events: list[str] = []  # heard since the page was asked for
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Emulation.setScriptExecutionDisabled", value=True)

    def photograph(self, page: Path, width: int, scheme: str, scale: float = 2) -> bytes:
        """A PNG of the whole page in a file, `width` pixels wide, by day ("light") or night ("dark")."""
        self._emulate(width, 800, scale)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._events = []
        self._call("Page.navigate", url=page.as_uri())
        self._wait_for("Page.loadEventFired")
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        self._emulate(width, min(int(size["height"]), TALLEST), scale)
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _emulate(self, width: int, height: int, scale: float) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask for `method` and return its result. Refused, in words, if the browser can't."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == self._number:
                break
            self._events.append(str(heard.get("method")))
        if "error" in heard:
            raise Refused(f"Chromium can't do {method}: {heard['error'].get('message')}.")
        result: dict[str, Any] = heard["result"]
        return result

    def _wait_for(self, event: str) -> None:
        while event not in self._events:
            self._events.append(str(self._hear().get("method")))

    def _hear(self) -> dict[str, Any]:
        """The next message."""
        until = monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                raise Refused(f"Chromium said nothing for {SECONDS:g} seconds, or ended. Try it by hand.")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard


def program() -> str:
    """Where Chromium is. Refused, with what to do, where there is none."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise Refused("There is no Chromium on this machine. Install it (`apt-get install chromium`), then try again.")


@contextmanager
def started() -> Iterator[Chromium]:
    """A browser with a profile of its own, ended and cleared away in any case."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox to be in
    with TemporaryDirectory(prefix="newsletter-chromium-", ignore_cleanup_errors=True) as profile:
        its_in, to_browser = _high_pipe()
        from_browser, its_out = _high_pipe()
        running = subprocess.Popen(  # noqa: S603 - a program found on PATH, no shell
            [program(), *_FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=lambda: (os.dup2(its_in, 3), os.dup2(its_out, 4)),  # no threads here
        )  # fmt: skip
        os.close(its_in)
        os.close(its_out)
        try:
            yield Chromium(to_browser, from_browser)
        finally:
            os.close(to_browser)  # it ends when nobody speaks to it any more
            try:
                running.wait(timeout=10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            os.close(from_browser)


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends are no 3 and no 4 themselves: (read, write)."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return high[0], high[1]
