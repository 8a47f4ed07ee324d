"""What a million readers would cost at each of their doors: every statement finds its rows by an index."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from newsletter.database import Database
from newsletter.notices import ask_those_who_wished
from newsletter.rendering.counted import Link
from subscribers import directory, leavings, signup
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, the, unsubscribe_token
from tests.web.conftest import WEEKLY, Site
from tests.web.test_following import COUNTING, FIREFOX, a_counted_issue, door
from tests.web.test_sign_up import sign_up

GROWS = ("subscriber", "subscription", "consent", "suppression", "leaving", "click", "delivery", "notice")
WHOLE = re.compile(rf"\b(?:Seq Scan on|SCAN) ({'|'.join(GROWS)})\b(?!.*USING (?:COVERING )?INDEX)")


@pytest.fixture
def settings() -> str:
    """Its daily counts clicks."""
    return COUNTING + WEEKLY


@pytest.fixture
def ann(site: Site) -> str:
    """Her token to leave; there is an issue with a counted link."""
    with site.database.transaction() as session:
        a_reader(session)
        a_reader(session, "bob@example.com")
        issue = a_counted_issue(session, [Link(1, "https://radio.example.com/", "", "", "story")])
        token = unsubscribe_token(session, "ann@example.com", issue=issue.id or 0)
    site.client.headers.update(FIREFOX)
    return token


def leave(site: Site, token: str) -> None:
    site.client.get(f"/u/{token}")
    site.client.post(f"/u/{token}")
    site.client.post(f"/u/{token}", data={"way": "link"})
    site.client.post(f"/u/{token}/why", data={"reason": "too much"})
    site.client.post(f"/u/{token}/undo")


def choose(site: Site, _token: str) -> None:
    page = f"/preferences/{sign(KEYS, Purpose.PREFERENCES, 1)}"
    site.client.get(page)
    site.client.post(page, data={"do": "save", "newsletter": "daily", "name": "Ann"})
    site.client.post(page, data={"do": "leave_all"})


def come(site: Site, _token: str) -> None:
    for email in ("ann@example.com", "new@example.com"):
        assert sign_up(site, email).status_code == 200
    ask_those_who_wished(site.database, site.config, site.clock.now)
    with site.database.transaction() as session:
        due = the(signup.ask(session, KEYS, ["weekly"], "cay@example.com", PROOF, site.clock.now))
    site.client.get(f"/confirm/{confirm_token(due)}")
    assert site.client.post(f"/confirm/{confirm_token(due)}").status_code == 200


def read(site: Site, _token: str) -> None:
    assert site.client.get(door()).status_code == 302
    assert site.client.get("/archive/daily").status_code == 200
    assert site.client.get(f"/archive/daily/{NOW.date()}").status_code == 200


def be_looked_at(site: Site, _token: str) -> None:
    with site.database.reading() as session:
        directory.show(session, KEYS, "ann@example.com")
        leavings.of_issue(session, 1)
        leavings.of_newsletter(session, "daily", NOW - timedelta(days=30))


@pytest.mark.usefixtures("as_new")
@pytest.mark.parametrize("act", [leave, choose, come, read, be_looked_at], ids=lambda act: act.__name__)
def test_no_door_reads_a_table_that_grows_with_the_readers(site: Site, ann: str, act: Callable[[Site, str], None]):
    """Neither database would: the plans are of few rows, with a preference for reading whole tables forbidden."""
    with noted() as statements:
        act(site, ann)
    assert any(table in statement for statement in statements for table in GROWS)
    plans = {statement: plan_of(site.database, statement, values) for statement, values in statements.items()}
    assert {s: found.group() for s, plan in plans.items() if (found := WHOLE.search(plan))} == {}


@contextmanager
def noted() -> Iterator[dict[str, Any]]:
    """Every statement that looks for rows, with the values of its first time."""
    found: dict[str, Any] = {}

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, many: bool) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", statement) and not many:
            found.setdefault(statement, values)

    event.listen(Engine, "before_cursor_execute", note)  # a SQLite has one for readers, one for writers
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def plan_of(database: Database, statement: str, values: Any) -> str:
    with database.reading() as session:
        run = session.connection().exec_driver_sql
        if database.is_sqlite:
            return "\n".join(str(row) for row in run(f"EXPLAIN QUERY PLAN {statement}", values))
        run("SET LOCAL enable_seqscan = off")
        return "\n".join(str(row) for row in run(f"EXPLAIN {statement}", values))
