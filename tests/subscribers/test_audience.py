"""Who may get an issue now: asked when the audience is drawn, and again when a delivery is claimed."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event, insert, literal, select
from sqlmodel import SQLModel, col

from newsletter.database import Database
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.issues.models import Issue
from subscribers import (
    NotNow,
    Recipient,
    SuppressionReason,
    Way,
    audience,
    erasure,
    preferences,
    signup,
    suppression,
    unsubscribe,
)
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, MINUTE, PROOF, a_reader, standing, the

DAY = timedelta(days=1)
LEDGER = SQLModel.metadata.tables["delivery"]


def test_the_audience_is_active_or_past_its_pause_and_never_suppressed(session):
    """By subscriber number, so that pages of it never overlap."""
    ann, bob, cay, dan = (a_reader(session, f"{name}@example.com") for name in ("ann", "bob", "cay", "dan"))
    signup.ask(session, KEYS, ["daily"], "eve@example.com", PROOF, NOW)
    preferences.pause(session, bob, "daily", NOW + DAY, NOW)
    suppression.suppress_subscriber(session, cay, SuppressionReason.HARD_BOUNCE, "", NOW)
    unsubscribe.leave(session, dan, "daily", Way.LINK, None, NOW)
    assert [row[0] for row in session.execute(audience.selection("daily", NOW))] == [ann]
    assert [row[0] for row in session.execute(audience.selection("daily", NOW + DAY))] == [ann, bob]
    assert audience.count(session, "daily", NOW + DAY) == 2
    assert audience.count(session, "weekly", NOW) == 0


def test_the_count_of_all_is_that_of_the_selection_whoever_is_suppressed(session):
    """It is made another way, out of indices: every state with and without a suppression, and a stranger's."""
    for number in range(2):
        names = ("active", "paused", "back", "gone", "weekly")
        readers = {name: a_reader(session, f"{name}{number}@example.com") for name in names}
        preferences.pause(session, readers["paused"], "daily", NOW + 3 * DAY, NOW)
        preferences.pause(session, readers["back"], "daily", NOW + DAY, NOW)
        unsubscribe.leave(session, readers["gone"], "daily", Way.LINK, None, NOW)
        signup.add(session, KEYS, "weekly", f"weekly{number}@example.com", PROOF, NOW)
        for reader in readers.values() if number else ():
            suppression.suppress_subscriber(session, reader, SuppressionReason.COMPLAINT, "", NOW)
    suppression.suppress_address(session, KEYS, "nobody@example.com", SuppressionReason.MANUAL, "", NOW)
    for newsletter, moment in (("daily", NOW), ("daily", NOW + 2 * DAY), ("daily", NOW + 4 * DAY), ("weekly", NOW)):
        selected = session.execute(audience.selection(newsletter, moment)).all()
        assert audience.count(session, newsletter, moment) == len(selected) > 0


def test_a_suppressed_address_is_looked_up_and_the_list_not_read_for_each(sqlite: Database):
    """Also by a store without statistics of its tables: a million readers times twenty thousand would take hours."""
    said: list[tuple[str, Any]] = []
    event.listen(sqlite._reader, "before_cursor_execute", lambda *all_: said.append((all_[2], all_[3])))
    with sqlite.reading() as session:
        audience.count(session, "daily", NOW)
        statement, values = said[-1]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    looked_up = [row.detail for row in plan if "subscri" in row.detail][2:]  # after the two plain counts
    assert len(looked_up) == 1
    assert "subscriber_id=?" in looked_up[0]


def test_the_selection_goes_into_the_ledger_as_one_statement(session):
    """INSERT … SELECT: a million readers never pass through Python."""
    numbers = [a_reader(session, f"reader{n}@example.com") for n in range(5)]
    session.add(Issue(id=1, newsletter="daily", issue_date=NOW.date(), number=1, drafted_at=NOW))
    session.flush()
    chosen = audience.selection("daily", NOW).add_columns(
        literal(1),
        literal(DeliveryState.QUEUED, LEDGER.c.state.type),
        literal(""),
        literal(0),
        literal(""),
        literal(""),
        literal(NOW, LEDGER.c.changed_at.type),
    )
    columns = ["subscriber_id", "subscription_id", "issue_id", "state", "lane", "attempts", "status", "why"]
    columns.append("changed_at")
    session.execute(insert(Delivery).from_select(columns, chosen))
    rows = session.execute(
        select(col(Delivery.subscriber_id), col(Delivery.subscription_id)).order_by(col(Delivery.id))
    ).all()
    assert [row.subscriber_id for row in rows] == numbers
    assert rows[0].subscription_id == standing(session, "reader0@example.com").id


def test_each_recipient_is_named_or_has_a_reason_in_words(session):
    """The ledger stores the reason of whom it skips."""
    names = ("ann", "bob", "cay", "dan", "eve", "fay")
    ann, bob, cay, dan, eve, fay = (a_reader(session, f"{name}@example.com") for name in names)
    preferences.rename(session, ann, "Ann Lee")
    preferences.pause(session, bob, "daily", NOW + 14 * DAY, NOW)
    suppression.suppress_subscriber(session, cay, SuppressionReason.COMPLAINT, "", NOW)
    unsubscribe.leave(session, dan, "daily", Way.HEADER, None, NOW)
    erasure.erase(session, KEYS, "eve@example.com", NOW)
    preferences.pause(session, fay, "daily", NOW + DAY, NOW)
    answers = audience.recipients(session, "daily", [ann, bob, cay, dan, eve, fay, 10**9], NOW + DAY)
    assert answers == {
        ann: Recipient(ann, the(standing(session, "ann@example.com").id), "ann@example.com", "Ann Lee"),
        bob: NotNow("paused until 2026-12-07"),
        cay: NotNow("suppressed: complaint"),
        dan: NotNow("unsubscribed"),
        eve: NotNow("erased"),
        fay: Recipient(fay, the(standing(session, "fay@example.com").id), "fay@example.com", ""),
        10**9: NotNow("erased"),
    }
    assert audience.recipients(session, "weekly", [ann], NOW) == {ann: NotNow("not subscribed")}
    assert audience.recipients(session, "daily", [], NOW) == {}


def test_leaving_between_drawing_and_claiming_wins(database: Database):
    """Invariant 4: an issue that is half out skips who leaves now."""
    with database.transaction() as session:
        number = a_reader(session)
    with database.reading() as session:
        assert isinstance(audience.recipients(session, "daily", [number], NOW)[number], Recipient)
    with database.transaction() as session:
        unsubscribe.leave(session, number, "daily", Way.HEADER, 1, NOW + MINUTE)
    with database.reading() as session:
        assert audience.recipients(session, "daily", [number], NOW + MINUTE)[number] == NotNow("unsubscribed")
