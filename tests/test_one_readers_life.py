"""One reader from her sign-up to her erasure, through real processes; then every byte that was written is searched."""

import os
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.database import Database
from subscribers import erasure
from subscribers.tokens import Keys
from tests.command import LOOKS_NOWHERE, Project, a_project, an_article_file
from tests.ports import a_free_port
from tests.sink import Sink
from tests.test_run import wait_until

MARA, NAME = "quill.mara@example.com", "Mara Quill"
GIVEN = ("config.toml", "secret.key", "readers.csv")  # by the operator, who deletes what need not be kept
LEAVE_BY_MAIL = f'[mailbox]\naddress = "leave+{{token}}@example.com"\nmaildir = "leave"\n{LOOKS_NOWHERE}'
MANY, DAY = 100, "2026-11-23"
KEYS_OF_THE_PROJECT = Keys((b"0123456789abcdef" * 4,))
TOKEN = re.compile(rb"/(?:u|preferences|confirm|c)/([\w.~-]{20,})")


@contextmanager
def a_web_server(project: Project) -> Iterator[tuple[str, list[str]]]:
    """`newsletter serve`, a process of its own; the site's address, and what it has logged, once it has ended."""
    port = a_free_port()
    file = project.folder / "config.toml"
    site = f"http://127.0.0.1:{port}"
    file.write_text(file.read_text().replace("https://post.example.com", site) + f"\n[web]\nport = {port}\n")
    process, log = project.start("serve"), [""]
    try:
        wait_until(lambda: answers(port))
        yield site, log
    finally:
        process.terminate()
        log[0] = process.communicate(timeout=60)[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def at_once(url: str, body: str, times: int) -> Counter[int]:
    """The statuses of so many POSTs: all are sent before the first answer is read."""
    host, path = url.removeprefix("http://").split("/", 1)
    name, port = host.split(":")
    request = (
        f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    lines = [socket.create_connection((name, int(port)), timeout=60) for _ in range(times)]
    for line in lines:
        line.sendall(request.encode())
    heads = [all_of(line) for line in lines]
    return Counter(int(head.split(maxsplit=2)[1]) for head in heads)


def all_of(line: socket.socket) -> bytes:
    with line:
        return b"".join(iter(lambda: line.recv(65_536), b""))


def the_mail(sink: Sink, words: str) -> str:
    """The mail to her with these words in it, when it has come; quoted-printable is undone."""
    found: list[bytes] = []

    def has_come() -> bool:
        found[:] = [mail.data for mail in sink.taken if mail.recipient == MARA and words.encode() in mail.data]
        return bool(found)

    wait_until(has_come)
    return found[0].replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()


def link(mail: str, door: str) -> str:
    found = re.search(rf"http://[\d.:]+/{door}/[\w.~-]+", mail)
    assert found is not None, door
    return found[0]


def everything_in(url: str) -> str:
    """All tables, also those that are not ours."""
    database = Database(url)
    with database.reading() as session:
        names = session.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table'")
            if database.is_sqlite
            else text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        rows = [str(session.execute(text(f'SELECT * FROM "{name}"')).all()) for name in names.all()]
    database.close()
    return "\n".join(rows)


def files_of(project: Project) -> dict[str, bytes]:
    """Every file that the product wrote there or keeps elsewhere, but for the articles and what it was given."""
    places = [project.folder, Path(os.environ["XDG_CACHE_HOME"])]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    return {str(f): f.read_bytes() for f in files if f.name not in GIVEN and f.parent.name != "articles"}


@pytest.mark.proof
def test_of_a_reader_who_was_erased_only_a_keyed_hash_is_left(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """She signs up (twenty times at once), confirms (twenty times), gets an issue, comes in with a file, leaves (a
    hundred times at once: one leaving, RFC 8058), says why, writes once more in order to leave, and is erased. No log
    ever says an address or a token; afterwards no file and no table does."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # in the common one files come and go meanwhile
    with Sink() as sink:
        project = a_project(
            tmp_path, database_url=database_url, smtp=f'port = {sink.port}\nsecurity = "none"', more=LEAVE_BY_MAIL
        )
        an_article_file(tmp_path)
        (tmp_path / "readers.csv").write_text(f"email,name\n{MARA},{NAME}\nbob@example.com,Bob\n{NAME}@,{NAME}\n")
        with a_web_server(project) as (site, log):
            assert at_once(f"{site}/subscribe", f"email={MARA}&page=daily", 20) == {200: 20}
            assert at_once(link(the_mail(sink, "Please confirm"), "confirm"), "", 20) == {200: 20}
            the_mail(sink, "Welcome")
            said = project("subscribers", "import", "readers.csv", "--proof", "at the stall", "--errors", "errors.csv")
            project("collect")
            project("draft", "daily", "--date", DAY)
            project("approve", f"daily/{DAY}")
            project("send", f"daily/{DAY}")
            issue = the_mail(sink, "Ferry number 1")
            assert at_once(link(issue, "u"), "List-Unsubscribe=One-Click", MANY) == {200: MANY}
            assert at_once(f"{link(issue, 'u')}/why", f"reason=I+am+{NAME.split()[0]}", 1) == {200: 1}
            assert at_once(link(issue, "preferences"), "act=manner&name=Mara+Quill&format=text", 1) == {200: 1}
            [token] = re.findall(r"/u/([\w.~-]+)>", issue)
            said += project("mailbox", "-", stdin=f"From: {MARA}\nTo: leave+{token}@example.com\n\n".encode())
            known = project.json("subscribers", "show", MARA)
            assert [(one["way"], one["reason"]) for one in known["leavings"]] == [("header", "I am Mara")]
            assert [one["act"] for one in known["consents"]] == ["asked", "confirmed"]
            assert known["person"]["name"] == NAME
            project("subscribers", "erase", MARA, "--yes")
            written = b"".join(files_of(project).values())
        tokens = set(TOKEN.findall(b"".join(mail.data.replace(b"=\r\n", b"") for mail in sink.taken)))
    assert len(tokens) > 4
    assert [MARA in said, NAME in said] == [False, False]
    assert Counter(sink.recipients)[MARA] == 3
    assert not [token for token in tokens if token.decode() in log[0] + said]
    assert "@example.com" not in log[0]
    left = everything_in(database_url) + written.decode("latin-1")
    for trace in (MARA, NAME, "mara", *(token.decode() for token in tokens)):
        assert trace.lower() not in left.lower(), trace
    assert erasure.hash_of(KEYS_OF_THE_PROJECT, MARA) in left
    assert "bob@example.com" in left
