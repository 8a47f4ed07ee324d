"""Readers as the desk shows them: who may see and do what, imports that are looked at first, who is never mailed."""

import json
import re
import time
from pathlib import Path

import pytest
from sqlmodel import select

from newsletter.delivery.models import DeliveryState
from newsletter.editors import Role
from newsletter.editors.models import AuditEntry
from newsletter.notices import welcome
from subscribers import SubscriptionState, SuppressionReason, directory, preferences, suppression
from subscribers.models import Consent, Subscriber, Subscription, Suppression
from tests.builders import NOW
from tests.delivery.ledgers import GONE, an_issue_with
from tests.subscribers.conftest import KEYS, a_reader
from tests.web.desk.conftest import Browser, Desk


@pytest.fixture
def ann(desk: Desk) -> int:
    """A reader's number."""
    with desk.database.transaction() as session:
        number = a_reader(session)
        preferences.rename(session, number, "Ann Smith")
    return number


def put_up(browser: Browser, text: str, name: str = "people.csv", proof: str = "asked at the market"):
    return browser.client.post(
        "/desk/imports",
        data={"form_token": browser.token, "newsletter": "daily", "proof": proof},
        files={"file": (name, text.encode(), "text/csv")},
    )


def looked(browser: Browser, path: str) -> str:
    """The page of an import as soon as its thread is done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = browser.get(path).text
        if "It renews itself" not in text:
            return text
        time.sleep(0.02)
    raise AssertionError("the import does not end")


def test_admins_find_readers_by_how_they_begin_and_see_them_whole(desk: Desk, ann: int):
    """By address, by name, by state; page by page."""
    admin = desk.browser(Role.ADMIN)
    for query in ("q=ann@", "q=an", "q=Ann+S", "q=ann+smith", "newsletter=daily&state=active", ""):
        text = admin.get(f"/desk/readers?{query}").text
        assert "ann@example.com" in text, query
        assert "Ann Smith" in text
    assert "Nobody fits" in admin.get("/desk/readers?q=bob").text
    assert "ann@example.com" not in admin.get("/desk/readers?newsletter=daily&state=paused").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.SENDER])
def test_others_find_a_reader_by_the_whole_address_and_see_it_masked(desk: Desk, ann: int, role: Role):
    """Who answers a letter has the address; nobody leafs through the list."""
    browser = desk.browser(role)
    for query in ("", "q=an", "q=ann@", "q=Ann+Smith", "newsletter=daily"):
        assert f"/desk/readers/{ann}" not in browser.get(f"/desk/readers?{query}").text
    text = browser.get("/desk/readers?q=ANN@example.com").text
    assert f"/desk/readers/{ann}" in text
    person = browser.get(f"/desk/readers/{ann}").text
    assert "a…@e….com" in person
    assert "ann@example.com" not in person
    assert "Ann Smith" not in person
    assert "192.0.2.1" not in person
    assert "erase" not in person


def test_a_persons_page_tells_all_that_is_known(desk: Desk, ann: int):
    """What they get, agreed to and left, and what became of each issue."""
    with desk.database.transaction() as session:
        an_issue_with(session, *[(1, DeliveryState.FAILED, GONE)] * ann)
        welcome(session, "daily", ann, NOW)
    admin = desk.browser(Role.ADMIN)
    admin.post(f"/desk/readers/{ann}/unsubscribe", newsletter="daily")
    text = admin.get(f"/desk/readers/{ann}").text
    for words in ("Send me the daily.", "192.0.2.1", "unsubscribed", "operator", "User unknown", "daily, 23 Nov 2026"):
        assert words in text, words
    document = json.loads(admin.get(f"/desk/readers/{ann}/data.json").text)
    assert document["person"]["email"] == "ann@example.com"
    [delivery], [notice] = document["deliveries"], document["notices"]
    assert (delivery["newsletter"], delivery["date"], delivery["state"]) == ("daily", "2026-11-23", "failed")
    assert (notice["kind"], notice["state"]) == ("welcome", "waiting")
    assert admin.get("/desk/readers/99").status_code == 404


def test_somebody_is_added_with_a_proof_and_never_without(desk: Desk):
    """The proof says who added them; it is in the audit without the address."""
    admin = desk.browser(Role.ADMIN)
    refused = admin.post("/desk/readers/add", email="bob@example.com", newsletter="daily", proof=" ")
    assert (refused.status_code, "proof of consent" in refused.text) == (409, True)
    wrong = admin.post("/desk/readers/add", email="bob@example..com", newsletter="daily", proof="by letter")
    assert wrong.status_code == 409
    added = admin.post("/desk/readers/add", email="bob@example.com", name="Bob", newsletter="daily", proof="by letter")
    assert added.status_code == 303
    with desk.database.reading() as session:
        consent = session.exec(select(Consent)).one()
        assert (consent.wording, consent.origin) == ("by letter", "desk, by Ada")
        assert "bob@" not in str(session.exec(select(AuditEntry)).all())


def test_erasing_wants_the_address_typed(desk: Desk, ann: int):
    """Asked twice; then everything is gone but a hash, and the list beside config.toml has it too."""
    admin = desk.browser(Role.ADMIN)
    assert "Type the address: ann@example.com" in admin.get(f"/desk/readers/{ann}/erase").text
    refused = admin.post(f"/desk/readers/{ann}/erase", email="bob@example.com")
    assert (refused.status_code, "Nothing was erased" in refused.text) == (409, True)
    assert admin.post(f"/desk/readers/{ann}/erase", email="Ann@Example.com").status_code == 303
    with desk.database.reading() as session:
        assert session.exec(select(Subscriber)).all() == []
        assert session.exec(select(Suppression)).one().reason is SuppressionReason.ERASURE
    assert len((desk.config.folder / "erased.txt").read_text().splitlines()) == 1


def test_the_never_mail_list_is_asked_and_an_operators_own_word_lifted(desk: Desk, ann: int):
    """A complaint stays, whoever presses; who is on it can't be read from it."""
    admin = desk.browser(Role.ADMIN)
    admin.post("/desk/suppressions", email="Ann@example.com", why="asked by letter")
    page = admin.get("/desk/suppressions").text
    assert "asked by letter (Ada)" in page
    assert "ann@example.com" not in page.lower()
    assert "is never mailed since" in admin.get("/desk/suppressions?email=ann@example.com").text
    assert admin.post("/desk/suppressions/lift", email="ann@example.com").status_code == 303
    assert "is not on the list" in admin.get("/desk/suppressions?email=ann@example.com").text
    with desk.database.transaction() as session:
        suppression.suppress_address(session, KEYS, "ann@example.com", SuppressionReason.COMPLAINT, "", NOW)
    assert "Take it off the list" not in admin.get("/desk/suppressions?email=ann@example.com").text
    refused = admin.post("/desk/suppressions/lift", email="ann@example.com")
    assert (refused.status_code, "own sign-up lifts that" in refused.text) == (409, True)
    assert admin.post("/desk/suppressions/lift", email="bob@example.com").status_code == 409
    assert admin.post("/desk/suppressions", email="bob@example.com", why="").status_code == 409
    assert 'aria-invalid="true"' in admin.get("/desk/suppressions?email=@example.com").text


def test_a_file_is_checked_first_then_brought_in(desk_anywhere: Desk):
    """Nothing is written before somebody says so; the file is gone when it is over."""
    desk = desk_anywhere
    admin = desk.browser(Role.ADMIN)
    answer = put_up(admin, "Mail;Wer;Status\nann@example.com;Ann;active\nbob@example.com;Bob;unsubscribed\nnobody;;\n")
    page = answer.headers["location"]
    text = looked(admin, page)
    assert "What would happen" in text
    assert "cells parted by semicolons" in text
    assert re.search(r'name="email">.*?<option value="0" selected>Mail<', text, re.S)
    assert "Import 2 people" in text
    assert "Of the new, 1 has left, as the file says" in text
    with desk.database.reading() as session:
        assert session.exec(select(Subscriber)).all() == []
    [folder] = (desk.config.folder / "uploads").iterdir()
    assert [(f.name, f.stat().st_mode & 0o777) for f in folder.iterdir()] == [("people.csv", 0o600)]

    admin.post(f"{page}/columns", email="0", name="1", status="2")
    looked(admin, page)
    assert admin.post(f"{page}/start").status_code == 303
    text = looked(admin, page)
    assert "Done. The file is deleted" in text
    with desk.database.reading() as session:
        people = session.exec(select(Subscriber).order_by(Subscriber.email)).all()
        assert [(p.email, p.name) for p in people] == [("ann@example.com", "Ann"), ("bob@example.com", "Bob")]
        states = {s.subscriber_id: s.state for s in session.exec(select(Subscription))}
        assert states == {people[0].id: SubscriptionState.ACTIVE, people[1].id: SubscriptionState.UNSUBSCRIBED}
        [[consent], nothing] = [directory.show(session, KEYS, person.email).consents for person in people]
        assert (consent.wording, consent.origin) == ("asked at the market", "import people.csv line 2")
        assert nothing == [], "who comes in as one who left has agreed to nothing"
    assert list((desk.config.folder / "uploads").iterdir()) == []
    assert admin.post(f"{page}/start").status_code == 409, "it is over"


def test_a_file_may_be_taken_back_and_a_bad_one_is_said(desk: Desk):
    """No column of addresses, no proof, no file, a name that wants to be a path."""
    admin = desk.browser(Role.ADMIN)
    assert "no column of addresses" in put_up(admin, "a,b\n1,2\n").text
    assert "how these people agreed" in put_up(admin, "email\nann@example.com\n", proof="").text
    assert admin.post("/desk/imports", newsletter="daily", proof="x").status_code == 409
    page = put_up(admin, "email\nann@example.com\n", name="../../etc/passwd").headers["location"]
    looked(admin, page)
    assert [f.name for f in (desk.config.folder / "uploads").glob("*/*")] == ["passwd"]
    assert "Say which column" in admin.post(f"{page}/columns", email="").text
    assert admin.post(f"{page}/drop").status_code == 303
    assert list(Path(desk.config.folder / "uploads").iterdir()) == []
    assert admin.get(page).status_code == 404


def test_what_is_gone_when_it_is_looked_at_stands_in_no_files_way(desk: Desk):
    """Another import's folder goes in the moment in which a new file is put down: as a link that leads nowhere is."""
    admin = desk.browser(Role.ADMIN)
    (desk.config.folder / "uploads").mkdir()
    (desk.config.folder / "uploads" / "gone").symlink_to("nowhere")
    assert put_up(admin, "email\nann@example.com\n").status_code == 303


def test_the_export_is_what_the_import_reads(desk: Desk, ann: int):
    """With a name of its own, in pieces."""
    answer = desk.browser(Role.ADMIN).get("/desk/readers/export.csv?newsletter=daily")
    assert answer.text.splitlines()[1].startswith("ann@example.com,Ann Smith,active")
    assert answer.headers["content-disposition"] == 'attachment; filename="daily-readers.csv"'
