"""kill -9 in mid-import, whatever the moment: nothing is half done, and started again it comes to the same end."""

import os
import signal
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlmodel import col, func, select

from newsletter.database import Database
from subscribers import (
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    reading,
    search,
    signup,
    suppression,
    transfer,
)
from subscribers.models import Consent, GroupConsent, Leaving, Subscriber, Subscription
from tests.builders import NOW
from tests.command import FORKS
from tests.subscribers.conftest import KEYS, PROOF, a_reader, standing
from tests.subscribers.test_names import is_there

KNOWN = ("reads@example.com", "asked@example.com", "bounced@example.com")
NEW, LEFT = 230, 25
MOMENTS = (2, 11, 23, 45, 80)  # statements and commits, of one run after the other


def a_file_of_all_kinds(folder: Path) -> Path:
    """New readers, some who have left, bad rows, a reader whom it takes off, one who had not answered, one bounced."""
    rows = [f"new{n}@example.com,Name {n},active" for n in range(NEW)]
    rows += [f"left{n}@example.com,,unsubscribed" for n in range(LEFT)]
    rows += [f"no address {n},," for n in range(10)]
    rows += [f"{KNOWN[0]},,unsubscribed", f"{KNOWN[1]},Asa,active", f"{KNOWN[2]},,active"]
    path = folder / "people.csv"
    path.write_text("email,name,status\n" + "\n".join(rows[n * 101 % len(rows)] for n in range(len(rows))) + "\n")
    return path


def bring(database: Database, path: Path) -> transfer.Report:
    """As the command does it with a long list into a short store."""
    with pytest.MonkeyPatch.context() as setting, database.in_bulk() as transaction:
        setting.setattr(reading, "APART_FROM_BYTES", 0)  # so that the index over names is put aside
        return transfer.import_csv(transaction, KEYS, "daily", path, "at the stall", NOW, batch_rows=20)


def bring_and_be_killed(url: str, path: Path, moment: int) -> None:
    """In a process of its own, which ends without a word before its `moment`-th statement or commit."""
    done = count(1)

    def maybe_die(*_: object) -> None:
        if next(done) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", maybe_die)
    event.listen(Engine, "commit", maybe_die)
    bring(Database(url), path)


def nothing_is_half_done(database: Database) -> int:
    """Whoever is there is there whole, and each proof counts those whom it is of; how many are there."""
    with database.reading() as session:
        people = [number or 0 for number in session.exec(select(Subscriber.id))]
        standings = session.exec(select(Subscription)).all()
        assert sorted(one.subscriber_id for one in standings) == sorted(people)
        together = Counter(one.group_consent_id for one in standings if one.group_consent_id)
        assert together == {group.id: group.people for group in session.exec(select(GroupConsent))}
        own = set(session.exec(select(Consent.subscriber_id)))
        for one in standings:
            has_agreed = one.group_consent_id is not None or one.subscriber_id in own
            assert has_agreed is (one.active_since is not None or one.state is SubscriptionState.PENDING)
        active = sum(one.state is SubscriptionState.ACTIVE for one in standings)
        bounced = session.exec(select(func.count()).where(col(Subscriber.email) == KNOWN[2])).one()
        assert audience.count(session, "daily", NOW) == active - bounced
        return len(people)


@pytest.mark.slow
def test_an_import_that_is_killed_again_and_again_comes_to_the_same_end(database_url: str, tmp_path: Path):
    """On each kind of database, with the index over names put aside: each run goes on where the one before was cut
    off, and the sums are those of a file that came in at once."""
    database, path = Database(database_url), a_file_of_all_kinds(tmp_path)
    with database.transaction() as session:
        a_reader(session, KNOWN[0])
        signup.ask(session, KEYS, ["daily"], KNOWN[1], PROOF, NOW)
        a_reader(session, KNOWN[2])
        suppression.suppress_address(session, KEYS, KNOWN[2], SuppressionReason.HARD_BOUNCE, "", NOW)
    there = [nothing_is_half_done(database)]
    for moment in MOMENTS:
        process = FORKS.Process(target=bring_and_be_killed, args=(database_url, path, moment))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        there.append(nothing_is_half_done(database))
    assert there == sorted(there)
    assert there[0] < there[-1] < NEW + LEFT + len(KNOWN), "it was killed in its midst"
    assert not is_there(database), "the index over names"
    with database.reading() as session:
        assert len(search.by_name(session, "Name 1").people) > 0
    last = bring(database, path)
    assert last.rows == NEW + LEFT + 10 + len(KNOWN)
    assert (last.new, last.invalid, last.suppressed) == (NEW + LEFT + len(KNOWN) - there[-1], 10, 1)
    assert is_there(database)
    assert nothing_is_half_done(database) == NEW + LEFT + len(KNOWN)
    with database.reading() as session:
        states = Counter(session.exec(select(Subscription.state)))
        assert states == {SubscriptionState.ACTIVE: NEW + 2, SubscriptionState.UNSUBSCRIBED: LEFT + 1}
        assert [leaving.way for leaving in session.exec(select(Leaving))] == [Way.IMPORT]
        assert standing(session, KNOWN[1]).state is SubscriptionState.ACTIVE
    database.close()
