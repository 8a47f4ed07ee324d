"""What a template left behind: marks that nobody fills, code that nobody ran, and a mail that grew too long."""

import re
from collections.abc import Iterator

from newsletter.rendering import slots
from newsletter.rendering.preflight.findings import Case, Fault

MOST_BYTES = 100_000  # Gmail cuts a message off at about 102 kB, and the unsubscribe link with it
MANY_BYTES = 90_000
TEMPLATE_SYNTAX = re.compile(r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|%%[A-Z_]+%%|\*\|[A-Z_:]+\|\*", re.DOTALL)
_ALL_MARKS = re.compile(r"Mark[A-Z][A-Za-z]+?Z{3,}")


def unresolved_mark(case: Case) -> Iterator[Fault]:
    for part, words in _texts(case):
        for mark in dict.fromkeys(_ALL_MARKS.findall(words)):
            if mark not in slots.MARKS:
                yield Fault(f"{mark[:20]}… is no mark that we know, so no reader's link would take its place.", part)


def template_syntax(case: Case) -> Iterator[Fault]:
    for syntax, part, is_an_articles in _syntax(case):
        if not is_an_articles:
            yield Fault(f"The template left {syntax!r} in the mail. Correct the template.", part)


def template_words(case: Case) -> Iterator[Fault]:
    for syntax, part, is_an_articles in _syntax(case):
        if is_an_articles:
            yield Fault(f"An article's own words hold {syntax!r}. If that is not meant, edit or drop it.", part)


def size(case: Case) -> Iterator[Fault]:
    if _bytes(case) > MOST_BYTES:
        yield _too_long(case)


def size_near(case: Case) -> Iterator[Fault]:
    if MANY_BYTES < _bytes(case) <= MOST_BYTES:
        yield _too_long(case)


def _too_long(case: Case) -> Fault:
    words = f"The HTML is {_bytes(case) / 1000:.0f} kB as it is sent; Gmail cuts a mail off at about 102 kB."
    return Fault(f"{words} Drop stories or shorten them.", "html")


def _bytes(case: Case) -> int:
    """Of the HTML as a reader gets it: with their own links, and before it is encoded for the wire."""
    part = case.message.get_body(("html",)) if case.message else None
    decoded = part.get_payload(decode=True) if part else None
    return len(decoded if isinstance(decoded, bytes) else case.form.html.encode())


def _syntax(case: Case) -> Iterator[tuple[str, str, bool]]:
    """Template code in the mail, its part, and whether it stands in an article's own words."""
    own_words = repr(case.contents)
    for part, words in _texts(case):
        for syntax in dict.fromkeys(TEMPLATE_SYNTAX.findall(words)):
            yield syntax[:40], part, repr(syntax)[1:-1] in own_words


def _texts(case: Case) -> list[tuple[str, str]]:
    """Each part as a reader sees it, and the addresses of the HTML, where marks stand."""
    return [
        ("subject", case.form.subject),
        ("preheader", case.form.preheader),
        ("html", "\n".join([case.words, *case.links])),
        ("text", case.form.text),
    ]
