"""Whatever happens in whatever order: who has left or is suppressed is in no audience without a fresh opt-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from mailbox import Maildir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, inspect
from sqlmodel import Session, SQLModel, select

from newsletter.config.mailbox import Mailbox
from newsletter.database import Database
from newsletter.tracking import clicks, inbox, mailboxes
from subscribers import (
    NotAllowed,
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    erasure,
    parse,
    preferences,
    signup,
    suppression,
    transfer,
    unsubscribe,
    wishes,
)
from subscribers.clicks import Following
from subscribers.erasure import Erased
from subscribers.models import Click, Consent, GroupConsent, Leaving, SignUp, Subscriber, Subscription, Suppression
from subscribers.signup import Outcome
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, PROOF

ANN = "ann@example.com"
FACTS = ("left_at", "left_herself", "blocked", "forms", "opted_in_at")
Rows = dict[type[SQLModel], list[dict[str, Any]]]
READS = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)
ACTS = (
    *("ask", "confirm", "confirm_an_old_link", "import_active", "import_unsubscribed", "add", "one_click", "undo"),
    *("leave_all", "operator", "complain", "bounce", "forbid", "erase", "pause", "resume", "join", "wait_a_day"),
    *("fill_in_the_form", "look_at_the_forms", "mailto", "follow_a_link"),
    *("back_up", "restore") * 2,  # else they seldom stand in the right order
)
TABLES = (SignUp, Suppression, Subscriber, GroupConsent, Subscription, Consent, Leaving, Click)  # who is named first


@dataclass
class Backup:
    """What was kept of a store, and what was true then."""

    rows: Rows
    links: list[tuple[datetime, str]]
    facts: dict[str, Any]


class Story:
    """What one person does to the store, and beside it two plain facts: has she left, and is she blocked?"""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.now = database, folder, NOW
        self.links: list[tuple[datetime, str]] = []  # every confirmation link that was mailed, and when
        self.left_at: datetime | None = None
        self.left_herself = False
        self.blocked = False
        self.forms = 0  # filled in, and not looked at yet
        self.opted_in_at: datetime | None = None  # herself, by a confirmation
        self.lost_links: list[str] = []  # of mails that the store before a restored backup has sent
        self.erased: list[Erased] = []  # as `erased.txt` has them
        self.backup: Backup | None = None

    def act(self, act: str) -> None:
        getattr(self, act)()
        self.now += timedelta(minutes=4)

    def ask(self) -> None:
        with self.database.transaction() as session:
            self._mailed(signup.ask(session, KEYS, ["daily"], ANN, PROOF, self.now))

    def fill_in_the_form(self) -> None:
        with self.database.transaction() as session:
            wishes.note(session, KEYS, ["daily"], parse(ANN), PROOF, self.now)
        self.forms += 1

    def look_at_the_forms(self) -> None:
        with self.database.transaction() as session:
            was_one, due = wishes.take_up(session, KEYS, self.now)
            self._mailed(due)
        assert was_one == (self.forms > 0), "an erasure forgets forms, and nothing else does"
        self.forms = max(self.forms - 1, 0)

    def join(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                self._mailed(preferences.join(session, KEYS, one.subscriber_id, "daily", PROOF, self.now))

    def confirm(self) -> None:
        if not self.links:
            return
        asked_at, link = self.links[-1]
        with self.database.transaction() as session:
            if signup.confirm(session, KEYS, link, PROOF, self.now).outcome is Outcome.GOOD:
                assert self.left_at is None or asked_at > self.left_at, "a link older than the leaving"
                self.left_at, self.blocked, self.opted_in_at = None, False, self.now

    def confirm_an_old_link(self) -> None:
        with self.database.transaction() as session:
            for link in (*(link for _, link in self.links[:-1]), *self.lost_links):
                assert signup.confirm(session, KEYS, link, PROOF, self.now).outcome is not Outcome.GOOD

    def import_active(self) -> None:
        self._import("active")

    def import_unsubscribed(self) -> None:
        with self.database.reading() as session:
            knew_her = self._found(session) is not None
        self._import("unsubscribed")
        if knew_her or not self.blocked:
            self._leaves(herself=False)

    def add(self) -> None:
        try:
            with self.database.transaction() as session:
                signup.add(session, KEYS, "daily", ANN, PROOF, self.now)
        except NotAllowed:
            return
        assert not self.blocked

    def one_click(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                token = sign(KEYS, Purpose.UNSUBSCRIBE, one.id or 0, 1)
                unsubscribe.by_token(session, KEYS, token, Way.HEADER, self.now)
                self._leaves(herself=True)

    def mailto(self) -> None:
        with self.database.reading() as session:
            if (one := self._found(session)) is None:
                return
        token = sign(KEYS, Purpose.UNSUBSCRIBE, one.id or 0, 1)
        mail = f"From: else@example.net\nTo: leave+{token}@example.com\n\n"
        Maildir(self.folder / "leave", create=True).add(mail.encode())
        with mailboxes.opened(Mailbox(maildir=self.folder / "leave")) as box:
            assert inbox.read(self.database, KEYS, box, self.now) == inbox.Read(left=1)
        self._leaves(herself=True)

    def undo(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is None:
                return
            token = sign(KEYS, Purpose.UNSUBSCRIBE, one.id or 0, 1)
            standing = unsubscribe.undo(session, KEYS, token, self.now)
        if self.left_at and standing and not standing.has_left:
            assert self.left_herself
            assert self.now - self.left_at < timedelta(minutes=10)
            self.left_at = None

    def leave_all(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                unsubscribe.leave_all(session, one.subscriber_id, Way.PREFERENCES, None, self.now)
                self._leaves(herself=True)

    def operator(self) -> None:
        with self.database.transaction() as session:
            if self._found(session) is not None:
                unsubscribe.by_operator(session, ANN, None, self.now)
                self._leaves(herself=False)

    def complain(self) -> None:
        self._suppress(SuppressionReason.COMPLAINT)

    def bounce(self) -> None:
        self._suppress(SuppressionReason.HARD_BOUNCE)

    def forbid(self) -> None:
        self._suppress(SuppressionReason.MANUAL)

    def erase(self) -> None:
        with self.database.transaction() as session:
            erasure.erase(session, KEYS, ANN, self.now)
        self.erased.append(Erased(erasure.hash_of(KEYS, ANN), self.now))
        self.blocked, self.left_at, self.forms = True, None, 0
        with self.database.reading() as session:
            assert session.exec(select(Click)).all() == []

    def back_up(self) -> None:
        facts = {name: getattr(self, name) for name in FACTS}
        with self.database.reading() as session:
            rows: Rows = {table: [dict(row) for row in session.execute(_all(table)).mappings()] for table in TABLES}
        self.backup = Backup(rows, list(self.links), facts)

    def restore(self) -> None:
        """The rows of the backup in the place of all others, and then what an operator is told to do."""
        if self.backup is None:
            return
        with self.database.transaction() as session:
            empty(session)
            for table, rows in self.backup.rows.items():
                if rows:
                    session.execute(insert(table), rows)
        for name, value in self.backup.facts.items():
            setattr(self, name, value)
        self.lost_links += [link for _, link in self.links if link not in [known for _, known in self.backup.links]]
        self.links = list(self.backup.links)
        with self.database.transaction() as session:
            erasure.erase_again(session, self.erased, self.now)
        if self.erased and (self.opted_in_at is None or self.opted_in_at < self.erased[-1].at):
            self.blocked, self.left_at = True, None
            with self.database.reading() as session:
                assert self._found(session) is None, "what was erased is gone again"
                assert session.exec(select(Click)).all() == []

    def follow_a_link(self) -> None:
        """Out of an old mail, whose link says her number; kept only as long as she reads it."""
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                kept = clicks.keep(session, [Following(one.subscriber_id, "daily", 1, 1, "City", self.now, "")])
                assert kept == 0 or (self.left_at is None and one.state in READS)

    def pause(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                preferences.pause(session, one.subscriber_id, "daily", self.now + timedelta(minutes=2), self.now)

    def resume(self) -> None:
        with self.database.transaction() as session:
            if (one := self._found(session)) is not None:
                preferences.resume(session, one.subscriber_id, "daily", self.now)

    def wait_a_day(self) -> None:
        self.now += timedelta(days=1)

    def is_mailed(self) -> bool:
        with self.database.reading() as session:
            return audience.count(session, "daily", self.now) == 1

    def _leaves(self, *, herself: bool) -> None:
        if self.left_at is None:  # a second leaving is none
            self.left_at, self.left_herself = self.now, herself

    def _mailed(self, due: signup.ConfirmationDue | None) -> None:
        if due is not None:
            self.links.append((self.now, sign(KEYS, Purpose.CONFIRM, due.subscription_id, due.asked_at)))

    def _import(self, status: str) -> None:
        path = self.folder / "people.csv"
        path.write_text(f"email,status\n{ANN},{status}\n", encoding="utf-8")
        transfer.import_csv(self.database.transaction, KEYS, "daily", path, "proof", self.now)

    def _suppress(self, reason: SuppressionReason) -> None:
        with self.database.transaction() as session:
            suppression.suppress_address(session, KEYS, ANN, reason, "", self.now)
        self.blocked = True

    @staticmethod
    def _found(session: Session) -> Subscription | None:
        return session.exec(select(Subscription)).one_or_none()


ORDERS = st.lists(st.sampled_from(ACTS), min_size=1, max_size=16)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ORDERS)
def test_no_order_of_events_mails_one_who_left(database: Database, acts: list[str]):
    """Invariant 4, on both databases, against a rule of two facts that anybody can check."""
    who_left_is_never_mailed(database, acts)


@pytest.mark.proof
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ORDERS)
def test_none_of_many_orders_of_events_mails_one_who_left(database: Database, acts: list[str]):
    """The same for more of them."""
    who_left_is_never_mailed(database, acts)


def who_left_is_never_mailed(database: Database, acts: list[str]) -> None:
    with database.transaction() as session:
        empty(session)
    with TemporaryDirectory() as folder:
        story = Story(database, Path(folder))
        for act in acts:
            story.act(act)
            if story.is_mailed():
                assert story.left_at is None, f"mailed after {act}, although she has left"
                assert not story.blocked, f"mailed after {act}, although she is suppressed"


def empty(session: Session) -> None:
    for table in reversed(TABLES):
        session.execute(delete(table))


def _all(table: type[SQLModel]) -> Any:
    return select(*inspect(table).columns)


@pytest.mark.parametrize(
    ("acts", "mailed"),
    [
        (["ask", "confirm"], True),
        (["import_active", "one_click", "import_active", "add"], False),
        (["import_active", "one_click", "undo"], True),
        (["import_active", "one_click", "wait_a_day", "undo"], False),
        (["import_active", "one_click", "ask", "confirm"], True),
        (["import_active", "erase", "import_active", "ask", "confirm"], True),
        (["import_active", "complain", "ask", "confirm"], True),
        (["import_active", "forbid", "ask", "confirm"], False),
        (["ask", "confirm", "one_click", "wait_a_day", "ask", "one_click", "confirm"], False),
        (["import_active", "pause"], True),
        (["import_active", "follow_a_link"], True),
        (["import_active", "follow_a_link", "one_click", "follow_a_link", "import_active"], False),
        (["import_active", "follow_a_link", "erase", "follow_a_link", "import_active"], False),
        (["fill_in_the_form", "look_at_the_forms", "confirm"], True),
        (["import_active", "fill_in_the_form", "mailto", "look_at_the_forms"], False),
        (["import_active", "mailto", "fill_in_the_form", "look_at_the_forms", "confirm"], True),
        (["import_active", "mailto", "undo"], True),
        (["fill_in_the_form", "look_at_the_forms", "mailto", "confirm"], False),
        (["fill_in_the_form", "erase", "look_at_the_forms", "confirm"], False),
        (["import_active", "back_up", "erase", "restore", "import_active", "add"], False),
        (["import_active", "erase", "ask", "confirm", "back_up", "one_click", "restore"], True),
        (["import_active", "back_up", "erase", "ask", "confirm", "restore"], False),
        (["import_active", "back_up", "erase", "restore", "ask", "confirm"], True),
        (["import_active", "one_click", "back_up", "ask", "confirm", "restore"], False),
    ],
)
def test_stories_that_end_as_readers_expect(database: Database, tmp_path: Path, acts: list[str], mailed: bool):
    """The property above would hold for a store that mails nobody; these say when it must."""
    story = Story(database, tmp_path)
    for act in acts:
        story.act(act)
    assert story.is_mailed() is mailed
