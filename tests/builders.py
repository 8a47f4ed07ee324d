"""A thing of each kind with everything it needs, so that a test says only what it is about."""

from contextlib import nullcontext
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlmodel import Session

from newsletter import config
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering import slots
from newsletter.rendering.models import Edition
from newsletter.sources.models import Article
from subscribers import Proof, signup
from subscribers.tokens import Keys
from subscribers.transfer import import_csv

NOW = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # a Monday, the minute the daily is drafted
KEY = "0123456789abcdef0123456789abcdef"
FEW = 20  # readers
KEYS = Keys((KEY.encode(),))

# A check looks nowhere outside: SpamAssassin takes two seconds, and what links lead to is tested by itself.
CONFIG = """
[site]
name = "The Harbour Post"
url = "https://post.example.com"
postal_address = "1 Quay Street, Harbourton"
[smtp]
host = "127.0.0.1"
port = 1025
security = "none"
[preflight]
look-outside = "never"
[[sources]]
name = "city-desk"
title = "The Harbour Post"
kind = "folder"
path = "articles"
section = "City"
sections = ["World"]
[[newsletters]]
slug = "daily"
title = "The Harbour Daily"
sender = "The Harbour Post <daily@example.com>"
timezone = "Europe/London"
min_articles = 1
editors = ["Ed <editor@example.com>"]
"""


def a_config(text: str = CONFIG, folder: Path = Path("/project")) -> config.Config:
    """A checked Config as if it stood in `folder`."""
    return config.parse(text, folder / "config.toml", config.Secrets(secret_key=KEY))


def an_article(**changes: Any) -> Article:
    """A plain article of the city desk, published an hour before NOW."""
    number = changes.pop("number", 1)
    values: dict[str, Any] = {
        "source": "city-desk",
        "guid": f"article-{number}",
        "url": f"https://post.example.com/{number}",
        "title": f"Ferry number {number} sails again",
        "standfirst": f"After {number} weeks in the dry dock the boat is back.",
        "body": "<p>The boat is back.</p>",
        "section": "City",
        "words": 4,
        "published_at": datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
        "first_seen_at": NOW,
        "changed_at": NOW,
    }
    return Article(**(values | changes))


def an_issue(
    session: Session, state: IssueState = IssueState.APPROVED, day: date = NOW.date(), html: str = ""
) -> Issue:
    """An issue of the daily with its edition, ready to be sent."""
    issue = Issue(newsletter="daily", issue_date=day, number=day.day, state=state, subject="The ferry", drafted_at=NOW)
    session.add(issue)
    session.flush()
    leave = f"https://post.example.com/u/{slots.UNSUBSCRIBE}"
    session.add(
        Edition(
            issue_id=issue.id or 0,
            subject="The ferry sails again",
            preheader="And other stories",
            html=html or f'<p>The boat is back.</p><a href="{leave}">Unsubscribe</a>',
            text=f"The boat is back.\nUnsubscribe: {leave}\n",
            template_digest="0" * 64,
            rendered_at=NOW,
        )
    )
    session.flush()
    return issue


def add_readers(session: Session, count: int, newsletter: str = "daily") -> list[str]:
    """`count` active readers with addresses reader1@example.com …; returns the addresses."""
    words = "said so at the market stall"
    addresses = [f"reader{n}@example.com" for n in range(1, count + 1)]
    if count < FEW:
        for address in addresses:
            signup.add(session, KEYS, newsletter, address, Proof(wording=words, origin="test"), NOW)
        return addresses
    for _, some in groupby(addresses, len):  # an import numbers people in the order of their addresses
        _import(session, newsletter, list(some), words)
    return addresses


def _import(session: Session, newsletter: str, addresses: list[str], proof: str) -> None:
    """In a thirtieth of the time."""
    with NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join(["email", *addresses]))
        file.flush()
        path, together = Path(file.name), len(addresses)
        report = import_csv(lambda: nullcontext(session), KEYS, newsletter, path, proof, NOW, batch_rows=together)
    assert report.new == together
