"""config.toml: every error names the key and the line; the shipped file is the reference; no secret stands in it."""

import re
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from newsletter import config
from newsletter.errors import ConfigError
from subscribers.tokens import Claim, Purpose, check, sign
from tests.builders import CONFIG, KEY, a_config

SHIPPED = Path(__file__).parent.parent / "config.toml"
FOLDER = Path("/project")


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('name = "The Harbour Post"', 'nam = "The Harbour Post"', "site.nam: there is no such key; did you mean name?"),
        ("port = 1025", 'port = "1025"', "smtp.port: this must be a whole number"),
        ("port = 1025", "port = 70000", "smtp.port"),
        ('security = "none"', 'security = "ssl"', "smtp.security"),
        ('timezone = "Europe/London"', 'timezone = "Europe/Londn"', "there is no time zone 'Europe/Londn'"),
        ("min_articles = 1", "min_articles = 99", "min_articles 99 is more than max_articles 10"),
        ('sender = "The Harbour Post <daily@example.com>"', 'sender = "nobody"', "'nobody' is no address"),
        ("<daily@example.com>", "<daily@bücher.example>", "write the address in ASCII"),
        ("https://post.example.com", "https://bücher.example", "write it in ASCII"),
        ('url = "https://post.example.com"', 'url = "post.example.com"', "it begins with https:// or http://"),
        ('kind = "folder"', 'kind = "feed"', "a feed has `url` and no `path`"),
        ('slug = "daily"', 'slug = "Daily!"', "newsletters.1.slug: 'Daily!' won't do; write at most 40 of a-z"),
        ('name = "city-desk"', 'name = "City desk"', "sources.1.name: 'City desk' won't do; write at most 40 of a-z"),
        ('title = "The Harbour Daily"', 'title = "The\\nDaily"', "write it in one line"),
        ("min_articles = 1", 'min_articles = 1\naccent = "red"', "'red' won't do; write a colour such as #9c2b1f"),
        ('title = "The Harbour Daily"', f'title = "{"x" * 301}"', "title: this may have at most 300 characters"),
        ('title = "The Harbour Daily"', 'title = " "', "newsletters.1.title: this is empty; readers see it"),
        ('name = "The Harbour Post"', 'name = ""', "site.name: this is empty"),
        ('section = "City"', 'section = ""', "sources.1.section: this is empty"),
        ("[[newsletters]]", "[newsletters]", "newsletters: there may be many of these; write [[newsletters]]"),
        (
            'security = "none"',
            'security = "none"\n[database]\nurl = "mysql://x"',
            "database.url: mysql is not supported",
        ),
        (
            'security = "none"',
            'security = "none"\n[database]\nurl = "my.db"',
            "database.url: this is no database's address; write sqlite",
        ),
        ("min_articles = 1", 'min_articles = 1\nsend_at = "25:00"', "'25:00' is no time of day; write HH:MM"),
        ("min_articles = 1", 'min_articles = 1\nsend_at = "05:00"', "draft_at 05:30 must come before send_at 05:00"),
        ("min_articles = 1", 'min_articles = 1\ndays = "mo-fr"', "'mo-fr' names no days"),
        ("min_articles = 1", 'min_articles = 1\nsources = ["x"]', "there is no source 'x'"),
        ("port = 1025", 'port = 1025\nusername = "me"', "a password is never sent in the clear"),
    ],
)
def test_an_error_names_the_key_and_the_line(good: str, bad: str, says: str):
    """What a person mistypes is found by one sentence with its place."""
    text = CONFIG.replace(good, bad, 1)
    assert text != CONFIG
    with pytest.raises(ConfigError) as caught:
        a_config(text)
    sentence = str(caught.value)
    assert says in sentence
    found = re.search(r"config\.toml, line (\d+):", sentence)
    assert found
    table_or_key = {
        line_of(text, bad.splitlines()[-1]),
        *(n for n, line in enumerate(text.splitlines(), 1) if "[" in line),
    }
    assert int(found[1]) in table_or_key


def test_a_section_that_no_source_feeds_is_a_warning_with_its_line():
    """Each table is right by itself, and only a draft is wrong with both."""
    text = CONFIG + '[[newsletters.sections]]\nname = "City"\n[[newsletters.sections]]\nname = "Sport"\n'
    [(slug, warning)] = a_config(text).unfed
    assert slug == "daily"
    assert f"line {line_of(text, 'Sport')}: " in warning
    assert "no source feeds the section 'Sport'; a source's section or sections must name it" in warning
    assert a_config().unfed == ()


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("[web", "a ] is missing"),
        ('[web]\nhost = "::', "the quotation mark that closes a text is missing"),
        ("[web]\nhost = '::", "the quotation mark that closes a text is missing"),
        ("[web]\nhost = localhost", "text without quotation marks"),
        ("[web]\nport", "a line is `key = value`"),
        ("[web]\nport = 1\nport = 2", "this key is there twice"),
        ("[smtp]", "this table is there twice"),
        ("[web]\nsites = [1", "the ] that closes a list is missing"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line_in_our_words(last: str, says: str):
    """Also on the last line, where the library names none."""
    text = CONFIG + last
    with pytest.raises(ConfigError) as caught:
        a_config(text)
    line = len(text.splitlines())
    assert str(caught.value).startswith(f"config.toml, line {line}: this is not TOML: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("table", ["site", "smtp"])
def test_a_table_that_every_paper_needs_is_named_when_it_is_missing(table: str):
    """Nobody means the relay that happens to be the default."""
    text = re.sub(rf"\[{table}\]\n([a-z_]+ = .*\n)+", "", CONFIG)
    with pytest.raises(ConfigError) as caught:
        a_config(text)
    assert str(caught.value) == (
        f"config.toml, line 1: {table}: this table is missing; write [{table}] and its keys below it."
    )


def test_postgresql_without_its_driver_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """At the start, with the line, and no traceback."""
    text = CONFIG + '[database]\nurl = "postgresql://paper@db/paper"\n'
    assert a_config(text).database.url == "postgresql+psycopg://paper@db/paper"
    monkeypatch.setattr(sys.modules["newsletter.config.load"], "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"line 27: database\.url: .*newsletter\[postgres\]"):
        a_config(text)


def test_names_are_unique():
    """Two newsletters of one slug would share readers and issues."""
    twice = CONFIG + CONFIG[CONFIG.index("[[newsletters]]") :]
    with pytest.raises(ConfigError, match="'daily' is there twice"):
        a_config(twice)


def test_a_file_that_is_not_toml_or_not_there_is_said_so(tmp_path: Path):
    """The first thing a newcomer trips over."""
    with pytest.raises(ConfigError, match="newsletter init"):
        config.load(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text("[site\n")
    with pytest.raises(ConfigError, match=r"config\.toml, line 1: this is not TOML: a \] is missing"):
        config.load(tmp_path / "config.toml")


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Never from the file itself, and they are in no repr."""
    (tmp_path / "config.toml").write_text(CONFIG.replace('security = "none"', 'security = "tls"\npassword_file = "pw"'))
    (tmp_path / "pw").write_text("from-a-file\n")
    (tmp_path / "secret.key").write_text(KEY + "\n")
    settings = config.load(tmp_path / "config.toml")
    assert settings.smtp.password == "from-a-file"
    monkeypatch.setenv("NEWSLETTER_SMTP_PASSWORD", "from-the-environment")
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", KEY[::-1])
    settings = config.load(tmp_path / "config.toml")
    assert settings.smtp.password == "from-the-environment"
    assert settings.keys.secrets == (KEY[::-1].encode(),)
    for shown in (repr(settings), repr(settings.smtp), repr(settings.keys)):
        assert "from-the-environment" not in shown
        assert KEY[::-1] not in shown


def test_a_short_key_is_refused(tmp_path: Path):
    """Links signed with a guessable key could be forged."""
    with pytest.raises(ConfigError, match="shorter than 32"):
        config.parse(CONFIG, tmp_path / "config.toml", config.Secrets(secret_key="short"))


def test_a_new_key_is_for_its_owner_alone_and_never_replaced(tmp_path: Path):
    """Mode 600; an existing key signs links that are out already."""
    file = tmp_path / "secret.key"
    config.write_new_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    first = file.read_text()
    config.write_new_key(file)
    assert file.read_text() == first


def test_a_key_that_is_put_first_signs_and_the_old_ones_still_check(tmp_path: Path):
    """Mails with links of the old key lie in mailboxes for years; suppressed addresses stay hashed with the first."""
    file = tmp_path / "secret.key"
    config.write_new_key(file)
    old = config.parse(CONFIG, tmp_path / "config.toml", config.Secrets()).keys
    config.put_new_key_first(file)
    new = config.parse(CONFIG, tmp_path / "config.toml", config.Secrets()).keys
    assert file.stat().st_mode & 0o777 == 0o600
    assert new.secrets[1:] == old.secrets != new.secrets[:1]
    assert check(new, Purpose.UNSUBSCRIBE, sign(old, Purpose.UNSUBSCRIBE, 7)) == Claim(7, 0)
    assert check(old, Purpose.UNSUBSCRIBE, sign(new, Purpose.UNSUBSCRIBE, 7)) is None
    assert new.address_key == old.address_key
    (tmp_path / "secret.key.new").touch()
    with pytest.raises(FileExistsError):
        config.put_new_key_first(file)


def test_relative_paths_begin_at_the_file(tmp_path: Path):
    """A command may be given from anywhere."""
    settings = a_config(folder=tmp_path)
    assert settings.sources[0].path == tmp_path / "articles"
    assert settings.database.url == f"sqlite:///{tmp_path}/newsletter.db"


def test_the_shipped_file_is_right_also_with_every_default_taken_as_a_line():
    """Take every # away from a `# key =` line: it parses to the very same config."""
    text = SHIPPED.read_text()
    spelled_out = re.sub(r"^# (?=[a-z_-]+ = )", "", text, flags=re.MULTILINE)
    assert spelled_out.count("\n") == text.count("\n")
    plain, full = (config.parse(t, FOLDER / "config.toml", config.Secrets(secret_key=KEY)) for t in (text, spelled_out))
    assert plain.model_dump() == full.model_dump()


def test_every_key_stands_in_the_shipped_file():
    """The shipped file is the reference: a key that is not in it is not documented."""
    text = SHIPPED.read_text()
    missing = [
        f"{model.__name__}.{name}"
        for model in tables(config.Config)
        for name in (field.alias or name for name, field in model.model_fields.items())
        if not re.search(rf"^(# )?\s*{name}\s*=|^(# )?\[+[a-z.]*\b{name}\]+", text, re.MULTILINE)
    ]
    assert missing == []


def tables(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and every one that its fields hold."""
    found = {model}
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= tables(part)
    return found
