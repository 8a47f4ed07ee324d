"""Opening a line: whom we trust, what we say before we do, and what a relay's trouble then means."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from newsletter.config import Smtp
from newsletter.delivery.dial import dial
from newsletter.delivery.line import TIMEOUTS
from newsletter.delivery.replies import Stage
from newsletter.errors import RelayDown
from tests.sink import HANG_UP, SILENCE, STRIP, Sink

BAD = [f"{code} 4.7.0 no" if code < 500 else f"{code} 5.7.0 no" for code in (421, 450, 451, 452, 550, 552, 554)]
BAD += [HANG_UP, SILENCE]


class Papers(NamedTuple):
    """PEM files: a good certificate for 127.0.0.1, three bad ones, and the authority that signed."""

    good: Path
    wrong_host: Path
    expired: Path
    self_signed: Path
    authority: Path


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    authority, stranger = trustme.CA(), trustme.CA()
    made = {
        "good": authority.issue_cert("127.0.0.1"),
        "wrong_host": authority.issue_cert("relay.example.org"),
        "expired": authority.issue_cert(
            "127.0.0.1", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 2, 1, tzinfo=UTC)
        ),
        "self_signed": stranger.issue_cert("127.0.0.1"),
    }
    for name, certificate in made.items():
        certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / name))
    authority.cert_pem.write_to_path(str(folder / "authority"))
    return Papers(*(folder / name for name in Papers._fields))


def relay(sink: Sink, papers: Papers, password: str = "", **changes) -> Smtp:
    """A relay that wants TLS and, with a `password`, a login."""
    values = {"port": sink.port, "security": "starttls", "ca_file": str(papers.authority)}
    values |= {"username": "daily"} if password else {}
    return Smtp.model_validate(values | changes).settled(Path("/"), password)


@pytest.mark.parametrize("stage", ["banner", "EHLO", "STARTTLS", "AUTH"])
@pytest.mark.parametrize("trouble", BAD)
def test_trouble_before_the_first_letter_charges_no_reader(papers: Papers, stage: str, trouble: str):
    """A relay that can't be used says so before any letter; a permanent refusal of us asks for a person."""
    with (
        Sink(rules={stage: trouble}, certificate=papers.good, features=("AUTH PLAIN",)) as sink,
        pytest.raises(RelayDown, match=stage) as caught,
    ):
        dial(relay(sink, papers, "open sesame"), TIMEOUTS | ({Stage(stage): 0.5} if trouble == SILENCE else {}))
    assert caught.value.stop == trouble.startswith("5")
    assert "sesame" not in str(caught.value)
    assert sink.taken == []
    assert (sink.logins == []) == (stage != "AUTH")


@pytest.mark.parametrize("paper", ["wrong_host", "expired", "self_signed"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_relay_that_can_t_prove_its_name_hears_nothing(papers: Papers, paper: str, security: str):
    """Chain, host name and dates are checked before a login or an address is said (RFC 7817, 8314)."""
    certificate = getattr(papers, paper)
    with (
        Sink(certificate=certificate, implicit_tls=security == "tls", features=("AUTH PLAIN LOGIN",)) as sink,
        pytest.raises(RelayDown, match=r"No safe connection .* Nothing was sent") as caught,
    ):
        dial(relay(sink, papers, "open sesame", security=security))
    assert caught.value.stop
    assert [command.split(" ")[0] for command in sink.commands] == ["EHLO", "STARTTLS"] * (security == "starttls")
    assert sink.logins == []


def test_a_relay_whose_starttls_was_taken_away_hears_nothing(papers: Papers):
    """Never plain because somebody on the way wants it so."""
    rules, offers = {"STARTTLS": STRIP}, ("AUTH PLAIN LOGIN",)
    with (
        Sink(rules=rules, certificate=papers.good, features=offers) as sink,
        pytest.raises(RelayDown, match="offers no STARTTLS, so nothing was sent") as caught,
    ):
        dial(relay(sink, papers, "open sesame"))
    assert caught.value.stop
    assert [command.split(" ")[0] for command in sink.commands] == ["EHLO", "QUIT"]


def test_words_slipped_in_before_tls_are_not_believed_after_it(papers: Papers):
    """Who answers more than STARTTLS asked for is cut off: those bytes would be read as if TLS had brought them."""
    with (
        Sink(rules={"STARTTLS": "220 go ahead\r\n250 SIZE 1"}, certificate=papers.good) as sink,
        pytest.raises(RelayDown, match="spoke out of turn before TLS; nothing was sent") as caught,
    ):
        dial(relay(sink, papers, "open sesame"))
    assert caught.value.stop
    assert sink.logins == []


def test_what_was_offered_before_tls_is_forgotten(papers: Papers):
    """RFC 3207 §4.2: only the second EHLO counts."""
    with Sink(certificate=papers.good, features=("SIZE 9",), features_in_clear=("AUTH PLAIN", "SMTPUTF8")) as sink:
        line = dial(relay(sink, papers))
        line.close()
    assert line.features == {"SIZE": "9", "PIPELINING": ""}


@pytest.mark.parametrize(
    ("offered", "auth", "said"),
    [
        ("LOGIN PLAIN", "password", "PLAIN \0daily\0open sesame"),
        ("LOGIN", "password", "LOGIN daily open sesame"),
        ("PLAIN XOAUTH2", "xoauth2", "XOAUTH2 user=daily\1auth=Bearer open sesame\1\1"),
    ],
)
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_login_is_the_best_that_both_know_and_only_after_tls(
    papers: Papers, offered: str, auth: str, said: str, security: str
):
    """PLAIN before LOGIN; a token where the file says so (RFC 4616, and what the big providers ask for)."""
    sink = Sink(certificate=papers.good, implicit_tls=security == "tls", features=(f"AUTH {offered}",))
    with sink:
        dial(relay(sink, papers, "open sesame", auth=auth, security=security)).close()
    assert sink.logins == [said]
    assert not any(command.startswith("AUTH") for command in sink.in_clear)


@pytest.mark.parametrize(("offered", "auth"), [("CRAM-MD5", "password"), ("PLAIN LOGIN", "xoauth2")])
def test_a_relay_that_knows_no_login_of_ours_is_told_no_password(papers: Papers, offered: str, auth: str):
    """What the file does not ask for is not tried in its place."""
    with (
        Sink(certificate=papers.good, features=(f"AUTH {offered}",)) as sink,
        pytest.raises(RelayDown, match=r"offers no login by .*set auth in \[smtp\]"),
    ):
        dial(relay(sink, papers, "open sesame", auth=auth))
    assert sink.logins == []


def test_a_token_that_is_refused_stops_the_run(papers: Papers):
    """The relay asks back with 334 before it says 535; the token is not tried again."""
    rules = {"AUTH": "535 5.7.8 expired"}
    with (
        Sink(rules=rules, certificate=papers.good, features=("AUTH XOAUTH2",)) as sink,
        pytest.raises(RelayDown, match="refuses us at AUTH") as caught,
    ):
        dial(relay(sink, papers, "open sesame", auth="xoauth2"))
    assert caught.value.stop
    assert len(sink.logins) == 1


def test_a_token_is_read_anew_at_each_login(papers: Papers, tmp_path: Path):
    """Another program puts the next hour's token into the file."""
    token = tmp_path / "token"
    with Sink(certificate=papers.good, features=("AUTH XOAUTH2",)) as sink:
        for words in ("first", "second"):
            token.write_text(words)
            dial(relay(sink, papers, username="daily", auth="xoauth2", password_file=str(token))).close()
        token.unlink()
        wanted = Smtp(port=sink.port, ca_file=papers.authority, username="daily", password_file=token)
        with pytest.raises(RelayDown, match="token can't be read"):
            dial(wanted)
    assert [login.split("Bearer ")[1].rstrip("\1") for login in sink.logins] == ["first", "second"]
