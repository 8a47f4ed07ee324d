"""Mails that are no issue: none lost while the relay is down, none sent twice, plain and whole."""

import re
import socket
import threading
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from newsletter import notices
from newsletter.config import Config
from newsletter.database import Database
from newsletter.issues.models import Issue, IssueState
from newsletter.notices.calendar import next_issue, rhythm
from newsletter.notices.models import Notice, NoticeKind, NoticeState
from newsletter.rendering import slots
from newsletter.rendering.models import Edition
from newsletter.wordbook import Wordbook
from subscribers import Way, erasure, signup, unsubscribe
from tests.builders import CONFIG, NOW, a_config
from tests.ports import a_free_port
from tests.subscribers.conftest import KEYS, PROOF, a_reader, the
from tests.web.conftest import Catcher, catcher

__all__ = ["catcher"]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def config(catcher: Catcher, tmp_path: Path) -> Config:
    return a_config(CONFIG.replace("port = 1025", f"port = {catcher.port}"), tmp_path)


@pytest.fixture
def without_relay(tmp_path: Path) -> Config:
    """A config whose relay does not answer."""
    return a_config(CONFIG.replace("port = 1025", f"port = {a_free_port()}"), tmp_path)


def ask(session: Session, email: str = "ann@example.com", now: datetime = NOW) -> None:
    due = signup.ask(session, KEYS, ["daily"], email, PROOF, now)
    assert due is not None
    notices.ask_to_confirm(session, due, now)


def rows(database: Database) -> list[Notice]:
    with database.reading() as session:
        return list(session.exec(select(Notice).order_by(Notice.id)))  # type: ignore[arg-type]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_confirmation_is_sent_once_with_its_link(database: Database, config: Config, catcher: Catcher):
    """Text and HTML say the same; its words name the newsletter; answering machines stay quiet (RFC 3834)."""
    with database.transaction() as session:
        ask(session)
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(sent=1)
    assert notices.deliver_due(database, config, NOW + timedelta(days=1)) == notices.Delivered()
    [mail] = catcher.mails
    assert mail["Subject"] == "Please confirm: The Harbour Daily"
    assert mail["From"] == "The Harbour Post <daily@example.com>"
    assert mail["To"] == "ann@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.defects == []
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    link = text_of(mail).partition("https://post.example.com/confirm/")[2].split()[0]
    assert f'href="https://post.example.com/confirm/{link}"' in text_of(mail, "html")
    with database.transaction() as session:
        assert signup.confirm(session, KEYS, link, PROOF, NOW).outcome is signup.Outcome.GOOD


def test_a_notice_is_dressed_where_every_style_element_is_dropped(database: Database, config: Config, catcher: Catcher):
    """Some webmails do; the night stays in a <style>, since no attribute can hold it."""
    with database.transaction() as session:
        ask(session)
    notices.deliver_due(database, config, NOW)
    html = text_of(catcher.mails[-1], "html")
    bare = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    [style] = re.findall(r'<a class="button"[^>]* style="([^"]*)"', bare)
    assert "padding:" in style
    assert "background:#" in style.replace(" ", "")
    assert "prefers-color-scheme: dark" in html
    assert 'id="inlined"' not in html


def test_a_notice_that_was_rolled_back_with_its_cause_is_not_sent(database: Database, config: Config):
    """It is written in the same transaction."""

    def fail_after_asking() -> None:
        with database.transaction() as session:
            ask(session)
            raise RuntimeError("the cause failed")

    with pytest.raises(RuntimeError):
        fail_after_asking()
    assert rows(database) == []


def test_while_the_relay_is_down_notices_wait_and_none_is_lost(
    database: Database, config: Config, without_relay: Config, catcher: Catcher
):
    """Tried again after 5, 15, 30, 60 … minutes; the first refusal ends the round for the others."""
    with database.transaction() as session:
        ask(session)
        ask(session, "bob@example.com")
    assert notices.deliver_due(database, without_relay, NOW) == notices.Delivered(later=1)
    first, second = rows(database)
    assert (first.state, first.attempts, first.due_at) == (NoticeState.WAITING, 1, NOW + 5 * MINUTE)
    assert second.attempts == 0
    notices.deliver_due(database, without_relay, NOW + 5 * MINUTE)
    notices.deliver_due(database, without_relay, NOW + 6 * MINUTE)
    assert {row.due_at for row in rows(database)} == {NOW + 10 * MINUTE, NOW + 21 * MINUTE}
    assert notices.deliver_due(database, config, NOW + 30 * MINUTE) == notices.Delivered(sent=2)
    assert sorted(mail["To"] for mail in catcher.mails) == ["ann@example.com", "bob@example.com"]


def test_a_refusal_for_good_ends_it_and_one_for_now_does_not(database: Database, config: Config, catcher: Catcher):
    """The relay's words are kept, without the address being logged."""

    async def refuse(_server: object, _session: object, envelope: object) -> str:
        return replies.pop(0)

    replies = ["452 4.2.2 mailbox full", "550 5.1.1 no such user"]
    catcher.handle_DATA = refuse  # type: ignore[method-assign]
    with database.transaction() as session:
        ask(session)
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(later=1)
    assert notices.deliver_due(database, config, NOW + 5 * MINUTE) == notices.Delivered(failed=1)
    assert rows(database)[0].why == "550 5.1.1 no such user"


def test_after_two_days_of_refusals_a_notice_is_given_up(database: Database, config: Config, catcher: Catcher):
    """The row says so; nothing waits for ever."""

    async def refuse(_server: object, _session: object, envelope: object) -> str:
        return "451 4.7.1 come back later"

    catcher.handle_DATA = refuse  # type: ignore[method-assign]
    with database.transaction() as session:
        ask(session)
    now, rounds = NOW, 0
    while rows(database)[0].state is NoticeState.WAITING and rounds < 50:
        now, rounds = rows(database)[0].due_at, rounds + 1
        notices.deliver_due(database, config, now)
    assert rows(database)[0].state is NoticeState.FAILED
    assert timedelta(days=2) < now - NOW < timedelta(days=2, hours=5)


@pytest.mark.slow
def test_two_processes_never_send_one_notice_twice(database: Database, config: Config, catcher: Catcher):
    """A conditional update decides who has it in hand."""
    with database.transaction() as session:
        for number in range(30):
            ask(session, f"reader{number}@example.com")
    totals: list[int] = []
    threads = [
        threading.Thread(target=lambda: totals.append(notices.deliver_due(database, config, NOW).sent))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notices.deliver_due(database, config, NOW)
    assert sum(totals) == 30
    assert len({mail["To"] for mail in catcher.mails}) == len(catcher.mails) == 30


def test_a_notice_in_a_dead_hand_is_taken_over_with_the_same_message_id(
    database: Database, config: Config, catcher: Catcher
):
    """At least once: a receiver may notice a second copy."""
    with database.transaction() as session:
        ask(session)
        row = session.exec(select(Notice)).one()
        row.held_until = NOW + 30 * MINUTE
    assert notices.deliver_due(database, config, NOW) == notices.Delivered()
    assert notices.deliver_due(database, config, NOW + 31 * MINUTE) == notices.Delivered(sent=1)
    assert catcher.mails[0]["Message-ID"].startswith(f"<notice.{rows(database)[0].id}.")


def test_who_is_asked_to_end_takes_no_other_notice_in_hand(database: Database, config: Config, catcher: Catcher):
    """The one that is on the wire is handed over; the others lie free for whoever comes next."""
    stopping = threading.Event()

    async def take(_server: object, _session: object, envelope: Any) -> str:
        stopping.set()
        return "250 OK"

    catcher.handle_DATA = take  # type: ignore[method-assign]
    with database.transaction() as session:
        ask(session)
        ask(session, "bob@example.com")
    assert notices.deliver_due(database, config, NOW, stopping) == notices.Delivered(sent=1)
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(sent=1)


def test_no_address_stands_in_the_outbox_and_the_erased_get_nothing(
    database: Database, config: Config, catcher: Catcher
):
    """An erasure finds nothing to erase there."""
    with database.transaction() as session:
        ask(session)
        erasure.erase(session, KEYS, "ann@example.com", NOW)
    assert "ann" not in str(rows(database)[0].model_dump())
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(dropped=1)
    assert catcher.mails == []


def test_a_welcome_says_when_the_first_issue_comes_and_how_to_leave(
    database: Database, config: Config, catcher: Catcher
):
    """With the latest issue to read until then."""
    with database.transaction() as session:
        number = a_reader(session)
        session.add(
            Issue(
                newsletter="daily",
                issue_date=date(2026, 11, 20),
                number=1,
                state=IssueState.SENT,
                subject="Ferries & trams",
                drafted_at=NOW,
            )
        )
        notices.welcome(session, "daily", number, NOW + timedelta(hours=3))
    notices.deliver_due(database, config, NOW + timedelta(hours=3))
    [mail] = catcher.mails
    text = text_of(mail)
    assert "comes Monday to Friday at 06:30" in text
    assert "on Tuesday, 24 November" in text
    assert "Ferries & trams\nhttps://post.example.com/archive/daily/2026-11-20" in text
    token = text.partition("https://post.example.com/u/")[2].split()[0]
    assert mail["List-Unsubscribe"] == f"<https://post.example.com/u/{token}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.defects == []
    with database.transaction() as session:
        assert unsubscribe.by_token(session, KEYS, token, Way.LINK, NOW) is not None


def test_who_has_left_by_then_is_not_welcomed(database: Database, config: Config, catcher: Catcher):
    """Leaving always wins."""
    with database.transaction() as session:
        number = a_reader(session)
        notices.welcome(session, "daily", number, NOW)
        unsubscribe.leave(session, number, "daily", Way.LINK, None, NOW)
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(dropped=1)


def test_editors_get_the_draft_as_text_and_what_to_do_next(database: Database, config: Config, catcher: Catcher):
    """A command to copy; no reader's mark is left in the preview."""
    newsletter = config.newsletter("daily")
    with database.transaction() as session:
        issue = Issue(
            newsletter="daily", issue_date=date(2026, 11, 23), number=1, drafted_at=NOW, why="two stories only"
        )
        session.add(issue)
        session.flush()
        session.add(
            Edition(
                issue_id=the(issue.id),
                subject="Ferries sail again",
                preheader="and more",
                html="",
                text=f"1. Ferries\nLeave: https://post.example.com/u/{slots.UNSUBSCRIBE}\n",
                template_digest="",
                rendered_at=NOW,
            )
        )
        notices.draft_ready(session, newsletter, issue, NOW)
        notices.issue_held(session, newsletter, issue, NOW)
    assert notices.deliver_due(database, config, NOW).sent == 2
    draft, held = catcher.mails
    assert draft["Subject"] == "Draft: The Harbour Daily, Monday 23 November"
    assert draft["To"] == "Ed <editor@example.com>"
    assert "It goes out at 06:30 GMT if somebody approves it. Else it is held at 09:30 GMT." in text_of(draft)
    assert "newsletter approve daily/2026-11-23" in text_of(draft)
    assert "1. Ferries" in text_of(draft)
    assert not slots.has_marks(text_of(draft) + text_of(draft, "html"))
    assert held["Subject"] == "Held: The Harbour Daily, Monday 23 November"
    assert "two stories only" in text_of(held)


def test_a_local_part_outside_ascii_stands_in_the_header_as_it_is(database: Database, config: Config, catcher: Catcher):
    """An encoded word in an address is no address (RFC 6532)."""
    with database.transaction() as session:
        ask(session, "jörg@bücher.example")
    assert notices.deliver_due(database, config, NOW) == notices.Delivered(sent=1)
    assert catcher.mails[0]["To"] == "jörg@xn--bcher-kva.example"


@pytest.mark.slow
def test_the_bytes_on_the_wire_are_clean(database: Database, tmp_path: Path):
    """CRLF alone, no line over 76 octets in the body or 998 in a header, whatever the newsletter is called."""
    from newsletter.notices.letters import letter_of

    title = "Die große Zeitung für alle Bücher, Häfen & Fähren — täglich"
    config = a_config(CONFIG.replace('title = "The Harbour Daily"', f'title = "{title}"'), tmp_path)
    with database.transaction() as session:
        ask(session)
        letter = letter_of(session, config, session.exec(select(Notice)).one(), NOW)
    assert letter is not None
    assert b"\n" not in letter.data.replace(b"\r\n", b"")
    assert max(map(len, letter.data.split(b"\r\n"))) <= 78
    assert letter.data.isascii()


def test_a_project_may_change_one_mail_by_a_file_of_its_own(database: Database, config: Config, catcher: Catcher):
    """templates/notices/confirm.txt beside config.toml wins over the shipped one."""
    folder = config.folder / "templates" / "notices"
    folder.mkdir(parents=True)
    (folder / "confirm.txt").write_text("Ahoy\n\n{{ confirm_url }}\n", encoding="utf-8")
    with database.transaction() as session:
        ask(session)
    notices.deliver_due(database, config, NOW)
    assert catcher.mails[0]["Subject"] == "Ahoy"


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ("daily", "every day at 06:30"),
        ("mon-fri", "Monday to Friday at 06:30"),
        ("sat,sun", "every Saturday and Sunday at 06:30"),
        ("sat", "every Saturday at 06:30"),
        ("mon,wed,fri", "every Monday, Wednesday and Friday at 06:30"),
    ],
)
def test_the_days_are_said_as_people_say_them(days: str, words: str):
    """On pages and in mails alike."""
    newsletter = a_config().newsletter("daily").model_copy(update={"days": days})
    assert rhythm(newsletter, Wordbook("en")) == words


def test_the_next_issue_is_the_first_send_time_that_is_still_to_come():
    """NOW is a Monday, 05:30 in London: today's is to come; at 06:30 it is tomorrow's; after Friday's, Monday's."""
    newsletter = a_config().newsletter("daily")
    assert next_issue(newsletter, NOW).date() == date(2026, 11, 23)
    assert next_issue(newsletter, NOW + timedelta(hours=1)).date() == date(2026, 11, 24)
    assert next_issue(newsletter, NOW + timedelta(days=4, hours=2)).date() == date(2026, 11, 30)


def test_a_port_that_is_free_is_one_that_nobody_answers_on():
    """What `without_relay` stands on."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", a_free_port()), timeout=5)


def test_kinds_have_their_templates():
    """Each in text and in HTML."""
    folder = Path(__file__).parent.parent / "templates" / "notices"
    assert all((folder / f"{kind}.{ending}").is_file() for kind in NoticeKind for ending in ("txt", "html"))


@pytest.mark.parametrize("with_issue", [True, False])
def test_a_welcome_says_whether_the_newest_issue_is_on_its_way_and_when_the_next_comes(
    with_issue: bool, database: Database, config: Config, catcher: Catcher
):
    """`welcome_issue_days`: no link to what is in the mailbox anyway; in both parts."""
    with database.transaction() as session:
        number = a_reader(session)
        latest = Issue(newsletter="daily", issue_date=date(2026, 11, 20), number=1, drafted_at=NOW)
        latest.state, latest.subject = IssueState.SENT, "Ferries & trams"
        session.add(latest)
        notices.welcome(session, "daily", number, NOW + timedelta(hours=3), with_issue=with_issue)
    notices.deliver_due(database, config, NOW + timedelta(hours=3))
    [mail] = catcher.mails
    html = mail.get_body(("html",))
    assert html is not None
    for words in (text_of(mail), html.get_content()):
        told = " ".join(words.split())
        assert ("The latest issue is on its way to you." in told) == with_issue
        assert ("the next one on Tuesday, 24 November." in told) == with_issue
        assert ("Ferries" in told) != with_issue
