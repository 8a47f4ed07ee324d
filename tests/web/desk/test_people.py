"""People, one's own account, and the audit: what admins and editors do about logins."""

from email import message_from_bytes, policy

import pyotp
import pytest
from sqlmodel import col, select

from newsletter.editors import Role, accounts, audit, codes
from newsletter.editors.models import AuditEntry, Editor
from newsletter.notices.letters import letter_of
from newsletter.notices.models import Notice
from tests.web.desk.conftest import HASH, PASSWORD, Desk

SAM = "sam@example.com"


def number_of(desk: Desk, email: str) -> int:
    with desk.database.reading() as session:
        return accounts.find(session, email).id or 0


def test_an_invitation_goes_by_mail_and_opens_the_desk(desk: Desk):
    """The link stands in the mail alone: neither the outbox's row nor the audit holds it."""
    admin = desk.browser(Role.ADMIN)
    answer = admin.post("/desk/people", email="nora@example.com", name="Nora", role="sender")
    assert answer.headers["location"] == "/desk/people?done=invited"
    with desk.database.reading() as session:
        [notice] = session.exec(select(Notice)).all()
        letter = letter_of(session, desk.config, notice, desk.clock())
    assert letter is not None
    assert letter.recipient == "nora@example.com"
    text = message_from_bytes(letter.data, policy=policy.default).get_body(("plain",))
    assert text is not None
    link = next(word for word in text.get_content().split() if "/desk/invitations/" in word)
    token = link.rpartition("/")[2]
    assert token not in str(notice.about)
    new = desk.browser()
    path = f"/desk/invitations/{token}"
    assert new.client.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert new.log_in("nora@example.com").status_code == 303
    with desk.database.reading() as session:
        assert token not in str(session.exec(select(AuditEntry)).all())


def test_a_name_that_is_taken_is_said_beside_the_field(desk: Desk):
    """Nothing is lost of what was typed."""
    answer = desk.browser(Role.ADMIN).post("/desk/people", email="new@example.com", name="sam", role="editor")
    assert answer.status_code == 422
    assert "Somebody else is called sam" in answer.text
    assert 'value="new@example.com"' in answer.text


def test_a_new_role_counts_from_the_next_click(desk: Desk):
    """The open session keeps going, with the new role."""
    admin, sam = desk.browser(Role.ADMIN), desk.browser(Role.SENDER)
    assert sam.get("/desk/people").status_code == 403
    admin.post(f"/desk/people/{number_of(desk, SAM)}/role", role="admin")
    assert sam.get("/desk/people").status_code == 200
    assert admin.post(f"/desk/people/{number_of(desk, SAM)}/role", role="king").status_code == 409


@pytest.mark.parametrize("act", ["disable", "sessions/end"])
def test_an_admin_ends_somebodys_sessions(desk: Desk, act: str):
    """At once; the admin's own stays."""
    admin, sam = desk.browser(Role.ADMIN), desk.browser(Role.SENDER)
    admin.post(f"/desk/people/{number_of(desk, SAM)}/{act}")
    assert sam.get("/desk").status_code == 303
    assert admin.get("/desk/people").status_code == 200
    assert (sam.log_in(SAM).status_code == 303) == (act != "disable")


def test_a_session_elsewhere_is_ended_by_its_owner_alone(desk: Desk):
    """On the account page; somebody else's is not to be found."""
    here, elsewhere, other = desk.browser(Role.SENDER), desk.browser(Role.SENDER), desk.browser(Role.EDITOR)
    assert other.post("/desk/account/sessions/2/end").status_code == 404
    assert elsewhere.get("/desk").status_code == 200
    here.post("/desk/account/sessions/2/end")
    assert elsewhere.get("/desk").status_code == 303


def test_a_new_password_wants_the_old_one_and_logs_out_everywhere_else(desk: Desk):
    """An open desk alone is not enough to take an account over."""
    here, elsewhere = desk.browser(Role.SENDER), desk.browser(Role.SENDER)
    new = "five other quiet words"
    wrong = here.post("/desk/account/password", old="not it at all", password=new, again=new)
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)
    assert here.post("/desk/account/password", old=PASSWORD, password=new, again=new).status_code == 303
    assert (here.get("/desk").status_code, elsewhere.get("/desk").status_code) == (200, 303)
    with desk.database.reading() as session:
        assert accounts.find(session, SAM).password_hash != HASH


def test_a_code_is_set_up_by_typing_one_and_taken_off_by_the_password(desk: Desk):
    """The picture is an image of our own host; the secret counts only once a code was right."""
    sam = desk.browser(Role.SENDER)
    assert sam.get("/desk/account/code.svg").status_code == 404
    sam.post("/desk/account/code")
    picture = sam.get("/desk/account/code.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "<svg" in picture.text
    with desk.database.reading() as session:
        secret = codes.pending(desk.config.keys, accounts.find(session, SAM))
    assert sam.post("/desk/account/code/confirm", code="000000").status_code == 422
    assert sam.post("/desk/account/code/confirm", code=pyotp.TOTP(secret).at(desk.clock())).status_code == 200
    assert sam.post("/desk/account/code/papers", old="not it at all").status_code == 422
    assert sam.post("/desk/account/code/papers", old=PASSWORD).text.count("<li><code>") == 10
    assert sam.post("/desk/account/code/remove", old="not it at all").status_code == 422
    assert sam.post("/desk/account/code/remove", old=PASSWORD).status_code == 303
    with desk.database.reading() as session:
        editor = session.exec(select(Editor).where(Editor.email == SAM)).one()
    assert (editor.code_secret, editor.code_pending) == ("", "")


def test_the_audit_is_read_page_by_page_however_long_it_is(desk_anywhere: Desk):
    """By key, so that entries which come meanwhile move nothing; and of one person."""
    desk = desk_anywhere
    admin = desk.browser(Role.ADMIN)
    with desk.database.transaction() as session:
        for number in range(120):
            audit.note(session, "Ed" if number % 2 else "Sam", f"act {number}", desk.clock())
        newest = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    first = admin.get("/desk/audit").text
    assert "act 119<" in first
    assert "act 69<" not in first
    assert newest is not None
    second = admin.get(f"/desk/audit?before={(newest.id or 0) - 49}").text
    assert "act 69<" in second
    assert "act 19<" not in second
    assert "act 118<" not in admin.get("/desk/audit?who=Ed").text
