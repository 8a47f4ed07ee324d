"""People coming in while others sign up, are erased or suppressed in the same moment; how the store looks them up."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Dialect, Select, delete, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlmodel import Session, select

from subscribers import (
    SuppressionReason,
    arrivals,
    audience,
    erasure,
    suppression,
    transfer,
    unsubscribe,
)
from subscribers.models import (
    Consent,
    GroupConsent,
    Subscriber,
    Subscription,
    Suppression,
)
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader
from tests.subscribers.test_transfer import PROOF, a_file, bring


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_somebody_who_signs_up_in_the_same_moment_is_met_by_the_next_try(database, tmp_path):
    """PostgreSQL refuses the batch, for it has the same mailbox; nobody is lost, and nobody comes in twice."""
    path = a_file(tmp_path, "email\nann@example.com\nbob@example.com\n")
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            a_reader(session)
            report = pool.submit(bring, database, path)
            until_it_waits(session, report)
        assert (report.result().new, report.result().unchanged) == (1, 1)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 2


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_somebody_who_is_erased_in_the_same_moment_leaves_no_row(database, tmp_path):
    """A reader of the daily is on the weekly's list: whoever comes first, nothing stands there for nobody."""
    path = a_file(tmp_path, "email\nann@example.com\nbob@example.com\n")
    with database.transaction() as session:
        a_reader(session)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            erasure.erase(session, KEYS, "ann@example.com", NOW)
            report = pool.submit(transfer.import_csv, database.transaction, KEYS, "weekly", path, PROOF, NOW)
            until_it_waits(session, report)
        assert (report.result().new, report.result().suppressed) == (1, 1)
    with database.reading() as session:
        [bob] = session.exec(select(Subscriber)).all()
        assert [row.subscriber_id for row in session.exec(select(Subscription)).all()] == [bob.id]
        assert [group.people for group in session.exec(select(GroupConsent)).all()] == [1]
        assert session.exec(select(Consent)).all() == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_is_suppressed_while_they_arrive_is_not_counted_as_a_reader(database):
    """The entry knows whose it is, for it waits for who is on the way in; the count goes by that."""
    reason = SuppressionReason.MANUAL

    def suppress() -> None:
        with database.transaction() as session:
            suppression.suppress_address(session, KEYS, "ann@example.com", reason, "", NOW)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            a_reader(session)
            suppressed = pool.submit(suppress)
            until_it_waits(session, suppressed)
        suppressed.result()
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
        assert session.execute(audience.selection("daily", NOW)).all() == []


def until_it_waits(session: Session, work: Future[Any]) -> None:
    """Until that import waits for what this transaction holds."""
    for_this = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    while not session.scalar(text(for_this)):
        assert not work.done()
        session.execute(text("SELECT pg_stat_clear_snapshot()"))


@pytest.mark.parametrize("batch_rows", [2, 100])
def test_after_a_batch_of_strangers_whoever_is_known_is_still_met(database, tmp_path, batch_rows):
    """The next batch comes in without a look at who is known: a reader, one who left, one who complained, and a
    stranger on the never-mail list are what they were, and all others are in."""
    with database.transaction() as session:
        for name in ("nina", "otto", "pia"):
            a_reader(session, f"{name}@example.com")
        unsubscribe.by_operator(session, "otto@example.com", "daily", NOW)
        suppression.suppress_address(session, KEYS, "pia@example.com", SuppressionReason.COMPLAINT, "", NOW)
        suppression.suppress_address(session, KEYS, "rosa@example.com", SuppressionReason.MANUAL, "", NOW)
    path = a_file(tmp_path, "email\n" + "".join(f"{name}@example.com\n" for name in (
        "ann", "bob", "cid", "dan", "eve", "nina", "otto", "paul", "pia", "quin", "rosa", "sam", "ted", "uma",
    )))  # fmt: skip
    report = bring(database, path, batch_rows=batch_rows)
    assert (report.new, report.unchanged, report.suppressed) == (10, 1, 3)
    assert sorted(note.why for note in report.notes) == [
        "suppressed: complaint", "suppressed: manual", "unsubscribed earlier",
    ]  # fmt: skip
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 11
        people = session.exec(select(Subscriber.email).order_by(Subscriber.email)).all()
    assert len(people) == 13
    assert "rosa@example.com" not in people


@pytest.mark.usefixtures("as_new")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("known", ["nothing", "a handful", "none, in a large file"])
def test_an_import_looks_people_up_in_indices_whatever_is_known_of_the_tables(database, known):
    """Without statistics PostgreSQL took all readers of a newsletter for one, and went through them for each row; with
    those of a handful it chose to begin with the readers, and not with the batch; where all had been erased it went
    through all by number. Then they become many."""
    with database.transaction() as session:
        for n in range(3 if known != "nothing" else 0):
            a_reader(session, f"reader{n}@example.com")
            suppression.suppress_address(session, KEYS, f"gone{n}@example.com", SuppressionReason.MANUAL, "", NOW)
    if known == "none, in a large file":
        with database.transaction() as session:
            for of_readers in (Subscription, Consent, Suppression, Subscriber):
                session.execute(delete(of_readers))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (TRUNCATE off)"))
    with database.transaction() as session:
        if known == "a handful":
            arrivals.count_anew(session)
        for table, columns, values in (
            ("subscriber", "email, email_key, address_hash, domain, name, language, timezone, created_at",
             "n, n, n, '', '', '', '', now()"),
            ("subscription", "subscriber_id, newsletter, state, changed_at", "n + 100, 'daily', 'active', now()"),
            ("suppression", "address_hash, reason, detail, at", "n, 'manual', '', now()"),
        ):  # fmt: skip
            many = f"INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(1, 2000) AS n"
            session.execute(text(many))
        arrivals.prepare(session)
        met = steps_of(session, arrivals.meeting(["ann@example.com"]))
        stand = steps_of(session, arrivals.standing("daily", [7]))
        listed = steps_of(session, arrivals.listed(["a" * 64]))
    assert met - THE_BATCH == {"Index Scan using uq_subscriber_email_key on subscriber"}
    assert len(stand - THE_BATCH) == 1  # once for all: no step is repeated for each
    assert min(stand - THE_BATCH).startswith("Index Scan")
    assert listed - THE_BATCH == {"Index Scan using uq_suppression_address_hash on suppression"}


def test_an_import_looks_people_up_in_indices_of_sqlite_which_knows_nothing_of_its_tables(sqlite):
    """It went through all readers of the newsletter for each batch."""
    asked = (arrivals.meeting(["ann@example.com"]), arrivals.standing("daily", [7]), arrivals.listed(["a" * 64]))
    with sqlite.reading() as session:
        plans = [session.execute(text(f"EXPLAIN QUERY PLAN {written(s, sqlite_dialect())}")).all() for s in asked]
    ways = [row.detail.partition(" USING ")[2] for plan in plans for row in plan if "USING" in row.detail]
    assert ways == [
        "INDEX sqlite_autoindex_subscriber_1 (email_key=?)",
        "INDEX sqlite_autoindex_subscription_1 (subscriber_id=?)",
        "INDEX sqlite_autoindex_suppression_1 (address_hash=?)",
    ]


THE_BATCH = {f"Function Scan on jsonb_array_elements{kind} anon_{n}" for kind in ("", "_text") for n in (1, 2)}


def steps_of(session: Session, statement: Select[Any]) -> set[str]:
    """What PostgreSQL would do to answer it."""
    plan = session.scalars(text(f"EXPLAIN {written(statement, postgresql.dialect())}")).all()
    return {line.strip().removeprefix("->").split("(cost")[0].strip() for line in plan if "(cost" in line}


def written(statement: Select[Any], dialect: Dialect) -> str:
    """With its values in it."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
