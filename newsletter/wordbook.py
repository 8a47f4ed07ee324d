"""The words of mails, pages and notices in the reader's language; dates, numbers and lists as it writes them.

Templates and code mark their English words, `_("Read on")`; locale/de/LC_MESSAGES/newsletter.po says the same in
German, and so on. The .po files are read as they stand, once a process, so there is no build step and none can be
forgotten. A newsletter may put words of its own in the place of ours: [newsletters.words] in config.toml.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, get_day_names
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

FOLDER = Path(__file__).parent / "locale"
DOMAIN = "newsletter"
ENGLISH = Locale("en", "GB")  # what our own words are written in
_ARABIC_SCRIPT = frozenset({"ar", "fa", "ur", "ckb", "ps"})  # whose commas are turned
_WHERE = "`newsletter/locale/newsletter.pot` holds all that there are"
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Wordbook:
    """One language, and a publisher's own words in it."""

    def __init__(self, language: str, own: Mapping[str, str] | None = None) -> None:
        """`language` as in <html lang>: "de", "pt-BR". `own` words by their key: {"read_on": "Read the story"}."""
        self.language = language
        self._own = dict(own or {})
        self._locale = _locale(language)
        self._translations = _translations(language)

    @property
    def is_known(self) -> bool:
        """Whether we have the words themselves; without them they stay English."""
        return type(self._translations) is not NullTranslations or self._locale.language == ENGLISH.language

    @property
    def direction(self) -> str:
        """In which direction it is written: "ltr" or "rtl"."""
        return self._locale.text_direction

    @property
    def comma(self) -> str:
        """What stands between parts of a line: ", ", with the mark of the language's script."""
        return "، " if self._locale.language in _ARABIC_SCRIPT else ", "

    @property
    def semicolon(self) -> str:
        """The same where a new thought begins: "; "."""
        return "؛ " if self._locale.language in _ARABIC_SCRIPT else "; "

    def gettext(self, english: str) -> str:
        """The words for `english`; placeholders like %(title)s stay in them."""
        own = self._own.get(key_of(english)) if self._own else None
        return own or self._translations.gettext(english)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The same for `number` of something: "%(num)s story", "%(num)s stories"."""
        own = self._own.get(key_of(one if number == 1 else many)) if self._own else None
        return own or self._translations.ngettext(one, many, number)

    def say(self, english: str, **values: object) -> str:
        """The words with `values` in the places of their placeholders."""
        return self.gettext(english) % values

    def long_date(self, day: date | datetime) -> str:
        """With weekday and year: "Monday, 23 November 2026", and as a line of its own begins, in every language."""
        return begun(format_date(day, "full", locale=self._locale))

    def day_and_month(self, day: date | datetime) -> str:
        """ "7 December", "7 de diciembre"."""
        return str(format_skeleton("MMMMd", _noon(day), locale=self._locale))

    def weekday(self, number: int) -> str:
        """The name of a day within a sentence; 0 is Monday."""
        return str(get_day_names("wide", locale=self._locale)[number])

    def number(self, value: float) -> str:
        """12345 → "12,345", "12.345"."""
        return str(format_decimal(value, locale=self._locale))

    def listed(self, parts: Sequence[str]) -> str:
        """ "A, B and C"."""
        return str(format_list(parts, locale=self._locale))


def spoken(language: str, own: Mapping[str, str] | None, reader: str) -> Wordbook:
    """The words for one reader: in the language they chose, "" for none; else in the newsletter's, with its own."""
    return Wordbook(reader) if reader and reader != language else Wordbook(language, own)


def marked(english: str) -> str:
    """`english` itself: words that are translated later, where they are said. It lets `make words` find them."""
    return english


def begun(words: str) -> str:
    """`words` as a sentence begins: the first letter a capital one, the others as they are."""
    return words[:1].upper() + words[1:]


def key_of(english: str) -> str:
    """The key for `english` in [newsletters.words]: "Read on" → "read_on", "No. %(number)s" → "no_number"."""
    return re.sub(r"[^a-z0-9]+", "_", _PLACEHOLDER.sub(r"\1", english).lower()).strip("_")


def placeholders(words: str) -> set[str]:
    """The names of the values that `words` have places for."""
    return set(_PLACEHOLDER.findall(words))


@lru_cache(maxsize=1)
def keys() -> Mapping[str, str]:
    """Every key of [newsletters.words] with the English words that it stands for."""
    with (FOLDER / f"{DOMAIN}.pot").open("rb") as file:
        catalogue = read_po(file)
    return {key_of(english): english for message in catalogue if message.id for english in _forms(message.id)}


def fault_in(own: Mapping[str, str]) -> tuple[str, str] | None:
    """The first key of a publisher's own words that is wrong, and what is wrong with it; None if all are good."""
    for key, words in own.items():
        if key not in keys():
            near = get_close_matches(key, list(keys()), n=1)
            return key, f"there are no such words; {f'perhaps {near[0]} is meant' if near else _WHERE}"
        english = keys()[key]
        if unknown := placeholders(words) - placeholders(english):
            return key, f"there is no value %({min(unknown)})s here; the English words are {english!r}"
        if "%" in _PLACEHOLDER.sub("", words).replace("%%", ""):
            return key, "a percent sign is written twice: %%"
    return None


def languages() -> list[str]:
    """The languages that we have words in, English among them."""
    return sorted(["en", *(folder.name for folder in FOLDER.iterdir() if folder.is_dir())])


@lru_cache(maxsize=1)
def language_names() -> Mapping[str, str]:
    """The same with the name that each has for itself: {"de": "Deutsch", …}."""
    return {code: begun(Locale.parse(code).get_language_name(code) or code) for code in languages()}


@lru_cache(maxsize=64)
def _translations(language: str) -> NullTranslations:
    """The catalogue of the language or of the one it is a kind of; our English words where there is neither."""
    for name in _from_narrow_to_wide(language):
        file = FOLDER / name.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"
        if file.is_file():
            with file.open("rb") as po:
                catalogue = read_po(po, locale=name.replace("-", "_"), domain=DOMAIN)
            compiled = BytesIO()
            write_mo(compiled, catalogue)
            return Translations(BytesIO(compiled.getvalue()), domain=DOMAIN)
    return NullTranslations()


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    if language == ENGLISH.language:
        return ENGLISH
    for name in _from_narrow_to_wide(language):
        try:
            return Locale.parse(name, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return ENGLISH


def _from_narrow_to_wide(language: str) -> Iterable[str]:
    """ "zh-Hant-TW" → "zh-Hant-TW", "zh-Hant", "zh"."""
    parts = language.split("-")
    return ("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def _forms(identity: str | list[str] | tuple[str, ...]) -> Sequence[str]:
    return (identity,) if isinstance(identity, str) else identity


def _noon(day: date | datetime) -> datetime:
    """A moment of that very day, for formats that take no plain date."""
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - only its date is written
