"""Looking people up, handing over their data, and forgetting them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.database import Database
from newsletter.migrations.tables import METADATA
from subscribers import (
    NotKnown,
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    directory,
    erasure,
    parse,
    signup,
    suppression,
    unsubscribe,
    wishes,
)
from subscribers.address import address_hash
from subscribers.erasure import Erased
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF, a_reader, confirm_token, the, unsubscribe_token


def test_the_directory_is_read_in_pages_by_number(session):
    """A million people are never held in memory."""
    for n in range(7):
        a_reader(session, f"reader{n}@example.com")
    unsubscribe.by_operator(session, "reader2@example.com", "daily", NOW)
    suppression.suppress_address(session, KEYS, "reader3@example.com", SuppressionReason.COMPLAINT, "", NOW)
    first = directory.page(session, "daily", limit=4)
    rest = directory.page(session, "daily", after=first[-1].subscriber_id, limit=4)
    assert [e.email[6] for e in (*first, *rest)] == list("0123456")
    assert [e.email for e in directory.page(session, "daily", state=SubscriptionState.UNSUBSCRIBED)] == [
        "reader2@example.com"
    ]
    assert first[3].suppressed == "complaint"
    assert directory.page(session, "weekly") == []


def test_one_person_is_shown_whole_and_handed_over_as_json(session):
    """States, consents and leavings (GDPR Articles 15 and 20), without our own keys."""
    a_reader(session)
    unsubscribe.by_token(session, KEYS, unsubscribe_token(session, "ann@example.com", issue=3), Way.HEADER, NOW)
    person = directory.show(session, KEYS, "Ann@example.com")
    assert (len(person.subscriptions), len(person.consents), len(person.leavings)) == (1, 2, 1)
    data = directory.export_person(session, KEYS, "ann@example.com")
    assert json.loads(json.dumps(data)) == data
    assert data["person"]["email"] == "ann@example.com"
    assert data["leavings"][0]["way"] == "header"
    assert "address_hash" not in json.dumps(data)


def test_a_stranger_is_said_to_be_one_and_an_erased_one_to_be_listed(session):
    """An operator who is asked "do you mail me?" gets a whole answer."""
    with pytest.raises(NotKnown, match=r"^Nobody goes by that address\.$"):
        directory.show(session, KEYS, "zoe@example.com")
    erasure.erase(session, KEYS, "zoe@example.com", NOW)
    with pytest.raises(NotKnown, match="never-mail list since 2026-11-23: erasure"):
        directory.show(session, KEYS, "zoe@example.com")


def test_an_erasure_leaves_one_keyed_hash_and_nothing_else(database: Database):
    """Every table is searched for the address and the name (GDPR Article 17)."""
    with database.transaction() as session:
        a_reader(session, "quill.mara@example.com")
        directory.show(session, KEYS, "quill.mara@example.com").subscriber.name = "Mara Quill"
        unsubscribe.by_operator(session, "quill.mara@example.com", "daily", NOW)
        suppression.suppress_address(
            session, KEYS, "quill.mara@example.com", SuppressionReason.MANUAL, "Mara Quill phoned", NOW
        )
        assert erasure.erase(session, KEYS, "Quill.Mara@example.com", NOW)
        assert not erasure.erase(session, KEYS, "quill.mara@example.com", NOW)
    with database.reading() as session:
        dump = "".join(str(session.execute(text(f"SELECT * FROM {table}")).all()) for table in METADATA.tables)
    assert "mara" not in dump.casefold()
    assert dump.count(address_hash(KEYS, "quill.mara@example.com")) == 1


def test_no_byte_of_an_erased_person_stays_in_the_files(sqlite: Database):
    """Neither in a free page of the file nor in its write-ahead log."""
    with sqlite.transaction() as session:
        for n in range(50):
            a_reader(session, f"reader{n}@example.com")
        a_reader(session, "quill.mara@example.com")
        directory.show(session, KEYS, "quill.mara@example.com").subscriber.name = "Mara Quill"
    with sqlite.transaction() as session:
        assert erasure.erase(session, KEYS, "quill.mara@example.com", NOW)
    sqlite.forget_journal()
    store = Path(str(sqlite.url.database))
    files = [file for file in store.parent.glob(f"{store.name}*") if file.is_file()]
    kept = b"".join(file.read_bytes() for file in files).lower()
    assert b"mara" not in kept
    assert b"reader49@example.com" in kept
    assert address_hash(KEYS, "quill.mara@example.com").encode() in kept


def test_an_erasure_outlives_a_restored_backup(session):
    """The list of hashes beside the database is enough to erase again."""
    a_reader(session, "ann@example.com")
    a_reader(session, "bob@example.com")
    erased = [Erased(erasure.hash_of(KEYS, "ANN@example.com"), NOW), Erased("0" * 64, NOW)]
    assert erasure.erase_again(session, erased, NOW) == 1
    assert erasure.erase_again(session, erased, NOW) == 0
    with pytest.raises(NotKnown, match="erasure"):
        directory.show(session, KEYS, "ann@example.com")
    assert audience.count(session, "daily", NOW) == 1


def test_an_erased_person_comes_back_only_by_their_own_opt_in(session):
    """They may change their mind; nobody else may."""
    a_reader(session)
    erasure.erase(session, KEYS, "ann@example.com", NOW)
    later = NOW + timedelta(days=2)
    due = signup.ask(session, KEYS, ["daily"], "ann@example.com", PROOF, later)
    assert audience.count(session, "daily", later) == 0
    signup.confirm(session, KEYS, confirm_token(the(due)), PROOF, later)
    assert audience.count(session, "daily", later) == 1


def test_a_sign_up_that_waits_is_handed_over_and_erased_like_all_else(session):
    """What a form took in a moment ago is a person's data too, known or not."""
    a_reader(session, "ann@example.com")
    for email in ("ann@example.com", "new@example.com"):
        wishes.note(session, KEYS, ["weekly"], parse(email), PROOF, NOW)
    data = directory.export_person(session, KEYS, "ann@example.com")
    assert [row["newsletters"] for row in data["sign_ups"]] == [["weekly"]]
    assert "address_hash" not in json.dumps(data)
    for email in ("ann@example.com", "new@example.com"):
        erasure.erase(session, KEYS, email, NOW)
    assert wishes.take_up(session, KEYS, NOW) == (False, None)
