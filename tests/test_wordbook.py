"""Readers are spoken to in one language, whole: no word of a template unmarked, none of a catalogue missing."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from newsletter import wordbook
from newsletter.errors import ConfigError
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from newsletter.wordbook import DOMAIN, FOLDER, Wordbook
from tests.builders import CONFIG, a_config
from tests.rendering import issues

PROJECT = Path(__file__).parent.parent
TEMPLATES = sorted(
    file
    for file in (PROJECT / "templates").rglob("*")
    if file.suffix in (".mjml", ".html", ".txt", ".xml") and "desk" not in file.parts[-3:-1]  # which is English
)
TRANSLATED = [language for language in wordbook.languages() if language != "en"]
DAY = date(2026, 11, 23)
KEYWORDS = {"_": None, "ngettext": (1, 2), "say": None, "marked": None}


def the_catalogue(file: Path) -> Catalog:
    with file.open("rb") as opened:
        return read_po(opened)


def messages_of(catalogue: Catalog) -> dict[str, Message]:
    return {str(message.id): message for message in catalogue if message.id}


def forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def test_the_shipped_languages_are_these() -> None:
    """English is what the templates are written in."""
    assert wordbook.languages() == ["ar", "de", "en", "es", "fr"]


def test_every_word_that_is_marked_is_in_the_list_for_translators() -> None:
    """`make words` brings it up to date."""
    with (PROJECT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(PROJECT, methods, options, keywords=KEYWORDS)
    marked = {str(message) for _, _, message, _, _ in found if message}
    assert marked == set(messages_of(the_catalogue(FOLDER / f"{DOMAIN}.pot")))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_says_everything_and_nothing_else(language: str) -> None:
    """No word is missing, doubtful or left over; each keeps the places of its values."""
    wanted = messages_of(the_catalogue(FOLDER / f"{DOMAIN}.pot"))
    catalogue = the_catalogue(FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po")
    have = messages_of(catalogue)
    assert have.keys() == wanted.keys()
    assert not catalogue.obsolete
    for message in have.values():
        assert not message.fuzzy
        assert all(forms(message)), message.id
        english = message.id if isinstance(message.id, str) else message.id[-1]
        places = [wordbook.placeholders(words) for words in forms(message)]
        assert all(place <= wordbook.placeholders(english) for place in places), message.id
        if isinstance(message.id, str):
            assert places == [wordbook.placeholders(english)], message.id
        else:
            assert len(forms(message)) == catalogue.num_plurals


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_word_of_a_template_is_left_unmarked(file: Path) -> None:
    """What stands between tags and in attributes that are read out comes from a catalogue or from an issue."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>|<\?xml.*?\?>", "", text, flags=re.DOTALL)
    read_out = " ".join(re.findall(r'(?:alt|title|placeholder|aria-label)="([^"]*)"', text))
    plain = re.sub(r"&#?\w+;", " ", re.sub(r"<[^>]*>", " ", text))
    assert not re.findall(r"[A-Za-z]{2,}", plain + read_out)


def test_each_word_has_a_key_of_its_own() -> None:
    """A publisher who changes one changes no other."""
    english = [
        words
        for message in the_catalogue(FOLDER / f"{DOMAIN}.pot")
        if message.id
        for words in ([message.id] if isinstance(message.id, str) else dict.fromkeys(message.id))
    ]
    assert len(wordbook.keys()) == len(english)


@pytest.mark.parametrize("design", ["digest", "letter", "links"])
@pytest.mark.parametrize("language", TRANSLATED)
def test_an_issue_says_no_word_of_english(design: str, language: str, tmp_path: Path) -> None:
    """None of the words that a design knows is left in an issue of another language."""
    contents = issues.in_(design, replace(issues.everything(), language=language, intro="", sponsor=None))
    made = edition(contents, Templates(tmp_path), issues.SITE)
    words = Wordbook(language)
    changed = [english for english in wordbook.keys().values() if words.gettext(english) != english]
    body = re.sub(r"<style.*?</style>|<[^>]*>", "|", made.html, flags=re.DOTALL) + re.sub(
        r"https?://\S+", "", made.text
    )
    for english in changed:
        if len(english) > 6 and "%" not in english:
            assert not re.search(rf"\b{re.escape(english)}\b", body), english


@pytest.mark.parametrize(
    ("language", "long", "short", "listed"),
    [
        ("en", "Monday, 23 November 2026", "23 November", "A, B and C"),
        ("en-US", "Monday, November 23, 2026", "November 23", "A, B, and C"),
        ("de-AT", "Montag, 23. November 2026", "23. November", "A, B und C"),
        ("fr", "Lundi 23 novembre 2026", "23 novembre", "A, B et C"),
        ("es", "Lunes, 23 de noviembre de 2026", "23 de noviembre", "A, B y C"),
        ("ar", "الاثنين، 23 نوفمبر 2026", "23 نوفمبر", "A وB وC"),
        ("ja", "2026年11月23日月曜日", "11月23日", "A、B、C"),
        ("xx", "Monday, 23 November 2026", "23 November", "A, B and C"),
    ],
)
def test_dates_and_lists_are_written_as_the_language_writes_them(
    language: str, long: str, short: str, listed: str
) -> None:
    """Whatever the machine's own locale says; a language that nobody knows has English ones."""
    words = Wordbook(language)
    assert (words.long_date(DAY), words.day_and_month(DAY), words.listed(["A", "B", "C"])) == (long, short, listed)


@pytest.mark.parametrize(
    ("language", "direction"),
    [("en", "ltr"), ("ar", "rtl"), ("he", "rtl"), ("fa-IR", "rtl"), ("az-Arab", "rtl"), ("ja", "ltr"), ("xx", "ltr")],
)
def test_a_language_says_in_which_direction_it_is_written(language: str, direction: str) -> None:
    """Also one that we have no words in."""
    assert Wordbook(language).direction == direction


@pytest.mark.parametrize(
    ("number", "words"), [(1, "خبر واحد"), (2, "خبران"), (3, "3 أخبار"), (11, "11 خبرًا"), (100, "100 خبر")]
)
def test_arabic_counts_in_six_ways(number: int, words: str) -> None:
    """One, two, few, many and hundreds are different words."""
    assert Wordbook("ar").ngettext("%(num)s story", "%(num)s stories", number) % {"num": number} == words


def test_a_dialect_takes_the_words_of_its_language() -> None:
    """Swiss German reads German; a language without words stays English, and says so."""
    assert Wordbook("de-CH").gettext("Read on") == "Weiterlesen"
    assert Wordbook("ja").gettext("Read on") == "Read on"
    assert (Wordbook("de-CH").is_known, Wordbook("en").is_known, Wordbook("ja").is_known) == (True, True, False)


def test_a_newsletters_own_words_take_the_place_of_ours(tmp_path: Path) -> None:
    """In both parts, and what could be markup in them stays words."""
    contents = issues.normal(words={"read_on": "Q&A <b>now</b>", "num_stories": "%(num)s pieces"})
    made = edition(contents, Templates(tmp_path), issues.SITE)
    assert "Q&amp;A\u00a0&lt;b&gt;now&lt;/b&gt;" in made.html
    assert "7 pieces, 1 minute" in made.text


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            'reed_on = "More"',
            "newsletters.1.words.reed_on: there are no such words; perhaps read_on is meant.",
        ),
        ('read_on = "%(name)s"', "newsletters.1.words.read_on: there is no value %(name)s here"),
        ('read_on = "100 %"', "newsletters.1.words.read_on: a percent sign is written twice: %%"),
    ],
)
def test_own_words_that_fit_nowhere_are_named_with_their_line(line: str, sentence: str) -> None:
    """As every other key of the file."""
    with pytest.raises(ConfigError) as error:
        a_config(f"{CONFIG}[newsletters.words]\n{line}\n")
    assert sentence in str(error.value)
    assert f"line {len(CONFIG.splitlines()) + 2}:" in str(error.value)


def test_no_french_mark_begins_a_line() -> None:
    """A thin space that doesn't break stands before ; ? and !, a no-break space before : and inside guillemets."""
    catalogue = the_catalogue(FOLDER / "fr" / "LC_MESSAGES" / f"{DOMAIN}.po")
    said = " ".join(form for message in messages_of(catalogue).values() for form in forms(message))
    assert re.findall(r"[^\u202f][;?!]|[^\u00a0][:»]|«[^\u00a0]", said) == []
