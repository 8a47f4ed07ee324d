"""The check of an issue: asked for, before its approval, before its send; and its pictures on the way."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import Session

from newsletter import daily, proof
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import PreflightFailed, Refused
from newsletter.issues.models import Issue, IssueState
from newsletter.rendering import editions
from newsletter.rendering.preflight import Level, reports, support
from newsletter.rendering.preflight.reports import Occasion
from tests.builders import CONFIG, NOW, a_config, an_article
from tests.command import a_project, an_article_file
from tests.fakes import FeedServer

DAY = NOW.date()
PICTURE = Path(__file__).parent.parent / "newsletter" / "sample" / "articles" / "pictures" / "ferry.jpg"


def a_paper(database: Database, folder: Path, more: str = "", newsletter: str = "", preflight: str = "") -> Paper:
    """`more` holds tables, `newsletter` and `preflight` lines for theirs."""
    text = CONFIG.replace("min_articles = 1", f"min_articles = 1\n{newsletter}") + more
    return Paper(a_config(text.replace("[preflight]", f"[preflight]\n{preflight}"), folder), database)


def drafted(paper: Paper, **article: object) -> Issue:
    with paper.database.transaction() as session:
        session.add(an_article(**article))
    return daily.draft(paper, paper.config.newsletters[0], DAY, NOW)


def spoil(paper: Paper, issue: Issue) -> None:
    """Somebody's template lost the way out."""
    with paper.database.transaction() as session:
        edition = editions.of(session, issue)
        edition.html = edition.html.replace("/u/", "/x/").replace("MarkUnsubscribe", "Marc")


def kept(session: Session, issue: Issue) -> dict[Occasion, list[str]]:
    return {report.occasion: [f.rule for f in report.findings] for report in reports.of(session, issue)}


def test_the_report_is_kept_with_the_issue(database: Database, tmp_path: Path) -> None:
    """One for each occasion, the newest first, with every word of it."""
    paper = a_paper(database, tmp_path)
    issue = drafted(paper)
    found = daily.check(paper, issue.id or 0, NOW)
    daily.check(paper, issue.id or 0, NOW + timedelta(minutes=1))
    daily.approve(paper, issue.id or 0, "test", NOW + timedelta(minutes=2))
    with database.reading() as session:
        read = reports.of(session, issue)
    assert [(r.occasion, r.at) for r in read] == [
        (Occasion.APPROVAL, NOW + timedelta(minutes=2)),
        (Occasion.CHECK, NOW + timedelta(minutes=1)),
    ]
    assert [list(r.findings) for r in read] == [found, found]


def test_a_fault_blocks_the_approval_and_the_report_says_why(database: Database, tmp_path: Path) -> None:
    """The issue stays a draft."""
    paper = a_paper(database, tmp_path)
    issue = drafted(paper)
    spoil(paper, issue)
    with pytest.raises(PreflightFailed, match="no link to unsubscribe"):
        daily.approve(paper, issue.id or 0, "test", NOW)
    with database.reading() as session:
        assert session.get_one(Issue, issue.id).state is IssueState.DRAFT
        assert "unsubscribe-link" in kept(session, issue)[Occasion.APPROVAL]


def test_a_fault_that_came_after_the_approval_holds_the_issue(database: Database, tmp_path: Path) -> None:
    """Nobody gets it, and the editors are told: a hosted picture was lost, a template was spoilt in the store."""
    paper = a_paper(database, tmp_path)
    issue = drafted(paper)
    daily.approve(paper, issue.id or 0, "test", NOW)
    spoil(paper, issue)
    with pytest.raises(PreflightFailed):
        daily.deliver(paper, issue.id or 0, "test", lambda: NOW)
    with database.reading() as session:
        held = session.get_one(Issue, issue.id)
        assert (held.state, "no link to unsubscribe" in held.why) == (IssueState.HELD, True)
        assert "unsubscribe-link" in kept(session, issue)[Occasion.SEND]


def test_a_rule_that_the_config_switches_off_blocks_nothing(database: Database, tmp_path: Path) -> None:
    """The publisher decides, and answers for it."""
    paper = a_paper(database, tmp_path, preflight='unsubscribe-link = "note"')
    issue = drafted(paper)
    spoil(paper, issue)
    found = daily.check(paper, issue.id or 0, NOW)
    assert [f.level for f in found if f.rule == "unsubscribe-link"] == [Level.NOTE]
    assert daily.approve(paper, issue.id or 0, "test", NOW).state is IssueState.APPROVED


def test_an_issue_that_was_drafted_anew_meanwhile_is_not_approved_unseen(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check takes a moment; what it looked at is what is approved."""
    paper = a_paper(database, tmp_path)
    issue = drafted(paper)
    again = datetime(2026, 11, 23, 5, 45, tzinfo=UTC)
    checked, _ = proof.checked(paper, issue.id or 0, NOW, Occasion.APPROVAL)
    daily.draft(paper, paper.config.newsletters[0], DAY, again)
    monkeypatch.setattr(proof, "checked", lambda *_words: (checked, []))
    with pytest.raises(Refused, match="drafted anew"):
        daily.approve(paper, issue.id or 0, "test", again)


# --- pictures -------------------------------------------------------------------------------------------------------


def with_a_feed(database: Database, folder: Path, server: FeedServer, images: str) -> Paper:
    """A newsletter that draws on a feed at `server`, with one article that names a picture there."""
    port = server.url("/").split(":")[2].strip("/")
    more = (
        f'[collecting]\nprivate_networks = ["127.0.0.1/32"]\ntimeout_seconds = 60\n[[sources]]\nname = "radio"\n'
        f'kind = "feed"\nurl = "http://127.0.0.1:{port}/feed"\nsection = "World"\n'
    )
    return a_paper(database, folder, more, f'images = "{images}"')


@pytest.mark.parametrize(
    ("images", "shown"), [("host", "https://post.example.com/media/"), ("link", "http://127.0.0.1:"), ("none", "")]
)
def test_the_newsletter_says_what_becomes_of_pictures(
    images: str, shown: str, database: Database, tmp_path: Path
) -> None:
    """Hosted, linked or left out; width, height and words are always there."""
    with FeedServer() as server:
        address = server.serve("/ferry.jpg", PICTURE.read_bytes())
        paper = with_a_feed(database, tmp_path, server, images)
        issue = drafted(paper, source="radio", image=address, image_alt="A ferry")
    with database.reading() as session:
        html = editions.of(session, issue).html
    assert ("<img" in html) == bool(shown)
    if shown:
        assert f'src="{shown}' in html
        for attribute in ('alt="A ferry"', 'width="600"', 'height="400"'):
            assert attribute in html


def test_a_picture_that_is_gone_leaves_a_whole_issue_and_a_note(database: Database, tmp_path: Path) -> None:
    """The story stands without it, and the check says why."""
    with FeedServer() as server:
        paper = with_a_feed(database, tmp_path, server, "host")
        issue = drafted(paper, source="radio", image=server.url("/gone.jpg"))
        found = daily.check(paper, issue.id or 0, NOW)
    with database.reading() as session:
        assert "<img" not in editions.of(session, issue).html
    assert [(f.level, "404" in f.message) for f in found if f.rule == "picture-lost"] == [(Level.NOTE, True)]


def test_a_hosted_picture_that_is_lost_blocks(database: Database, tmp_path: Path) -> None:
    """Readers would see a broken one."""
    with FeedServer() as server:
        address = server.serve("/ferry.jpg", PICTURE.read_bytes())
        paper = with_a_feed(database, tmp_path, server, "host")
        issue = drafted(paper, source="radio", image=address)
    for file in paper.config.site.media_dir.iterdir():
        file.unlink()
    found = daily.check(paper, issue.id or 0, NOW)
    assert [f.level for f in found if f.rule == "picture-missing"] == [Level.BLOCK]


# --- the commands ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_check_prints_its_findings_and_takes_newer_data(tmp_path: Path) -> None:
    """A project's own data of mail programs stands beside its config."""
    project = a_project(tmp_path)
    an_article_file(tmp_path)
    project("collect")
    project("draft", "daily", "--date", "2026-11-23")
    assert project.json("check", "daily/2026-11-23")["ok"]
    stats = {"outlook": {"windows": {"2019": "n"}}}
    feature = {"slug": "html-p", "title": "<p> element", "category": "html", "stats": stats}
    (tmp_path / "data.json").write_text(json.dumps({"last_update_date": "2027-01-02 10:00", "data": [feature]}))
    assert "as of 2027-01-02" in project("check", "--update-data", "data.json")
    assert (tmp_path / support.FILE).exists()
    found = project.json("check", "daily/2026-11-23")["findings"]
    assert [f["message"] for f in found if f["rule"] == "client-support"] == [
        "Outlook (Windows) does not know <p> element. Write it another way, or put it into @media as an extra."
    ]
    (tmp_path / "data.json").write_text("[]")
    assert "is not caniemail's data" in project("check", "--update-data", "data.json", status=1)
    assert "There is no file gone.json" in project("check", "--update-data", "gone.json", status=1)
    project("check", status=2)


@pytest.mark.slow
@pytest.mark.browser
def test_screenshots_show_an_issue_at_three_widths_by_day_and_by_night(tmp_path: Path) -> None:
    """With our own pictures in place and without any; each as wide as it says, twice as fine."""
    project = a_project(tmp_path)
    an_article_file(tmp_path)
    (tmp_path / "articles" / "ferry.jpg").write_bytes(PICTURE.read_bytes())
    article = tmp_path / "articles" / "ferry-1.md"
    article.write_text(article.read_text().replace("---\ntitle", "---\nimage: ferry.jpg\ntitle", 1))
    project("collect")
    project("draft", "daily", "--date", "2026-11-23")
    project("screenshots", "daily/2026-11-23", "--to", "shots")
    shots = {file.stem: Image.open(BytesIO(file.read_bytes())).convert("RGB") for file in tmp_path.glob("shots/*.png")}
    assert {name: image.width for name, image in shots.items()} == {
        f"{width}-{scheme}{pictures}": 2 * width
        for width in (320, 390, 640)
        for scheme in ("light", "dark")
        for pictures in ("", "-no-pictures")
    }
    assert all(brightness(shots[f"{w}-light"]) > 700 for w in (320, 390, 640))
    assert all(brightness(shots[f"{w}-dark"]) < 100 for w in (320, 390, 640))
    colours = {name: len(image.resize((64, 256)).getcolors(64 * 256) or []) for name, image in shots.items()}
    assert colours["640-light"] > 3 * colours["640-light-no-pictures"]


@pytest.mark.slow
def test_without_chromium_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    """And nothing is written."""
    project = a_project(tmp_path)
    an_article_file(tmp_path)
    project("collect")
    project("draft", "daily", "--date", "2026-11-23")
    words = project("screenshots", "daily/2026-11-23", "--to", "shots", status=1, PATH="/nowhere")
    assert "There is no Chromium on this machine. Install it" in words
    assert not (tmp_path / "shots").exists()


def brightness(shot: Image.Image) -> int:
    """Of the paper near the corner: 0 is black, 765 is white."""
    return sum(shot.convert("RGB").tobytes()[:3])
