"""Signatures that others find good: dkimpy and OpenDKIM, each after a real relay or a hostile hand."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import dkim as dkimpy
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from newsletter import config, notices
from newsletter.config import DkimKey
from newsletter.database import Database
from newsletter.delivery import dkim, message
from newsletter.delivery.connections import hand_over
from newsletter.delivery.message import Reader
from newsletter.errors import ConfigError
from newsletter.rendering import slots
from tests.builders import CONFIG, a_config
from tests.command import a_project
from tests.delivery.test_message import KEYS, NOW, READER, a_message, mould
from tests.opendkim import OpenDkim
from tests.postfix import Postfix
from tests.sink import Sink

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)
H = (
    "from:from:to:subject:date:message-id:mime-version:content-type:list-id:"
    "list-unsubscribe:list-unsubscribe-post:list-help:feedback-id:auto-submitted"
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dkim.Signer:
    """An RSA key and an Ed25519 key of example.com."""
    folder = tmp_path_factory.mktemp("keys")
    return dkim.signer((a_key(folder, "rsa"), a_key(folder, "ed25519")))


def a_key(folder: Path, algorithm: dkim.Algorithm, domain: str = "example.com") -> DkimKey:
    file = folder / f"{algorithm}.pem"
    file.write_bytes(dkim.new_key(algorithm))
    return DkimKey(domain=domain, selector=algorithm, key_file=file)


def verdicts(signer: dkim.Signer, message: bytes) -> list[bool]:
    """What dkimpy thinks of each signature, with our records for its DNS."""
    records = {f"{key.record_name}.".encode(): key.record.encode() for key in signer.keys}
    read = dkimpy.DKIM(message)

    def is_good(number: int) -> bool:
        try:
            return bool(read.verify(idx=number, dnsfunc=lambda name, timeout=5: records[name]))
        except dkimpy.ValidationError:
            return False

    return [is_good(number) for number in range(len(signer.keys))]


def test_both_signatures_are_good_and_cover_what_mail_programs_act_on(both: dkim.Signer):
    """RFC 8058 §4: both headers of one-click are in `h=`; From once more than there is; no `l=` (RFC 6376 §8.2)."""
    message = both.sign(a_message(), NOW)
    assert verdicts(both, message) == [True, True]
    headers = message_from_bytes(message, policy=policy.default).get_all("DKIM-Signature", [])
    tags = [dict(re.findall(r"(\w+)=([^;]*)", re.sub(r"\s", "", str(header)))) for header in headers]
    assert [(tag["a"], tag["s"]) for tag in tags] == [("rsa-sha256", "rsa"), ("ed25519-sha256", "ed25519")]
    for tag in tags:
        assert set(tag) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
        assert (tag["c"], tag["d"], tag["t"]) == ("relaxed/simple", "example.com", str(int(NOW.timestamp())))
        assert tag["h"] == H
    assert max(map(len, message.removesuffix(a_message()).split(b"\r\n"))) <= 78
    assert message.endswith(a_message())


@given(subject=WORDS, name=WORDS, html=WORDS, text=WORDS, language=st.sampled_from(["", "中" * 300]))
def test_any_message_is_signed_well(both: dkim.Signer, subject: str, name: str, html: str, text: str, language: str):
    """Whatever words, encodings and folds; also a body that ends in empty lines, and an address beyond ASCII."""
    reader = Reader(77, 5, 6, "jörg@example.com", name)
    edition = mould(subject, html + language + slots.NAME, text + "\n\n" + slots.NAME)
    assert verdicts(both, both.sign(edition.fill(reader, KEYS, NOW), NOW)) == [True, True]


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b"Hello", b"Hello\r\n", b"Hello \r\n\r\n\r\n", b"\r\nHello\r\n"]
)
def test_any_body_is_hashed_as_the_standard_says(both: dkim.Signer, body: bytes):
    """Empty lines at the end do not count; spaces do (RFC 6376 §3.4.3)."""
    message = b"From: a@example.com\r\nSubject: x\r\n\r\n" + body
    assert verdicts(both, both.sign(message, NOW)) == [True, True]
    assert verdicts(both, both.sign(message, NOW) + b"\r\n" * (body.endswith(b"\r\n") or not body)) == [True, True]


def test_what_relays_may_do_to_headers_breaks_nothing(both: dkim.Signer):
    """Folded anew, other spaces, other capitals, headers of their own put before ours (relaxed, RFC 6376 §3.4.2)."""
    message = both.sign(a_message(), NOW)
    handled = message.replace(b"\r\nSubject: The ferry sails", b"\r\nsubject:   The\r\n\tferry  sails")
    handled = handled.replace(b"\r\n d=example.com", b"\r\n\t d=example.com")
    handled = b"Received: from us\r\n by them\r\nList-Unsubscribe-Extra: x\r\n" + handled.replace(
        b"\r\nTo: ", b"\r\nTO:"
    )
    assert handled != message
    assert verdicts(both, handled) == [True, True]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"\r\nFrom: ", b"\r\nFrom: evil@example.org\r\nFrom: "),
        (b"\r\nSubject: The", b"\r\nSubject: No"),
        (b"/u/", b"/v/"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
        (b"t=17", b"t=18"),
        (b"Good morning", b"Good evening"),
    ],
)
def test_what_nobody_may_change_breaks_both(both: dkim.Signer, was: bytes, becomes: bytes):
    """A second From, another subject, another place to leave, another body."""
    message = both.sign(a_message(), NOW)
    changed = message.replace(was, becomes)
    assert changed != message
    assert verdicts(both, changed) == [False, False]


def test_a_header_that_is_there_twice_is_signed_twice(both: dkim.Signer):
    """From the last one up (RFC 6376 §5.4.2): the first can't be taken away."""
    message = b"From: a@example.com\r\nList-Help: <https://a/>\r\nList-Help: <https://b/>\r\n\r\nx\r\n"
    signed = both.sign(message, NOW)
    assert verdicts(both, signed) == [True, True]
    assert verdicts(both, signed.replace(b"List-Help: <https://a/>\r\n", b"")) == [False, False]


def test_the_clock_of_the_signature_is_the_callers(both: dkim.Signer):
    """The same second, the same RSA and Ed25519 bytes: neither draws lots."""
    assert both.sign(a_message(), NOW) == both.sign(a_message(), NOW)
    assert b" t=946684800;" in both.sign(a_message(), datetime(2000, 1, 1, tzinfo=UTC))


def test_records_fit_the_dns(both: dkim.Signer):
    """A TXT record's strings hold 255 octets each (RFC 1035 §3.3.14); what is read together is the record."""
    for key in both.keys:
        assert max(map(len, key.record_strings)) <= 255
        assert "".join(key.record_strings) == key.record
    assert [key.record_name for key in both.keys] == ["rsa._domainkey.example.com", "ed25519._domainkey.example.com"]
    assert [len(key.record_strings) for key in both.keys] == [2, 1]


# --- a real relay ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.postfix
@pytest.mark.opendkim
def test_signatures_survive_a_relay_and_a_mailbox(both: dkim.Signer, tmp_path: Path):
    """Handed over with dots stuffed, checked by OpenDKIM as the relay's milter, delivered to a Maildir, checked again
    there: quoted-printable and base64, lines of dots, a name of another script."""
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    reader = Reader(77, 5, 6, "reader1@example.com", "علی‌رضا, جان")
    hard = "\n".join([".", "..", "From here on", "", " spaced ", "x" * 300, "", ".", ""])
    texts = [f"Good morning, {slots.NAME}.\n{hard}", f"صباح الخير {slots.NAME} " + "في الميناء " * 30 + hard]
    with OpenDkim(tmp_path, both.keys) as verifier:
        milter = f"smtpd_milters = inet:127.0.0.1:{verifier.port}\nmilter_default_action = tempfail\n"
        with Postfix(tmp_path / "server.pem", [reader.email], settings=milter) as relay:
            smtp = a_config(CONFIG.replace("port = 1025", f"port = {relay.port}")).smtp
            for text in texts:
                message = both.sign(mould(text=text).fill(reader, KEYS, NOW), NOW)
                hand_over(smtp, "bounces@example.com", reader.email, message)
            relay.wait_for(len(texts))
            mails = relay.mails(reader.email)
    for mail in mails:
        results = str(message_from_bytes(mail, policy=policy.default)["Authentication-Results"])
        assert re.findall(r"dkim=(\w+).*?header.a=([\w-]+)", results) == [
            ("pass", "rsa-sha256"),
            ("pass", "ed25519-sha256"),
        ]
        assert verdicts(both, mail.replace(b"\n", b"\r\n")) == [True, True]
    encodings = [re.findall(rb"^Content-Transfer-Encoding: (.*)$", mail, re.MULTILINE)[0] for mail in mails]
    assert sorted(encodings) == [b"base64", b"quoted-printable"]


# --- config ---------------------------------------------------------------------------------------------------------


def table(domain: str, selector: str = "n", file: str = "no-such.pem") -> str:
    return f'[[dkim]]\ndomain = "{domain}"\nselector = "{selector}"\nkey_file = "{file}"\n'


def test_mail_is_signed_by_the_nearest_domain_at_or_above_its_senders():
    """So that DMARC calls the two aligned (RFC 9989); all keys of that domain sign."""
    text = CONFIG.replace("daily@example.com", "daily@News.example.com")
    above, own = table("example.com"), table("news.example.com", "a") + table("news.example.com", "b")
    newsletter = a_config(text + above + own).newsletters[0]
    assert [(key.domain, key.selector) for key in newsletter.dkim] == [("news.example.com", s) for s in "ab"]
    [key] = a_config(text + above).newsletters[0].dkim
    assert (key.domain, key.key_file) == ("example.com", Path("/project/no-such.pem"))
    assert a_config(text).newsletters[0].dkim == ()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (table("example.org"), r"line \d+: dkim.1.domain: no newsletter sends from example.org, only from example.com"),
        (table("ample.com"), "no newsletter sends from ample.com"),
        (table("example.com") + table("example.com"), "dkim.2.selector: 'n' of example.com is there twice"),
        (table("example.com", "not a label"), "dkim.1.selector: "),
    ],
)
def test_a_table_that_signs_nothing_is_an_error_with_its_line(tables: str, words: str):
    """A key for another domain would be a signature that aligns with nothing."""
    with pytest.raises(ConfigError, match=words):
        a_config(CONFIG + tables)


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist; `newsletter keys create --domain example.com --selector n` makes one"),
        (b"-----BEGIN NONSENSE-----\n", "holds no private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem(rsa.generate_private_key(65537, 1024)), "has 1024 bits; receivers want 2048 to 4096"),
    ],
)
def test_a_key_that_is_missing_or_wrong_is_one_sentence(tmp_path: Path, content: bytes | None, words: str):
    """It names the table and the file, and says what to do."""
    if content is not None:
        (tmp_path / "n.pem").write_bytes(content)
    newsletter = a_config(CONFIG + table("example.com", file="n.pem"), tmp_path).newsletters[0]
    with pytest.raises(ConfigError, match=words) as error:
        dkim.signer(newsletter.dkim)
    assert str(tmp_path / "n.pem") in str(error.value)


def test_issues_and_notices_are_signed_by_the_keys_of_their_newsletter(sqlite: Database, tmp_path: Path):
    """Wherever a message is made: no door has to think of it. Checked as a relay took them."""
    key = a_key(tmp_path, "rsa")
    with Sink() as sink:
        text = CONFIG.replace("port = 1025", f"port = {sink.port}") + table("example.com", "rsa", str(key.key_file))
        settings = a_config(text, tmp_path)
        newsletter = settings.newsletters[0]
        with sqlite.transaction() as session:
            notices.tell_editors(session, newsletter, "Held", ["The desk has to look at it."], NOW)
        notices.deliver_due(sqlite, settings, NOW)
        [notice] = sink.taken
    issue = message.mould(settings.site, newsletter, 9, "The ferry", "<p>It sails.</p>", "It sails.")
    for mail in (notice.data, issue.fill(READER, KEYS, NOW)):
        assert verdicts(dkim.signer(newsletter.dkim), mail) == [True]


def test_a_newsletter_without_a_key_is_sent_unsigned():
    """A relay may sign instead."""
    assert mould().fill(READER, KEYS, NOW).startswith(b"From: ")


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_new_key_comes_with_its_record_and_the_lines_to_paste(tmp_path: Path):
    """Paste what is printed and mail is signed; the file is its owner's alone; an old key is never overwritten."""
    project = a_project(tmp_path)
    words = ("keys", "create", "--domain", "example.com", "--selector", "n2026")
    printed = project(*words)
    [file] = tmp_path.glob("dkim-*.pem")
    assert file.stat().st_mode & 0o777 == 0o600
    lines = re.search(r"^\[\[dkim\]\]\n(?:\w+ = .*\n)+", printed, re.MULTILINE)
    assert lines
    settings = tmp_path / "config.toml"
    settings.write_text(settings.read_text() + lines[0])
    [shown] = project.json("keys", "show")
    strings = re.findall(r'^    "(.*)"', printed, re.MULTILINE)
    assert shown["record"] == {
        "name": "n2026._domainkey.example.com", "type": "TXT", "value": "".join(strings), "strings": strings,
    }  # fmt: skip
    [table] = config.load(settings).newsletters[0].dkim
    signer = dkim.signer((table,))
    assert verdicts(signer, signer.sign(a_message(), NOW)) == [True]
    assert "a new key wants a new --selector" in project(*words, status=1)


@pytest.mark.slow
def test_keys_speaks_in_sentences(tmp_path: Path):
    """No table, no domain, no key: each says what to do."""
    project = a_project(tmp_path)
    assert "`newsletter keys create` makes a key" in project("keys", "show", status=1)
    assert "a domain looks like" in project("keys", "create", "--domain", "example", "--selector", "a b", status=1)
    settings = tmp_path / "config.toml"
    settings.write_text(settings.read_text() + table("example.com"))
    assert "no-such.pem does not exist; `newsletter keys create" in project("run", status=1)
