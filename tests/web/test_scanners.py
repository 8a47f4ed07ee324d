"""A real mail, as those get it who did not ask to be helped: scanners open every link, providers post for the reader.

Looking is never leaving, whoever looks; the header's POST always is, whatever its body (RFC 8058).
"""

import re
import shutil
import subprocess
from email import message_from_bytes, policy
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser
from sqlmodel import select
from starlette.testclient import TestClient

from newsletter import links
from newsletter.delivery.message import Reader, mould, of_edition
from newsletter.editors import accounts, invitations
from newsletter.editors.models import Role
from newsletter.issues.models import IssueState
from newsletter.notices import ask_to_confirm, invite, tell_editors, welcome
from newsletter.notices.letters import letter_of
from newsletter.notices.models import Notice
from newsletter.rendering.counted import Link
from newsletter.rendering.models import Edition
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from newsletter.web.app import create_app
from subscribers import Format, Way, signup
from subscribers.models import Leaving
from subscribers.tokens import Keys
from tests.builders import KEY, NOW, an_article, an_issue
from tests.rendering import issues
from tests.subscribers.conftest import KEYS, PROOF, a_reader, standing, the
from tests.web.conftest import Served
from tests.web.test_every_route import dump

PREFETCH = {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch", "X-Purpose": "preview"}
ARTICLE = "https://radio.example.com/ferry?a=1&b=2"
CURL = shutil.which("curl") or "/usr/bin/curl"
BODIES = {
    "multipart": ["--form-string", "List-Unsubscribe=One-Click"],
    "urlencoded": ["--data", "List-Unsubscribe=One-Click"],
    "empty": ["--data", ""],
    "no body at all": ["--request", "POST"],
    "text": ["--data", "List-Unsubscribe=One-Click", "--header", "Content-Type: text/plain"],
    "nonsense": ["--data-binary", "\x01\x02{", "--header", "Content-Type: application/x-nobody-knows"],
    "another word": ["--data", "List-Unsubscribe=no"],
    "over HTTP/1.0": ["--http1.0", "--data", "List-Unsubscribe=One-Click"],
    "with cookies and an origin": [
        *("--data", "List-Unsubscribe=One-Click", "--cookie", "a=b"),
        *("--header", "Origin: https://mail.example", "--header", "Sec-Fetch-Site: cross-site"),
    ],
}


@pytest.fixture
def mail(served: Served, tmp_path: Path) -> bytes:
    """An issue as Ann gets it."""
    made = edition(issues.normal(), Templates(tmp_path), issues.SITE)
    html, text = (words.replace(issues.SITE.url, served.url) for words in (made.html, made.text))
    with served.database.transaction() as session:
        number = a_reader(session)
        subscription = standing(session, "ann@example.com").id or 0
    newsletter = served.config.newsletter("daily")
    message = mould(served.config.site, newsletter, 7, made.subject, html, text)
    return message.fill(Reader(1, number, subscription, "ann@example.com"), KEYS, NOW)


def links_in(mail: bytes, site: str) -> list[str]:
    """Every address of ours in it: header, text part and HTML part."""
    read = message_from_bytes(mail, policy=policy.default)
    words = [str(read["List-Unsubscribe"])]
    for part in read.walk():
        if part.get_content_maintype() == "text":
            words.append(part.get_content().replace("&amp;", "&"))
    found = re.findall(rf"{re.escape(site)}[^\s\"'<>)]*", "\n".join(words))
    return sorted(set(found))


def leavings(served: Served) -> list[tuple[Way, int | None]]:
    with served.database.reading() as session:
        return [(row.way, row.issue) for row in session.exec(select(Leaving))]


@pytest.fixture
def mails(served: Served, mail: bytes) -> list[bytes]:
    """One of each kind: the issue, its links counted, text alone, a question, a welcome, and what editors get."""
    daily = served.config.newsletter("daily")
    with served.database.transaction() as session:
        issue = an_issue(session, IssueState.SENT)
        issue.started_at = NOW
        stored = session.exec(select(Edition)).one()
        stored.html, stored.text = f'<a href="{ARTICLE}">The ferry</a></body>', ARTICLE
        counted = (Link(0, served.url, "", "", "trap"), Link(1, ARTICLE, "The ferry", "City", "story"))
        stored.links = [link._asdict() for link in counted]
        session.add_all([issue, stored, piece := an_article()])
        session.flush()
        address = links.article(served.config.site, KEYS, piece.id or 0)
        due = signup.ask(session, KEYS, ["weekly"], "ann@example.com", PROOF, NOW)
        ask_to_confirm(session, the(due), NOW)
        welcome(session, "daily", 1, NOW)
        tell_editors(session, daily.model_copy(update={"editors": ("ed@example.com",)}), "Held", [], NOW, about=issue)
        editor = accounts.add(session, "ed@example.com", "Ed", Role.EDITOR, NOW)
        invitation = invitations.invite(session, KEYS, editor, "Bo", NOW)
        invite(session, daily, "ed@example.com", the(invitation.id), "Bo", NOW)
        notices = session.exec(select(Notice)).all()
        letters = [letter_of(session, served.config, notice, NOW) for notice in notices]
        counting = daily.model_copy(update={"clicks": True})
        ways = [of_edition(served.config.site, counting, stored, form, counts=True) for form in Format]
    plain = mould(served.config.site, daily, 7, "Ferry", "", f"The piece of a folder: {address}\n")
    ann = Reader(1, 1, 1, "ann@example.com")
    return [mail, *(the(letter).data for letter in letters), *(m.fill(ann, KEYS, NOW) for m in (*ways, plain))]


@pytest.mark.slow
@pytest.mark.browser
def test_a_scanner_that_opens_every_link_of_every_mail_changes_nothing(
    served: Served, mails: list[bytes], browser: Browser
):
    """GET, HEAD and OPTIONS, as a prefetch too, and then a browser that runs scripts and waits: 0 state changes. Of a
    counted link it is written down that somebody came; which of them were robots, `clicks` tells."""
    found = sorted({link for one in mails for link in links_in(one, served.url)})
    kinds = {link.removeprefix(served.url).split("/")[1]: link for link in found}  # of each page's scripts once
    assert set(kinds) >= {"u", "preferences", "archive", "confirm", "c", "articles", "desk", ""}
    before = dump(served.database, without="click")
    with httpx2.Client() as scanner:
        for link in found:
            for method, headers in (("GET", {}), ("HEAD", {}), ("OPTIONS", {}), ("GET", PREFETCH), ("HEAD", PREFETCH)):
                assert scanner.request(method, link, headers=headers).status_code < 500
    window = browser.new_context()
    pages = [window.new_page() for kind in kinds if kind != "c"]
    for page, link in zip(pages, (link for kind, link in kinds.items() if kind != "c"), strict=True):
        page.goto(link, wait_until="commit")  # all at once: each until its scripts are quiet
    for page in pages:
        page.wait_for_load_state("networkidle")
        page.mouse.move(50, 50)
        page.keyboard.press("Tab")
    window.close()
    assert dump(served.database, without="click") == before


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_the_headers_post_by_curl_takes_off_whatever_its_body(served: Served, mail: bytes, body: str):
    """200 and no redirect, to the very address in List-Unsubscribe; a second time is 200 as well, and one leaving."""
    found = re.search(rb"^List-Unsubscribe: <([^>]+)>", mail, re.MULTILINE)
    assert found is not None
    address = found[1].decode()
    for _ in range(2):
        command = [CURL, "--silent", "--max-time", "60", "--dump-header", "-", "--output", "/dev/null"]
        done = subprocess.run([*command, *BODIES[body], address], capture_output=True, text=True, check=True)
        assert re.match(r"HTTP/1\.[01] 200 ", done.stdout), done.stdout
        assert not re.search(r"^(location|set-cookie):", done.stdout, re.IGNORECASE | re.MULTILINE)
    assert leavings(served) == [(Way.HEADER, 7)]


@pytest.mark.slow
def test_a_link_of_an_old_key_goes_on_working_after_the_key_was_changed(served: Served, mail: bytes):
    """Mails lie in mailboxes for years; only a key that was taken out makes its links void."""
    link = next(link for link in links_in(mail, served.url) if "/u/" in link)
    path = link.removeprefix(served.url)
    for secrets, status in (((b"z" * 32,), 404), ((b"n" * 32, KEY.encode()), 200)):
        config = served.config.model_copy()
        config._keys = Keys(secrets)
        with TestClient(create_app(config, served.database, clock=served.clock)) as client:
            assert client.post(path).status_code == status
    assert leavings(served) == [(Way.HEADER, 7)]
