"""What a filter thinks of a whole issue, as a mailbox provider would see it."""

import re
import subprocess
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from newsletter import daily, sample
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import dkim, message
from newsletter.rendering import editions
from tests.builders import NOW, a_config

MOST_POINTS = 2.0  # filters call it spam at 5
NEVER = {"BROKEN_HEADERS", "MISSING_MID", "MISSING_DATE", "MISSING_HEADERS", "MIME_HTML_ONLY", "MPART_ALT_DIFF"}
READER = message.Reader(77, 5, 6, "ann@example.net", "Ann")


@pytest.mark.slow
@pytest.mark.spamassassin
def test_the_sample_digest_is_no_spam(sqlite: Database, tmp_path: Path):
    """SpamAssassin without its network tests: at most two points, and none for how the message is made."""
    key_file = tmp_path / "n.pem"
    key_file.write_bytes(dkim.new_key("rsa"))
    table = f'[[dkim]]\ndomain = "example.com"\nselector = "n"\nkey_file = "{key_file}"\n'
    address = "https://post.example.com"
    paper = Paper(a_config(sample.config_text().replace("http://127.0.0.1:8000", address) + table, tmp_path), sqlite)
    score, tests = judged(received(digest(paper, tmp_path / "articles")))
    assert score <= MOST_POINTS, tests
    assert not NEVER & tests


def digest(paper: Paper, articles: Path) -> bytes:
    """The sample morning's issue as a reader gets it."""
    articles.mkdir()
    for path in sample.TODAY.glob("*.md"):
        date = f"date: {(NOW - timedelta(hours=2)).isoformat()}"
        (articles / path.name).write_text(re.sub(r"(?m)^hours_ago:.*$", date, path.read_text()))
    newsletter = paper.config.newsletters[0]
    daily.gather(paper, NOW)
    issue = daily.draft(paper, newsletter, NOW.date(), NOW)
    with paper.database.reading() as session:
        edition = editions.of(session, issue)
    made = message.of_edition(paper.config.site, newsletter, edition)
    return made.fill(READER, paper.config.keys, NOW)


def received(mail: bytes) -> bytes:
    """With the trace of the reader's own server, a second later: dates are judged by it and by no machine's clock."""
    when = format_datetime(NOW + timedelta(seconds=1))
    trace = f"by mx.example.net (Postfix) with ESMTPS id 4W1x2y3z4A for <{READER.email}>;\r\n {when}"
    return f"Received: from relay.example.com (relay.example.com [IPv6:2001:db8::25])\r\n {trace}\r\n".encode() + mail


def judged(mail: bytes) -> tuple[float, set[str]]:
    """(points, names of the tests that matched)."""
    command = ["/usr/bin/spamassassin", "--local", "--test-mode", "--cf", "use_bayes 0"]
    done = subprocess.run(command, input=mail, capture_output=True, timeout=100, check=True)
    status = re.sub(r"\s+", " ", done.stdout.decode("utf-8", "replace"))
    found = re.search(r"X-Spam-Status: \w+, score=(-?[\d.]+) .*?tests=([A-Z0-9_, ]+?) autolearn", status)
    assert found, status[:2000]
    return float(found[1]), set(re.findall(r"[A-Z0-9_]+", found[2]))
