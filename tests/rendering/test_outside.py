"""What only others can say: dead links from real servers, SpamAssassin where it is; nothing of it stops an issue."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import Collecting, Preflight
from newsletter.rendering import preflight
from newsletter.rendering.preflight import Case, outside, support
from newsletter.rendering.render import Rendered
from tests.fakes import FeedServer
from tests.rendering import issues

LOOPBACK = Collecting(private_networks=("127.0.0.1/32",), timeout_seconds=60)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


def a_case(*addresses: str, html: str = "") -> Case:
    """A mail that links to these addresses."""
    page = html or "".join(f'<p><a href="{address}">A page</a></p>' for address in addresses)
    form = Rendered("Subject", "Preheader", f"<html><body>{page}</body></html>", "text", "")
    return Case(form, issues.one_item(), "https://post.example.com", 1, support.load(), collecting=LOOPBACK)


def outside_rules(case: Case) -> list[tuple[str, str]]:
    """(rule, where) of what was found outside."""
    found = preflight.findings(case, Preflight(), look_outside=True)
    return [(f.rule, f.where) for f in found if f.rule in ("dead-link", "not-looked") and f.where != "message"]


def test_a_dead_link_is_found_and_a_living_one_is_not(server: FeedServer):
    """404 and 410 are dead; a page behind a login or a busy server lives."""
    alive = [server.serve(f"/{status}", b"ok", status=status) for status in (200, 401, 403, 429, 500)]
    dead = [server.serve("/404", b"", status=404), server.serve("/410", b"", status=410)]
    assert outside_rules(a_case(*alive, *dead)) == [("dead-link", address) for address in dead]


def test_a_picture_that_is_gone_is_found_too(server: FeedServer):
    """With `images = "link"` it is somebody else's."""
    server.serve("/", b"ok")
    gone = server.url("/gone.jpg")
    case = a_case(html=f'<a href="{server.url("/")}">A page</a><img src="{gone}" width="9" height="9" alt="A ferry">')
    assert outside_rules(case) == [("dead-link", gone)]


def test_links_are_asked_without_their_bodies_and_each_once(server: FeedServer):
    """HEAD first; a server that knows no HEAD is asked with GET."""
    address = server.serve("/big", b"x" * 3_000_000)
    assert outside_rules(a_case(address, address)) == []
    assert len(server.asked) <= 2


def test_a_machine_without_a_network_gets_one_note():
    """Names lead nowhere, ports are closed: that says something of us, not of the links."""
    case = a_case("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
    assert outside_rules(case) == [("not-looked", "links")]
    found = preflight.findings(case, Preflight.model_validate({"dead-link": "block"}), look_outside=True)
    assert not any(f.rule == "dead-link" for f in found)


def test_one_server_that_does_not_answer_is_dead_while_others_do(server: FeedServer):
    """The network is there, that server is not."""
    alive = server.serve("/", b"ok")
    assert outside_rules(a_case(alive, "http://127.0.0.1:9/")) == [("dead-link", "http://127.0.0.1:9/")]


def test_our_own_addresses_are_not_asked():
    """The web view comes up with the issue, not before; a reader's links are marks."""
    case = a_case("https://post.example.com/archive/daily/2026-11-23", "mailto:a@example.com")
    assert outside.ask(case) == {}


def test_nobody_is_asked_unless_wanted(server: FeedServer):
    """An approval does not wait for other people's servers."""
    case = a_case(server.serve("/404", b"", status=404))
    found = preflight.findings(case, Preflight())
    assert {f.rule for f in found} & {"dead-link", "not-looked", "spam-score"} == set()
    assert server.asked == []


def test_spamassassin_is_asked_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its points and the tests behind them are told; a stand-in that speaks like it shows both sides of the limit."""
    from tests.rendering.test_preflight import GOOD, parsed

    case = replace(a_case(), message=parsed(GOOD))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "spamassassin"
    for score, expected in (("0.4", []), ("3.1", ["SpamAssassin gives 3.1 points"])):
        program.write_text(
            f"#!/bin/sh\ncat > /dev/null\nprintf 'X-Spam-Status: No, score={score} required=5.0 tests=MISSING_MID,\\n"
            "\\tSUBJ_ALL_CAPS autolearn=no\\n\\tversion=4.0.1\\n\\nbody\\n'\n"
        )
        program.chmod(0o755)
        found = [f for f in preflight.findings(case, Preflight(), look_outside=True) if f.rule == "spam-score"]
        assert [f.message.split(",")[0] for f in found] == expected
        assert all("MISSING_MID, SUBJ_ALL_CAPS" in f.message for f in found)
