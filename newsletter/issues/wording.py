"""Subject and preheader from the day's top stories: date-free, the lead's headline first. All of it is pure.

Inboxes show about 35–55 characters of a subject and 80–110 of the text behind it; a preheader that is too short lets
the mail's first lines leak in after it.
"""

from collections.abc import Sequence

from newsletter.picks.reasons import shortened
from newsletter.wordbook import Wordbook

LONGEST_SUBJECT = 70  # of the lead alone, or of a short lead with what comes after it
GOOD_SUBJECT = range(35, 56)  # characters; a subject inside it is left as it is
SHORTEST_PREHEADER, LONGEST_PREHEADER = 80, 110


def subject(titles: Sequence[str], language: str) -> str:
    """The lead's headline, then the second and third as long as they fit. `titles` are the stories by points."""
    return _subject(titles, language)[0]


def preheader(titles: Sequence[str], standfirst: str, language: str) -> str:
    """The stories after those in the subject, and the lead's standfirst where they don't fill the line."""
    used = _subject(titles, language)[1]
    words = ""
    for part in (*titles[used:], standfirst):
        if part and len(words) < SHORTEST_PREHEADER:
            words = f"{words} · {one_line(part)}" if words else one_line(part)
    return shortened(words, LONGEST_PREHEADER)


def one_line(text: str) -> str:
    """`text` without line breaks and double spaces."""
    return " ".join(text.split())


def _subject(titles: Sequence[str], language: str) -> tuple[str, int]:
    """The subject, and how many of the titles are in it."""
    if not titles:
        return "", 0
    lead = shortened(titles[0], LONGEST_SUBJECT)
    most = LONGEST_SUBJECT if len(lead) < GOOD_SUBJECT.start else GOOD_SUBJECT.stop - 1
    for number in (3, 2):
        words = _listed([lead, *map(one_line, titles[1:number])], language)
        if len(titles) >= number and len(words) <= most:
            return words, number
    return lead, 1


def _listed(parts: Sequence[str], language: str) -> str:
    """As one line: "A, plus B and C"; in a language whose small words we don't know, "A · B · C"."""
    words = Wordbook(language)
    if not words.is_known:
        return " · ".join(parts)
    return words.say("%(first)s, plus %(others)s", first=parts[0], others=words.listed(parts[1:]))
