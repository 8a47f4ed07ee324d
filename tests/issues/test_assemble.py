"""The day's issue from what is in the store: what it may choose from, what is written, and what is left alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

from sqlmodel import select

from newsletter import links
from newsletter.config import Config
from newsletter.database import Database
from newsletter.issues import assemble, documents, states, window
from newsletter.issues.chosen import left_out
from newsletter.issues.models import Candidate, Decision, Issue, IssueState, Pick
from newsletter.sources.models import Article
from tests.builders import CONFIG, NOW, a_config, an_article
from tests.picks.pieces import EVENTS

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
TWO_SOURCES = CONFIG.replace(
    "[[newsletters]]",
    '[[sources]]\nname = "wire"\ntitle = "Kelmouth Wire"\nkind = "feed"\nurl = "https://wire.example.com/feed"\n'
    'section = "World"\nweight = 0.5\n[[newsletters]]',
)


def store(database: Database, *articles: Article) -> None:
    with database.transaction() as session:
        session.add_all(articles)


def an_event(number: int, **changes: Any) -> Article:
    """An article about an event of its own."""
    return an_article(number=number, title=EVENTS[number % len(EVENTS)], standfirst="", body="", **changes)


def drafted(database: Database, day: date = MONDAY, config: Config | None = None) -> Issue:
    config = config or a_config()
    with database.transaction() as session:
        return assemble.draft(session, config, config.newsletters[0], day, NOW)


def picked(database: Database, issue: Issue) -> list[str]:
    with database.reading() as session:
        query = select(Article.title).join(Pick).where(Pick.issue_id == issue.id).order_by("position")
        return list(session.exec(query))


def test_the_days_articles_become_an_issue(database: Database):
    """Picks with positions and reasons, a subject, a preheader, a number, and the decision written down."""
    store(database, *(an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(1, 5)))
    issue = drafted(database)
    assert (issue.state, issue.number, issue.subject) == (IssueState.DRAFT, 1, EVENTS[1])
    assert picked(database, issue) == list(EVENTS[1:5])
    with database.reading() as session:
        pick = session.exec(select(Pick).where(Pick.position == 2)).one()
        assert (pick.section, pick.why) == ("City", "1 source tells it, 3 hours old, weight 1: 0.84 points")
        assert [d.act for d in session.exec(select(Decision))] == ["drafted"]


def test_drafting_again_gives_the_same_issue_and_takes_in_what_is_new(database: Database):
    """The same store gives the same rows; a better article that came since takes its place."""
    store(database, *(an_event(n) for n in range(1, 4)))
    first = drafted(database)
    before = everything(database)
    again = drafted(database)
    assert everything(database) == before
    store(database, an_event(5, published_at=NOW))
    assert picked(database, drafted(database))[0] == EVENTS[5]
    assert (first.id, first.number) == (again.id, again.number)


def everything(database: Database) -> str:
    config = a_config()
    with database.reading() as session:
        issue = session.exec(select(Issue)).one()
        contents = assemble.contents(session, config, config.newsletters[0], issue)
        return json.dumps(documents.drafted(session, config, issue)) + repr(contents)


def test_an_approved_issue_is_never_touched(database: Database):
    """What an editor has approved stays as it was seen, whatever comes in."""
    store(database, an_event(1))
    issue = drafted(database)
    with database.transaction() as session:
        states.move(session, issue.id or 0, IssueState.APPROVED, "Ed", "", NOW)
    store(database, an_event(2, published_at=NOW))
    assert drafted(database).state is IssueState.APPROVED
    assert picked(database, issue) == [EVENTS[1]]


def test_too_few_articles_hold_the_issue_until_there_are_enough(database: Database):
    """Held with the reason in words; drafted again when more came in; an editor's hold stays."""
    config = a_config(CONFIG.replace("min_articles = 1", "min_articles = 3"))
    store(database, an_event(1), an_event(2))
    issue = drafted(database, config=config)
    assert issue.state is IssueState.HELD
    assert issue.why == "2 picks from 2 articles in 2 stories, and daily wants at least 3."
    store(database, an_event(3))
    issue = drafted(database, config=config)
    assert (issue.state, issue.why) == (IssueState.DRAFT, "")
    with database.transaction() as session:
        states.move(session, issue.id or 0, IssueState.HELD, "Ed", "I want to look again.", NOW)
    issue = drafted(database, config=config)
    assert (issue.state, issue.why) == (IssueState.HELD, "I want to look again.")


def test_a_day_without_articles_is_held(database: Database):
    """Never an empty issue."""
    issue = drafted(database)
    assert issue.state is IssueState.HELD
    assert issue.why == "0 picks from 0 articles in 0 stories, and daily wants at least 1."
    assert issue.subject == ""


def test_monday_looks_back_over_the_weekend(sqlite: Database):
    """The window opens six hours before Friday's draft, and closes with Monday."""
    friday = NOW - timedelta(days=3)
    store(
        sqlite,
        an_event(1, published_at=friday - timedelta(hours=5, minutes=59)),
        an_event(2, published_at=friday - timedelta(hours=6, minutes=1)),
        an_event(3, published_at=NOW + timedelta(days=1)),
    )
    assert picked(sqlite, drafted(sqlite)) == [EVENTS[1]]


def test_the_window_reaches_back_to_the_last_issue(sqlite: Database):
    """After a week without an issue nothing of that week is lost; a cancelled one does not count as the last."""
    store(sqlite, an_event(1, published_at=NOW - timedelta(days=6)))
    newsletter = a_config().newsletters[0]
    with sqlite.transaction() as session:
        for day, state in ((MONDAY - timedelta(days=7), "sent"), (MONDAY - timedelta(days=3), "cancelled")):
            session.add(Issue(newsletter="daily", issue_date=day, number=1, state=IssueState(state), drafted_at=NOW))
        start, _ = window.window(session, newsletter, MONDAY)
    assert start == NOW - timedelta(days=7, hours=6)
    assert picked(sqlite, drafted(sqlite)) == [EVENTS[1]]


def test_nothing_comes_twice(database: Database):
    """What Monday's issue had or left out, or another article at its address, is not in Tuesday's."""
    config = a_config(CONFIG.replace("min_articles = 1", "min_articles = 1\nmax_articles = 1"))
    late = NOW.replace(hour=23)
    store(database, an_event(1, published_at=late), an_event(2, published_at=late - timedelta(hours=1)))
    assert picked(database, drafted(database, config=config)) == [EVENTS[1]]
    store(
        database,
        an_event(3, published_at=late, url="https://post.example.com/1"),  # the same page with another id
        an_event(4, published_at=late - timedelta(hours=9)),
    )
    tuesday = drafted(database, TUESDAY, config)
    assert picked(database, tuesday) == [EVENTS[4]]
    assert (tuesday.number, picked(database, drafted(database, config=config))) == (2, [EVENTS[1]])


def test_a_cancelled_issue_gives_its_articles_and_its_number_back(database: Database):
    """Readers never got them."""
    store(database, an_event(1, published_at=NOW.replace(hour=23)))
    monday = drafted(database)
    with database.transaction() as session:
        states.move(session, monday.id or 0, IssueState.CANCELLED, "Ed", "", NOW)
    tuesday = drafted(database, TUESDAY)
    assert (picked(database, tuesday), tuesday.number) == ([EVENTS[1]], 1)


def test_an_earlier_day_that_is_drafted_late_leaves_alone_what_is_promised(database: Database):
    """Tuesday's issue is approved; Monday's, made after it, does not bring its articles too."""
    store(database, an_event(1, published_at=NOW + timedelta(hours=12)))
    tuesday = drafted(database, TUESDAY)
    with database.transaction() as session:
        states.move(session, tuesday.id or 0, IssueState.APPROVED, "Ed", "", NOW)
    assert picked(database, drafted(database, MONDAY)) == []


def test_another_newsletter_may_bring_the_same_article(sqlite: Database):
    """Sameness counts within a newsletter: its readers are not the other one's."""
    text = CONFIG + CONFIG[CONFIG.index("[[newsletters]]") :].replace('"daily"', '"evening"')
    config = a_config(text)
    store(sqlite, an_event(1))
    for newsletter in config.newsletters:
        with sqlite.transaction() as session:
            issue = assemble.draft(session, config, newsletter, MONDAY, NOW)
        assert picked(sqlite, issue) == [EVENTS[1]]


def test_contents_name_the_other_sources_and_every_address(database: Database):
    """Source names as readers know them, a page of our own where the piece has none, pictures with our address."""
    config = a_config(TWO_SOURCES)
    own = an_event(1, url="", image="media/ab.jpg", words=700)
    wire = an_event(1, source="wire", guid="w1", url="https://wire.example.com/1", section="World")
    store(database, own, wire, an_event(2, section="World", published_at=NOW - timedelta(hours=2)))
    issue = drafted(database, config=config)
    with database.reading() as session:
        contents = assemble.contents(session, config, config.newsletters[0], issue)
    lead = contents.lead
    assert lead is not None
    assert lead.url == links.article(config.site, config.keys, own.id or 0)
    assert (lead.image, lead.minutes) == ("https://post.example.com/media/ab.jpg", 3)
    assert [(a.source, a.url) for a in lead.also] == [("Kelmouth Wire", "https://wire.example.com/1")]
    assert [(s.name, len(s.items)) for s in contents.sections] == [("World", 1)]
    assert contents.web_view_url == "https://post.example.com/archive/daily/2026-11-23"


def test_the_json_documents_hold_what_is_promised(sqlite: Database):
    """The keys of `draft --json` and `stories --json`, and nothing that JSON can't say."""
    config = a_config(TWO_SOURCES)
    store(sqlite, an_event(1), an_event(1, source="wire", guid="w1", url=""), an_event(2, section="Sport"))
    issue = drafted(sqlite, config=config)
    with sqlite.reading() as session:
        document = json.loads(json.dumps(documents.drafted(session, config, issue)))
        stories = assemble.stories_of_day(session, config, config.newsletters[0], MONDAY)
    assert list(document) == [
        "issue", "newsletter", "date", "state", "subject", "preheader", "picks", "left_out",
    ]  # fmt: skip
    (pick,) = document["picks"]
    assert set(pick) == {
        "article", "title", "url", "source", "section", "position", "score", "why", "also_covered_by",
            "points", "is_update",
    }  # fmt: skip
    assert [also["source"] for also in pick["also_covered_by"]] == ["wire"]
    assert {out["title"]: out["why"] for out in document["left_out"]}[EVENTS[2]] == (
        "the newsletter has no section Sport"
    )
    grouped = json.loads(json.dumps(documents.grouped(config, stories)))
    assert [len(story["articles"]) for story in grouped] == [2, 1]
    assert all(article["url"] for story in grouped for article in story["articles"])


def test_every_article_that_was_considered_keeps_its_reason(database: Database):
    """Candidates are picks and left-outs together."""
    config = a_config(CONFIG.replace("min_articles = 1", "min_articles = 1\nmax_articles = 2"))
    store(database, *(an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(1, 5)))
    issue = drafted(database, config=config)
    with database.reading() as session:
        out = left_out(session, issue)
        assert [article.title for article, _ in out] == [EVENTS[3], EVENTS[4]]
        assert out[0][1].why.startswith("3rd by points, and the issue is full (2 of 2)")
        assert len(session.exec(select(Candidate)).all()) == 4


def test_two_processes_that_draft_one_day_make_one_issue(database: Database):
    """Both come back with the same issue; nothing is there twice."""
    store(database, *(an_event(n) for n in range(1, 4)))
    together = Barrier(4)

    def one(_: int) -> int | None:
        together.wait()
        return drafted(database).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(one, range(4)))) == 1
    with database.reading() as session:
        assert len(session.exec(select(Issue)).all()) == 1
        assert len(session.exec(select(Pick)).all()) == 3
