"""Editors' accounts on both databases: unique, with one admin at least, told apart by name."""

import pytest

from newsletter.database import Database
from newsletter.editors import Role, accounts
from newsletter.editors.tries import pause_after
from newsletter.errors import NotFound, Refused
from tests.builders import NOW


def test_an_address_and_a_name_are_taken_once(database: Database):
    """However they are written: decisions are signed by name, and a second person must be another one."""
    with database.transaction() as session:
        accounts.add(session, "Ann@Example.com", "Ann  Smith", Role.ADMIN, NOW)
        assert accounts.find(session, "ann@example.COM").name == "Ann Smith"
        for email, name in (
            ("ANN@example.com", "Other"),
            ("other@example.com", "ann smith"),
            ("other@example.com", "Ａnn Smith"),
            ("other@example.com", "Command Line"),
            ("other@example.com", " "),
            ("nonsense", "Other"),
        ):
            with pytest.raises(Refused):
                accounts.add(session, email, name, Role.EDITOR, NOW)
        with pytest.raises(NotFound):
            accounts.find(session, "nobody@example.com")


def test_the_last_admin_stays_one(database: Database):
    """Neither disabled nor given another role, until there is another."""
    with database.transaction() as session:
        ann = accounts.add(session, "ann@example.com", "Ann", Role.ADMIN, NOW)
        bob = accounts.add(session, "bob@example.com", "Bob", Role.ADMIN, NOW)
        accounts.disable(session, bob, NOW)
        with pytest.raises(Refused, match="Ann is the last admin"):
            accounts.disable(session, ann, NOW)
        with pytest.raises(Refused, match="Ann is the last admin"):
            accounts.set_role(session, ann, Role.SENDER)
        accounts.enable(session, bob)
        accounts.set_role(session, ann, Role.SENDER)
        assert ann.role is Role.SENDER


def test_each_role_may_what_those_before_it_may():
    """viewer < editor < sender < admin."""
    assert [[role.may(least) for least in Role] for role in Role] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_waits_after_wrong_tries_double_and_end():
    """None for the first five, then 15 s … 15 min."""
    assert [int(pause_after(wrong).total_seconds()) for wrong in (0, 4, 5, 6, 7, 10, 11, 50, 500)] == [
        0, 0, 15, 30, 60, 480, 900, 900, 900,
    ]  # fmt: skip
