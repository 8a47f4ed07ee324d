"""What stands in the mail as words: subject, preheader, headings, the names of links, stories told twice."""

import re
from collections import defaultdict
from collections.abc import Iterator

from lxml import html as lxml_html

from newsletter.issues.contents import Item
from newsletter.rendering.preflight.findings import Case, Fault, is_web, squeezed

LONGEST_SUBJECT = 90  # characters; inboxes show 35 to 55
PREHEADER = (40, 150)  # characters, at least and at most
EMPTY_LINK_WORDS = frozenset(
    """here|click here|click|this|this link|link|more|read more|read on|read it|learn more|find out more|see more|go
    |continue|continue reading|details|website|hier|hier klicken|mehr|weiterlesen|mehr lesen|link zum artikel|ici
    |cliquez ici|lire la suite|en savoir plus|plus|aquí|haga clic aquí|leer más|más|seguir leyendo|هنا|اضغط هنا
    |المزيد|اقرأ المزيد""".replace("\n", "")
    .replace("    ", "")
    .split("|")
)
EMPTY_HEADINGS = frozenset({"title", "headline", "heading", "untitled", "no title", "story", "article", "todo", "tbd"})
SAME_STORY = 0.7  # of the words of two headlines: so many in common are one story
_WORD = re.compile(r"\w{3,}")
_NUMBER = re.compile(r"\d+")
_ROUND_ABOUT = " \t\n\u00a0.…!:→←»«›‹>–—-"


def link_words(case: Case) -> Iterator[Fault]:
    """A link that another one to the same place names is named."""
    named: dict[str, list[str]] = defaultdict(list)
    for link in case.anchors:
        named[str(link.get("href"))].append(_name(link))
    for address, names in named.items():
        poor = [name for name in names if _says_nothing(name)]
        if poor and len(poor) == len(names):
            shown = f"is called {poor[0]!r}" if poor[0] else "has no words"
            yield Fault(f"A link {shown}. Say where it leads: many readers hear links alone.", address[:200])


def headings(case: Case) -> Iterator[Fault]:
    for heading in case.page.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        words = _name(heading)
        if not words or words.casefold().strip(_ROUND_ABOUT) in EMPTY_HEADINGS:
            shown = f"is {words!r}" if words else "is empty"
            yield Fault(f"A heading {shown}, and says nothing of what follows. Write one, or take it out.", heading.tag)


def subject_missing(case: Case) -> Iterator[Fault]:
    if not case.form.subject.strip():
        yield Fault("There is no subject. Write one.", "subject")


def subject_length(case: Case) -> Iterator[Fault]:
    length = len(case.form.subject.strip())
    if length > LONGEST_SUBJECT:
        yield Fault(f"The subject has {length} characters; inboxes show 35 to 55. Shorten it.", "subject")


def preheader_missing(case: Case) -> Iterator[Fault]:
    if not case.form.preheader.strip():
        yield Fault("There is no preheader, so inboxes show the masthead after the subject. Write one.", "preheader")


def preheader_length(case: Case) -> Iterator[Fault]:
    length, (least, most) = len(case.form.preheader.strip()), PREHEADER
    if length and not least <= length <= most:
        yield Fault(
            f"The preheader has {length} characters; {least} to {most} fill the line that inboxes show.", "preheader"
        )


def yesterdays_subject(case: Case) -> Iterator[Fault]:
    subject = squeezed(case.form.subject).casefold()
    if case.before and subject and subject == squeezed(case.before.subject).casefold():
        yield Fault(f"The issue of {case.before.day} had the same subject. Write a new one.", "subject")


def repeated_story(case: Case) -> Iterator[Fault]:
    """The same page or nearly the same headline twice, in this issue or in this and the one before."""
    told: list[Item] = []
    for item in case.contents.items:
        twin = next((other for other in told if _same(item.title, item.url, other.title, other.url)), None)
        if twin:
            yield Fault(f"“{item.title[:80]}” is told twice: see “{twin.title[:80]}”. Drop one.", item.url[:200])
        told.append(item)
        for title, url in case.before.stories if case.before else ():
            if _same(item.title, item.url, title, url):
                yield Fault(f"“{item.title[:80]}” was told in the issue before. Drop it.", item.url[:200])
                break


def too_few(case: Case) -> Iterator[Fault]:
    have = len(case.contents.items)
    if have < case.min_articles:
        yield Fault(f"The issue has {have} of at least {case.min_articles} stories. Add some, or lower min_articles.")


def _name(element: lxml_html.HtmlElement) -> str:
    """What a screen reader says of it: its words, or those of its pictures."""
    words = squeezed(element.get("aria-label") or element.text_content())
    return words or squeezed(" ".join(picture.get("alt", "") for picture in element.iter("img")))


def _says_nothing(name: str) -> bool:
    plain = name.casefold().strip(_ROUND_ABOUT)
    return not plain or plain in EMPTY_LINK_WORDS or is_web(plain)


def _same(title: str, url: str, other_title: str, other_url: str) -> bool:
    """Whether two items tell one story. Headlines that differ in a number are two: “Day 3 of the strike”."""
    if url and url == other_url:
        return True
    if _NUMBER.findall(title) != _NUMBER.findall(other_title):
        return False
    one, other = set(_WORD.findall(title.casefold())), set(_WORD.findall(other_title.casefold()))
    if not one or not other:
        return squeezed(title).casefold() == squeezed(other_title).casefold()
    return len(one & other) / len(one | other) >= SAME_STORY
