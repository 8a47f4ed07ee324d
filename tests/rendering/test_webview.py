"""On the web, the frozen issue holds nobody's own links."""

from pathlib import Path

from newsletter.rendering import slots
from newsletter.rendering.render import edition
from newsletter.rendering.templates import Templates
from newsletter.rendering.webview import for_the_web
from tests.rendering import issues


def test_readers_links_lead_to_the_sign_up_page_and_all_else_stays(tmp_path: Path) -> None:
    """The same bytes but for those links, in HTML and in text."""
    made = edition(issues.normal(), Templates(tmp_path), issues.SITE)
    for part in (made.html, made.text):
        shown = for_the_web(part, issues.SITE)
        assert not slots.has_marks(shown)
        assert "/preferences/" not in shown
        expected = part
        for path, mark in (("u", slots.UNSUBSCRIBE), ("preferences", slots.PREFERENCES)):
            expected = expected.replace(f"https://post.example.com/{path}/{mark}", "https://post.example.com/")
        assert shown == expected


def test_an_issue_that_was_frozen_under_another_address_is_shown_too() -> None:
    """A publisher moves house; the archive goes along."""
    old = f'<a href="http://old.example.com/post/u/{slots.UNSUBSCRIBE}">Unsubscribe</a>'
    assert for_the_web(old, issues.SITE) == '<a href="https://post.example.com/">Unsubscribe</a>'


def test_an_issue_that_greets_its_reader_greets_nobody_on_the_web() -> None:
    """The comma before the name goes with it."""
    assert for_the_web(f"<p>Good morning, {slots.NAME}.</p>", issues.SITE) == "<p>Good morning.</p>"
