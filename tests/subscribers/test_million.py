"""A file of a million people: read whole, in memory that does not grow with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import a_project

ROWS = 1_000_000
MAX_MB = 400
# In a process between: the peak of a command that is started from here begins with that of all tests before it.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdin=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


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
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], cwd=tmp_path, check=True, text=True, stdout=subprocess.PIPE
    )
    said, _, peak_kb = done.stdout.rstrip().rpartition("\n")
    told = json.loads(said)
    assert (told["new"], told["invalid"]) == (ROWS - ROWS // 1_000, ROWS // 1_000)
    assert told["lines"][1]["line"] == 2 + 2 * 1_000
    assert int(peak_kb) < MAX_MB * 1024
