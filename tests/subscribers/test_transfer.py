"""People in from CSV as other programs write it, and out without formulas."""

import csv
import io
import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import select

from newsletter.database import Database
from subscribers import (
    BadFile,
    NotAllowed,
    SubscriptionState,
    SuppressionReason,
    Way,
    audience,
    directory,
    reading,
    suppression,
    transfer,
    unsubscribe,
)
from subscribers.csv_rows import Rows, layout_of, rows_of
from subscribers.models import Leaving, Subscriber
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader, standing

PROOF = "moved over from the old list, double opt-in since 2019"


def bring(database: Database, path: Path, **options):
    return transfer.import_csv(database.transaction, KEYS, "daily", path, PROOF, NOW, **options)


def a_file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def list_of(path: Path, **options):
    with reading.batches(path, layout_of(path), KEYS, 10, **options) as batches:
        return list(batches)


def rows(path: Path):
    return [row for some in rows_of(path, layout_of(path), 100) for row in zip(*some[1:4], strict=True)]


@pytest.mark.parametrize(
    "content",
    [
        b"email,name\nann@example.com,J\xc3\xb6rg Lee\n",
        b"\xef\xbb\xbfE-Mail;Name\r\nann@example.com;J\xc3\xb6rg Lee\r\n",
        b"E-Mail\tName\nann@example.com\tJ\xf6rg Lee\n",
        "Name|Email Address\nJörg Lee|ann@example.com".encode(),
        "Email;First Name;Last Name\nann@example.com;Jörg;Lee\n".encode("utf-16"),
        "Email,Given Name,Family Name\nann@example.com,Jörg,Lee\n".encode("utf-16-le"),
        'sep=;\n"email";"name"\n"ann@example.com";"Jörg Lee"\n'.encode(),
        "ann@example.com,Jörg Lee\n".encode(),
        "First Name,Last Name,E-mail 1 - Value\nJörg,Lee,ann@example.com\n".encode(),
        '"name","address"\r\n"Jörg\nLee",ann@example.com\r\n'.encode(),
    ],
    ids=[
        "plain",
        "excel",
        "latin-1 tabs",
        "bars",
        "utf-16",
        "utf-16 without mark",
        "sep",
        "headerless",
        "google",
        "newline",
    ],
)
def test_encoding_delimiter_and_columns_are_found(tmp_path, content):
    """As Excel, LibreOffice, Google and others write it; nobody is asked."""
    [(email, name, _)] = rows(a_file(tmp_path, content))
    assert email == "ann@example.com"
    assert " ".join(name.split()) == "Jörg Lee"


@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        ("Email Address,First Name,UNSUB_TIME\na@x.de,A,2026-01-02 03:04:05\nb@x.de,B,\n", ["unsubscribed", ""]),
        ("EMAIL;EMAIL_BLACKLISTED\na@x.de;Yes\nb@x.de;No\n", ["unsubscribed", ""]),
        ("email,name,subscribed_to_emails\na@x.de,A,false\nb@x.de,B,true\n", ["false", "true"]),
        ("email_address,subscriber_type\na@x.de,removed\nb@x.de,regular\n", ["removed", "regular"]),
        ("email,name,status\na@x.de,A,blocklisted\nb@x.de,B,enabled\n", ["blocklisted", "enabled"]),
    ],
)
def test_who_has_left_in_another_service_stays_off(database, tmp_path, content, statuses):
    """Each service says it in a column and in words of its own."""
    path = a_file(tmp_path, content)
    assert [status for _, _, status in rows(path)] == statuses
    report = bring(database, path)
    assert (report.new, report.invalid) == (2, 0)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 1


def test_the_columns_that_were_found_are_shown(tmp_path):
    """By heading, or by number where there is no header."""
    found = layout_of(a_file(tmp_path, "Vorname;E-Mail;Status\nAnn;ann@example.com;aktiv\n"))
    assert found.mapping == {"email": "E-Mail", "first": "Vorname", "status": "Status"}
    assert layout_of(a_file(tmp_path, "ann@example.com,Ann\n")).mapping == {"email": "1", "name": "2"}


def test_a_dry_run_counts_and_writes_nothing(database, tmp_path):
    """The same counts as the real run that follows."""
    with database.transaction() as session:
        a_reader(session, "known@example.com")
        suppression.suppress_address(session, KEYS, "gone@example.com", SuppressionReason.ERASURE, "", NOW)
    content = "email,name,status\nnew@example.com,N,\nknown@example.com,K,\ngone@example.com,,\nx,,\n"
    path = a_file(tmp_path, content + "known@example.com,,unsubscribed\n")
    tried = bring(database, path, dry_run=True)
    with database.reading() as session:
        assert len(session.exec(select(Subscriber)).all()) == 1
        assert standing(session, "known@example.com").state is SubscriptionState.ACTIVE
    real = bring(database, path)
    assert [tried.new, tried.updated, tried.unchanged, tried.suppressed, tried.invalid] == [1, 1, 1, 1, 1]
    assert tried.notes == real.notes


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_who_comes_in_as_left_is_counted_apart_from_new_readers(database, tmp_path, batch_rows):
    """An operator who reads "6 new" must not take those for readers who have left, tried or done."""
    with database.transaction() as session:
        a_reader(session, "reads@example.com")
        a_reader(session, "left@example.com")
        unsubscribe.by_operator(session, "left@example.com", "daily", NOW)
        a_reader(session, "elsewhere@example.com", "weekly")
        suppression.suppress_address(session, KEYS, "gone@example.com", SuppressionReason.ERASURE, "", NOW)
    known = "".join(f"{name}@example.com,unsubscribed\n" for name in ("reads", "left", "elsewhere", "gone"))
    content = f"email,status\n{known}new@example.com,active\nold@example.com,unsubscribed\n"
    path = a_file(tmp_path, content)
    for dry_run in (True, False):
        report = bring(database, path, dry_run=dry_run, batch_rows=batch_rows)
        assert (report.new, report.new_as_left, report.updated, report.taken_off) == (3, 2, 1, 1)
    again = bring(database, path, batch_rows=batch_rows)
    assert (again.new, again.new_as_left, again.updated, again.taken_off) == (0, 0, 0, 0)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 1


def test_every_row_that_is_kept_out_is_heard_of(sqlite, tmp_path, monkeypatch):
    """A Report keeps the first thousand; whoever listens hears them all."""
    monkeypatch.setattr(transfer, "MAX_NOTES", 2)
    heard: list[transfer.Note] = []
    report = bring(sqlite, a_file(tmp_path, "email\n" + "x\n" * 5), refused=heard.append)
    assert (len(report.notes), [n.line for n in heard]) == (2, [2, 3, 4, 5, 6])


def test_known_people_come_into_a_second_newsletter(database, tmp_path):
    """They keep their numbers, and strangers of the same batch get theirs."""
    bring(database, a_file(tmp_path, "email\nann@example.com\nbob@example.com\n"))
    path = a_file(tmp_path, "email\ncay@example.com\nbob@example.com\nann@example.com\n")
    report = transfer.import_csv(database.transaction, KEYS, "weekly", path, PROOF, NOW)
    assert (report.new, report.rows) == (3, 3)
    with database.reading() as session:
        assert len(session.exec(select(Subscriber)).all()) == 3
        assert standing(session, "ann@example.com", "weekly").state is SubscriptionState.ACTIVE
        assert audience.count(session, "weekly", NOW) == 3
        assert audience.count(session, "daily", NOW) == 2


@pytest.mark.slow
def test_a_process_of_its_own_reads_the_same(tmp_path):
    """Batches, faults, doubles, and the end come through its pipe."""
    lines = [f"r{n}@example.com,{'paused' if n % 7 else ''},2026-12-0{n % 9 + 1}\n" for n in range(25)]
    path = a_file(tmp_path, "email,status,paused_until\n" + "".join(lines) + "R23@example.com,,\nno address,,\n")
    read = [list_of(path, apart_from_bytes=limit) for limit in (0, 10**9)]
    assert read[0] == read[1]
    assert [(len(b.arrivals), len(b.faults), b.twice) for b in read[0]] == [(10, 0, 0), (10, 1, 1), (5, 0, 0)]


@pytest.mark.slow
def test_a_reading_process_that_dies_is_said_and_what_is_in_is_in(tmp_path):
    """Killed for want of memory, for one: the import does not end as if the file had."""
    path = a_file(tmp_path, "email\n" + "".join(f"r{n}@example.com\n" for n in range(5_000)))
    with reading.batches(path, layout_of(path), KEYS, 10, apart_from_bytes=0) as batches:
        assert len(next(batches).arrivals) == 10
        [reader] = multiprocessing.active_children()
        reader.kill()
        with pytest.raises(BadFile, match="start the import again"):
            list(batches)
    assert multiprocessing.active_children() == []


@pytest.mark.shared
def test_the_csv_traps_are_refused_or_read_in_words(shared, sqlite, tmp_path):
    """Quotes, newlines, BOM, empty cells: none of them holds an address, and none crashes."""
    words: list[str] = []
    for path in sorted((shared / "data" / "csv" / "csvs").glob("*.csv")):
        try:
            report = bring(sqlite, path)
        except BadFile as error:
            words.append(str(error))
        else:
            assert (report.rows, report.invalid) == (1, 1)
            assert report.notes[0].why == "An email address must have an @-sign."
    assert len(words) == 10
    assert all("has no column of addresses" in sentence for sentence in words)


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is empty"), ("a,b\n1,2\n", "Name one “email”; its first line says: a, b"), ("\n\n", "is empty")],
)
def test_a_file_without_addresses_is_refused_in_words(tmp_path, content, words):
    """With what its first line says, so that it can be mended."""
    with pytest.raises(BadFile, match=words):
        layout_of(a_file(tmp_path, content))


def test_an_import_counts_every_row_and_says_why_it_kept_some_out(database, tmp_path):
    """new + updated + unchanged + suppressed + invalid = rows; lines and reasons, no addresses."""
    with database.transaction() as session:
        a_reader(session, "known@example.com")
        a_reader(session, "left@example.com")
        unsubscribe.by_operator(session, "left@example.com", "daily", NOW)
        suppression.suppress_address(session, KEYS, "bounced@example.com", SuppressionReason.HARD_BOUNCE, "", NOW)
    report = bring(
        database,
        a_file(
            tmp_path,
            "email,name,status\n"
            "new@example.com,Nell New,subscribed\n"
            "KNOWN@example.com,Ken Known,\n"
            "left@example.com,Lea,active\n"
            "bounced@example.com,Bo,active\n"
            '"not an address",Nn,active\n'
            "NEW@example.com,,active\n"
            "\n"
            "odd@example.com,Odd,purple\n"
            "half@example.com,Half,unconfirmed\n"
            ",,active\n",
        ),
    )
    assert (report.new, report.updated, report.unchanged, report.suppressed, report.invalid) == (1, 1, 1, 2, 4)
    assert [(n.line, n.why) for n in sorted(report.notes, key=lambda n: n.line)] == [
        (4, "unsubscribed earlier"),
        (5, "suppressed: hard bounce"),
        (6, "An email address must have an @-sign."),
        (9, "the status “purple” is not known"),
        (10, "this person has not confirmed"),
        (11, "there is no address in this row"),
    ]
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 2
        [proof] = directory.show(session, KEYS, "new@example.com").consents
        assert (proof.act, proof.wording, proof.origin, proof.at) == (
            "imported",
            PROOF,
            "import people.csv line 2",
            NOW,
        )
        assert directory.show(session, KEYS, "known@example.com").subscriber.name == "Ken Known"


def test_a_spreadsheet_may_say_it_in_french_or_spanish(sqlite, tmp_path):
    """Who left does not come in as a reader, in whatever language it is said."""
    reads, gone, waits = (
        ("Inscrite", "oui", "activo", "Sí"),
        ("Désinscrit", "non", "de baja"),
        ("En attente", "pendiente"),
    )
    rows = "".join(f"r{n}@example.com,{word}\n" for n, word in enumerate((*reads, *gone, *waits)))
    report = bring(sqlite, a_file(tmp_path, "email,status\n" + rows))
    assert (report.new, report.invalid) == (len(reads) + len(gone), len(waits))
    with sqlite.reading() as session:
        assert audience.count(session, "daily", NOW) == len(reads)


def test_why_rows_were_kept_out_is_said_in_the_file_s_order(sqlite, tmp_path):
    """People come in by their addresses, some batches at a time; whoever mends the file goes through it by lines."""
    path = a_file(tmp_path, "email\n" + "".join(f"r{n * 7 % 20}@example.com\nno address {n}\n" for n in range(20)))
    for n in range(0, 20, 3):
        with sqlite.transaction() as session:
            suppression.suppress_address(session, KEYS, f"r{n}@example.com", SuppressionReason.MANUAL, "", NOW)
    report = bring(sqlite, path, batch_rows=4)
    assert (report.suppressed, report.invalid, report.new) == (7, 20, 13)
    lines = [note.line for note in report.notes]
    assert lines == sorted(lines)


@pytest.mark.parametrize("name", ["\\", "\\N", "a\\tb", 'Ann "the \'Lee"', "日本\u200d語", "\\.", "Ann\tLee\nJr"])
def test_a_name_comes_in_as_it_is_written(database, tmp_path, name):
    """Whatever it is to the database's own format of many rows; on one line, without what can't be seen."""
    quoted = name.replace('"', '""')
    bring(database, a_file(tmp_path, f'email,name\nann@example.com,"{quoted}"\nbob@example.com,Bob\n'))
    with database.reading() as session:
        shown = directory.show(session, KEYS, "ann@example.com").subscriber.name
        assert shown == "".join(c for c in " ".join(name.split()) if c.isprintable())
        assert directory.show(session, KEYS, "bob@example.com").subscriber.name == "Bob"


def test_nobody_else_gets_the_connection_that_an_import_had(sqlite, tmp_path):
    """It has a large cache and a long log, which a web process should not keep for good."""
    with sqlite.reading() as session:
        usual = session.scalar(text("PRAGMA cache_size"))
    bring(sqlite, a_file(tmp_path, "email\nann@example.com\n"))
    with sqlite.transaction() as one, sqlite.reading() as other:
        assert [s.scalar(text("PRAGMA cache_size")) for s in (one, other)] == [usual, usual]


def test_a_row_that_says_unsubscribed_takes_off_and_stays_off(database, tmp_path):
    """A status column is honoured, in the words of several services; importing again brings nobody back."""
    with database.transaction() as session:
        a_reader(session, "ann@example.com")
    path = a_file(
        tmp_path, "email,status\nann@example.com,Unsubscribed\nbob@example.com,opted_out\ncay@example.com,cleaned\n"
    )
    report = bring(database, path)
    assert (report.new, report.updated) == (2, 1)
    again = bring(database, a_file(tmp_path, "email\nann@example.com\nbob@example.com\ncay@example.com\n"))
    assert (again.suppressed, again.new, again.updated) == (3, 0, 0)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
        leaving = session.exec(select(Leaving)).one()
        assert (leaving.way, leaving.reader_since) == (Way.IMPORT, NOW)


def test_who_is_suppressed_and_unknown_is_not_even_stored(database, tmp_path):
    """An erasure outlives the old list it came from."""
    with database.transaction() as session:
        suppression.suppress_address(session, KEYS, "gone@example.com", SuppressionReason.ERASURE, "", NOW)
    assert bring(database, a_file(tmp_path, "email\ngone@example.com\n")).suppressed == 1
    with database.reading() as session:
        assert session.exec(select(Subscriber)).all() == []


def test_two_rows_for_one_mailbox_are_one_person_and_leaving_wins(database, tmp_path):
    """In either order, in one batch or in two."""
    path = a_file(
        tmp_path,
        "email,status\nann@example.com,active\nANN@example.com,unsubscribed\nbob@example.com,unsubscribed\nbob@example.com,active\n",
    )
    for batch_rows in (1, 100):
        report = bring(database, path, batch_rows=batch_rows)
        assert report.rows == 4
        with database.reading() as session:
            assert audience.count(session, "daily", NOW) == 0


def test_pending_ones_become_active_and_paused_ones_stay_paused(database, tmp_path):
    """The proof of consent speaks for who had not answered; a pause is the reader's own word."""
    bring(database, a_file(tmp_path, "email,status,paused_until\nann@example.com,paused,2026-12-24\n"))
    bring(database, a_file(tmp_path, "email\nann@example.com\n"))
    with database.reading() as session:
        one = standing(session, "ann@example.com")
        assert (one.state, f"{one.paused_until:%m-%d}") == (SubscriptionState.PAUSED, "12-24")


def test_an_import_wants_a_proof_of_consent(sqlite, tmp_path):
    """GDPR Article 7(1): whoever mails must be able to show it."""
    with pytest.raises(NotAllowed, match="proof of consent"):
        transfer.import_csv(sqlite.transaction, KEYS, "daily", a_file(tmp_path, "email\n"), "  ", NOW)


def test_a_quotation_mark_that_is_never_closed_costs_its_row_and_not_the_import(sqlite, tmp_path):
    """Bounded memory: a cell ends at 131,072 characters."""
    path = a_file(tmp_path, 'email,name\nann@example.com,"Ann\n' + "x" * 150_000 + "\nbob@example.com,Bob\n")
    report = bring(sqlite, path)
    assert (report.new, report.invalid) == (1, 1)
    assert "never closed" in report.notes[0].why


@pytest.mark.slow
def test_a_large_file_comes_in_batches_with_progress(database, tmp_path):
    """Each batch is its own transaction, so that a one-click POST is not kept waiting; a second run changes nothing."""
    path = a_file(tmp_path, "email,name\n" + "".join(f"reader{n}@example.com,Reader {n}\n" for n in range(2_500)))
    heard: list[int] = []
    report = bring(database, path, progress=heard.append, batch_rows=1_000)
    assert heard == [1_000, 2_000, 2_500]
    assert report.new == 2_500
    again = bring(database, path)
    assert (again.unchanged, again.new) == (2_500, 0)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 2_500
        if not database.is_sqlite:  # its planner knows of them without being asked to look
            known = session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'subscription'"))
            assert known == 2_500


def test_an_export_comes_in_again_as_it_was(database, tmp_path):
    """Active, paused, unsubscribed and suppressed ones, and a name that looks like a formula."""
    bring(
        database,
        a_file(
            tmp_path,
            "email,name,status\nann@example.com,=HYPERLINK(1),active\n-bob@example.com,Bob,unsubscribed\ncay@example.com,Cay,active\n",
        ),
    )
    with database.transaction() as session:
        suppression.suppress_address(session, KEYS, "cay@example.com", SuppressionReason.COMPLAINT, "", NOW)
        text = "".join(transfer.export_csv(session, "daily", page_rows=2))
    found = list(csv.DictReader(io.StringIO(text)))
    assert [(r["email"], r["name"], r["status"]) for r in found] == [
        ("'-bob@example.com", "Bob", "unsubscribed"),
        ("ann@example.com", "'=HYPERLINK(1)", "active"),
        ("cay@example.com", "Cay", "suppressed"),
    ]
    path = a_file(tmp_path, text)
    assert rows(path)[:2] == [
        ("-bob@example.com", "Bob", "unsubscribed"),
        ("ann@example.com", "=HYPERLINK(1)", "active"),
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_an_export_is_a_formula(cell):
    """OWASP: a name typed into a form must not run in the publisher's spreadsheet."""
    assert transfer.defused(cell) == "'" + cell
    assert transfer.defused("Ann") == "Ann"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_a_file_or_refused(tmp_path, content):
    """A stranger's bytes are data: no crash, and rows have no control characters in their reasons."""
    path = a_file(tmp_path, b"email,name\n" + content)
    try:
        layout = layout_of(path)
    except BadFile:
        return
    by_one, by_three, at_once = (list(rows_of(path, layout, at_once)) for at_once in (1, 3, 1_000))
    assert all(line > 1 for some in by_one for line in some.lines)
    for column in range(len(Rows._fields)):  # how many are read at once changes nothing
        every = [[cell for some in found for cell in some[column]] for found in (by_one, by_three, at_once)]
        assert every[0] == every[1] == every[2]


def test_leaving_during_an_import_is_not_undone_by_it(database, tmp_path):
    """The reader left after the file was written."""
    path = a_file(tmp_path, "email\nann@example.com\n")
    bring(database, path)
    with database.transaction() as session:
        unsubscribe.by_operator(session, "ann@example.com", "daily", NOW + timedelta(days=1))
    bring(database, path)
    with database.reading() as session:
        assert audience.count(session, "daily", NOW) == 0
