"""The best of another newsletter's week: what it sent and nothing else, though its readers have had it."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import ConfigError
from newsletter.issues import assemble, backtest, states
from newsletter.issues.models import Issue, IssueState, Pick
from newsletter.sources.models import Article
from tests.builders import CONFIG, NOW, a_config
from tests.issues.test_assemble import an_event, picked, store
from tests.picks.pieces import EVENTS

MONDAY = NOW.date()
SATURDAY = MONDAY + timedelta(days=5)
WEEKLY = """
[[newsletters]]
slug = "best"
title = "The Best of the Week"
sender = "The Harbour Post <best@example.com>"
days = "sat"
roundup_of = "daily"
max_articles = 3
min_articles = 1
"""
ROUND = a_config(CONFIG + WEEKLY)
DAILY, BEST = ROUND.newsletters


def sent(database: Database, day: date, *numbers: int, state: IssueState = IssueState.SENT) -> Issue:
    """The daily of `day` with these events, the first leading, sent (or not)."""
    moment = DAILY.moment("draft_at", day)
    store(database, *(an_event(n, published_at=moment - timedelta(hours=3 * i)) for i, n in enumerate(numbers)))
    with database.transaction() as session:
        issue = assemble.draft(session, ROUND, DAILY, day, moment)
        issue.state, issue.started_at = state, moment if state in (IssueState.SENT, IssueState.SENDING) else None
        return issue


def best(database: Database, day: date = SATURDAY, config=ROUND) -> Issue:
    with database.transaction() as session:
        return assemble.draft(session, config, config.newsletter("best"), day, BEST.moment("draft_at", day))


def test_a_roundup_picks_the_best_of_what_was_sent_in_the_week(database: Database):
    """Monday's lead and Friday's count alike; what was held, cancelled, or sent the week before is not there, nor what
    the daily has left out."""
    sent(database, MONDAY - timedelta(days=3), 7)
    sent(database, MONDAY, 1, 2)
    sent(database, MONDAY + timedelta(days=1), 3, state=IssueState.CANCELLED)
    sent(database, MONDAY + timedelta(days=2), 8, state=IssueState.APPROVED)
    sent(database, MONDAY + timedelta(days=4), 4, 5, state=IssueState.SENDING)
    store(database, an_event(9, published_at=BEST.moment("draft_at", SATURDAY) - timedelta(hours=20)))
    issue = best(database)
    assert issue.state is IssueState.DRAFT
    titles = picked(database, issue)
    assert len(titles) == 3
    assert {EVENTS[1], EVENTS[4]} == set(titles[:2])
    assert titles[2] in {EVENTS[2], EVENTS[5]}


def test_an_article_is_never_in_two_roundups_and_the_daily_stays_as_it_is(database: Database):
    """Drafted again it is the same; a second roundup in the same week brings what the first did not; and the rule of
    nothing twice lets both newsletters be approved."""
    twice = a_config(CONFIG + WEEKLY.replace('days = "sat"', 'days = "wed,sat"'))
    sent(database, MONDAY, 1, 2)
    sent(database, MONDAY + timedelta(days=1), 3, 4)
    wednesday = best(database, MONDAY + timedelta(days=2), twice)
    first = picked(database, wednesday)
    assert len(first) == 3
    assert picked(database, best(database, MONDAY + timedelta(days=2), twice)) == first
    with database.transaction() as session:
        states.move(session, wednesday.id or 0, IssueState.APPROVED, "Ed", "", NOW)
    second = picked(database, best(database, SATURDAY, twice))
    assert len(second) == 1
    assert not set(first) & set(second)
    with database.reading() as session:
        ours = session.exec(select(Pick.article_id).join(Issue).where(Issue.newsletter == "daily")).all()
    assert len(ours) == 4


def test_a_section_that_an_editor_gave_an_article_is_its_section_in_the_roundup(database: Database):
    """The pick decides, not the feed."""
    issue = sent(database, MONDAY, 1)
    with database.transaction() as session:
        session.exec(select(Pick).where(Pick.issue_id == issue.id)).one().section = "World"
    weekly = best(database)
    with database.reading() as session:
        assert session.exec(select(Pick.section).where(Pick.issue_id == weekly.id)).all() == ["World"]


def test_a_week_with_nothing_sent_holds_the_roundup_in_words(database: Database):
    """Never an empty issue."""
    issue = best(database)
    assert issue.state is IssueState.HELD
    assert issue.why == "0 picks from 0 articles in 0 stories, and best wants at least 1."


def test_a_roundup_is_tried_on_the_past_like_any_other(database: Database):
    """`backtest` shows the weeks that were, and writes nothing."""
    sent(database, MONDAY, 1, 2)
    sent(database, MONDAY + timedelta(days=7), 3)
    with database.reading() as session:
        found = backtest.backtest(session, ROUND, BEST, MONDAY, SATURDAY + timedelta(days=7))
    assert [(day, {p.piece.title for p in choice.picks}) for day, choice in found] == [
        (SATURDAY, {EVENTS[1], EVENTS[2]}),
        (SATURDAY + timedelta(days=7), {EVENTS[3]}),
    ]
    with database.reading() as session:
        assert session.exec(select(Issue).where(Issue.newsletter == "best")).all() == []


def test_a_roundup_is_rendered_checked_and_approved_like_any_other(sqlite: Database, tmp_path):
    """The whole way but for the send, with its own title and masthead."""
    sent(sqlite, MONDAY, 1, 2)
    paper = Paper(a_config(CONFIG + WEEKLY, tmp_path), sqlite)
    now = BEST.moment("draft_at", SATURDAY)
    issue = daily.draft(paper, paper.config.newsletter("best"), SATURDAY, now)
    assert daily.approve(paper, issue.id or 0, "Ed", now).state is IssueState.APPROVED
    with sqlite.reading() as session:
        assert len(session.exec(select(Article)).all()) == 2


@pytest.mark.parametrize("of", ["nothing", "best"])
def test_a_roundup_of_nothing_or_of_itself_is_an_error_with_its_key(of: str):
    """The config says where."""
    with pytest.raises(ConfigError, match="roundup_of"):
        a_config(CONFIG + WEEKLY.replace('roundup_of = "daily"', f'roundup_of = "{of}"'))
