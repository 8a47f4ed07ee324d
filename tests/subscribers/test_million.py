"""A file of a million people: read whole, in memory that does not grow with it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.command import a_project

ROWS = 1_000_000
MAX_MB = 400


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_million_rows_are_checked_in_bounded_memory(tmp_path: Path):
    """Names of two lines, a bad address in every thousandth row, the never-mail list asked for each; a dry run."""
    project = a_project(tmp_path)
    project("db", "upgrade")
    with (tmp_path / "people.csv").open("w", encoding="utf-8", newline="") as out:
        out.write("Email,Name,Status\r\n")
        for n in range(ROWS):
            domain = f"mail{n % 500}.example.com" if n % 1_000 else "no domain"
            out.write(f'reader.{n}@{domain},"Reader\n{n}",{"unsubscribed" if n % 10 == 1 else "active"}\r\n')
    words = project.command("subscribers", "import", "people.csv", "--dry-run", "--json")
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as command:
        assert command.stdout is not None
        told = json.loads(command.stdout.read())
        _, status, used = os.wait4(command.pid, 0)
        command.returncode = os.waitstatus_to_exitcode(status)
    assert command.returncode == 0
    assert (told["new"], told["invalid"]) == (ROWS - ROWS // 1_000, ROWS // 1_000)
    assert told["lines"][1]["line"] == 2 + 2 * 1_000
    assert used.ru_maxrss < MAX_MB * 1024
