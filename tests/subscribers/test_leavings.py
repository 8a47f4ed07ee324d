"""Unsubscribe tracking: who left, by which way, out of which issue, why, after how long."""

from datetime import timedelta

from subscribers import Way, clicks, leavings, unsubscribe
from subscribers.clicks import Following
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token


def leave(session, email, way, issue, after=timedelta(days=10)):
    a_reader(session, email)
    token = unsubscribe_token(session, email, issue=issue)
    unsubscribe.by_token(session, KEYS, token, way, NOW + after)
    return token


def test_an_issues_leavings_are_counted_by_way_with_reasons_and_a_rate(session):
    """For each: the way, the reason if given, how long they had been readers."""
    leave(session, "ann@example.com", Way.HEADER, 7)
    token = leave(session, "bob@example.com", Way.LINK, 7, timedelta(days=30))
    unsubscribe.say_why(session, KEYS, token, "too much", NOW + timedelta(days=30))
    leave(session, "cay@example.com", Way.LINK, 8)
    session.flush()
    assert leavings.of_issue(session, 7).document(readers=1_000) == {
        "left": 2,
        "undone": 0,
        "ways": {"header": 1, "link": 1},
        "reasons": ["too much"],
        "median_days_a_reader": 20,
        "tenure": {"under a week": 0, "under a month": 1, "under a year": 1, "longer": 0, "unknown": 0},
        "had_read": 0,
        "sections": {},
        "rate": 0.002,
    }


def test_a_leaving_that_was_undone_is_no_leaving(session):
    """It is counted as what it was."""
    token = leave(session, "ann@example.com", Way.LINK, 7)
    unsubscribe.undo(session, KEYS, token, NOW + timedelta(days=10, minutes=5))
    session.flush()
    found = leavings.of_issue(session, 7)
    assert (found.left, found.undone, found.document(readers=0)["rate"]) == (0, 1, None)


def test_over_time_they_are_counted_by_day_and_by_issue(session):
    """The newest first; those that came out of no mail have no issue."""
    leave(session, "ann@example.com", Way.HEADER, 7)
    leave(session, "bob@example.com", Way.LINK, 8, timedelta(days=11))
    a_reader(session, "cay@example.com")
    unsubscribe.by_operator(session, "cay@example.com", "daily", NOW + timedelta(days=11))
    session.flush()
    days, issues = leavings.of_newsletter(session, "daily")
    assert [(f"{day:%m-%d}", found.left) for day, found in days.items()] == [("12-04", 2), ("12-03", 1)]
    assert {issue: found.left for issue, found in issues.items()} == {None: 1, 8: 1, 7: 1}
    assert leavings.of_newsletter(session, "daily", since=NOW + timedelta(days=12)) == ({}, {})
    assert [line[1:4] for line in leavings.listed(session, "daily")] == [
        ("", "operator", "11"),
        ("8", "link", "11"),
        ("7", "header", "10"),
    ]


def test_what_those_who_left_had_read_is_counted_by_section(session):
    """In the 90 days before, likely in person, in that newsletter's mails; each person once a section."""
    for name, after in (("ann", 100), ("bob", 101), ("cay", 102), ("dan", 102)):
        leave(session, f"{name}@example.com", Way.LINK, 7 if name != "bob" else 8, timedelta(days=after))
    a_reader(session, "eve@example.com")
    kept = a_reader(session, "eve@example.com", "weekly")
    followed = [
        (1, "daily", "City", 99, ""),
        (1, "daily", "City", 98, ""),
        (1, "daily", "World", 99, "agent"),
        (1, "weekly", "Best of", 99, ""),
        (1, "daily", "Sport", 9, ""),
        (2, "daily", "City", 101, ""),
        (2, "daily", "Culture", 12, ""),
        (2, "daily", "Sport", 102, ""),
        (3, "daily", "", 101, ""),
        (kept, "daily", "City", 100, ""),
    ]
    clicks.keep(
        session,
        [
            Following(who, newsletter, 5, 1, section, NOW + timedelta(days=day), signs)
            for who, newsletter, section, day, signs in followed
        ],
    )
    found = leavings.of_issue(session, 7)
    assert (found.left, found.had_read, found.most_read()) == (3, 2, [("City", 1)])
    split = leavings.of_newsletter(session, "daily")
    every = leavings.together(split.days.values())
    assert (every.left, every.had_read, every.most_read()) == (4, 3, [("City", 2), ("Culture", 1)])
    assert split.issues[8].document()["sections"] == {"City": 1, "Culture": 1}
    assert [line[-1] for line in leavings.listed(session, "daily")] == ["", "", "City; Culture", "City"]
