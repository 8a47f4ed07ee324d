"""The doctor looks at real things: a DNS server, a relay, a site, both databases; each of them well, and ill."""

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from newsletter import doctor
from newsletter.database import Database, newest_revision
from newsletter.delivery import dkim
from newsletter.doctor import Finding, lookups, machine, names, relays, site, store
from newsletter.doctor.lookups import Lookups, NoAnswer
from tests.builders import CONFIG, NOW, a_config, an_issue
from tests.command import Project
from tests.dns_server import DnsServer
from tests.fakes import Answer, FeedServer
from tests.sink import HANG_UP, Sink

KEY = '[[dkim]]\ndomain = "example.com"\nselector = "mail"\nkey_file = "mail.pem"\n'
MAILBOX = '[mailbox]\naddress = "leave@leave.example.com"\nmaildir = "leavings"\n'


def told(findings: Iterable[Finding], check: str) -> list[tuple[str, str]]:
    """Level and words of what was said of one check."""
    return [(str(one.level), f"{one.where}: {one.message}") for one in findings if one.check == check]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with a DKIM key."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "mail.pem").write_bytes(dkim.new_key("ed25519"))
    (folder / "mail.pem").chmod(0o600)
    return folder


@pytest.fixture
def zone(keys: Path) -> dict[tuple[str, str], list[str]]:
    """Records with which all is well."""
    [table] = a_config(CONFIG + KEY, keys).dkim
    return {
        ("example.com", "MX"): ["20 second.example.com.", "10 first.example.com."],
        ("first.example.com", "A"): ["192.0.2.1"],
        ("example.com", "TXT"): ['"v=spf1 ip4:192.0.2.1 " "-all"'],
        ("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=none"'],
        ("mail._domainkey.example.com", "TXT"): [f'"{dkim.read(table).record}"'],
    }


def names_said(
    zone: dict[tuple[str, str], list[str]], folder: Path, text: str = CONFIG + KEY
) -> dict[str, list[tuple[str, str]]]:
    with DnsServer(zone) as server:
        found = list(names.findings(a_config(text, folder), Lookups(server.address)))
    return {check: told(found, check) for check in ("mx", "spf", "dmarc", "dkim")}


def test_records_that_are_right_are_shown(zone: dict[tuple[str, str], list[str]], keys: Path):
    """Strings of a record are joined, the best mail host stands first, the key is held against our own."""
    assert names_said(zone, keys) == {
        "mx": [("ok", "example.com: Its mail goes to first.example.com, second.example.com.")],
        "spf": [
            (
                "ok",
                "example.com: v=spf1 ip4:192.0.2.1 -all (only your relay's operator knows whether that is all)",
            )
        ],
        "dmarc": [("ok", "example.com: v=DMARC1; p=none")],
        "dkim": [("ok", "mail._domainkey.example.com: The DNS has our key (ed25519).")],
    }


@pytest.mark.parametrize(
    ("changed", "text", "check", "level", "says"),
    [
        ({("example.com", "MX"): ["0 ."]}, "", "mx", "fail", "takes no mail"),
        ({("first.example.com", "A"): []}, "", "mx", "fail", "second.example.com of its MX record has no address"),
        ({("example.com", "MX"): []}, "", "mx", "fail", "There is no MX record"),
        ({("example.com", "MX"): [], ("example.com", "AAAA"): ["2001:db8::1"]}, "", "mx", "ok", "the host of that"),
        ({}, MAILBOX, "mx", "fail", "leave.example.com: There is no MX record"),
        ({("example.com", "TXT"): ['"v=spf1 -all"']}, "", "spf", "fail", "no mail comes from it at all"),
        ({("example.com", "TXT"): ["SERVFAIL"]}, "", "spf", "warn", "could not be looked up: the name servers"),
        ({("_dmarc.example.com", "TXT"): ["SERVFAIL"]}, "", "dmarc", "warn", "could not be looked up"),
        ({("_dmarc.example.com", "TXT"): ["SERVFAIL"]}, "", "dkim", "ok", "The DNS has our key"),
        ({("_dmarc.example.com", "TXT"): []}, "", "dmarc", "fail", "There is no DMARC record"),
        ({("mail._domainkey.example.com", "TXT"): []}, "", "dkim", "fail", "`newsletter keys show` prints"),
        ({("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=none; adkim=s"']}, "news.", "dkim", "fail", "DMARC is strict"),
    ],
)  # fmt: skip
def test_a_record_that_costs_mail_is_told_with_what_to_do(
    zone: dict[tuple[str, str], list[str]], keys: Path, changed, text: str, check: str, level: str, says: str
):  # fmt: skip
    """Each as the DNS has it."""
    config = CONFIG + KEY
    config = config.replace("daily@", f"daily@{text}") if text.endswith(".") else config + text
    assert any(found == level and says in words for found, words in names_said(zone | changed, keys, config)[check])


def test_returned_mail_of_another_domain_leaves_dmarc_to_the_signature(zone: dict[tuple[str, str], list[str]]):
    """SPF is about the envelope, DMARC about From."""
    text = CONFIG.replace("[smtp]", '[smtp]\nbounce_address = "b@bounces.example.net"')
    said = names_said(zone | {("bounces.example.net", "TXT"): ['"v=spf1 a -all"']}, Path("/project"), text)
    assert said["spf"][0][1].startswith("bounces.example.net: v=spf1 a -all")
    assert said["dmarc"][1][0] == "warn"
    assert "DMARC goes by the signature alone here" in said["dmarc"][1][1]
    assert [level for level, _ in said["dkim"]] == ["warn"]  # nothing signs here


def test_a_resolver_that_is_silent_is_waited_for_once(keys: Path, monkeypatch: pytest.MonkeyPatch):
    """All that could not be looked up is a warning: it may be well."""
    monkeypatch.setattr(lookups, "PATIENCE_SECONDS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        asking = Lookups(f"127.0.0.1:{silent.getsockname()[1]}")
        found = list(names.findings(a_config(CONFIG + KEY, keys), asking))
    assert {one.level for one in found} == {"warn"}
    assert {one.check for one in found} == {"mx", "spf", "dmarc", "dkim"}
    assert len(asking._known) == 4
    with pytest.raises(NoAnswer, match="no resolver answers"):
        asking.texts("example.org")


def relay_said(sink: Sink, more: str = "", now: datetime = NOW) -> list[tuple[str, str]]:
    text = CONFIG.replace("port = 1025", f"port = {sink.port}")
    if more:
        text = text.replace('security = "none"', more)
    return told(relays.findings(a_config(text), now), "relay")


def test_a_relay_is_asked_whether_it_takes_our_mail_and_gets_none():
    """Greeting, EHLO, MAIL, QUIT."""
    with Sink() as sink:
        [(level, words)] = relay_said(sink)
        assert (level, words) == ("ok", f"smtp 127.0.0.1:{sink.port}: It takes our mail: no TLS, no login, pipelining.")
        assert sink.taken == []
        assert [command.split()[0] for command in sink.commands] == ["EHLO", "MAIL", "QUIT"]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"MAIL": "550 5.7.1 not you"}, "It takes no mail from us: 550 5.7.1 not you"),
        ({"MAIL": HANG_UP}, "hung up or fell silent at MAIL"),
        ({"banner": "554 no"}, "refuses us at banner"),
    ],
)
def test_a_relay_that_wants_none_of_ours_fails(rules: dict[str, str], says: str):
    """With its own words."""
    with Sink(rules=rules) as sink:
        [(level, words)] = relay_said(sink)
    assert level == "fail"
    assert says in words


@pytest.mark.parametrize("days", [3, 300])
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, days: int):
    """Let's Encrypt renews a month before the end: two weeks before it something is wrong."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority"))
    ends = datetime(2090, 1, 1, tzinfo=UTC)
    certificate = authority.issue_cert("127.0.0.1", not_after=ends).private_key_and_cert_chain_pem
    certificate.write_to_path(str(tmp_path / "pem"))
    tls = f'security = "starttls"\nca_file = "{tmp_path}/authority"'
    with Sink(certificate=tmp_path / "pem") as sink:
        said = relay_said(sink, tls, ends - timedelta(days=days, hours=1))
    assert "TLSv1.3, no login" in said[0][1]
    assert [level for level, _ in said] == (["ok", "warn"] if days < 14 else ["ok"])
    assert days > 14 or "ends in 3 days" in said[1][1]


def test_the_mailbox_of_leavings_is_opened(tmp_path: Path):
    """And nothing in it is marked as read."""
    settings = a_config(CONFIG.replace("port = 1025", "port = 9") + MAILBOX, tmp_path)
    assert told(relays.findings(settings, NOW), "mailbox")[0][0] == "fail"
    for name in ("new", "cur", "tmp"):
        (tmp_path / "leavings" / name).mkdir(parents=True)
    (tmp_path / "leavings" / "new" / "1.mail").write_text("Subject: hello\n\n")
    assert told(relays.findings(settings, NOW), "mailbox") == [("ok", f"{tmp_path}/leavings: It can be read.")]
    assert [file.name for file in (tmp_path / "leavings" / "new").iterdir()] == ["1.mail"]


@pytest.mark.parametrize(
    ("body", "status", "headers", "level", "says"),
    [
        (b"ok\n", 200, {}, "ok", "It answers."),
        (b"<h1>Parked</h1>", 200, {}, "fail", "Another site answers there (200)"),
        (b"", 404, {}, "fail", "Another site answers there (404)"),
        (b"", 502, {}, "warn", "The proxy says 502"),
        (b"", 301, {"location": "https://www.example.com/healthz"}, "fail", "It leads on to https://www.example.com"),
    ],
)
def test_the_site_must_answer_itself(body: bytes, status: int, headers: dict[str, str], level: str, says: str):
    """A one-click POST follows no redirect (RFC 8058 §3.1)."""
    with FeedServer() as server:
        server.answers["/healthz"] = Answer(body, status, headers)
        found = list(site.findings(a_config(CONFIG.replace("https://post.example.com", server.url("")))))
    assert [str(one.level) for one in found] == ["warn", level]  # only this machine reaches it
    assert says in found[1].message


def test_a_site_s_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A provider that does not trust it posts no leaving."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FeedServer(certificate=context) as server:
        server.serve("/healthz", b"ok\n")
        settings = a_config(CONFIG.replace("https://post.example.com", server.url("")))
        assert "Its certificate is not to be trusted" in list(site.findings(settings))[1].message
        authority.cert_pem.write_to_path(str(tmp_path / "authority"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority"))
        assert list(site.findings(settings))[1].message == "It answers."


def test_a_public_site_wants_https_and_somebody_there(monkeypatch: pytest.MonkeyPatch):
    """Whoever can read the line can leave in a reader's name."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: (_ for _ in ()).throw(socket.gaierror("no such host")))
    found = list(site.findings(a_config(CONFIG.replace("https://post", "http://post"))))
    assert [str(one.level) for one in found] == ["fail", "warn"]
    assert "wants https (RFC 8058)" in found[0].message
    assert "Nobody answers there" in found[1].message


@contextmanager
def an_old_schema(database: Database) -> Iterator[None]:
    """As before `newsletter db upgrade`."""
    to = "UPDATE alembic_version SET version_num = '{}'".format
    with database.transaction() as session:
        session.connection().exec_driver_sql(to("0001"))
    yield
    with database.transaction() as session:
        session.connection().exec_driver_sql(to(newest_revision()))


def test_the_store_and_the_clock_are_asked(database: Database, tmp_path: Path):
    """Written to without a change; and a clock that is behind what the store has seen is told."""
    text = CONFIG + f'[database]\nurl = "{database.url.render_as_string(hide_password=False)}"\n'
    with database.transaction() as session:
        an_issue(session)
    settings = a_config(text, tmp_path)
    assert [(one.check, str(one.level)) for one in store.findings(settings, NOW)][:1] == [("database", "ok")]
    late = list(store.findings(settings, NOW - timedelta(hours=1)))
    assert told(late, "clock")[0][0] == "fail"
    assert "nothing is sent by a clock that is behind" in late[1].message
    with an_old_schema(database):
        [(level, words)] = told(store.findings(settings, NOW), "database")
    assert level == "fail"
    assert "run `newsletter db upgrade`" in words


def test_a_store_that_is_not_there_yet_is_not_made(tmp_path: Path):
    """The doctor changes nothing."""
    [(level, words)] = told(store.findings(a_config(folder=tmp_path), NOW), "database")
    assert level == "warn"
    assert "There is none yet" in words
    assert list(tmp_path.iterdir()) == []


def test_what_the_file_names_must_be_on_the_machine(tmp_path: Path):
    """Folders, keys, designs, logos; and who may read the keys."""
    text = CONFIG.replace('timezone = "Europe/London"', 'design = "mine"\nlogo = { src = "logo.png" }')
    (tmp_path / "secret.key").write_text("x" * 40)
    (tmp_path / "secret.key").chmod(0o644)
    (tmp_path / "mail.pem").write_text("no key")
    (tmp_path / "mail.pem").chmod(0o600)
    found = list(machine.findings(a_config(text + KEY, tmp_path)))
    failing = [one.message for one in found if one.level == "fail"]
    assert len(failing) == 4
    for says, words in zip(
        ("holds no private key", "there is no folder", "There is no design 'mine'", "The logo logo.png is not"),
        failing, strict=True,
    ):  # fmt: skip
        assert says in words
    assert any(level == "warn" and "chmod 600" in words for level, words in told(found, "keys"))
    assert doctor.missing(a_config(text + KEY, tmp_path)) == failing[:2]


@pytest.fixture
def healthy(tmp_path: Path, keys: Path, zone: dict[tuple[str, str], list[str]]) -> Iterator[tuple[Project, str]]:
    """A project with which all is well as far as loopback goes, and its resolver."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "mail.pem").write_bytes((keys / "mail.pem").read_bytes())
    (tmp_path / "mail.pem").chmod(0o600)
    with Sink() as sink, FeedServer() as server, DnsServer(zone) as dns:
        server.serve("/healthz", b"ok\n")
        text = CONFIG.replace("https://post.example.com", server.url("")).replace("port = 1025", f"port = {sink.port}")
        (tmp_path / "config.toml").write_text(text + KEY)
        yield Project(tmp_path), dns.address


@pytest.mark.slow
def test_the_command_says_a_line_a_check_and_its_status_is_the_sum(healthy: tuple[Project, str]):
    """Warnings alone are no failure."""
    project, resolver = healthy
    (project.folder / "secret.key").write_text("0123456789abcdef" * 4)
    (project.folder / "secret.key").chmod(0o600)
    said = project("doctor", "--resolver", resolver)
    assert {line.split()[1] for line in said.splitlines()} == {
        "config", "keys", "disk", "database", "relay", "mx", "spf", "dmarc", "dkim", "site",
    }  # fmt: skip
    assert {line.split()[0] for line in said.splitlines()} == {"ok", "warn"}
    (project.folder / "secret.key").unlink()
    document = project.json("doctor", "--resolver", resolver, status=1)
    assert document["ok"] is False
    [broken] = [one for one in document["checks"] if one["level"] == "fail"]
    assert (set(broken), broken["check"]) == ({"check", "level", "where", "message"}, "keys")
    assert "checks fail: mend those first" in project("doctor", "--offline", status=1)
    (project.folder / "config.toml").write_text("[site")
    assert project.json("doctor", status=1)["checks"][0]["message"].startswith("config.toml, line 1: this is not TOML")
    project("doctor", "--resolver", "nobody", status=2)
