"""Leaving by a POST without cookie, login, token or particular body (RFC 8058), and the page that people see."""

import socket

import pytest
from sqlmodel import select

from subscribers import Way, audience
from subscribers.models import Leaving
from subscribers.tokens import Purpose, sign
from tests.builders import NOW
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token
from tests.web.conftest import Served, Site

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)
BODIES = {
    "multipart": MULTIPART,
    "urlencoded": (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
    "empty": (b"", "application/x-www-form-urlencoded"),
    "empty without a type": (b"", None),
    "plain text": (b"List-Unsubscribe=One-Click", "text/plain"),
    "json": (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
    "broken multipart": (b"--y\r\nnonsense", "multipart/form-data; boundary=x"),
    "multipart without a boundary": (b"--x--", "multipart/form-data"),
    "odd bytes": (bytes(range(256)), "application/octet-stream"),
    "a type that is none": (b"x", "///"),
}


def a_token(site: Site, issue: int = 214) -> str:
    with site.database.transaction() as session:
        a_reader(session)
        return unsubscribe_token(session, "ann@example.com", issue=issue)


def leavings(site: Site) -> list[Leaving]:
    with site.database.reading() as session:
        return list(session.exec(select(Leaving)))


@pytest.mark.parametrize("body", BODIES)
def test_any_body_takes_the_reader_off_with_a_plain_200(site, body):
    """The token is the authority; never a redirect, which RFC 8058 §3.1 forbids."""
    content, kind = BODIES[body]
    token = a_token(site)
    answer = site.client.post(f"/u/{token}", content=content, headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, "location" in answer.headers, "set-cookie" in answer.headers) == (200, False, False)
    assert [(row.way, row.issue) for row in leavings(site)] == [(Way.HEADER, 214)]


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_raw_requests_to_a_real_server_do_the_same(served: Served, body):
    """Byte for byte as a mail provider writes it (RFC 8058 §8), with no header but what HTTP asks for."""
    content, kind = BODIES[body]
    head = f"POST /u/{a_token(served)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
    if kind:
        head += f"Content-Type: {kind}\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(head.encode() + b"\r\n" + content)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nlocation:" not in answer.lower()
    assert len(leavings(served)) == 1


@pytest.mark.slow
def test_a_chunked_body_does_the_same(served: Served):
    """Some providers' proxies send no Content-Length."""
    request = (
        f"POST /u/{a_token(served)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(request.encode() + b"1a\r\nList-Unsubscribe=One-Click\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(leavings(served)) == 1


def test_a_short_title_stands_on_one_line_of_the_question(site):
    """ "Leave The / Harbour Daily?" is no headline."""
    page = site.client.get(f"/u/{a_token(site)}")
    assert '<h1>Leave <span class="whole">The Harbour Daily</span>?</h1>' in page.text


def test_five_posts_are_one_leaving(site):
    """Providers repeat; each answer is 200."""
    token = a_token(site)
    assert {site.client.post(f"/u/{token}", content=MULTIPART[0]).status_code for _ in range(5)} == {200}
    assert len(leavings(site)) == 1


def test_the_pages_own_button_is_told_from_the_mail_programs(site):
    """Unsubscribe tracking: by which way somebody left."""
    token = a_token(site)
    page = site.client.get(f"/u/{token}")
    assert "Leave The Harbour Daily?" in page.text
    assert "ann@example.com" not in page.text
    assert "You have left The Harbour Daily" in site.client.post(f"/u/{token}", data={"way": "link"}).text
    assert leavings(site)[0].way is Way.LINK


def test_who_has_left_sees_it_said_and_may_undo_it_for_ten_minutes(site):
    """Afterwards the page offers to sign up again."""
    token = a_token(site)
    site.client.post(f"/u/{token}", data={"way": "link"})
    assert "Undo" in site.client.get(f"/u/{token}").text
    assert "You are back on the list" in site.client.post(f"/u/{token}/undo").text
    site.client.post(f"/u/{token}", data={"way": "link"})
    site.clock.forward(minutes=11)
    page = site.client.get(f"/u/{token}").text
    assert "Undo" not in page
    assert "Sign up again" in page
    assert "You have left" in site.client.post(f"/u/{token}/undo").text
    with site.database.reading() as session:
        assert audience.count(session, "daily", site.clock.now) == 0


def test_a_reason_is_asked_for_after_leaving_and_never_before(site):
    """And once."""
    token = a_token(site)
    assert "What made you leave?" not in site.client.get(f"/u/{token}").text
    assert "What made you leave?" in site.client.post(f"/u/{token}", data={"way": "link"}).text
    assert "It will be read." not in site.client.post(f"/u/{token}/why", data={"reason": " "}).text
    assert "It will be read." in site.client.post(f"/u/{token}/why", data={"reason": "too much <b>"}).text
    assert leavings(site)[0].reason == "too much <b>"


def test_every_bad_link_gets_one_same_answer(site):
    """No oracle: forged, of another purpose, of nobody."""
    good = a_token(site)
    bad = [
        *(good[:n] + ("A" if good[n] != "A" else "B") + good[n + 1 :] for n in (0, 5, 20, 43)),
        sign(KEYS, Purpose.PREFERENCES, 1),
        sign(KEYS, Purpose.UNSUBSCRIBE, 10**9),
        "x",
        "é" * 44,
        "x" * 5000,
    ]
    answers = [site.client.post(f"/u/{token}") for token in bad]
    answers += [site.client.get(f"/{door}/{token}") for token in bad[:3] for door in ("u", "confirm", "preferences")]
    answers += [site.client.post(f"/u/{bad[0]}/undo"), site.client.post(f"/u/{bad[0]}/why")]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1
    assert leavings(site) == []


def test_a_newsletter_that_config_has_dropped_can_still_be_left(site):
    """Old issues lie in mailboxes for years."""
    with site.database.transaction() as session:
        a_reader(session, newsletter="yearly")
        token = unsubscribe_token(session, "ann@example.com", "yearly")
    assert site.client.get(f"/u/{token}").status_code == 200
    assert site.client.post(f"/u/{token}").status_code == 200
    with site.database.reading() as session:
        assert audience.count(session, "yearly", NOW) == 0
