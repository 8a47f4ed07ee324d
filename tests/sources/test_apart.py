"""Parsing in a process of its own: `newsletter.sources.apart`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.errors import FetchError
from newsletter.sources import apart, feed
from newsletter.sources.apart import Parsers

LONDON = ZoneInfo("Europe/London")
URL = "https://news.example/feed"
ITEM = (
    b"<item><guid>%d</guid><title>Ferry %d &amp; crew</title><description>Back after &lt;b&gt;weeks&lt;/b&gt;."
    b"</description><pubDate>Mon, 23 Nov 2026 05:00:00</pubDate></item>"
)
LARGE = b"<rss version='2.0'><channel><ttl>60</ttl>" + b"".join(ITEM % (n, n) for n in range(400)) + b"</channel></rss>"
HEAVY = b"<rss version='2.0'><channel>" + b"<item>" * 90_000

WORST = """
import json, sys, time
from pathlib import Path
from newsletter.errors import FetchError
from newsletter.sources import feed
from datetime import UTC
slowest, count, articles = 0.0, 0, 0
for path in sorted(p for p in Path(sys.argv[1]).rglob("*") if p.is_file()):
    begun = time.process_time()
    try:
        found = feed.parse(path.read_bytes(), "https://news.example/feed", zone=UTC, max_items=500).articles
        assert all(article.title and article.guid and len(article.guid) <= 500 for article in found), path.name
        articles += len(found)
    except FetchError:
        pass
    slowest, count = max(slowest, time.process_time() - begun), count + 1
# Not getrusage: there a child begins with the peak of the process that started it.
lines = Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else []
peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
print(json.dumps({"slowest": slowest, "count": count, "articles": articles, "peak": peak}))
"""


def parsed(parsers: Parsers, data: bytes) -> int:
    """How many articles a feed has."""
    return len(parsers.feed(data, URL, zone=LONDON, max_items=500, content_type="text/xml").articles)


def test_what_is_parsed_apart_is_what_is_parsed_here():
    """Dates, zones, sections, rest: nothing is lost on the way between the processes."""
    assert len(LARGE) > apart.SMALL
    with Parsers() as parsers:
        found = parsers.feed(LARGE, URL, zone=LONDON, max_items=500, content_type="text/xml")
    assert found == feed.parse(LARGE, URL, zone=LONDON, max_items=500, content_type="text/xml")


def test_one_process_serves_many_and_ends_with_the_block():
    """Starting one for each feed would cost a collection seconds."""
    with Parsers() as parsers:
        assert [parsed(parsers, LARGE) for _ in range(3)] == [400] * 3
        child = parsers._idle.get()
        assert parsers._idle.empty()
        parsers._idle.put(child)
    assert child._child.returncode is not None


def test_what_takes_too_long_is_given_up_and_the_next_one_is_parsed():
    """Its process is killed; a fresh one takes over."""
    with Parsers(seconds=0.3) as hasty, pytest.raises(FetchError, match=r"within 0.3 seconds"):
        parsed(hasty, HEAVY)
    with Parsers() as parsers:
        with pytest.raises(FetchError, match="no feed"):
            parsed(parsers, b"<html>" + b"x" * 60_000)
        assert parsed(parsers, LARGE) == 400


@pytest.mark.slow
def test_what_takes_too_much_work_is_ended_by_the_system(monkeypatch: pytest.MonkeyPatch):
    """Each feed has its own share of the processor, however many came before it; a busy machine robs it of none."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    child = (
        "from newsletter.sources import apart; apart.CPU_SECONDS = 2; from time import process_time as used\n"
        "def work(job, data):\n"
        "    begun = used()\n"
        "    while used() < begun + job['work']: pass\n"
        "    return job['work']\n"
        "apart._PARSE['feed'] = work; apart.main()"
    )
    jobs = [json.dumps({"what": "feed", "size": 1, "work": work}).encode() + b"\nx" for work in (0.5, 0.5, 0.5, 30)]
    done = subprocess.run([sys.executable, "-c", child], input=b"".join(jobs), capture_output=True, timeout=110)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"found": 0.5}] * 3
    assert done.returncode == -signal.SIGXCPU


@pytest.mark.slow
def test_what_takes_too_much_memory_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch):
    """The bound is the process's own: the machine never feels it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    child = (
        "from newsletter.sources import apart; apart.MEMORY = 150_000_000; "
        "apart._PARSE['feed'] = lambda job, data: bytearray(10**9); apart.main()"
    )
    job = json.dumps({"what": "feed", "size": 1}).encode() + b"\nx"
    done = subprocess.run([sys.executable, "-c", child], input=job, capture_output=True, timeout=110)
    assert json.loads(done.stdout) == {"error": "It can't be parsed: MemoryError."}


def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch):
    """Whoever breaks a parser finds nothing to take."""
    monkeypatch.setenv("NEWSLETTER_SMTP_PASSWORD", "canary")
    child = apart._Process()
    try:
        environment = Path(f"/proc/{child._child.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc on this system")
        assert child.ask({"what": "feed", "url": URL, "zone": "UTC", "max_items": 1, "content_type": ""}, b"x", 100)
        assert b"canary" not in environment.read_bytes()
    finally:
        child.end()


@pytest.mark.shared
@pytest.mark.proof
@pytest.mark.timeout(600)
def test_odd_and_broken_feeds_take_neither_time_nor_memory(shared: Path):
    """3,200 feeds that are wrong in every way, one after another: two seconds each, 200 MB for all."""
    command = [sys.executable, "-c", WORST, str(shared / "data" / "feed-torture")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True)
    told = json.loads(done.stdout)
    assert told["count"] >= 3_000
    assert told["articles"] > 1_000
    assert told["slowest"] < 2
    assert told["peak"] < 200_000_000
