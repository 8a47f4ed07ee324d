"""A site that is served for real: uvicorn on a loopback port, mails caught by aiosmtpd, a clock that a test sets."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiosmtpd.controller import Controller
from starlette.testclient import TestClient

from newsletter.config import Config
from newsletter.database import Database
from newsletter.web.app import create_app, serving
from tests.builders import CONFIG, NOW, a_config
from tests.ports import a_free_port

T = TypeVar("T")
WEEKLY = """
[[newsletters]]
slug = "weekly"
title = "The Harbour Weekly"
sender = "The Harbour Post <weekly@example.com>"
description = "The week's best, to read on a quiet morning."
days = "sat"
send_at = "09:00"
min_articles = 1
"""


@dataclass
class Clock:
    """The time that the site believes in."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Catcher:
    """Takes every mail, as aiosmtpd's handler."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@dataclass
class Site:
    """A site and what belongs to it."""

    config: Config
    database: Database
    clock: Clock
    client: TestClient

    @property
    def url(self) -> str:
        return self.config.site.url


@dataclass
class Served(Site):
    """The same on a real port, with a catcher for its mails."""

    catcher: Catcher
    port: int


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, in a thread of its own: the tests' own one may have a browser's loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> str:
    """The site's config.toml; a module may have another."""
    return CONFIG + WEEKLY


@pytest.fixture
def site(database: Database, clock: Clock, settings: str, tmp_path: Path) -> Iterator[Site]:
    """A site with two newsletters, on each kind of database. Its notices wait in the outbox."""
    config = a_config(settings, tmp_path)
    app = create_app(config, database, clock=clock, sends_notices=False)
    with TestClient(app, base_url=config.site.url, follow_redirects=False) as client:
        yield Site(config, database, clock, client)


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    handler = Catcher(a_free_port())
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, enable_SMTPUTF8=True, ready_timeout=60)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture
def served(sqlite: Database, catcher: Catcher, clock: Clock, settings: str, tmp_path: Path) -> Iterator[Served]:
    """A site on a real port that mails at once."""
    port = a_free_port()
    text = settings.replace("https://post.example.com", f"http://127.0.0.1:{port}")
    config = a_config(text.replace("port = 1025", f"port = {catcher.port}"), tmp_path)
    app = create_app(config, sqlite, clock=clock)
    server = serving(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    with TestClient(app, base_url=config.site.url, follow_redirects=False) as client:
        yield Served(config, sqlite, clock, client, catcher, port)
    server.should_exit = True
    thread.join()
