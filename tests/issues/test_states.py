"""The moves of an issue: what may follow what, written down, and won by one process only."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlmodel import Session, select

from newsletter.database import Database
from newsletter.errors import NotFound, Refused
from newsletter.issues.models import Decision, Issue, IssueState
from newsletter.issues.states import MOVES, move
from tests.builders import NOW


def an_issue(database: Database, state: IssueState = IssueState.DRAFT) -> int:
    with database.transaction() as session:
        issue = Issue(newsletter="daily", issue_date=date(2026, 11, 23), number=1, state=state, drafted_at=NOW)
        session.add(issue)
        session.flush()
        assert issue.id is not None
        return issue.id


def decisions(session: Session) -> list[tuple[str, str, str]]:
    return [(d.act, d.who, d.why) for d in session.exec(select(Decision).order_by("id"))]


def test_a_move_changes_the_state_and_is_written_down(database: Database):
    """Who decided what, when and why stays readable."""
    number = an_issue(database)
    with database.transaction() as session:
        issue = move(session, number, IssueState.APPROVED, "Ed", "", NOW)
        assert (issue.state, issue.approved_at) == (IssueState.APPROVED, NOW)
    with database.transaction() as session:
        held = move(session, number, IssueState.HELD, "Ed", "The lead is wrong.", NOW)
        assert (held.state, held.why, held.approved_at) == (IssueState.HELD, "The lead is wrong.", None)
    with database.reading() as session:
        assert decisions(session) == [("approved", "Ed", ""), ("held", "Ed", "The lead is wrong.")]


def test_the_start_of_sending_is_kept_over_a_pause(database: Database):
    """Started once, finished once."""
    number = an_issue(database, IssueState.APPROVED)
    later = NOW.replace(hour=9)
    with database.transaction() as session:
        move(session, number, IssueState.SENDING, "schedule", "", NOW)
        move(session, number, IssueState.PAUSED, "Ed", "a typing error", NOW)
        move(session, number, IssueState.SENDING, "Ed", "", later)
        issue = move(session, number, IssueState.SENT, "schedule", "", later)
    assert (issue.started_at, issue.finished_at, issue.why) == (NOW, later, "")


@pytest.mark.parametrize(
    ("state", "to", "sentence"),
    [
        ("draft", "sending", "is draft and can't be sent now; it can be approved, held, cancelled or skipped."),
        ("approved", "approved", "is approved already; it can be put back to draft, sent, held or cancelled."),
        ("sending", "approved", "is sending and can't be approved now; it can be paused or cancelled."),
        ("skipped", "approved", "is skipped: `newsletter reopen` takes the day up again."),
        ("sent", "cancelled", "is sent: nothing more can be decided about it."),
    ],
)
def test_what_is_not_possible_is_refused_with_what_is(sqlite: Database, state: str, to: str, sentence: str):
    """The sentence names the issue, its state and what can be done instead."""
    number = an_issue(sqlite, IssueState(state))
    with sqlite.transaction() as session, pytest.raises(Refused) as refused:
        move(session, number, IssueState(to), "Ed", "", NOW)
    assert str(refused.value) == f"Issue daily/2026-11-23 {sentence}"


def test_only_the_moves_of_the_table_are_possible(sqlite: Database):
    """Every pair of states, tried: the table says all there is."""
    for state in IssueState:
        for to in IssueState:
            with sqlite.transaction() as session:
                session.execute(Issue.__table__.delete())  # type: ignore[attr-defined]
            number = an_issue(sqlite, state)
            with sqlite.transaction() as session:
                if to in MOVES[state]:
                    assert move(session, number, to, "Ed", "because", NOW).state is to
                else:
                    with pytest.raises(Refused):
                        move(session, number, to, "Ed", "because", NOW)


def test_an_unknown_issue_is_not_found(sqlite: Database):
    """Not an error of the program."""
    with sqlite.transaction() as session, pytest.raises(NotFound):
        move(session, 7, IssueState.APPROVED, "Ed", "", NOW)


def test_of_two_who_decide_at_once_one_wins(database: Database):
    """Eight processes approve or hold at the same moment: one decision is made and written, seven are told."""
    number = an_issue(database)
    together = Barrier(8)

    def decide(who: int) -> bool:
        together.wait()
        try:
            with database.transaction() as session:
                move(session, number, IssueState.CANCELLED if who % 2 else IssueState.SKIPPED, f"editor {who}", "", NOW)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
    with database.reading() as session:
        assert len(decisions(session)) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite lets one writer in at a time
def test_a_decision_that_was_read_before_another_was_made_loses(database: Database):
    """The state that was read must still be the state: a stale look does not win."""
    number = an_issue(database)
    with database.transaction() as slow:
        slow.get(Issue, number)
        with database.transaction() as quick:
            move(quick, number, IssueState.CANCELLED, "quick", "", NOW)
        with pytest.raises(Refused):
            move(slow, number, IssueState.APPROVED, "slow", "", NOW)
