"""The small words of which reasons are made: ages, ordinals, counts and titles, as an editor reads them."""

from datetime import timedelta

QUOTED_TITLE = 80  # characters of a headline within another one's reason


def count(number: int, noun: str) -> str:
    """The number with its noun: "1 source", "2 sources"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def age_in_words(age: timedelta) -> str:
    """An age as it is said: "just out", "40 minutes old", "3 hours old", "2 days old"."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return "just out"
    if minutes < 90:
        return f"{count(minutes, 'minute')} old"
    if minutes < 48 * 60:
        return f"{count(round(minutes / 60), 'hour')} old"
    return f"{count(minutes // (24 * 60), 'day')} old"


def ordinal(number: int) -> str:
    """A place in a row: "1st", "2nd", "3rd", "11th", "21st"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def quoted(title: str) -> str:
    """A headline in quotes, cut where it is long."""
    return f"“{shortened(title, QUOTED_TITLE)}”"


def shortened(text: str, most: int) -> str:
    """`text` on one line in at most `most` characters: cut after a whole word, with … in place of the rest."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[:most].rfind(" ")  # scripts without spaces, and very long words, are cut where they stand
    kept = line[:cut] if cut > most // 2 else line[: most - 1]
    return kept.rstrip(" ,.;:–—-") + "…"
