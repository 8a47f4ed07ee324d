"""Finding people: ranges of an index, the same on both databases, page after page."""

from collections.abc import Callable
from itertools import chain

import pytest
from sqlalchemy import event, text

from subscribers import SubscriptionState, SuppressionReason, preferences, search, suppression, unsubscribe
from subscribers.search import Page
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader

PEOPLE = {
    "ann@example.com": "Ann Smith", "Anna@example.com": "ann jones", "an.na@example.com": "ÉMILE",
    "bob@example.org": "", "a-b@example.com": "Émile Zola", "a_b@example.com": "Zoë",
}  # fmt: skip


@pytest.fixture
def people(session) -> dict[str, int]:
    """Their numbers."""
    numbers = {}
    for email, name in PEOPLE.items():
        numbers[email] = a_reader(session, email)
        preferences.rename(session, numbers[email], name)
    session.flush()
    return numbers


def emails(page: Page) -> list[str]:
    return [person.email for person in page.people]


def pages(find: Callable[[str], Page]) -> list[list[str]]:
    """Page after page, until there is no more."""
    found, after = [], ""
    while True:
        page = find(after)
        found.append(emails(page))
        if not page.more:
            return found
        after = page.more


def test_an_address_is_found_by_its_beginning(session, people):
    """In the order of the characters' numbers on both databases; capitals don't matter; % and _ are letters."""
    assert emails(search.by_address(session, " An")) == ["an.na@example.com", "ann@example.com", "Anna@example.com"]
    assert emails(search.by_address(session, "ann@example.com")) == ["ann@example.com"]
    assert emails(search.by_address(session, "a_")) == ["a_b@example.com"]
    assert emails(search.by_address(session, "%")) == []


def test_a_name_is_found_by_its_beginning(session, people):
    """As it was typed, and as names are written: capitals don't matter there either."""
    assert emails(search.by_name(session, "ann")) == ["ann@example.com", "Anna@example.com"]
    assert emails(search.by_name(session, "émile")) == ["an.na@example.com", "a-b@example.com"]
    assert emails(search.by_name(session, "Smith")) == []


def test_every_search_goes_on_where_its_page_ended(session, people):
    """By key: nobody twice, nobody left out, and names that are alike are told apart."""
    for number in people.values():
        preferences.rename(session, number, "Ann")
    assert [*chain(*pages(lambda after: search.by_name(session, "a", after, limit=2)))] == list(people)
    assert [len(page) for page in pages(lambda after: search.by_address(session, "a", after, limit=2))] == [2, 2, 1]
    assert [*chain(*pages(lambda after: search.listed(session, after=after, limit=4)))] == list(people)[::-1]


def test_a_list_is_of_all_or_of_a_newsletter_in_a_state(session, people):
    """With where each stands, and whether mail is forbidden."""
    unsubscribe.by_operator(session, "bob@example.org", "daily", NOW)
    suppression.suppress_address(session, KEYS, "ann@example.com", SuppressionReason.COMPLAINT, "", NOW)
    a_reader(session, "carl@example.com", "weekly")
    assert emails(search.listed(session, "daily", SubscriptionState.UNSUBSCRIBED)) == ["bob@example.org"]
    assert len(search.listed(session, "daily").people) == 6
    assert len(search.listed(session).people) == 7
    (ann,) = search.by_address(session, "ann@").people
    assert (ann.suppressed, [s.newsletter for s in ann.subscriptions]) == ("complaint", ["daily"])


@pytest.mark.usefixtures("as_new")
def test_a_search_among_many_reads_an_index_in_order(session, people):
    """No sort and no scan, however many fit: the plan that each database would take."""
    kind = session.get_bind().dialect.name
    session.execute(text("ANALYZE"))
    explain = "EXPLAIN QUERY PLAN " if kind == "sqlite" else "EXPLAIN "
    if kind == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
    for find in (search.by_address, search.by_name):
        statements: list[tuple[str, object]] = []
        connection = session.connection()
        run = connection.exec_driver_sql

        def note(_c, _cursor, statement, parameters, _context, _many, statements=statements):
            statements.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        find(session, "a")
        event.remove(connection, "before_cursor_execute", note)
        plan = str(run(explain + statements[0][0], statements[0][1]).all())
        assert any(index in plan for index in ("_sorted", "uq_subscriber_email_key", "sqlite_autoindex_subscriber_1"))
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
