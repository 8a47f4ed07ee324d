"""What a filter thinks of a whole issue, as a mailbox provider would see it."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from smtplib import SMTP

import pytest
import trustme

from newsletter import daily, sample
from newsletter.config import Config
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import dkim, message
from newsletter.issues import assemble
from newsletter.rendering import render
from newsletter.rendering.templates import of_project
from tests.builders import NOW, a_config
from tests.postfix import Postfix

MOST_POINTS = 1.0  # filters call it spam at 5
NEVER = {"BROKEN_HEADERS", "MISSING_MID", "MISSING_DATE", "MISSING_HEADERS", "MIME_HTML_ONLY", "MPART_ALT_DIFF"}
READER = message.Reader(77, 5, 6, "ann@example.com", "Ann")
DESIGNS = ("digest", "letter", "links")


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Postfix]:
    certificate = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with Postfix(certificate, [READER.email]) as running:
        yield running


@pytest.mark.slow
@pytest.mark.spamassassin
@pytest.mark.postfix
def test_no_shipped_design_is_spam(sqlite: Database, tmp_path: Path, relay: Postfix):
    """SpamAssassin without its network tests, of mails that Postfix has delivered: at most one point each, and none
    for how the message is made."""
    config = sample_config(tmp_path)
    with SMTP("127.0.0.1", relay.port, "relay.example.com") as line:
        for mail in issues_of(config, sqlite, tmp_path / "articles"):
            line.sendmail("bounces@example.com", READER.email, mail)
    relay.wait_for(len(DESIGNS))
    verdicts = judged(relay.mails(READER.email))
    assert len(verdicts) == len(DESIGNS)
    for score, tests in verdicts:
        assert score <= MOST_POINTS, tests
        assert not NEVER & tests


def sample_config(folder: Path) -> Config:
    """That of `newsletter init`, on the web and with a key."""
    key_file = folder / "n.pem"
    key_file.write_bytes(dkim.new_key("rsa"))
    table = f'[[dkim]]\ndomain = "example.com"\nselector = "n"\nkey_file = "{key_file}"\n'
    return a_config(sample.config_text().replace("http://127.0.0.1:8000", "https://post.example.com") + table, folder)


def issues_of(config: Config, database: Database, articles: Path) -> Iterator[bytes]:
    """The sample morning's issue in each design, as a reader gets it: of this moment, for the relay writes its own."""
    articles.mkdir()
    for path in sample.TODAY.glob("*.md"):
        date = f"date: {(NOW - timedelta(hours=2)).isoformat()}"
        (articles / path.name).write_text(re.sub(r"(?m)^hours_ago:.*$", date, path.read_text()))
    paper, newsletter = Paper(config, database), config.newsletters[0]
    daily.gather(paper, NOW)
    issue = daily.draft(paper, newsletter, NOW.date(), NOW)
    for design in DESIGNS:
        dressed = newsletter.model_copy(update={"design": design})
        with database.reading() as session:
            contents = assemble.contents(session, config, dressed, issue)
        made = render.edition(contents, of_project(config.folder), config.site)
        mould = message.mould(config.site, newsletter, issue.id or 0, made.subject, made.html, made.text)
        yield mould.fill(READER, config.keys, datetime.now(UTC))


def judged(mails: list[bytes]) -> list[tuple[float, set[str]]]:
    """(points, names of the tests that matched) of each, by one process: to read its rules takes longest. That our own
    machine handed them over earns nothing."""
    rules = ["--cf", "use_bayes 0", "--cf", "score ALL_TRUSTED 0"]
    command = ["/usr/bin/spamassassin", "--local", "--mbox", *rules]
    box = b"".join(b"From MAILER-DAEMON Mon Nov 23 05:30:00 2026\n" + mail.rstrip() + b"\n\n" for mail in mails)
    done = subprocess.run(command, input=box, capture_output=True, timeout=100, check=True)
    text = re.sub(r"\s+", " ", done.stdout.decode("utf-8", "replace"))
    found = re.findall(r"X-Spam-Status: \w+, score=(-?[\d.]+) .*?tests=([A-Z0-9_, ]+?) autolearn", text)
    return [(float(score), set(re.findall(r"[A-Z0-9_]+", tests))) for score, tests in found]
