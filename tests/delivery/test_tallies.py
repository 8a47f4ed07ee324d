"""Sums that are kept are the sums of the rows, at every moment."""

from typing import Any

from sqlmodel import select

from newsletter import daily
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import ledger, tallies
from newsletter.delivery.models import Delivery, DeliveryState, Tally
from newsletter.issues.models import Issue, IssueState
from tests.builders import NOW, a_config, add_readers, an_issue
from tests.delivery.ledgers import FULL, GONE, TAKEN, an_issue_with
from tests.sink import Sink

ACCEPTED, FAILED, UNCERTAIN = DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.UNCERTAIN


def lines(database: Database, issue_id: int) -> tuple[list[tallies.Line], list[tallies.Line]]:
    """As `of` gives them, and as the rows say."""
    with database.reading() as session:
        order = lambda line: (line.state.value, line.lane, line.status, line.why)  # noqa: E731
        given = sorted(tallies.of(session, issue_id), key=order)
        return given, sorted(tallies.counted(session, issue_id), key=order)


def is_kept(database: Database, issue_id: int) -> bool:
    with database.reading() as session:
        return bool(session.exec(select(Tally).where(Tally.issue_id == issue_id)).all())


def test_a_closed_issue_is_added_up_once(database: Database):
    """By state, lane and the relay's numbers; retries apart; and what is kept is what the rows say."""
    with database.transaction() as session:
        groups: list[tuple[int, DeliveryState, dict[str, Any]]] = [
            (3, ACCEPTED, TAKEN | {"lane": "google"}), (2, ACCEPTED, TAKEN | {"lane": "google", "attempts": 3}),
            (2, FAILED, GONE), (1, DeliveryState.SKIPPED, {"why": "unsubscribed"}),
            (1, DeliveryState.SKIPPED, {"why": "suppressed: complaint"}), (1, UNCERTAIN, {"why": "no reply"}),
        ]  # fmt: skip
        issue_id = an_issue_with(session, *groups).id or 0
    assert tallies.keep_missing(database) == 1
    assert is_kept(database, issue_id)
    given, counted = lines(database, issue_id)
    assert given == counted
    assert [(line.count, line.retried) for line in given if line.state is ACCEPTED] == [(5, 2)]
    assert {line.why for line in given if line.state is DeliveryState.SKIPPED} == {
        "unsubscribed", "suppressed: complaint"
    }  # fmt: skip
    assert tallies.keep_missing(database) == 0
    with database.reading() as session:
        assert tallies.kept_totals(session, [issue_id]) == {issue_id: ledger.totals(session, issue_id)}


def test_nothing_is_kept_while_anything_is_open(database: Database):
    """A cancelled issue may still have letters in hand: their answers come."""
    with database.transaction() as session:
        groups = [(1, ACCEPTED, TAKEN), (1, DeliveryState.IN_HAND, TAKEN)]
        issue_id = an_issue_with(session, *groups, state=IssueState.CANCELLED).id or 0
    assert tallies.keep_missing(database) == 0
    assert not is_kept(database, issue_id)


def test_a_decision_about_an_uncertain_one_forgets_the_sums(database: Database):
    """In the same transaction: nobody ever sees sums that were."""
    with database.transaction() as session:
        issue_id = an_issue_with(session, (2, ACCEPTED, TAKEN), (2, UNCERTAIN, {"why": "no reply"})).id or 0
    tallies.keep(database, issue_id)
    with database.reading() as session:
        uncertain = [one.id or 0 for one in ledger.listed(session, issue_id, UNCERTAIN, 9)]
    paper = Paper(a_config(), database)
    daily.resolve(paper, issue_id, uncertain[:1], "Ann", NOW, again=False)
    given, counted = lines(database, issue_id)
    assert given == counted
    assert tallies.totals(given) == ledger.Totals(accepted=3, uncertain=1)
    assert tallies.keep(database, issue_id)
    daily.resolve(paper, issue_id, uncertain[1:], "Ann", NOW, again=True)
    assert not is_kept(database, issue_id)
    assert not tallies.keep(database, issue_id), "it is being sent again"


def test_sums_that_were_counted_before_a_decision_are_thrown_away(database: Database, monkeypatch):
    """Counting holds no lock; whoever decided meanwhile has written it down."""
    with database.transaction() as session:
        issue_id = an_issue_with(session, (2, ACCEPTED, TAKEN), (1, UNCERTAIN, {"why": "no reply"})).id or 0
        number = session.exec(select(Delivery.id).where(Delivery.state == UNCERTAIN)).one() or 0
    count = tallies.counted

    def and_then_somebody_decides(session, issue):
        found = count(session, issue)
        daily.resolve(Paper(a_config(), database), issue_id, [number], "Ann", NOW, again=False)
        return found

    monkeypatch.setattr(tallies, "counted", and_then_somebody_decides)
    assert not tallies.keep(database, issue_id)
    monkeypatch.undo()
    assert tallies.keep(database, issue_id)
    given, counted = lines(database, issue_id)
    assert given == counted


def test_the_end_of_a_send_adds_it_up(database: Database, tmp_path):
    """Results are there at once, whoever sent it; refusals carry the server's own words."""
    with database.transaction() as session:
        add_readers(session, 4)
        issue_id = an_issue(session, IssueState.SENDING).id or 0
    refuse = {"reader2@example.com": "550 5.1.1 nobody here"}
    with Sink(refuse=lambda stage, word: refuse.get(word) if stage == "RCPT" else None) as sink:
        config = a_config(folder=tmp_path)
        smtp = config.smtp.model_copy(update={"port": sink.port, "journal_dir": tmp_path / "journal"})
        paper = Paper(config.model_copy(update={"smtp": smtp}), database)
        totals = daily.deliver(paper, issue_id, "Ann", lambda: NOW)
    assert totals == ledger.Totals(accepted=3, failed=1)
    assert is_kept(database, issue_id)
    given, counted = lines(database, issue_id)
    assert given == counted
    assert [(line.count, line.code, line.status, line.why) for line in given if line.state is FAILED] == [
        (1, 550, "5.1.1", "nobody here")
    ]


def test_an_issue_that_never_went_out_has_no_sums(database: Database):
    """A draft has no ledger; one that was cancelled as a draft neither."""
    with database.transaction() as session:
        an_issue(session, IssueState.CANCELLED)
        other = Issue(newsletter="daily", issue_date=NOW.date().replace(day=1), number=1, drafted_at=NOW)
        session.add(other)
    assert tallies.keep_missing(database) == 0
    with database.reading() as session:
        assert tallies.of(session, 1) == []
        assert tallies.kept_totals(session, [1, 2]) == {}


def test_replies_that_differ_in_words_alone_are_one_line(database: Database):
    """Every server adds a number of its own: of a million replies one stands for all."""
    with database.transaction() as session:
        groups = [(1, ACCEPTED, TAKEN | {"why": f"queued as {n}"}) for n in range(9)]
        fuller = [(1, DeliveryState.FAILED, FULL | {"why": f"full {n}"}) for n in range(3)]
        issue_id = an_issue_with(session, *groups, *fuller).id or 0
        found = tallies.counted(session, issue_id)
    assert sorted((line.count, line.why) for line in found) == [(3, "full 0"), (9, "queued as 0")]


def test_a_row_that_came_while_others_were_counted_throws_the_sums_away(database: Database, monkeypatch):
    """A newcomer's row needs no decision: the rows are more than were counted."""
    with database.transaction() as session:
        issue_id = an_issue_with(session, (2, ACCEPTED, TAKEN)).id or 0
    count = tallies.counted

    def and_then_somebody_comes(session, issue):
        found = count(session, issue)
        with database.transaction() as other:
            other.add(
                Delivery(
                    issue_id=issue_id, subscriber_id=99, subscription_id=99, state=DeliveryState.SKIPPED,
                    why="no story of their topics", changed_at=NOW,
                )
            )  # fmt: skip
        return found

    monkeypatch.setattr(tallies, "counted", and_then_somebody_comes)
    assert not tallies.keep(database, issue_id)
    monkeypatch.undo()
    assert tallies.keep(database, issue_id)
