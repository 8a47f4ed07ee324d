"""The whole morning, end to end: real articles, real feeds, a real relay, real mailboxes."""

import re
import shutil
import threading
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from tests.command import Project, a_project, readers_file
from tests.fakes import FeedServer
from tests.ports import a_free_port
from tests.postfix import Postfix

READERS = 1000
FEED_DAY = "2020-04-21"


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path]:
    """(a server's PEM for 127.0.0.1, its authority's PEM)."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "server.pem", tmp_path / "ca.pem"


def parsed(raw: bytes) -> EmailMessage:
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert [part.defects for part in read.walk() if part.defects] == []
    return read


@pytest.mark.proof
@pytest.mark.postfix
@pytest.mark.shared
@pytest.mark.timeout(300)
def test_two_mornings_through_a_real_relay(shared: Path, tmp_path: Path, certificates: tuple[Path, Path]):
    """The real article and a day's real feeds: drafted, approved, and sent to 1,000 mailboxes, one mail each, without
    a defect; one reader leaves by one click and the next issue no longer reaches them; the totals add up."""
    addresses = readers_file(tmp_path, READERS)
    with Postfix(certificates[0], addresses) as relay, FeedServer() as feeds:
        project = a_project(
            tmp_path, more=feed_sources(feeds, shared / "data" / "feeds" / FEED_DAY), newsletter='images = "none"',
            smtp=f'port = {relay.port}\nsecurity = "starttls"\nca_file = "{certificates[1]}"',
        )  # fmt: skip
        shutil.copy(shared / "articles" / "syrian-peace-talks.txt", tmp_path / "articles")
        assert project.json("subscribers", "import", "readers.csv", "--newsletter", "daily")["new"] == READERS
        sources = project.json("collect")["sources"]
        assert [source["name"] for source in sources if source["error"] or source["failed"]] == []

        first = morning(project, "2014-02-10")
        assert first["picks"][0]["title"].startswith("Syrian peace talks resume in Geneva")
        relay.wait_for(READERS)
        mails = {address: relay.mails(address) for address in addresses}
        assert {len(found) for found in mails.values()} == {1}
        assert len({str(parsed(found[0])["Message-ID"]) for found in mails.values()}) == READERS
        address = one_whole_mail(parsed(mails[addresses[7]][0]), addresses[7], first)

        leave(project, address)
        second = morning(project, FEED_DAY)
        assert len(second["picks"]) == 10
        relay.wait_for(2 * READERS - 1)
        counts = Counter(len(relay.mails(one)) for one in addresses)
        assert counts == {2: READERS - 1, 1: 1}
        assert len(relay.mails(addresses[7])) == 1
    person = project.json("subscribers", "show", addresses[7])
    assert [(one["way"], one["issue"]) for one in person["leavings"]] == [("header", first["issue"])]


def feed_sources(server: FeedServer, folder: Path) -> str:
    """A [[sources]] table for each real feed of the folder, served from loopback."""
    tables = ['[collecting]\nprivate_networks = ["127.0.0.0/8"]\n[preflight]\nlook-outside = "never"']
    for path in sorted(folder.glob("*.xml")):
        url = server.serve(f"/{path.name}", path.read_bytes(), content_type="application/rss+xml")
        tables.append(f'[[sources]]\nname = "{path.stem}"\nkind = "feed"\nurl = "{url}"\nsection = "World"')
    return "\n".join(tables)


def morning(project: Project, day: str) -> dict[str, Any]:
    """Draft, check, approve, send; the draft's document."""
    issue = f"daily/{day}"
    draft: dict[str, Any] = project.json("draft", "daily", "--date", day)
    assert draft["state"] == "draft"
    assert project.json("check", issue)["ok"]
    project("approve", issue)
    totals = project.json("send", issue)
    status = project.json("status", issue)
    assert status["state"] == "sent"
    assert status["selected"] == sum(status[name] for name in totals if name != "selected") == status["accepted"]
    return draft


def one_whole_mail(mail: EmailMessage, address: str, draft: dict[str, Any]) -> str:
    """Look at one mail as a mail program would; returns its one-click address."""
    assert mail["To"].addresses[0].addr_spec == address
    assert str(mail["Subject"]) == draft["subject"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = mail.iter_parts()
    for part in (plain.get_content(), html.get_content()):
        assert "Syrian peace talks resume in Geneva" in part
        assert "1 Quay Street, Harbourton" in part
        assert "Sign up for our daily newsletter" not in part
    found = re.fullmatch(r"<(https://post\.example\.com/u/[\w-]{44})>", str(mail["List-Unsubscribe"]))
    assert found
    assert found[1] in plain.get_content()
    assert found[1] in html.get_content()
    return found[1]


def leave(project: Project, address: str) -> None:
    """One click, at the real web server of the project."""
    port = a_free_port()
    settings = project.folder / "config.toml"
    settings.write_text(settings.read_text() + f"\n[web]\nport = {port}\n")
    server = project.start("serve")
    try:
        ours = address.replace("https://post.example.com", f"http://127.0.0.1:{port}")
        wait_until_it_answers(f"http://127.0.0.1:{port}/healthz")
        answer = httpx2.post(ours, data={"List-Unsubscribe": "One-Click"}, follow_redirects=False)
        assert answer.status_code == 200
    finally:
        server.terminate()
        server.communicate()


def wait_until_it_answers(url: str) -> None:
    pause = threading.Event()
    for _ in range(600):
        try:
            httpx2.get(url)
        except httpx2.TransportError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError(f"{url} does not answer")
