"""The command line as a person has it: a real process, its exit status, what it prints.

Commands that end by themselves are forked off a process that has imported the program already: a second of imports for
each of some hundred commands would be most of the tests' time. What goes on beside a test is started as a person does.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from newsletter import cli

NEWSLETTER = Path(sys.executable).parent / "newsletter"
COMMANDS = Path(cli.__file__).parent.glob("[a-z]*.py")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "tests.command", *(f"newsletter.cli.{file.stem}" for file in COMMANDS)])
PATIENCE_SECONDS = 110
LOOKS_NOWHERE = '[preflight]\nlook-outside = "never"'  # a check would ask SpamAssassin, for seconds


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int | None  # of the process; None if it had to be killed
    stdout: str
    stderr: str


@dataclass
class Project:
    """A folder with a config.toml; `project("draft", "daily")` runs the command there."""

    folder: Path

    def __call__(self, *words: str, status: int = 0, stdin: bytes = b"", **environment: str) -> str:
        """Run a command, demand its exit status, and return what it printed on stdout (stderr if it failed)."""
        done = self._run(words, environment, status, stdin)
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stderr

    def json(self, *words: str, status: int = 0) -> Any:
        """The one JSON document that a command prints."""
        return json.loads(self._run((*words, "--json"), {}, status).stdout)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """The same, going on beside the test."""
        return subprocess.Popen(
            self.command(*words), **self._place({}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def command(self, *words: str) -> list[str]:
        return [str(NEWSLETTER), *words]

    def _run(self, words: tuple[str, ...], environment: dict[str, str], status: int, stdin: bytes = b"") -> Done:
        done = self._fork(words, environment, stdin)
        assert done.status == status, f"{words}: status {done.status}\n{done.stdout}\n{done.stderr}"
        return done

    def _fork(self, words: tuple[str, ...], environment: dict[str, str], stdin: bytes) -> Done:
        with TemporaryDirectory() as place:
            given, out, err = (Path(place) / name for name in ("in", "out", "err"))
            given.write_bytes(stdin)
            env = self._place(environment)["env"]
            process = FORKS.Process(target=_be_the_command, args=(words, self.folder, env, (given, out, err)))
            process.start()
            process.join(PATIENCE_SECONDS)
            if process.exitcode is None:
                process.kill()
                process.join()
                return Done(None, out.read_text(), err.read_text())
            return Done(process.exitcode, out.read_text(), err.read_text())

    def _place(self, environment: dict[str, str]) -> dict[str, Any]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
        return {"cwd": self.folder, "env": plain | {"COLUMNS": "200"} | environment, "stdin": subprocess.DEVNULL}


def _be_the_command(words: tuple[str, ...], folder: Path, env: dict[str, str], streams: tuple[Path, ...]) -> None:
    for number, file in enumerate(streams):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY), number)
    sys.stdin = os.fdopen(0, closefd=False)  # a fork's own is /dev/null
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(folder)
    sys.argv = [str(NEWSLETTER), *words]
    cli.main()


def a_project(folder: Path, *, database_url: str = "", smtp: str = "", newsletter: str = "", more: str = "") -> Project:
    """A small project that sends to `smtp`; the arguments are lines of TOML for their tables, `more` whole tables."""
    (folder / "articles").mkdir(parents=True, exist_ok=True)
    (folder / "secret.key").write_text("0123456789abcdef" * 4 + "\n")
    (folder / "config.toml").write_text(f"""
[site]
name = "The Harbour Post"
url = "https://post.example.com"
postal_address = "1 Quay Street, Harbourton"
[database]
url = "{database_url or "sqlite:///newsletter.db"}"
[smtp]
host = "127.0.0.1"
{smtp or 'security = "none"'}
[[sources]]
name = "city-desk"
title = "The Harbour Post"
kind = "folder"
path = "articles"
section = "City"
[[newsletters]]
slug = "daily"
title = "The Harbour Daily"
sender = "The Harbour Post <daily@example.com>"
min_articles = 1
{newsletter}
{more}
{LOOKS_NOWHERE if "[preflight]" not in more else ""}
""")
    return Project(folder)


def an_article_file(folder: Path, number: int = 1, date: str = "2026-11-23 04:30") -> None:
    """A small article in the project's folder."""
    (folder / "articles" / f"ferry-{number}.md").write_text(
        f"---\ntitle: Ferry number {number} sails again\ndate: {date}\nstandfirst: After {number} weeks.\n---\n"
        "She came round the breakwater at ten past four, an hour late and sounding her horn.\n"
    )


def readers_file(folder: Path, count: int) -> list[str]:
    """readers.csv with `count` addresses; returns them."""
    addresses = [f"reader{n}@example.com" for n in range(1, count + 1)]
    (folder / "readers.csv").write_text("email\n" + "\n".join(addresses) + "\n")
    return addresses
