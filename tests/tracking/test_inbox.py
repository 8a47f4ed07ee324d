"""Leaving by mail: the token in an address or the subject, by Maildir and by IMAP; nothing else takes anybody off."""

import mailbox
import re
import ssl
from email.header import Header
from pathlib import Path
from smtplib import SMTP

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from newsletter import config
from newsletter.config.mailbox import Mailbox
from newsletter.delivery.message import Reader, mould
from newsletter.errors import ConfigError, MailboxDown
from newsletter.tracking import inbox, mailboxes
from subscribers import Way, audience
from subscribers.models import Leaving
from subscribers.tokens import Purpose, sign
from tests.builders import CONFIG, NOW, a_config
from tests.command import a_project
from tests.imap import ImapServer
from tests.postfix import Postfix
from tests.subscribers.conftest import KEYS, a_reader, unsubscribe_token


def a_mail(to: str = "leave@example.com", subject: str = "", more: str = "", body: str = "") -> bytes:
    head = f"From: Somebody Else <else@example.net>\r\nTo: {to}\r\nSubject: {subject}\r\n{more}"
    return f"{head}\r\n{body}".encode("utf-8", "surrogateescape")


@pytest.fixture
def token(database) -> str:
    with database.transaction() as session:
        a_reader(session)
        a_reader(session, "bob@example.com")
        return unsubscribe_token(session, "ann@example.com", issue=7)


def a_maildir(folder: Path, *mails: bytes) -> Mailbox:
    box = mailbox.Maildir(folder / "leave", create=True)
    for mail in mails:
        box.add(mail)
    return Mailbox(maildir=folder / "leave")


def read(database, settings: Mailbox) -> inbox.Read:
    with mailboxes.opened(settings) as box:
        return inbox.read(database, KEYS, box, NOW)


def leavings(database):
    with database.reading() as session:
        return [(row.subscriber_id, row.way, row.issue) for row in session.exec(select(Leaving))]


PLACES = {
    "subject": lambda t: a_mail(subject=t),
    "subject with words": lambda t: a_mail(subject=f"Re: AW: {t} please"),
    "encoded subject": lambda t: a_mail(subject=Header(f"Abmeldung für {t}", "utf-8").encode()),
    "address": lambda t: a_mail(to=f"leave+{t}@example.com"),
    "address of the envelope": lambda t: a_mail(more=f"Delivered-To: leave+{t}@example.com\r\n"),
    "an answering machine": lambda t: a_mail(subject=t, more="Auto-Submitted: auto-replied\r\n"),
    "a null sender": lambda t: a_mail(subject=t, more="Return-Path: <>\r\n"),
    "a small address": lambda t: a_mail(to=f"leave+{t.lower()}@example.com", subject=t),
    "an address with another delimiter": lambda t: a_mail(to=f"leave-{t}@example.com, leave_x@example.com"),
    "line ends of a Unix": lambda t: a_mail(subject=t).replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_token_takes_off_wherever_it_stands(database, tmp_path, token, place):
    """The mail is gone afterwards, and nobody is answered: there is nothing here that could send."""
    settings = a_maildir(tmp_path, PLACES[place](token))
    assert read(database, settings) == inbox.Read(left=1)
    assert leavings(database) == [(1, Way.MAILTO, 7)]
    assert read(database, settings) == inbox.Read()


def test_nothing_but_a_token_takes_off(database, tmp_path, token):
    """Not From, not a body, not a forged token; such mails are left for people, marked as read."""
    forged = ("A" if token[0] != "A" else "B") + token[1:]
    settings = a_maildir(
        tmp_path,
        a_mail(subject="unsubscribe").replace(b"else@example.net", b"ann@example.com"),
        a_mail(subject=forged),
        a_mail(subject="unsubscribe", body=token),
        a_mail(subject=token + "A"),
    )
    assert read(database, settings) == inbox.Read(other=4)
    assert leavings(database) == []
    assert read(database, settings) == inbox.Read()
    assert len(mailbox.Maildir(tmp_path / "leave")) == 4


STRANGE = (b"\xff\xfeFrom nobody\n\x00: x\n", b"Content-Type: multipart/mixed; boundary=x\nTo: \xe9@x\n\n--x\n\n--x--")


@pytest.mark.parametrize("strange", STRANGE)
def test_a_mail_of_strange_bytes_stands_in_nobodys_way(database, tmp_path, token, strange):
    """Spam finds every mailbox. It is left byte for byte as it came, and the mail after it is read."""
    settings = a_maildir(tmp_path, strange, a_mail(subject=token))
    assert read(database, settings) == inbox.Read(left=1, other=1)
    [kept] = (tmp_path / "leave" / "cur").iterdir()
    assert (kept.read_bytes(), kept.name[-4:]) == (strange, ":2,S")
    assert read(database, settings) == inbox.Read()


def test_two_mails_are_one_leaving(database, tmp_path, token):
    """Pressing twice, or being read twice after a crash."""
    settings = a_maildir(tmp_path, a_mail(subject=token), a_mail(subject=token))
    assert read(database, settings).left == 2
    assert len(leavings(database)) == 1


def test_a_mail_stays_until_its_leaving_is_committed(database, tmp_path, token):
    """A store that is gone in the middle loses no wish: the next reading finds the mail."""
    settings = a_maildir(tmp_path, a_mail(subject=token))
    with database.transaction() as session:
        table = session.connection().exec_driver_sql
        table("ALTER TABLE leaving RENAME TO elsewhere")
    with pytest.raises(Exception, match="leaving"):
        read(database, settings)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO leaving")
    assert read(database, settings).left == 1


@pytest.fixture
def imap(token):
    server = ImapServer({3: a_mail(subject=token), 4: a_mail(subject="hello"), 9: a_mail(to=f"x+{token}@y.example")})
    yield server.start()
    server.stop()


def test_an_imap_account_does_the_same(database, token, imap):
    """Only heads are fetched, none is marked by the fetching; the wishes are deleted, the other is marked as read."""
    settings = Mailbox(host="127.0.0.1", port=imap.port, security="none", username="leave")
    settings = settings.settled(Path("/"), "secret")
    assert read(database, settings) == inbox.Read(left=2, other=1)
    assert leavings(database) == [(1, Way.MAILTO, 7)]
    assert (list(imap.mails), imap.flags[4]) == ([4], {"Seen"})
    assert "BODY.PEEK[HEADER]" in " ".join(imap.log)
    assert read(database, settings) == inbox.Read()


def test_strange_bytes_of_an_imap_account_stand_in_nobodys_way(database, imap):
    """The same there."""
    imap.mails[2] = STRANGE[0] + a_mail(subject="\udcff").replace(b"\n\r\n", b"\n: :\n\xff\n\r\n")
    settings = Mailbox(host="127.0.0.1", port=imap.port, security="none", username="leave")
    assert read(database, settings.settled(Path("/"), "secret")) == inbox.Read(left=2, other=2)


@pytest.fixture
def authority(tmp_path):
    """A certificate authority of the test's own, and its file."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


def over_tls(imap: ImapServer, authority: trustme.CA, name: str, **more) -> Mailbox:
    """The account's settings; its server has a certificate for `name`."""
    imap.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(imap.tls)
    settings = Mailbox(host="localhost", port=imap.port, username="leave", **more)
    return settings.settled(Path("/"), "secret")


def test_an_imap_account_over_tls_does_the_same(database, token, imap, authority, tmp_path):
    """The default: encrypted from the first byte, by a certificate that is checked."""
    settings = over_tls(imap, authority, "localhost", ca_file=tmp_path / "ca.pem")
    assert read(database, settings) == inbox.Read(left=2, other=1)
    assert leavings(database) == [(1, Way.MAILTO, 7)]


@pytest.mark.parametrize(("name", "is_trusted"), [("localhost", False), ("imap.example.com", True)])
def test_no_password_goes_to_a_server_that_shows_no_good_certificate(
    sqlite, imap, authority, tmp_path, name, is_trusted
):
    """By an authority that nobody knows, or for another host."""
    settings = over_tls(imap, authority, name, ca_file=tmp_path / "ca.pem" if is_trusted else None)
    with pytest.raises(MailboxDown, match="certificate"):
        read(sqlite, settings)
    assert imap.log == []


@pytest.mark.parametrize("broken", ["password", "port", "folder"])
def test_a_mailbox_that_cant_be_read_is_said_in_a_sentence(database, tmp_path, imap, broken):
    """No traceback, no password in it."""
    port = 1 if broken == "port" else imap.port
    settings = Mailbox(host="127.0.0.1", port=port, security="none", username="leave").settled(Path("/"), "wrong")
    if broken == "folder":
        settings = Mailbox(maildir=tmp_path / "nowhere")
    with pytest.raises(MailboxDown, match="can't be read") as caught:
        read(database, settings)
    assert "wrong" not in str(caught.value) or broken == "password"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail(head):
    """A stranger's bytes are data: no crash, and never more tokens than are looked at."""
    assert len(inbox.tokens_in(b"To: " + head)) <= inbox.MOST_TOKENS
    assert len(inbox.tokens_in(head)) <= inbox.MOST_TOKENS


def test_the_header_names_both_ways_and_the_mail_it_opens_takes_off(sqlite, tmp_path):
    """The link first (RFC 8058 §3.1), then the address (RFC 2369 §3.2); a mail as the second asks for is understood."""
    text = CONFIG + '[mailbox]\naddress = "leave+{token}@example.com"\nmaildir = "leave"\n'
    config = a_config(text, tmp_path)
    with sqlite.transaction() as session:
        number = a_reader(session)
    made = mould(config.site, config.newsletters[0], 7, "Ferry", "<p>She is back.</p>", "She is back.")
    for one in (made, mould(config.site, config.newsletters[0], 7, "Ferry", "", "She is back.")):
        raw = one.fill(Reader(1, number, 1, "ann@example.com"), config.keys, NOW).decode()
        found = re.findall(
            r"^List-Unsubscribe: <https://\S+/u/(\S{44})>, <mailto:(\S+)\?subject=(\S+)>\r$", raw, re.MULTILINE
        )
        [(token, address, subject)] = found
        assert (address, subject) == (f"leave+{token}@example.com", token)
    read(sqlite, a_maildir(tmp_path, a_mail(to=address, subject=subject)))
    with sqlite.reading() as session:
        assert audience.count(session, "daily", NOW) == 0


@pytest.mark.slow
@pytest.mark.postfix
def test_a_mail_that_a_real_relay_delivers_takes_off_by_its_envelope_alone(sqlite, tmp_path):
    """Postfix, with an address extension and no readable To."""
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    with sqlite.transaction() as session:
        a_reader(session)
        token = unsubscribe_token(session, "ann@example.com", issue=7)
    with Postfix(tmp_path / "server.pem", ["leave@example.com"], settings="recipient_delimiter = +\n") as relay:
        with SMTP("127.0.0.1", relay.port, "mail.example.net") as line:
            line.sendmail("else@example.net", f"leave+{token}@example.com", a_mail(to="undisclosed-recipients:;"))
        relay.wait_for(1)
        assert read(sqlite, Mailbox(maildir=relay.folder / "mail" / "leave")) == inbox.Read(left=1)
    assert leavings(sqlite) == [(1, Way.MAILTO, 7)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('address = "leave@example.com"', "nobody reads"),
        ('address = "Leave <leave@example.com>"\nmaildir = "x"', "more than an address"),
        ('address = "leave@{token}.example.com"\nmaildir = "x"', "left of the @"),
        ('address = "a-very-long-local-part-{token}@example.com"\nmaildir = "x"', "at most 64"),
        ('maildir = "x"\nhost = "y"\nusername = "z"', "not both"),
        ('host = "y"', "wants a username"),
    ],
)
def test_a_mailbox_that_makes_no_sense_is_refused(lines, told):
    """At the start, with the line."""
    with pytest.raises(ConfigError, match=told):
        a_config(f"{CONFIG}[mailbox]\n{lines}\n")


def test_a_mail_servers_pipe_takes_off_at_once(tmp_path):
    """`newsletter mailbox -`; what names nobody is kept for people, and whatever fails is tried again (sysexits.h)."""
    project = a_project(tmp_path, more='[mailbox]\nmaildir = "leave"\n')
    paper = tmp_path / "config.toml"
    project("subscribers", "add", "ann@example.com", "--proof", "phone")
    token = sign(config.load(paper).keys, Purpose.UNSUBSCRIBE, 1)
    good = a_mail(to=f"leave-{token}@example.com")
    for _ in range(2):
        assert project("mailbox", "-", stdin=good) == "A reader left by mail.\n"
    assert [row["ways"] for row in project.json("subscribers", "leavings")["days"]] == [{"mailto": 1}]
    assert "names nobody" in project("mailbox", "-", stdin=a_mail(subject="Good morning"))
    assert [file.name[-1] for file in (tmp_path / "leave" / "cur").iterdir()] == ["S"]
    assert "on stdin" in project("mailbox", "leave", status=2)
    paper.write_text(paper.read_text().replace('maildir = "leave"', ""))
    assert "wants a maildir" in project("mailbox", "-", stdin=good, status=75)
    (tmp_path / "newsletter.db").write_bytes(b"this is no database")
    assert "database" in project("mailbox", "-", stdin=good, status=75)


def test_it_is_read_by_hand(tmp_path):
    """`newsletter mailbox`; without one in config.toml it says so."""
    assert "names no mailbox" in a_project(tmp_path)("mailbox", status=1)
    a_maildir(tmp_path, a_mail(subject="hello"))
    project = a_project(tmp_path, more='[mailbox]\nmaildir = "leave"\n')
    assert "0 readers left by mail; 1 other" in project("mailbox")
