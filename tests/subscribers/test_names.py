"""The index over names, put aside while a long list comes in."""

import pytest
from sqlalchemy import inspect

from newsletter.database import Database
from subscribers import names, search
from tests.subscribers.conftest import a_reader


def is_there(database: Database) -> bool:
    return "ix_subscriber_name_sorted" in [
        index["name"] for index in inspect(database.engine).get_indexes("subscriber")
    ]


def test_the_index_is_away_while_people_come_in_and_back_whatever_happens(database):
    """Also where the import ends with an error."""
    with names.put_aside(database.transaction):
        assert not is_there(database)
        with database.transaction() as session:
            a_reader(session)
    assert is_there(database)
    with pytest.raises(KeyError), names.put_aside(database.transaction):
        raise KeyError
    assert is_there(database)


def test_where_there_are_many_people_it_stays(database, monkeypatch):
    """Each search would read all of them."""
    monkeypatch.setattr(names, "FEW", 1)
    with database.transaction() as session:
        a_reader(session)
    with names.put_aside(database.transaction):
        assert is_there(database)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_where_others_hold_the_table_it_stays_and_people_come_in(database, monkeypatch):
    """Who comes after one that waits for the whole table waits too: a long export must not stop everything."""
    monkeypatch.setattr(names, "WAIT", "10ms")
    with database.reading() as session:
        search.by_name(session, "Ann")
        with names.put_aside(database.transaction):
            assert is_there(database)


def test_what_a_killed_import_left_out_is_made_again(database):
    """Once is enough."""
    aside = names.put_aside(database.transaction)
    aside.__enter__()
    for _ in range(2):
        with database.transaction() as session:
            search.prepare(session)
        assert is_there(database)
