"""What was sent, for everybody; and nothing that was not."""

from datetime import date
from typing import Any

import pytest
from lxml import etree
from sqlmodel import select

from newsletter.issues.models import Issue, IssueState
from newsletter.links import edition_word
from newsletter.rendering import slots
from newsletter.rendering.models import Edition
from subscribers.tokens import Purpose, sign
from tests.builders import NOW, an_article
from tests.subscribers.conftest import KEYS, the

ATOM = {"a": "http://www.w3.org/2005/Atom"}
HTML = (
    "<!doctype html><html><body><h1>Ferries & more</h1><script>alert(1)</script>"
    f'<a href="https://post.example.com/u/{slots.UNSUBSCRIBE}">Leave</a></body></html>'
)


def an_issue(site, day: date, state: IssueState = IssueState.SENT, *, started: bool = True, number: int = 1) -> None:
    with site.database.transaction() as session:
        issue = Issue(
            newsletter="daily",
            issue_date=day,
            number=number,
            state=state,
            subject="Ferries <sail> & more",
            preheader="The dock is empty",
            drafted_at=NOW,
            started_at=NOW if started else None,
        )
        session.add(issue)
        session.flush()
        session.add(
            Edition(
                issue_id=the(issue.id),
                subject="",
                preheader="",
                html=HTML,
                text="",
                template_digest="",
                rendered_at=NOW,
            )
        )


@pytest.mark.parametrize("state", [IssueState.SENT, IssueState.SENDING, IssueState.PAUSED])
def test_an_issue_that_readers_have_got_is_shown_as_it_was_mailed(site, state):
    """The frozen bytes, less a reader's own links, under a policy that lets no script run."""
    an_issue(site, date(2026, 11, 20), state)
    page = site.client.get("/archive/daily/2026-11-20")
    assert page.status_code == 200
    assert "<h1>Ferries & more</h1>" in page.text
    assert not slots.has_marks(page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src")
    assert "script-src" not in policy


@pytest.mark.parametrize("state", [s for s in IssueState if s not in (IssueState.SENT, IssueState.SENDING)])
def test_an_issue_that_is_not_out_is_not_to_be_found(site, state):
    """Its address can be guessed; its words must not be read before the mail."""
    an_issue(site, date(2026, 11, 20), state, started=False)
    assert site.client.get("/archive/daily/2026-11-20").status_code == 404
    assert "Ferries" not in site.client.get("/archive/daily").text
    assert "Ferries" not in site.client.get("/archive/daily/feed.xml").text
    assert "Ferries" not in site.client.get("/").text


@pytest.mark.parametrize(
    "path", ["/archive/nonsense", "/archive/daily/2026-02-30", "/archive/daily/today", "/x", "/nothing"]
)
def test_what_is_not_there_is_said_on_a_page(site, path):
    """With a way to go on."""
    answer = site.client.get(path)
    assert answer.status_code == 404
    assert "To the front page" in answer.text


def test_the_list_has_the_newest_first_in_pages(site):
    """Sixty to a page."""
    for number in range(1, 63):
        an_issue(site, date.fromordinal(date(2026, 9, 1).toordinal() + number), number=number)
    first = site.client.get("/archive/daily").text
    assert first.index("No. 62<") < first.index("No. 61<")
    assert "No. 2<" not in first
    older = first.partition('href="?before=')[2].partition('"')[0]
    assert "No. 2<" in site.client.get(f"/archive/daily?before={older}").text


def test_the_feed_is_atom(site):
    """RFC 4287: ids, times, links; text is text."""
    an_issue(site, date(2026, 11, 20))
    answer = site.client.get("/archive/daily/feed.xml")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = etree.fromstring(answer.content)
    assert root.findtext("a:entry/a:title", namespaces=ATOM) == "Ferries <sail> & more"
    assert root.findtext("a:entry/a:id", namespaces=ATOM) == "https://post.example.com/archive/daily/2026-11-20"
    assert root.findtext("a:updated", namespaces=ATOM) == NOW.isoformat()


def test_the_feed_of_a_newsletter_that_has_sent_nothing_is_a_feed(site):
    """A reader may subscribe to it on the first day."""
    assert etree.fromstring(site.client.get("/archive/weekly/feed.xml").content).tag == f"{{{ATOM['a']}}}feed"


def test_a_folders_article_has_a_page_behind_a_link_that_cannot_be_guessed(site):
    """It exists before its issue is out."""
    with site.database.transaction() as session:
        article = an_article(title="Ferry & <boat>", author="Mara Quill")
        session.add(article)
        session.flush()
        token = sign(KEYS, Purpose.ARTICLE, the(article.id))
    page = site.client.get(f"/articles/{token}")
    assert "<p>The boat is back.</p>" in page.text
    assert "Ferry &amp; &lt;boat&gt;" in page.text
    assert "By Mara Quill · The Harbour Post" in page.text
    assert site.client.get("/articles/1").status_code == 404


def test_pictures_are_served_by_their_hash_and_nothing_else_is(site):
    """A name is never a path."""
    folder = site.config.site.media_dir
    folder.mkdir()
    name = "0123456789abcdef0123.jpg"
    (folder / name).write_bytes(b"\xff\xd8\xff")
    (folder.parent / "secret.key").write_text("secret")
    picture = site.client.get(f"/media/{name}")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert "immutable" in picture.headers["cache-control"]
    for bad in (
        "..%2Fsecret.key",
        "../secret.key",
        "secret.key",
        "%2e%2e/secret.key",
        "0123456789abcdef9.jpg",
        "x.jpg",
    ):
        answer = site.client.get(f"/media/{bad}")
        assert answer.status_code == 404
        assert answer.text != "secret"


def test_a_readers_link_shows_the_edition_they_got_and_everybody_elses_the_whole_issue(site):
    """The archive's page of a day; an edition that is not there is the whole one."""
    an_issue(site, NOW.date())
    with site.database.transaction() as session:
        whole = session.exec(select(Edition)).one()
        values: dict[str, Any] = {"subject": "", "preheader": "", "text": "", "template_digest": "", "rendered_at": NOW}
        session.add(Edition(issue_id=whole.issue_id, topics="World", html="<p>The world alone.</p>", **values))
    page = f"/archive/daily/{NOW.date()}"
    assert "The world alone." in site.client.get(f"{page}?edition={edition_word('World')}").text
    for other in ("", "?edition=", "?edition=nonsense", "?edition=World"):
        assert "Ferries & more" in site.client.get(f"{page}{other}").text
