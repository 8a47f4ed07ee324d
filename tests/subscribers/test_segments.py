"""Segments: a small language of filters. Everything that can be said is read back the same; nothing is ever SQL."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any as Anything
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from subscribers import Proof, audience, segments, signup, transfer, unsubscribe
from subscribers.models import Subscriber
from subscribers.segment_words import DAYS, DEEPEST, LONGEST, OF_DAYS, Ago, All, Any, Day, Last, Not, Past, Span, Text
from subscribers.segments import BadSegment, Surroundings, condition, parse, together, written
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader, standing

AROUND = Surroundings("daily", NOW, ZoneInfo("Europe/London"))
TEXT_FIELDS = st.sampled_from(["language", "timezone", "domain", "format", "topic", "consent", "origin"])
VALUES = st.text(max_size=20).filter(lambda v: v.isprintable() and not ('"' in v and "'" in v))
LEAVES = (
    st.builds(Text, TEXT_FIELDS, st.sampled_from(["=", "!=", "starts", "ends"]), st.tuples(VALUES))
    | st.builds(Text, TEXT_FIELDS, st.just("in"), st.lists(VALUES, min_size=1, max_size=4).map(tuple))
    | st.builds(
        Day, st.sampled_from(DAYS), st.sampled_from(OF_DAYS), st.dates() | st.builds(Ago, st.integers(0, 36_500))
    )
)
MOMENTS = st.dates() | st.builds(Ago, st.integers(0, 36_500))
ISSUES = st.dates() | st.builds(Last, st.integers(1, 1_000)) | st.builds(Span, MOMENTS, st.none() | MOMENTS)
NEWSLETTERS = st.sampled_from(["daily", "week-end", "7-days", "24"])
PAST = st.builds(Past, st.just("got"), NEWSLETTERS, ISSUES) | st.builds(
    Past, st.just("clicked"), NEWSLETTERS, ISSUES, VALUES
)


def trees(leaves):
    def more(nodes):
        some = st.lists(nodes, min_size=2, max_size=3).map(tuple)
        return st.builds(Not, nodes) | some.map(All) | some.map(Any)

    return st.recursive(leaves, more, max_leaves=8)


@given(trees(LEAVES | PAST))
def test_every_filter_is_read_back_as_it_was_written(node):
    """Brackets stand where they must; a tree and its words are one."""
    assert parse(written(node)) == node


@pytest.mark.parametrize("newsletter", ["7-days", "24", "1", "2nd-thought", "123456"])
def test_a_newsletter_whose_name_begins_with_a_digit_can_be_named(newsletter):
    """A slug may."""
    last, one = Past("got", newsletter, Last(5)), Past("clicked", newsletter, date(2026, 11, 20))
    assert parse(f"got {newsletter} last 5 issues and clicked {newsletter}/2026-11-20") == All((last, one))


@given(st.text() | st.text("()\"',=<>! andornt0123456789-/abc\n", max_size=60))
@example("(" * 5_000)
@example("not " * 400 + 'language = "de"')
@example('language = "de')
@example("joined < 2026-02-30")
@example("got daily/2026-13-01")
@example("got daily/２０２６-11-20")
@example('language = "\x00"')
@example('language = "\ud800"')
@example("joined > 99999 days ago")
def test_any_text_is_a_filter_or_a_fault_with_its_column(words):
    """A stranger's words are data: never another exception, never a hang."""
    node, fault = read(words)
    assert fault is None or 1 <= fault.column <= max(len(words), LONGEST) + 1
    assert node is None or parse(written(node)) == node


def read(words):
    try:
        return parse(words), None
    except BadSegment as fault:
        return None, fault


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "column 1: here should be language, timezone,"),
        ('colour = "red"', "column 1: 'colour' can't be asked for; there is language,"),
        ('language = "de" or', "column 19: here should be language"),
        ('language "de"', "column 10: here should be one of = != starts ends in"),
        ("language = de", 'column 12: here should be a text in quotation marks, as "de"'),
        ('language in ("de"', "column 18: here the list should end"),
        ('(language = "de"', "column 17: here a bracket should be closed"),
        ('language = "de" domain = "x"', "column 17: here should be `and`, `or`, or the end"),
        ("joined > yesterday", "column 10: here should be a day, as 2026-11-20 or `30 days ago`"),
        ("joined > 3 weeks ago", "column 12: here should be `days ago`"),
        ("joined > 2026-02-30", "column 10: there is no day 2026-02-30"),
        ('got "daily"', "column 5: here should be an issue, as daily/2026-11-20, or issues, as daily last 5 issues"),
        ("got daily/yesterday", "column 5: here should be an issue, as daily/2026-11-20"),
        ("got the daily", "column 9: here should be `last 5 issues`, `since` a day, or `from` one `to` another"),
        ("clicked daily last issue", "column 20: here should be how many issues, 1 to 1,000"),
        ("clicked daily last 0 issues", "column 20: here should be how many issues, 1 to 1,000"),
        ("clicked daily last 5", "column 21: here should be `issues`"),
        ("clicked daily from 2026-11-20", "column 30: here should be `to` and the last day"),
        ("clicked daily since 3 weeks ago", "column 23: here should be `days ago`"),
        ('got daily last 5 issues in "City"', "column 25: here should be `and`, `or`, or the end"),
        ("clicked daily last 5 issues in City", "column 32: here should be a text in quotation marks"),
        ('language = "de', "column 12: this text never ends"),
        ('language = "de"; DROP TABLE subscriber', "column 16: ';' is no word of a filter"),
        ("(" * (DEEPEST + 1), "column 51: brackets and `not`s go at most 50 deep"),
        ("x" * 3_000, "column 2001: a filter has at most 2,000 characters"),
    ],
)
def test_a_fault_says_where_and_what_should_stand_there(words, told):
    """One sentence with the column."""
    with pytest.raises(BadSegment) as caught:
        parse(words)
    assert str(caught.value).startswith(told)


def people_of(session: Session, **of_each: dict[str, Anything]) -> None:
    """Readers by the first part of their address, each with attributes of their own."""
    for name, attributes in of_each.items():
        about = dict(attributes)
        email = f"{name}@{about.pop('domain', 'example.com')}"
        now = about.pop("joined", NOW)
        if wording := about.pop("added", ""):
            signup.add(session, KEYS, "daily", email, Proof(wording, "command line"), now)
        else:
            a_reader(session, email, now=now)
        one = standing(session, email)
        one.topics = about.pop("topics", "")
        person = session.get_one(Subscriber, one.subscriber_id)
        for key, value in about.items():
            setattr(person, key, value)
        session.add_all([one, person])
    session.flush()


def names(session: Session, words: str, around: Surroundings = AROUND) -> str:
    found = segments.listed(session, around, condition(parse(words), around))
    return " ".join(email.partition("@")[0] for _, email in found)


@pytest.fixture
def readers(session: Session) -> Session:
    people_of(
        session,
        ann={"language": "de", "domain": "gmx.de", "topics": "City\nWorld", "timezone": "Europe/Berlin"},
        bob={"language": "en", "joined": NOW - timedelta(days=40), "topics": "Sport"},
        cay={"joined": NOW - timedelta(days=400), "domain": "mail.gmx.de"},
        dan={"added": "said so at the stall", "language": "de-AT", "format": "text"},
    )
    return session


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ('language = "de"', "ann"),
        ('language != "de"', "bob cay dan"),
        ('language starts "de"', "ann dan"),
        ('language = "DE"', ""),
        ('language in ("de", "en")', "ann bob"),
        ('not language in ("de", "en")', "cay dan"),
        ('domain ends "GMX.de"', "ann cay"),
        ('domain ends "a.very.long.domain.that.nobody.has.example.com"', ""),
        ('domain = "gmx.de" or domain = "example.com" and language = "en"', "ann bob"),
        ('(domain = "gmx.de" or domain = "example.com") and language = "en"', "bob"),
        ('timezone starts "Europe/"', "ann"),
        ('format = "text"', "dan"),
        ('format = "none of it"', ""),
        ('topic = "World"', "ann cay dan"),
        ('topic != "World"', "bob"),
        ('topic starts "Wo"', "ann cay dan"),
        ('topic in ("Sport", "City")', "ann bob cay dan"),
        ("joined >= 2026-11-23", "ann dan"),
        ("joined = 2026-11-23", "ann dan"),
        ("joined != 2026-11-23", "bob cay"),
        ("joined < 30 days ago", "bob cay"),
        ("joined > 60 days ago", "ann bob dan"),
        ("active <= 2026-11-22", "bob cay"),
        ('consent = "added"', "dan"),
        ('consent != "added"', "ann bob cay"),
        ('consent in ("confirmed", "imported")', "ann bob cay"),
        ('origin starts "https://post.example.com/"', "ann bob cay"),
        ('origin != "command line"', "ann bob cay"),
    ],
)
def test_each_attribute_finds_its_people(readers, words, who):
    """The same on both databases, capitals and all."""
    assert names(readers, words) == who


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ('consent = "imported"', "eve"),
        ('consent != "imported"', "ann bob cay dan"),
        ('consent in ("added", "imported")', "dan eve"),
        ('origin starts "import people.csv"', "eve"),
        ('origin ends " line 2"', "eve"),
        ('origin != "command line"', "ann bob cay eve"),
        ('not (origin = "import people.csv line 2")', "ann bob cay dan"),
    ],
)
def test_who_was_brought_in_with_others_is_found_by_it(readers, tmp_path, words, who):
    """The proof stands once for all of them; to a filter it is each one's own."""
    path = tmp_path / "people.csv"
    path.write_text("email\neve@example.com\n")
    transfer.import_csv(lambda: nullcontext(readers), KEYS, "daily", path, "said so", NOW)
    assert names(readers, words) == who


@settings(max_examples=50)
@given(node=trees(LEAVES))
def test_any_filter_can_be_asked_and_not_is_exactly_the_others(memory_reader, node):
    """Whatever it says, a database answers, and everybody is in it or in its opposite."""
    everybody = segments.counted(memory_reader, AROUND, None)
    inside = segments.counted(memory_reader, AROUND, condition(node, AROUND))
    assert inside + segments.counted(memory_reader, AROUND, condition(Not(node), AROUND)) == everybody


@pytest.fixture(scope="module")
def memory_reader(_sqlite_template, tmp_path_factory):
    """Some readers in one SQLite database, only looked at."""
    from newsletter.database import Database

    path = tmp_path_factory.mktemp("segments") / "newsletter.db"
    path.write_bytes(_sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    with database.transaction() as session:
        people_of(
            session,
            ann={"language": "de", "topics": "City\nWorld"},
            bob={"joined": NOW - timedelta(days=40), "language": "en"},
            cay={"added": "at the stall"},
        )
        standing(session, "cay@example.com").active_since = None
    with database.reading() as session:
        yield session
    database.close()


@pytest.mark.parametrize(
    "evil",
    [
        "de' OR '1'='1",
        "'; DROP TABLE subscriber; --",
        "%",
        "_",
        "\\",
        "${x}",
        ":x",
        "%(x)s",
        "{x}",
        "?",
        "de) or (1=1",
        "/*",
    ],
)
def test_what_looks_like_sql_is_a_text_that_nobody_has(readers, evil):
    """Values are bound parameters, never part of a statement."""
    mark = '"' if "'" in evil else "'"
    for field in ("language", "domain", "topic", "origin"):
        for operator in ("=", "starts", "ends"):
            found = names(readers, f"{field} {operator} {mark}{evil}{mark}")
            assert found == ("cay dan" if field == "topic" else "")
    assert segments.counted(readers, AROUND, None) == 4


def test_a_day_begins_at_the_newsletters_own_midnight(session):
    """Not at UTC's: in Auckland it is tomorrow already."""
    people_of(session, ann={"joined": datetime(2026, 11, 22, 23, 30, tzinfo=UTC)})
    auckland = Surroundings("daily", NOW, ZoneInfo("Pacific/Auckland"))
    assert (names(session, "joined = 2026-11-22"), names(session, "joined = 2026-11-23")) == ("ann", "")
    assert names(session, "joined = 2026-11-23", auckland) == "ann"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "36500 days ago", "0 days ago"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_day_there_is_are_days(session, day, zone):
    """No zone moves them out of time."""
    around = Surroundings("daily", NOW, ZoneInfo(zone))
    for operator in OF_DAYS:
        names(session, f"joined {operator} {day}", around)


def test_include_and_exclude_make_one_audience(readers):
    """In one of the first, in none of the second; without both it is everybody."""
    german, gmx, old = map(parse, ('language starts "de"', 'domain ends "gmx.de"', "joined < 90 days ago"))

    def who(include, exclude):
        return audience.count(readers, "daily", NOW, together(include, exclude, AROUND))

    assert who([german, gmx], [old]) == 2
    assert who([], [old]) == 3
    assert who([german], []) == 2
    assert together([], [], AROUND) is None


def test_a_segment_never_brings_in_who_may_not_be_mailed(readers):
    """It narrows the audience, it can't widen it."""
    unsubscribe.by_operator(readers, "ann@gmx.de", "daily", NOW)
    assert names(readers, 'language = "de"') == ""
    assert date(2026, 11, 23) == NOW.date()
