"""Links that are counted: every story's, in both parts, under one number each; nothing else of the issue moves."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from html import escape, unescape
from pathlib import Path

import pytest

from newsletter import daily, proof
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.delivery import message
from newsletter.issues.contents import Also, Contents, Look, Sponsor
from newsletter.rendering import counted, editions, slots
from newsletter.rendering.counted import TRAP, Link
from newsletter.rendering.models import Edition
from newsletter.rendering.preflight.marks import MOST_BYTES
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from subscribers import Format
from subscribers.tokens import Keys, Purpose, check
from tests.builders import CONFIG, KEY, NOW, a_config
from tests.command import an_article_file
from tests.rendering import issues

SITE = issues.SITE
KEYS = Keys((KEY.encode(),))
DOOR = re.compile(rf"{re.escape(SITE.url)}/c/{slots.CLICK}/(\d+)")
READER = message.Reader(77, 5, 6, "ann@example.com", "Zoë")
COUNTING = a_config(CONFIG.replace("min_articles = 1\n", "min_articles = 1\nclicks = true\n"))
SPONSOR = Sponsor("", "Tarrant mends **sails**.", "https://tarrant.example.com/?a=1&b=2")


def rendered(contents: Contents, folder: Path) -> Rendered:
    return edition(contents, Templates(folder), SITE)


def stored(contents: Contents, made: Rendered) -> Edition:
    links = [link._asdict() for link in counted.of(contents)]
    return Edition(issue_id=9, links=links, rendered_at=NOW, **vars(made))


def mail_of(found: Edition, *, counts: bool, form: Format = Format.HTML) -> bytes:
    newsletter = COUNTING.newsletters[0]
    return message.of_edition(SITE, newsletter, found, form, counts=counts).fill(READER, KEYS, NOW)


def parts_of(mail: bytes) -> dict[str, str]:
    read = message_from_bytes(mail, policy=policy.default)
    assert not any(part.defects for part in read.walk())
    return {p.get_content_type(): p.get_content() for p in read.walk() if p.get_content_maintype() == "text"}


@pytest.mark.parametrize("design", ["digest", "letter", "links"])
def test_every_story_of_every_design_is_counted_in_both_parts(design: str, tmp_path: Path):
    """And what else leads to it; links to leave, to choose, to the web view and in editors' words stay as they are."""
    contents = issues.normal(look=Look(design=design), sponsor=SPONSOR)
    made, links = rendered(contents, tmp_path), counted.of(contents)
    html, text = counted.laid_in(made.html, made.text, links, SITE)
    numbers = {link.number for link in links if not link.is_trap}
    assert numbers == set(range(1, 7 + 2 + 1 + 1))  # stories, others that tell one, the sponsor
    assert {int(n) for n in DOOR.findall(text)} == numbers
    assert {int(n) for n in DOOR.findall(html)} == numbers | {TRAP}
    back = {link.number: link.url for link in links}
    assert DOOR.sub(lambda m: back[int(m[1])], text) == made.text
    trap = html[html.rindex("<a href") : html.rindex("</body>")]
    straight = DOOR.sub(lambda m: escape(back[int(m[1])]), html.replace(trap, ""))
    assert unescape(straight) == unescape(made.html)


def test_a_link_has_one_number_and_says_what_it_is(tmp_path: Path):
    """Two picks that share an address share its number; what is no page of the web is not counted."""
    shared, mail = "https://post.example.com/a?b=ü&c", "mailto:desk@example.com"
    lead = issues.an_item(1, url=shared, title="First", also=(Also("Radio", "https://radio.example.com/", "Told too"),))
    contents = issues.one_item()
    section = replace(issues.normal().sections[0], items=(issues.an_item(2, url=shared), issues.an_item(3, url=mail)))
    contents = replace(contents, lead=lead, sections=(section,))
    links = counted.of(contents)
    assert links[1:] == (
        Link(1, shared, "First", "City", "story"),
        Link(2, "https://radio.example.com/", "Told too", "City", "also"),
    )
    assert links[0].is_trap
    assert counted.kept([link._asdict() for link in links]) == links
    made = rendered(contents, tmp_path)
    assert "%C3%BC" in made.html  # serialising has spelled it so
    html, _ = counted.laid_in(made.html, made.text, links, SITE)
    assert shared not in unescape(html)
    assert "%C3%BC" not in html


def test_the_mail_of_one_who_is_counted_holds_their_own_token(tmp_path: Path):
    """One token a mail, in both parts, good for clicks and for nothing else."""
    found = stored(issues.normal(), rendered(issues.normal(), tmp_path))
    parts = parts_of(mail_of(found, counts=True))
    doors = re.findall(rf"{re.escape(SITE.url)}/c/([\w-]+)/\d+", "".join(parts.values()))
    assert len(set(doors)) == 1
    claim = check(KEYS, Purpose.CLICK, doors[0])
    assert claim is not None
    assert (claim.subject, claim.detail) == (READER.subscriber_id, 9)
    assert check(KEYS, Purpose.UNSUBSCRIBE, doors[0]) is check(KEYS, Purpose.PREFERENCES, doors[0]) is None
    assert "Mark" not in "".join(parts.values())
    assert "/c/" in parts_of(mail_of(found, counts=True, form=Format.TEXT))["text/plain"]


def test_base64_parts_hold_it_too(tmp_path: Path):
    """Japanese goes in base64, which is filled as a whole."""
    found = stored(issues.japanese(), rendered(issues.japanese(), tmp_path))
    raw = mail_of(found, counts=True)
    assert b"Content-Transfer-Encoding: base64" in raw
    parts = parts_of(raw)
    assert all("/c/" in words and "Mark" not in words for words in parts.values())


def test_test_copies_and_newsletters_that_do_not_count_have_straight_links(tmp_path: Path):
    """Byte for byte the mail that it was."""
    found = stored(issues.normal(), rendered(issues.normal(), tmp_path))
    plain = message.of_edition(SITE, a_config().newsletters[0], found, counts=True).fill(READER, KEYS, NOW)
    assert plain == mail_of(found, counts=False)
    assert b"/c/" not in plain


def test_the_check_weighs_the_mail_with_its_counted_links(sqlite: Database, tmp_path: Path):
    """As readers get it, and not as it would be without."""
    (tmp_path / "articles").mkdir()
    an_article_file(tmp_path)
    paper = Paper(a_config(CONFIG.replace("min_articles = 1\n", "min_articles = 1\nclicks = true\n"), tmp_path), sqlite)
    daily.gather(paper, NOW)
    issue = daily.draft(paper, paper.config.newsletters[0], NOW.date(), NOW)
    with sqlite.reading() as session:
        edition = editions.of(session, issue)
    assert [link["kind"] for link in edition.links] == ["trap", "story"]
    assert b"/c/" not in proof.message_as(paper, issue, edition, READER, NOW)
    mail = message_from_bytes(proof.message_as(paper, issue, edition, READER, NOW, counts=True), policy=policy.default)
    html = mail.get_body(("html",))
    assert html is not None
    room = MOST_BYTES - len(html.get_payload(decode=True)) - len("<!---->")
    with sqlite.transaction() as session:
        padding = f"<!--{'x' * room}-->"
        session.get_one(Edition, edition.id).html = edition.html + padding
    assert "size" not in {finding.rule for finding in daily.check(paper, issue.id or 0, NOW)}
    with sqlite.transaction() as session:
        session.get_one(Edition, edition.id).html = f"{edition.html}{padding} "
    assert "size" in {finding.rule for finding in daily.check(paper, issue.id or 0, NOW)}
