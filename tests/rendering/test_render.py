"""An issue's contents become an edition: approved byte for byte, whole in the hard cases, and deaf to hostile words."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from newsletter.delivery.message import Reader, mould
from newsletter.issues.contents import Contents
from newsletter.rendering import slots
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.builders import CONFIG, KEYS, NOW, a_config
from tests.rendering import issues

GOLDEN = Path(__file__).parent.parent / "golden"
ACCEPT = "ACCEPT_GOLDEN"  # set it, run the tests, and read the diff before you commit it
CASES: dict[str, Callable[[], Contents]] = {
    "normal": issues.normal,
    "without-pictures": issues.without_pictures,
    "one-item": issues.one_item,
    "thirty-items": issues.many_items,
    "hard-headlines": issues.hard_headlines,
    "no-intro": issues.no_intro,
    "forty-items": lambda: issues.many_items(40),
    "no-standfirst": issues.no_standfirst,
    "everything": issues.everything,
    "everything-letter": lambda: issues.in_("letter", issues.everything()),
    "everything-links": lambda: issues.in_("links", issues.everything()),
    "german": issues.german,
    "arabic": issues.arabic,
    "arabic-letter": lambda: issues.in_("letter", issues.arabic()),
    "japanese": issues.japanese,
}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("project"))


def page_of(html: str) -> Any:
    return lxml_html.document_fromstring(html)


def rendered(templates: Templates, contents: Contents) -> Rendered:
    return edition(contents, templates, issues.SITE)


def as_mail(made: Rendered, contents: Contents) -> bytes:
    """The message that one reader gets, on the Monday of the issue."""
    paper = a_config(f'{CONFIG}language = "{contents.language}"\n').newsletters[0]
    reader = Reader(delivery_id=1, subscriber_id=1, subscription_id=1, email="reader@example.com")
    return mould(issues.SITE, paper, 1, made.subject, made.html, made.text).fill(reader, KEYS, NOW)


@pytest.mark.parametrize("name", CASES)
def test_an_edition_is_the_one_that_was_approved(name: str, templates: Templates) -> None:
    """Every byte of both parts and of the mail; a change is read by a person, then accepted."""
    made = rendered(templates, CASES[name]())
    parts = {".html": made.html.encode(), ".txt": made.text.encode(), ".eml": as_mail(made, CASES[name]())}
    for ending, data in parts.items():
        file = GOLDEN / f"{name}{ending}"
        if os.environ.get(ACCEPT):
            file.write_bytes(data)
        assert data == file.read_bytes(), f"{file.name} changed; {ACCEPT}=1 accepts it"


def test_the_same_contents_give_the_same_bytes(templates: Templates, tmp_path: Path) -> None:
    """Invariant 6, also by other hands: a second set of templates, opened afresh."""
    assert rendered(templates, issues.normal()) == rendered(Templates(tmp_path), issues.normal())


@pytest.mark.parametrize(("number", "limit"), [(12, 45_000), (30, 90_000), (40, 90_000)])
def test_an_issue_stays_under_what_gmail_shows(number: int, limit: int, templates: Templates) -> None:
    """Gmail cuts off at about 102 kB."""
    assert len(rendered(templates, issues.many_items(number)).html.encode()) <= limit


@pytest.mark.parametrize("name", CASES)
def test_every_story_is_in_both_parts_once_told(name: str, templates: Templates) -> None:
    """No story is lost between lead, sections and the lines in brief; each is linked in both parts."""
    contents = CASES[name]()
    made = rendered(templates, contents)
    page = page_of(made.html)
    headlines = [a.text_content() for a in page.iter("a") if "head" in (a.get("class") or "")]
    assert sorted(headlines) == sorted(item.title for item in contents.items)
    for item in contents.items:
        assert item.url in made.text.split()


def test_both_parts_hold_the_readers_marks(templates: Templates) -> None:
    """They are exchanged for tokens while sending; nothing is rendered for each reader."""
    made = rendered(templates, issues.normal())
    for part in (made.html, made.text):
        assert f"https://post.example.com/u/{slots.UNSUBSCRIBE}" in part
        assert f"https://post.example.com/preferences/{slots.PREFERENCES}" in part


def test_hostile_words_stay_words(templates: Templates) -> None:
    """A stranger's bytes are data: no element, no attribute and no template code comes out of a field."""
    made = rendered(templates, issues.hostile())
    page = page_of(made.html)
    assert not list(page.iter("script"))
    assert not [e for e in page.iter() for a in e.attrib if a.startswith("on")]
    assert not [a for a in page.iter("a") if not a.get("href", "").startswith("https://")]
    assert {img.get("src") for img in page.iter("img")} == {
        "https://post.example.com/media/1.jpg",
        'https://x.example.com/a.jpg"%20onerror="alert(6)',  # one address, spaces and all
    }
    assert "{{ 7*7 }}" in made.html
    assert "49" not in re.sub(r"[^\s\d]+\d+[^\s\d]*", "", page.find("body").text_content())
    assert "\x0b" not in made.html + made.text


def test_letters_of_every_script_survive_in_attributes(templates: Templates) -> None:
    """The engine escapes a joiner or an accent in an alt text as its own language would, unless it sees numbers."""
    alt = "e\u0301 👨\u200d👩\u200d👧 می\u200cخواهم C:\\harbour “港”"
    made = rendered(templates, issues.normal(lead=issues.an_item(1, image_alt=alt)))
    assert next(page_of(made.html).iter("img")).get("alt") == alt


def test_missing_parts_close_up(templates: Templates) -> None:
    """No empty paragraph, no label of nothing, no picture without a source."""
    lead = issues.an_item(1, section="", standfirst="", body="", image="", image_alt="", author="", minutes=0)
    page = page_of(rendered(templates, issues.normal(lead=lead, sections=(), intro="")).html)
    assert not [e for e in page.iter("p", "h1", "h2", "h3") if not e.text_content().strip()]
    assert not list(page.iter("img"))


def test_an_issue_without_any_item_renders(templates: Templates) -> None:
    """The preview of an empty draft must not fail; the preflight stops it."""
    assert "stories" not in rendered(templates, issues.normal(lead=None, sections=())).text


def test_language_and_direction_are_declared(templates: Templates) -> None:
    """For screen readers, and for Arabic and its like."""
    root = page_of(rendered(templates, issues.arabic()).html)
    assert (root.get("lang"), root.get("dir")) == ("ar", "rtl")
    root = page_of(rendered(templates, issues.normal(language="de-AT")).html)
    assert (root.get("lang"), root.get("dir")) == ("de-AT", "ltr")


def test_the_preheader_is_padded_so_that_no_body_leaks_into_the_inbox(templates: Templates) -> None:
    """Inboxes show the first words of the body where the preheader is short."""
    page = page_of(rendered(templates, issues.normal(preheader="Short")).html)
    hidden = page.find("body")[0].text_content()
    assert hidden.startswith("Short")
    assert len(hidden) >= 150


def test_a_projects_own_template_goes_first_and_shows_in_the_digest(templates: Templates, tmp_path: Path) -> None:
    """A sent issue says which templates made it."""
    (tmp_path / "templates" / "digest").mkdir(parents=True)
    (tmp_path / "templates" / "digest" / "issue.txt").write_text("{{ issue.title }}, in short")
    own = rendered(Templates(tmp_path), issues.normal())
    assert own.text == "The Harbour Daily, in short\n"
    assert own.template_digest != rendered(templates, issues.normal()).template_digest
