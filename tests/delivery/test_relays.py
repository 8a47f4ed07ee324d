"""Which relay takes whose letters, and what the file may say about relays."""

from pathlib import Path

import pytest

from newsletter.config import Config
from newsletter.delivery import relays
from newsletter.errors import ConfigError
from tests.builders import CONFIG, a_config

RELAYS = """
[[relays]]
name = "house"
host = "mail.example.com"
domains = ["Example.com", "bücher.example"]
fallback = "smtp"
[[relays]]
name = "bulk"
host = "bulk.example.net"
fallback = "spare"
[[relays]]
name = "spare"
host = "spare.example.net"
"""


def config_with(tables: str = RELAYS, newsletter: str = "") -> Config:
    return a_config(CONFIG.replace('slug = "daily"', f'slug = "daily"\n{newsletter}') + tables)


def name(config: Config, domain: str, *down: str) -> str:
    return relays.choose(config, config.newsletters[0], domain, down).known_as


def test_the_reader_s_domain_decides_before_the_newsletter_and_the_newsletter_before_the_rest():
    """A relay with `domains` takes their readers, whatever newsletter; all others go by `relay`, else by [smtp]."""
    plain, own = config_with(), config_with(newsletter='relay = "bulk"')
    assert [name(plain, domain) for domain in ("example.com", "xn--bcher-kva.example", "example.org")] == [
        "house", "house", "smtp",
    ]  # fmt: skip
    assert [name(own, domain) for domain in ("example.com", "example.org")] == ["house", "bulk"]


def test_a_relay_that_is_down_gives_way_to_its_fallback_and_that_to_its_own():
    """Where nothing is left, the first choice is named: its trouble is the one to tell."""
    config = config_with(newsletter='relay = "bulk"')
    assert name(config, "example.com", "house") == "smtp"
    assert name(config, "example.org", "bulk") == "spare"
    assert name(config, "example.org", "bulk", "spare") == "bulk"
    assert name(config, "example.org", "house") == "bulk"


@pytest.mark.parametrize(
    ("tables", "newsletter", "words"),
    [
        (RELAYS, 'relay = "blk"', r"newsletters\.1\.relay: there is no relay 'blk'; there is smtp, house, bulk, spare"),
        (RELAYS.replace('"spare"\n[', '"spar"\n[', 1), "", r"line \d+: relays\.2\.fallback: there is no relay 'spar'"),
        (RELAYS + 'fallback = "bulk"\n', "", "fallbacks go in a circle: spare → bulk → spare|bulk → spare → bulk"),
        (RELAYS + 'domains = ["example.com"]\n', "", r"relays\.3\.domains: example\.com has a relay already"),
        (
            RELAYS.replace('"spare"\nhost', '"smtp"\nhost'),
            "",
            r"smtp is the name of the table \[smtp\]|no relay 'spare'",
        ),
        (RELAYS.replace('"spare"\nhost', '"bulk"\nhost'), "", "'bulk' is there twice"),
        (RELAYS + 'domains = ["a@b"]\n', "", r"relays\.3\.domains\.1"),
        (RELAYS + 'username = "us"\nsecurity = "none"\n', "", "a password is never sent in the clear"),
    ],
)
def test_a_relay_that_can_t_be_meant_is_named_with_its_line(tables: str, newsletter: str, words: str):
    """A typing error in a relay's name is found when the file is read, not in the morning."""
    with pytest.raises(ConfigError, match=words):
        config_with(tables, newsletter)


def test_a_relay_s_password_is_read_anew_at_each_login(tmp_path: Path):
    """An OAuth token lives for an hour; another program writes the next one into the file."""
    (tmp_path / "token").write_text("first\n")
    text = CONFIG + '[[relays]]\nname = "bulk"\nusername = "us"\nauth = "xoauth2"\npassword_file = "token"\n'
    [relay] = a_config(text, tmp_path).relays
    assert relay.password == "first"
    (tmp_path / "token").write_text("second\n")
    assert relay.password == "second"
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigError, match="token can't be read"):
        a_config(text, tmp_path)
