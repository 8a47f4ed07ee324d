"""Readers who have chosen sections share one edition a set; what they chose is what they get, whatever happens."""

from collections import Counter
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from newsletter import daily, notices
from newsletter.config import Smtp
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import ledger, plan
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.send import send
from newsletter.issues.models import Issue
from newsletter.rendering import by_topics, slots
from newsletter.rendering.models import Edition
from subscribers import Format, audience, preferences, unsubscribe
from subscribers.models import Subscriber
from subscribers.preferences import Manner
from tests.builders import CONFIG, NOW, a_config, add_readers, an_article
from tests.sink import HANG_UP, Sink

SECTIONS = ("City", "World", "Culture")
STORIES = {
    "City": ("Ferry comes home after refit", "Council mends the clock in the market hall"),
    "World": ("Parliament votes on island treaty",),
    "Culture": ("A gull paints at the pier gallery",),
}
HOURS = timedelta(hours=3)
MORE = 'min_articles = 1\napproval = "none"\n'


class Desk:
    """A project with four stories in three sections and a relay that is a sink."""

    def __init__(self, database: Database, folder: Path, more: str = "") -> None:
        text = CONFIG.replace('sections = ["World"]', 'sections = ["World", "Culture"]')
        self.folder = folder
        self.paper = Paper(a_config(text.replace("min_articles = 1\n", MORE + more), folder), database)
        self.daily = self.paper.config.newsletters[0]
        with database.transaction() as session:
            for number, (section, title) in enumerate((s, t) for s, titles in STORIES.items() for t in titles):
                session.add(an_article(number=number, section=section, title=title, standfirst=f"{title}, at last."))

    def readers(self, *choices: tuple[str, ...]) -> list[str]:
        """Readers with these choices; none for all."""
        with self.paper.database.transaction() as session:
            addresses = add_readers(session, len(choices))
            for address, chosen in zip(addresses, choices, strict=True):
                preferences.choose_topics(session, number_of(session, address), "daily", chosen, NOW)
        return addresses

    def choose(self, address: str, *topics: str) -> None:
        with self.paper.database.transaction() as session:
            preferences.choose_topics(session, number_of(session, address), "daily", topics, NOW)

    def draft(self) -> Issue:
        return daily.draft(self.paper, self.daily, NOW.date(), NOW)

    def approve(self) -> int:
        number = self.draft().id or 0
        daily.approve(self.paper, number, "test", NOW)
        return number

    def send(self, sink: Sink, issue_id: int, now: datetime = NOW) -> ledger.Totals:
        relay = {"port": sink.port, "security": "none", "journal_dir": self.folder / "journal", "connections": 2}
        config = self.paper.config.model_copy(update={"smtp": Smtp.model_validate(relay)})
        return send(
            self.paper.database, config, self.daily, issue_id, clock=lambda: now, who="test", rests=(0, 0, 0, 0)
        )

    def editions(self) -> list[str]:
        with self.paper.database.reading() as session:
            return sorted(session.exec(select(Edition.topics)))

    def delivery(self, address: str) -> Delivery:
        with self.paper.database.reading() as session:
            number = number_of(session, address)
            return session.exec(select(Delivery).where(Delivery.subscriber_id == number)).one()


def number_of(session: Session, address: str) -> int:
    return session.scalar(select(Subscriber.id).where(Subscriber.email == address)) or 0


def told(data: bytes) -> set[str]:
    """The sections whose stories a mail holds, in any of its parts."""
    read = message_from_bytes(data, policy=policy.default)
    assert [part.defects for part in read.walk() if part.defects] == []
    words = " ".join(
        " ".join(part.get_content().split()) for part in read.walk() if part.get_content_maintype() == "text"
    )
    return {section for section, titles in STORIES.items() if any(title in words for title in titles)}


def test_readers_with_the_same_set_share_an_edition_and_get_what_they_chose(database: Database, tmp_path: Path):
    """Three sets, seven readers, four editions; each mail holds the chosen sections and no other, and the ledger says
    which edition a delivery had."""
    desk = Desk(database, tmp_path)
    choices = [(), ("City",), ("World", "City"), ("City", "World"), ("Culture",), ("City",), SECTIONS]
    readers = desk.readers(*choices)
    issue_id = desk.approve()
    with Sink() as sink:
        totals = desk.send(sink, issue_id)
    assert totals == ledger.Totals(accepted=7)
    assert desk.editions() == ["", "City", "City\nWorld", "Culture"]
    got = {taken.recipient: told(taken.data) for taken in sink.taken}
    assert got == {reader: set(chosen or SECTIONS) for reader, chosen in zip(readers, choices, strict=True)}
    assert desk.delivery(readers[2]).edition_id == desk.delivery(readers[3]).edition_id is not None
    assert desk.delivery(readers[0]).edition_id is desk.delivery(readers[6]).edition_id is None
    with database.reading() as session:
        counted = ledger.by_edition(session, issue_id)
        names = {edition.id: edition.topics for edition in session.exec(select(Edition).where(Edition.topics != ""))}
    assert {names.get(number or 0, ""): one.accepted for number, one in counted.items()} == {
        "": 2, "City": 2, "City\nWorld": 2, "Culture": 1,
    }  # fmt: skip


def test_an_edition_has_a_subject_of_its_own_stories(database: Database, tmp_path: Path):
    """Nobody is promised in a subject what is not in the mail."""
    desk = Desk(database, tmp_path)
    desk.readers((), ("Culture",))
    issue_id = desk.approve()
    with Sink() as sink:
        desk.send(sink, issue_id)
    subjects = {t.recipient: str(message_from_bytes(t.data, policy=policy.default)["Subject"]) for t in sink.taken}
    assert subjects["reader2@example.com"] == "A gull paints at the pier gallery"
    assert subjects["reader1@example.com"] != subjects["reader2@example.com"]


def test_a_day_without_a_readers_topics_is_skipped_in_words_and_the_sum_is_right(database: Database, tmp_path: Path):
    """`topic_fallback = "nothing"`: no mail, and the ledger says why."""
    desk = Desk(database, tmp_path, "topic_min_articles = 2\n")
    readers = desk.readers((), ("Culture",), ("City",))
    issue_id = desk.approve()
    with Sink() as sink:
        totals = desk.send(sink, issue_id)
    assert totals == ledger.Totals(accepted=2, skipped=1)
    assert totals.selected == 3
    row = desk.delivery(readers[1])
    assert (row.state, row.edition_id, row.due_at) == (DeliveryState.SKIPPED, None, None)
    assert row.why == "fewer than 2 stories of their topics"


def test_a_day_without_a_readers_topics_brings_the_whole_issue_where_the_publisher_wants_that(
    database: Database, tmp_path: Path
):
    """`topic_fallback = "whole"`."""
    desk = Desk(database, tmp_path, 'topic_min_articles = 2\ntopic_fallback = "whole"\n')
    desk.readers(("Culture",))
    issue_id = desk.approve()
    with Sink() as sink:
        assert desk.send(sink, issue_id) == ledger.Totals(accepted=1)
    assert told(sink.taken[0].data) == set(SECTIONS)


def test_a_set_that_was_chosen_after_the_draft_has_its_edition_and_one_after_the_approval_a_frozen_one(
    database: Database, tmp_path: Path
):
    """Editions are completed at the approval, and frozen by it."""
    desk = Desk(database, tmp_path)
    readers = desk.readers((), (), ())
    desk.draft()
    assert desk.editions() == [""]
    desk.choose(readers[1], "City")
    issue_id = desk.draft().id or 0
    desk.choose(readers[2], "World")
    daily.approve(desk.paper, issue_id, "test", NOW)
    assert desk.editions() == ["", "City", "World"]
    desk.choose(readers[2], "World", "Culture")
    with Sink() as sink:
        desk.send(sink, issue_id)
    assert desk.editions() == ["", "City", "World"]
    assert {t.recipient: told(t.data) for t in sink.taken} == {
        readers[0]: set(SECTIONS), readers[1]: {"City"}, readers[2]: {"World"},
    }  # fmt: skip


def test_a_delivery_keeps_its_edition_through_trouble_and_a_second_start(database: Database, tmp_path: Path):
    """The relay hangs up in the middle, then refuses one reader for now; what was drawn stays, also where its reader
    has chosen anew since, and nobody gets two."""
    desk = Desk(database, tmp_path)
    readers = desk.readers(*[("City",), ("World",), ()] * 4)
    issue_id = desk.approve()
    with database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        chosen = by_topics.by_set(session, desk.paper.config, desk.daily, issue)
    sets = plan.Sets({name: edition.id if edition else plan.NOTHING for name, edition in chosen.items()}, plan.NOTHING)
    plan.draw(database, issue, NOW, sets=sets, rows=5)
    drawn = {reader: desk.delivery(reader).edition_id for reader in readers}
    assert Counter(drawn.values())[None] == 4
    desk.choose(readers[0])
    with Sink(rules={"DATA/3": HANG_UP}) as sink:
        desk.send(sink, issue_id)
    assert {reader: desk.delivery(reader).edition_id for reader in readers} == drawn
    assert max(Counter(t.recipient for t in sink.taken).values()) == 1
    expected = {"City": {"City"}, "World": {"World"}, "": set(SECTIONS)}
    names = {edition.id: name for name, edition in chosen.items() if edition}
    for taken in sink.taken:
        assert told(taken.data) == expected[names.get(drawn[taken.recipient], "")]


def test_a_newcomer_joins_a_sent_issue_with_the_edition_that_fits_and_only_once(database: Database, tmp_path: Path):
    """`welcome_issue_days`: the ledger's own row, for a reader who came after the draw; what is frozen stays so."""
    desk = Desk(database, tmp_path, "welcome_issue_days = 1\n")
    first = desk.readers(("City",))[0]
    issue_id = desk.approve()
    with Sink() as sink:
        desk.send(sink, issue_id)
    newcomers = desk.readers((), ("City", "World"), ("Culture",), ("City",))
    with database.transaction() as session:
        given = [
            notices.give_latest(session, desk.paper.config, desk.daily, number_of(session, one), NOW + HOURS)
            for one in newcomers
        ]
    assert [issue is not None for issue in given] == [False, True, False, True]
    assert newcomers[0] == first
    with Sink() as sink:
        totals = desk.send(sink, issue_id, NOW + HOURS)
    assert {t.recipient: told(t.data) for t in sink.taken} == {newcomers[1]: {"City"}, newcomers[3]: {"City"}}
    assert totals == ledger.Totals(accepted=3, skipped=1)
    assert desk.delivery(newcomers[2]).why == "nothing of their topics is in this issue"


def test_leaving_wins_over_a_chosen_edition(database: Database, tmp_path: Path):
    """Also between the draw and the claim."""
    desk = Desk(database, tmp_path)
    readers = desk.readers(("City",), ("City",))
    issue_id = desk.approve()
    with database.transaction() as session:
        unsubscribe.by_operator(session, readers[0], "daily", NOW)
    with Sink() as sink:
        desk.send(sink, issue_id)
    assert [t.recipient for t in sink.taken] == [readers[1]]


def test_who_wants_text_gets_text_alone_of_their_own_edition(database: Database, tmp_path: Path):
    """Format and topics are two choices: both hold."""
    desk = Desk(database, tmp_path)
    readers = desk.readers(("World",), ("World",), ())
    with database.transaction() as session:
        for reader in (readers[0], readers[2]):
            preferences.settle(session, number_of(session, reader), Manner(format=Format.TEXT))
    issue_id = desk.approve()
    with Sink() as sink:
        desk.send(sink, issue_id)
    kinds = {t.recipient: message_from_bytes(t.data, policy=policy.default).get_content_type() for t in sink.taken}
    assert kinds == {readers[0]: "text/plain", readers[1]: "multipart/alternative", readers[2]: "text/plain"}
    assert {t.recipient: told(t.data) for t in sink.taken}[readers[0]] == {"World"}


def test_without_topics_in_the_config_everybody_gets_the_whole_issue(sqlite: Database, tmp_path: Path):
    """`topics = false`: what readers chose before is kept, and not looked at."""
    desk = Desk(sqlite, tmp_path, "topics = false\n")
    desk.readers(("City",))
    issue_id = desk.approve()
    with Sink() as sink:
        desk.send(sink, issue_id)
    assert told(sink.taken[0].data) == set(SECTIONS)


def test_every_edition_is_checked(sqlite: Database, tmp_path: Path):
    """A fault in the words of one edition's own stories, told once and with its sections."""
    desk = Desk(sqlite, tmp_path, "topic_min_articles = 2\n")
    desk.readers(("City",))
    issue_id = desk.draft().id or 0
    with sqlite.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.topics == "City")).one()
        edition.html = edition.html.replace(slots.UNSUBSCRIBE, "x")
    found = daily.check(desk.paper, issue_id, NOW)
    assert [f.where for f in found if f.rule == "unsubscribe-link"] == ["html (City)"]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(choices=st.lists(st.lists(st.sampled_from((*SECTIONS, "Gone")), unique=True).map(tuple), min_size=1, max_size=9))
def test_no_reader_is_drawn_for_a_section_they_deselected(a_desk, choices):
    """Whatever readers choose: the edition in the ledger holds none of what they did not want."""
    desk = a_desk()
    readers = desk.readers(*choices)
    issue_id = desk.approve()
    with Sink() as sink:
        totals = desk.send(sink, issue_id)
    assert totals.selected == len(readers)
    got = {t.recipient: told(t.data) for t in sink.taken}
    for reader, chosen in zip(readers, choices, strict=True):
        wanted = set(chosen) & set(SECTIONS) or set(SECTIONS)
        assert got[reader] == wanted


@pytest.fixture
def a_desk(_sqlite_template: Path, tmp_path: Path):
    """A maker of fresh projects, for a property that wants many."""
    opened: list[Database] = []

    def make() -> Desk:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        (folder / "newsletter.db").write_bytes(_sqlite_template.read_bytes())
        opened.append(Database(f"sqlite:///{folder / 'newsletter.db'}"))
        return Desk(opened[-1], folder)

    yield make
    for database in opened:
        database.close()


def test_sets_are_counted_without_those_who_want_all(database: Database):
    """And by newsletter: what is made grows with the sets that have readers."""
    with database.transaction() as session:
        add_readers(session, 3)
        preferences.choose_topics(session, number_of(session, "reader2@example.com"), "daily", ["City"], NOW)
    with database.reading() as session:
        assert audience.topics(session, "daily") == {"City": 1}
        assert audience.topics(session, "weekly") == {}
