"""Coming in: password, code, invitation, wrong tries; and going out."""

from datetime import timedelta

import pyotp
import pytest
from sqlmodel import Session, col, select

from newsletter.editors import Role, accounts, codes, invitations, passwords, recovery, sealed, sessions
from newsletter.editors.models import AuditEntry, Editor, EditorSession
from newsletter.web.desk.door import COOKIE
from subscribers.tokens import Keys
from tests.web.desk.conftest import PASSWORD, Desk

ED = "ed@example.com"


def test_the_right_password_opens_the_desk(desk_anywhere: Desk):
    """The cookie is out of reach for scripts and for other sites, and is sent by https alone."""
    browser = desk_anywhere.browser()
    answer = browser.log_in("  Ed@Example.com ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    cookie = answer.headers["set-cookie"]
    assert all(words in cookie for words in ("HttpOnly", "Secure", "SameSite=lax", "Path=/desk"))
    assert browser.get("/desk").status_code == 200


def test_only_a_hash_of_the_cookie_is_stored(desk: Desk):
    """Who reads the database can't log in with it."""
    browser = desk.browser(Role.EDITOR)
    token = browser.client.cookies[COOKIE]
    with desk.database.reading() as session:
        [row] = session.exec(select(EditorSession)).all()
    assert row.token_hash == sessions.hash_of(token) != token


def test_after_the_login_the_page_that_was_wanted_opens(desk: Desk):
    """A link out of a mail leads there; one that leads elsewhere does not."""
    browser = desk.browser()
    asked = browser.get("/desk?day=2026-11-23")
    assert asked.headers["location"] == "/desk/login?next=/desk%3Fday%3D2026-11-23"
    for wanted, opened in (
        ("/desk?day=2026-11-23", "/desk?day=2026-11-23"),
        ("https://evil.example/", "/desk"),
        ("//evil.example", "/desk"),
        ("/desk\\@evil.example", "/desk"),
        ("/deskevil", "/desk"),
    ):
        answer = browser.client.post("/desk/login", data={"email": ED, "password": PASSWORD, "next": wanted})
        assert answer.headers["location"] == opened


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The same words, the same status, and the same work: a hash is computed for nobody too."""
    seen: list[str] = []
    monkeypatch.setattr(passwords, "_HASHER", Counting(passwords._HASHER, seen))
    browser = desk.browser()
    known, unknown = browser.log_in(ED, "not the password"), browser.log_in("who@example.com", "not the password")
    assert known.status_code == unknown.status_code == 422
    assert known.text.replace(ED, "") == unknown.text.replace("who@example.com", "")
    assert len(seen) == 2
    assert all(hash_.startswith("$argon2id$") for hash_ in seen)


class Counting:
    """Argon2 itself, which notes what it was asked to compare with."""

    def __init__(self, hasher: object, seen: list[str]) -> None:
        self._hasher, self._seen = hasher, seen

    def verify(self, password: str, stored: str) -> bool:
        self._seen.append(stored)
        return bool(self._hasher.verify(password, stored))  # type: ignore[attr-defined]

    def hash(self, password: str) -> str:
        return str(self._hasher.hash(password))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_fifty_wrong_passwords_are_held_up_and_the_right_one_works_later(desk_anywhere: Desk):
    """429 with the wait in the header; the right one waits too, and is taken when the wait is over."""
    desk = desk_anywhere
    browser = desk.browser()
    statuses = [browser.log_in(ED, f"wrong password {n}").status_code for n in range(50)]
    assert statuses == [422] * 5 + [429] * 45
    held_up = browser.log_in(ED)
    assert held_up.status_code == 429
    assert "Please wait" in held_up.text
    desk.clock.forward(seconds=int(held_up.headers["retry-after"]))
    assert browser.log_in(ED).status_code == 303


@pytest.mark.slow
def test_who_guesses_patiently_waits_longer_and_longer(desk: Desk):
    """A guesser who always waits as told has few tries in a day; other networks are let in meanwhile."""
    browser = desk.browser()
    begin, tries = desk.clock(), 0
    while desk.clock() - begin < timedelta(hours=3):
        answer = browser.log_in(ED, f"wrong password {tries}")
        if answer.status_code == 429:
            desk.clock.forward(seconds=int(answer.headers["retry-after"]))
        else:
            tries += 1
    assert tries < 60
    assert desk.browser(client=("192.0.2.1", 4)).log_in(ED).status_code == 303


def test_a_disabled_editor_is_out_at_once(desk: Desk):
    """The open session too; the login says no more than for a wrong password."""
    browser = desk.browser(Role.EDITOR)
    with desk.database.transaction() as session:
        accounts.disable(session, accounts.find(session, ED), desk.clock())
    assert browser.get("/desk").status_code == 303
    assert browser.log_in(ED).status_code == 422


def test_a_session_ends_by_itself_after_a_week(desk: Desk):
    """Whoever forgets to log out somewhere."""
    browser = desk.browser(Role.EDITOR)
    desk.clock.forward(days=6, hours=23)
    assert browser.get("/desk").status_code == 200
    desk.clock.forward(hours=1)
    assert browser.get("/desk").status_code == 303


def test_a_logged_out_cookie_is_good_for_nothing(desk: Desk):
    """The row has ended, so a copy of the cookie has too."""
    browser = desk.browser(Role.EDITOR)
    copy = browser.client.cookies[COOKIE]
    assert browser.post("/desk/logout").headers["location"] == "/desk/login"
    browser.client.cookies.set(COOKIE, copy, path="/desk")
    assert browser.get("/desk").status_code == 303


def test_a_code_is_asked_for_where_one_is_set_up(desk_anywhere: Desk):
    """Between the two steps nothing opens; a code is good once, and one of another time never."""
    desk = desk_anywhere
    app = pyotp.TOTP(_with_code(desk))
    browser = desk.browser()
    assert browser.log_in(ED).headers["location"] == "/desk/login/code?next=/desk"
    assert browser.get("/desk").status_code == 303
    assert "Six digits" in browser.get("/desk/login/code").text
    old = app.at(desk.clock() - timedelta(minutes=5))
    assert browser.client.post("/desk/login/code", data={"code": old}).status_code == 422
    good = app.at(desk.clock())
    spaced = f"{good[:3]} {good[3:]}"
    assert browser.client.post("/desk/login/code", data={"code": spaced}).status_code == 303
    assert browser.get("/desk").status_code == 200
    other = desk.browser()
    other.log_in(ED)
    assert other.client.post("/desk/login/code", data={"code": good}).status_code == 422


def test_whoever_has_lost_the_phone_comes_in_by_a_recovery_code_once(desk_anywhere: Desk):
    """However it is typed; the others stay good, and new ones end the old."""
    desk = desk_anywhere
    _with_code(desk)
    with desk.database.transaction() as session:
        number = accounts.find(session, ED).id or 0
        first, second, *_ = recovery.make(session, number)
    for typed, status in ((first.upper().replace("-", " "), 303), (first, 422), (second, 303), ("", 422)):
        browser = desk.browser()
        browser.log_in(ED)
        assert browser.client.post("/desk/login/code", data={"code": typed}).status_code == status
    with desk.database.transaction() as session:
        assert recovery.left(session, number) == recovery.HOW_MANY - 2
        recovery.make(session, number)
        assert not recovery.use(session, number, second, desk.clock())


def test_the_secret_of_a_code_is_sealed_in_the_database(desk: Desk):
    """For its editor and by our key: a newer key first opens it too, another's row or another key does not; a plain one
    from before is sealed at the next login."""
    secret, ours = _with_code(desk), desk.config.keys
    newer, others = Keys((b"n" * 32, *ours.secrets)), Keys((b"o" * 32,))
    with desk.database.transaction() as session:
        editor = accounts.find(session, ED)
        number, stored = editor.id or 0, editor.code_secret
        assert secret not in stored
        assert sealed.opened(ours, number, stored) == sealed.opened(newer, number, stored) == secret
        assert sealed.opened(ours, number + 1, stored) == sealed.opened(others, number, stored) == ""
        editor.code_secret = secret
        assert codes.is_right(session, ours, editor, pyotp.TOTP(secret).at(desk.clock()), desk.clock())
        assert sealed.opened(ours, number, editor.code_secret) == secret != editor.code_secret


def test_fifty_wrong_codes_are_held_up(desk: Desk):
    """Six digits are few: guessing them is as slow as guessing passwords."""
    _with_code(desk)
    browser = desk.browser()
    browser.log_in(ED)
    statuses = [browser.client.post("/desk/login/code", data={"code": "000000"}).status_code for _ in range(50)]
    assert statuses == [422] * 5 + [429] * 45


def _with_code(desk: Desk) -> str:
    """Ed's second factor; returns its secret."""
    with desk.database.transaction() as session:
        editor = accounts.find(session, ED)
        codes.prepare(session, desk.config.keys, editor)
        secret = codes.pending(desk.config.keys, editor)
        earlier = desk.clock() - timedelta(hours=1)
        codes.confirm(session, desk.config.keys, editor, pyotp.TOTP(secret).at(earlier), earlier)
    return secret


def _invited(desk: Desk, session: Session, editor: Editor) -> str:
    """What stands in the link."""
    keys = desk.config.keys
    return invitations.token_of(keys, invitations.invite(session, keys, editor, "Ada", desk.clock()))


def test_an_invitation_is_good_once(desk_anywhere: Desk):
    """GET shows a form and changes nothing; the password that was chosen opens the desk; the link is used up."""
    desk = desk_anywhere
    with desk.database.transaction() as session:
        editor = accounts.add(session, "new@example.com", "Nora", Role.VIEWER, desk.clock())
        path = f"/desk/invitations/{_invited(desk, session, editor)}"
    browser = desk.browser()
    assert "Welcome, Nora" in browser.get(path).text
    for poor, says in (
        ("short", "12 to 200 characters"),
        ("aaaaaaaaaaaaaa", "too easy"),
        ("new@example.com", "too easy"),
    ):
        answer = browser.client.post(path, data={"password": poor, "again": poor})
        assert (answer.status_code, says in answer.text) == (422, True)
    differ = browser.client.post(path, data={"password": "four quiet words here", "again": "five"})
    assert "The two passwords differ" in differ.text
    chosen = {"password": "four quiet words here", "again": "four quiet words here"}
    assert browser.client.post(path, data=chosen).headers["location"] == "/desk/login"
    assert browser.client.post(path, data=chosen).status_code == 404
    assert browser.log_in("new@example.com", "four quiet words here").status_code == 303


def test_an_invitation_expires_and_a_new_one_replaces_the_old(desk: Desk):
    """Three days; and of two links only the newer one is good."""
    with desk.database.transaction() as session:
        editor = accounts.find(session, ED)
        old, new = (_invited(desk, session, editor) for _ in range(2))
    browser = desk.browser()
    assert browser.get(f"/desk/invitations/{old}").status_code == 404
    assert browser.get(f"/desk/invitations/{new}").status_code == 200
    desk.clock.forward(days=3)
    assert browser.get(f"/desk/invitations/{new}").status_code == 404


def test_no_password_and_no_wrong_address_stands_in_the_audit(desk: Desk):
    """People type a password into the wrong field; nobody shall read it there."""
    browser = desk.browser()
    browser.log_in("my secret password", "x")
    browser.log_in(ED, "another secret")
    with desk.database.reading() as session:
        entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
    assert [(entry.who, entry.act) for entry in entries] == [
        ("somebody unknown", "tried to log in"), ("Ed", "tried to log in"),
    ]  # fmt: skip
    assert "secret" not in str(entries)
