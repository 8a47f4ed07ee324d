"""Every door of the desk against every role, other sites, no login; what passes is written into the audit."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from newsletter.editors import Role, audit
from newsletter.editors.models import AuditEntry, Editor, EditorSession
from newsletter.web.desk import DOORS, PATH, Door, create_desk
from tests.builders import an_article, an_issue
from tests.web.desk.conftest import Browser, Desk
from tests.web.test_every_route import dump

PLACES = {
    "{token}": "nonsense",
    "{issue_id}": "1",
    "{article_id}": "1",
    "{subscriber_id}": "1",
    "{number}": "nonsense",
    "{name}": "city-desk",
    "{editor_id}": "1",
    "{session_id}": "999",
    "{newsletter}": "daily",
    "{day}": "2026-11-23",
}


def address(door: Door) -> str:
    path = door.path
    for place, value in PLACES.items():
        path = path.replace(place, value)
    assert "{" not in path, f"tell this test what may stand in {door.path}"
    return path


def knock(browser: Browser, door: Door, **headers: str) -> int:
    """The status of a request that would change something if it were let through: an empty form, nothing else."""
    if door.changes:
        return browser.post(address(door), headers=headers or None).status_code
    with browser.client.stream("GET", address(door), headers=headers) as answer:
        return answer.status_code


def test_every_route_of_the_desk_is_a_row_of_the_table(desk: Desk):
    """No page comes in by another way, and each row names its least role; what changes something names its act."""
    routes = {route.path for route in create_desk(desk.app.state.house).routes}  # type: ignore[attr-defined]
    assert routes == {door.path for door in DOORS}
    assert all(door.path == PATH or door.path.startswith(f"{PATH}/") for door in DOORS)
    before_login = {door.path for door in DOORS if door.least is None}
    assert before_login == {"/desk/login", "/desk/login/code", "/desk/invitations/{token}"}
    assert [door.path for door in DOORS if door.changes and door.least and not door.act] == []
    assert len({(door.path, door.methods) for door in DOORS}) == len(DOORS)


def test_without_a_login_every_page_leads_to_the_login_and_every_act_is_refused(desk: Desk):
    """Nothing is shown and nothing is done."""
    stranger = desk.browser()
    before = dump(desk.database)
    for door in DOORS:
        if door.least is not None:
            assert knock(stranger, door) == (401 if door.changes else 303), door.path
    assert dump(desk.database) == before


def test_every_door_has_the_role_that_somebody_wrote_down_for_it():
    """doors.txt is the table: a door that is not in it, or has another role, fails here until a person has agreed."""
    lines = (Path(__file__).parent / "doors.txt").read_text().splitlines()
    agreed = {tuple(line.split()) for line in lines if not line.startswith("#")}
    assert agreed == {(str(door.least or "nobody"), door.methods[0], door.path) for door in DOORS}


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_each_role_passes_the_doors_of_its_own_and_no_other(desk: Desk, role: Role):
    """The role of each door is tried with each role; a new door is tried by itself."""
    with desk.database.transaction() as session:
        session.add(an_article())
        an_issue(session)
    browser = desk.browser(role)
    for door in DOORS:
        if door.least is None:
            continue
        status = knock(browser, door)
        if door.changes:
            browser.enter(desk, role)  # anew: one of the doors leads out
        assert (status == 403) == (not role.may(door.least)), (door.path, status)
        assert status < 500, (door.path, status)


def test_what_another_sites_page_sends_is_refused_whoever_is_logged_in(desk: Desk):
    """By Origin and by Sec-Fetch-Site, at every door that changes something, with the right form token even."""
    admin = desk.browser(Role.ADMIN)
    before = dump(desk.database)
    for door in DOORS:
        if door.changes:
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site", "Origin": "https://post.example.com"},
            ):
                assert knock(admin, door, **headers) == 403, (door.path, headers)
    assert dump(desk.database) == before


def test_without_the_form_token_nothing_is_done(desk: Desk):
    """As a field or as a header; another editor's token is none."""
    admin, viewer = desk.browser(Role.ADMIN), desk.browser(Role.VIEWER)
    for token in ("", "nonsense", viewer.token):
        for door in DOORS:
            if door.changes and door.least is not None:
                assert admin.client.post(address(door), data={"form_token": token}).status_code == 403, door.path
    right = {"X-Form-Token": admin.token}
    assert admin.client.post("/desk/logout", headers=right).status_code == 303


def test_a_page_of_an_older_login_learns_the_token_of_the_new_one(desk: Desk):
    """Each login has its own; who has typed something in an open page presses once more and has lost nothing."""
    old, new = desk.browser(Role.ADMIN), desk.browser(Role.ADMIN)
    assert old.token != new.token
    answer = new.client.post("/desk/logout", headers={"X-Form-Token": old.token, "HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-retarget"]) == (403, "#said")
    assert json.loads(answer.headers["hx-trigger"]) == {"new-token": {"token": new.token}}
    assert new.token not in new.client.post("/desk/logout", data={"form_token": old.token}).text.split("<main")[1]


def test_an_act_and_its_entry_are_committed_together(desk_anywhere: Desk):
    """It is there with the first of the transactions, also if nobody lives to close it; what was refused has none,
    and what was said on the way stands in it."""
    database, now = desk_anywhere.database, desk_anywhere.clock()
    acts = {name: audit.Record(name, "did it", now, "", "about") for name in ("crashed", "undone", "refused", "done")}
    for name, record in acts.items():
        with suppress(ZeroDivisionError), database.accompanied(record.keep):
            for _ in range(2):
                with database.transaction() as session:
                    session.execute(update(Editor).values(name_key=Editor.name_key))
                    assert name != "undone" or 1 / 0
        record.details = "both"
        if name != "crashed":
            with database.transaction() as session:
                record.close(session, done=name == "done")
    with database.transaction() as session:
        entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
    assert [(entry.who, entry.details) for entry in entries] == [("crashed", ""), ("done", "both")]


def test_a_get_changes_nothing_in_the_database(desk: Desk):
    """Also for who is logged in: looking is no act."""
    with desk.database.transaction() as session:
        an_issue(session)
    admin = desk.browser(Role.ADMIN)
    before = dump(desk.database)
    for door in DOORS:
        if not door.changes:
            for method in ("GET", "HEAD"):
                with admin.client.stream(method, address(door)) as answer:
                    assert answer.status_code < 500
    assert dump(desk.database) == before


def test_each_act_is_in_the_audit_and_moves_the_sessions_own_clock(desk: Desk):
    """Who, what, from where, when."""
    browser = desk.browser(Role.EDITOR)
    desk.clock.forward(minutes=5)
    browser.post("/desk/logout")
    with desk.database.reading() as session:
        entries = session.exec(select(AuditEntry)).all()
        [row] = session.exec(select(EditorSession)).all()
    assert [(e.who, e.act, e.about) for e in entries] == [("Ed", "logged out", "/desk/logout")]
    assert entries[0].network_address == "testclient"
    assert entries[0].at == row.acted_at == row.ended_at == desk.clock()


def test_the_desks_answers_allow_its_own_scripts_and_nothing_from_elsewhere(desk: Desk):
    """A policy of its own; readers' pages keep theirs, which knows no script at all."""
    headers = desk.browser(Role.ADMIN).get("/desk").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "same-origin")
    assert "script" not in desk.browser().get("/").headers["content-security-policy"]
