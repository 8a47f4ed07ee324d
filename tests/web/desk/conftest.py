"""A desk with one editor of each role, and browsers in which they are logged in."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.testclient import TestClient

from newsletter.config import Config
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.editors import Role, accounts, sessions
from newsletter.web import app as web
from newsletter.web.app import create_app
from newsletter.web.desk.door import COOKIE
from tests.builders import CONFIG, a_config
from tests.web.conftest import WEEKLY, Clock

PASSWORD = "three quiet words"
HASH = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # it says its own cost: little
NAMES = {Role.VIEWER: "Vera", Role.EDITOR: "Ed", Role.SENDER: "Sam", Role.ADMIN: "Ada"}


@dataclass
class Desk:
    """A site with its desk; `browser` opens one for somebody."""

    config: Config
    database: Database
    clock: Clock
    app: Any
    _open: ExitStack = field(default_factory=ExitStack)

    def browser(self, role: Role | None = None, **more: Any) -> "Browser":
        """A new browser; logged in as the editor of `role` if one is named."""
        client = self._open.enter_context(
            TestClient(self.app, base_url=self.config.site.url, follow_redirects=False, **more)
        )
        made = Browser(client)
        if role is not None:
            made.enter(self, role)
        return made


@dataclass
class Browser:
    """Somebody's browser: it keeps the cookie, and sends the token of the last page's forms."""

    client: TestClient
    token: str = ""

    def enter(self, desk: Desk, role: Role) -> None:
        """As after a login, without the slow hashing of one."""
        with desk.database.transaction() as session:
            editor = accounts.find(session, f"{NAMES[role].lower()}@example.com")
            token = sessions.begin(session, editor, desk.clock())
        self.client.cookies.set(COOKIE, token, path="/desk")
        self.get("/desk")

    def log_in(self, email: str, password: str = PASSWORD) -> Response:
        answer: Response = self.client.post("/desk/login", data={"email": email, "password": password})
        if answer.status_code == 303:
            self.get("/desk")
        return answer

    def get(self, path: str, **more: Any) -> Response:
        answer: Response = self.client.get(path, **more)
        found = re.search(r'name="form_token" value="(\w+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Response:
        answer: Response = self.client.post(path, data={"form_token": self.token, **fields}, headers=headers)
        return answer


def with_editors(database: Database, clock: Clock) -> None:
    """One editor of each role."""
    with database.transaction() as session:
        for role, name in NAMES.items():
            editor = accounts.add(session, f"{name.lower()}@example.com", name, role, clock())
            editor.password_hash = HASH


@pytest.fixture
def desk(sqlite: Database, clock: Clock, tmp_path: Path) -> Iterator[Desk]:
    """A desk on SQLite: what lies below it is tested on both databases elsewhere."""
    yield from opened(sqlite, clock, tmp_path)


@pytest.fixture
def desk_anywhere(database: Database, clock: Clock, tmp_path: Path) -> Iterator[Desk]:
    """The same, once on each kind of database."""
    yield from opened(database, clock, tmp_path)


def opened(database: Database, clock: Clock, folder: Path, text: str = CONFIG + WEEKLY) -> Iterator[Desk]:
    config = a_config(text, folder)
    with_editors(database, clock)
    app = create_app(config, database, clock=clock, sends_notices=False)
    with ExitStack() as stack:
        yield Desk(config, database, clock, app, stack)


@contextmanager
def serving(paper: Paper, port: int, clock: Callable[[], datetime]) -> Iterator[None]:
    """The site on a real port, until the block ends; open lines of watchers end with it."""
    app = create_app(paper.config, paper.database, clock=clock, sends_notices=False)
    server = web.serving(app, "127.0.0.1", port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    yield
    server.should_exit = True
    thread.join()
