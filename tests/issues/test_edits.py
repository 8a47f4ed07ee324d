"""What editors change in an issue: where it goes, what else it moves, that it can be undone and a redraft keeps it."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import col, select

from newsletter import daily, migrations
from newsletter.daily import Paper
from newsletter.database import Database
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.issues import changing, choosing, documents, edits, states
from newsletter.issues.acts import Act, Drop, Move, Pin, PullIn, Release, Replace, ToSection, Write
from newsletter.issues.chosen import chosen_for
from newsletter.issues.edits import Field
from newsletter.issues.models import Decision, Edit, Issue, IssueState
from newsletter.issues.texts import Said, sponsor
from newsletter.rendering import editions
from newsletter.sources.models import Article
from tests.builders import NOW, a_config, an_article
from tests.issues.test_assemble import MONDAY, TUESDAY, TWO_SOURCES, an_event, store
from tests.picks.pieces import EVENTS

THREE = TWO_SOURCES.replace('sections = ["World"]\n', 'sections = ["World", "Sport"]\n').replace(
    "[[newsletters]]", "[[newsletters]]\nmax_articles = 6"
)


def a_paper(database: Database, folder: Path, text: str = THREE) -> Paper:
    return Paper(a_config(text.replace("[[newsletters]]", '[[newsletters]]\nimages = "link"'), folder), database)


def a_morning(database: Database, folder: Path, *articles: Article, text: str = THREE) -> tuple[Paper, int]:
    """The drafted issue of Monday."""
    store(database, *(articles or [an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(1, 6)]))
    paper = a_paper(database, folder, text)
    return paper, drafted(paper)


def drafted(paper: Paper) -> int:
    return daily.draft(paper, paper.config.newsletters[0], MONDAY, NOW).id or 0


def act(paper: Paper, issue: int, what: Act, who: str = "Ed") -> changing.Changed:
    return daily.change(paper, issue, what, who, NOW)


def order(paper: Paper, issue: int) -> list[int]:
    with paper.database.reading() as session:
        return [chosen.pick.article_id for chosen in chosen_for(session, session.get_one(Issue, issue))]


def sections(paper: Paper, issue: int) -> list[str]:
    with paper.database.reading() as session:
        return [chosen.pick.section for chosen in chosen_for(session, session.get_one(Issue, issue))]


def everything(paper: Paper, issue_id: int) -> str:
    """All that an editor or a reader could see of it."""
    with paper.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        shown = [(e.topics, e.subject, e.html, e.text) for e in editions.every(session, issue)]
        return json.dumps([documents.drafted(session, paper.config, issue), issue.why, issue.intro, shown], indent=1)


def test_what_is_moved_goes_where_the_editor_put_it(database: Database, tmp_path):
    """All else keeps its order, the pins of before included; and a redraft changes nothing of it."""
    paper, issue = a_morning(database, tmp_path)
    assert order(paper, issue) == [1, 2, 3, 4, 5]
    act(paper, issue, Move(4, 2))
    assert order(paper, issue) == [1, 4, 2, 3, 5]
    act(paper, issue, Move(1, 3))
    assert order(paper, issue) == [4, 2, 1, 3, 5]
    act(paper, issue, Move(5, 1))
    assert order(paper, issue) == [5, 4, 2, 1, 3]
    before = everything(paper, issue)
    drafted(paper)
    assert everything(paper, issue) == before
    act(paper, issue, Move(5, 99))
    assert order(paper, issue) == [4, 2, 1, 3, 5]


def test_the_first_story_moved_down_leaves_its_place_to_the_next(database: Database, tmp_path):
    """Not to the one with the most points after it, which may stand in a later section."""
    city = [an_event(n, published_at=NOW - timedelta(hours=n)) for n in (1, 5, 6)]
    world = an_event(2, published_at=NOW - timedelta(hours=2), section="World")
    paper, issue = a_morning(database, tmp_path, *city, world)
    assert order(paper, issue) == [1, 2, 3, 4]
    act(paper, issue, Move(1, 3))
    assert order(paper, issue) == [2, 3, 1, 4]


def test_among_the_items_of_another_section_it_becomes_one_of_them(database: Database, tmp_path):
    """Else one section's label would stand twice; at a border it keeps its own."""
    city = [an_event(n, published_at=NOW - timedelta(hours=n)) for n in (1, 2, 3)]
    world = [an_event(n, published_at=NOW - timedelta(hours=n), section="World") for n in (4, 5)]
    paper, issue = a_morning(database, tmp_path, *city, *world)
    assert sections(paper, issue) == ["City", "City", "City", "World", "World"]
    act(paper, issue, Move(2, 5))
    assert order(paper, issue) == [1, 3, 4, 5, 2]
    assert sections(paper, issue) == ["City", "City", "World", "World", "World"]
    act(paper, issue, Move(3, 3))
    assert sections(paper, issue) == ["City", "World", "World", "World", "World"]
    act(paper, issue, ToSection(4, "City"))
    assert sections(paper, issue)[1] == "City"
    with pytest.raises(Refused, match="no section Weather"):
        act(paper, issue, ToSection(4, "Weather"))


def test_a_dropped_story_is_out_and_the_next_one_comes_in(database: Database, tmp_path):
    """With all its tellings, and the editor is told what came in for it."""
    twice = [an_event(1), an_event(1, guid="wire-1", source="wire", url="https://wire.example.com/1")]
    others = [an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(2, 8)]
    paper, issue = a_morning(database, tmp_path, *twice, *others)
    changed = act(paper, issue, Drop(1))
    assert changed.came_in == (EVENTS[7],)
    assert changed.went_out == ((EVENTS[1], changed.went_out[0][1]),)
    assert changed.went_out[0][1].startswith("an editor took the story out")
    assert not {1, 2} & set(order(paper, issue))
    act(paper, issue, PullIn(2))
    assert 2 in order(paper, issue)


def test_what_is_banned_is_never_wanted_again(database: Database, tmp_path):
    """A dropped article may be in tomorrow's issue; a banned one is not, until somebody lifts the ban."""
    paper, issue = a_morning(database, tmp_path)
    for number in (1, 2):
        act(paper, issue, Drop(number, for_good=number == 2))
    assert order(paper, issue) == [3, 4, 5]
    with database.transaction() as session:
        states.move(session, issue, IssueState.CANCELLED, "Ed", "", NOW)
    tuesday = daily.draft(paper, paper.config.newsletters[0], TUESDAY, NOW)
    assert sorted(order(paper, tuesday.id or 0)) == [1, 3, 4, 5]
    act(paper, tuesday.id or 0, PullIn(2))
    assert 2 in order(paper, tuesday.id or 0)


def test_another_article_of_the_story_takes_the_place(database: Database, tmp_path):
    """And its section; an article of another story can't."""
    world = {"section": "World", "source": "wire", "guid": "wire-2", "url": "https://wire.example.com/2"}
    paper, issue = a_morning(
        database,
        tmp_path,
        *(an_event(n, published_at=NOW - timedelta(hours=n)) for n in (1, 2, 3)),
        an_event(2, **world),
    )
    assert order(paper, issue) == [2, 1, 3]
    act(paper, issue, Replace(2, 4))
    assert (order(paper, issue), sections(paper, issue)) == ([4, 1, 3], ["City"] * 3)
    with pytest.raises(Refused, match="same story"):
        act(paper, issue, Replace(1, 3))
    act(paper, issue, PullIn(2))
    assert order(paper, issue) == [2, 1, 3]


def test_an_old_article_can_be_pulled_in(database: Database, tmp_path):
    """However old it is; one that is of no source of the newsletter can't, and nothing is changed by trying."""
    paper, issue = a_morning(
        database, tmp_path, an_event(1), an_event(7, published_at=NOW - timedelta(days=40)), an_event(8, source="gone")
    )
    assert order(paper, issue) == [1]
    assert act(paper, issue, PullIn(2)).came_in == (EVENTS[7],)
    assert set(order(paper, issue)) == {1, 2}
    before = everything(paper, issue)
    with pytest.raises(Refused, match="can't come in"):
        act(paper, issue, PullIn(3))
    with pytest.raises(NotFound):
        act(paper, issue, PullIn(99))
    assert everything(paper, issue) == before
    drafted(paper)
    assert everything(paper, issue) == before
    act(paper, issue, Release(2))
    assert order(paper, issue) == [1]


def test_a_full_issue_takes_no_more_than_editors_hold(database: Database, tmp_path):
    """One that is pulled in pushes the last by points out; where every place is held, somebody has to let go first."""
    paper, issue = a_morning(
        database, tmp_path, *(an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(1, 9))
    )
    assert act(paper, issue, PullIn(8)).went_out[0][0] == EVENTS[6]
    for number in order(paper, issue):
        act(paper, issue, Pin(number))
    with pytest.raises(Refused, match="All 6 places are held"):
        act(paper, issue, PullIn(7))


def test_words_of_editors_stand_in_the_mail_and_the_sources_own_do_not(database: Database, tmp_path):
    """Headline, standfirst, note, subject, intro, sponsor: in both parts of the edition, and after a redraft too."""
    paper, issue = a_morning(database, tmp_path, an_article(number=1, image="https://post.example.com/a.jpg"))
    own = "Ferry number 1 sails again"
    act(paper, issue, Write(1, (
        Said(Field.TITLE, own, "The boat is back"),
        Said(Field.STANDFIRST, "After 1 weeks in the dry dock the boat is back.", "She looks like new."),
        Said(Field.IMAGE_ALT, "", "A white boat"),
        Said(Field.NOTE, "", "We were *there*."),
    )))  # fmt: skip
    assert "The boat is back" in subject_of(paper, issue)
    act(paper, issue, Write(None, (
        Said(Field.SUBJECT, subject_of(paper, issue), "Ahoy"),
        Said(Field.INTRO, "", "Good **morning**."),
        Said(Field.SIGNATURE, "", "Ed"),
        Said(Field.SPONSOR, "", sponsor("", "Buy *rope*", "https://rope.example.com/", "", "")),
    )))  # fmt: skip
    drafted(paper)
    with database.reading() as session:
        edition = editions.of(session, session.get_one(Issue, issue))
    assert edition.subject == "Ahoy"
    for words in ("The boat is back", "She looks like new.", "A white boat", "<em>there</em>", "<em>rope</em>"):
        assert words in edition.html
    for words in ("The boat is back", "She looks like new.", "We were", "Good", "https://rope.example.com/"):
        assert words in edition.text
    assert own not in edition.html + edition.text + edition.preheader


def subject_of(paper: Paper, issue: int) -> str:
    with paper.database.reading() as session:
        return session.get_one(Issue, issue).subject


def test_two_editors_in_one_field_lose_nothing(database: Database, tmp_path):
    """The later one is shown both words; their other field goes through, and saying the same is no conflict."""
    paper, issue = a_morning(database, tmp_path, an_article(number=1))
    own = "Ferry number 1 sails again"
    act(paper, issue, Write(1, (Said(Field.TITLE, own, "Anna's headline"),)), "Anna")
    form = (Said(Field.TITLE, own, "Ben's headline"), Said(Field.NOTE, "", "Ben's note"))
    changed = act(paper, issue, Write(1, form), "Ben")
    (conflict,) = changed.conflicts
    assert (conflict.mine, conflict.theirs) == ("Ben's headline", "Anna's headline")
    assert act(paper, issue, Write(1, (Said(Field.TITLE, own, "Anna's headline"),)), "Ben") == changing.Changed(
        changed.issue
    )
    with database.reading() as session:
        found = edits.of(session, paper.config.newsletters[0], MONDAY)
    assert found.articles[1] == {"title": "Anna's headline", "note": "Ben's note"}


def test_a_step_can_be_undone_and_done_again(database: Database, tmp_path):
    """The last one first, or any by its number; a new change ends what could be done again."""
    paper, issue = a_morning(database, tmp_path)
    states_seen = [everything(paper, issue)]
    for what in (Move(5, 1), Drop(3), Write(2, (Said(Field.TITLE, EVENTS[2], "Other words"),))):
        act(paper, issue, what)
        states_seen.append(everything(paper, issue))
    for expected in reversed(states_seen[:-1]):
        daily.undo(paper, issue, "Ed", NOW)
        assert everything(paper, issue) == expected
    with pytest.raises(Refused, match="nothing to undo"):
        daily.undo(paper, issue, "Ed", NOW)
    for expected in states_seen[1:]:
        daily.redo(paper, issue, "Ed", NOW)
        assert everything(paper, issue) == expected
    daily.undo(paper, issue, "Ed", NOW, step=2)
    assert order(paper, issue) == [5, 1, 2, 3, 4]
    act(paper, issue, Pin(4))
    with pytest.raises(Refused, match="nothing to do again"):
        daily.redo(paper, issue, "Ed", NOW)
    daily.redo(paper, issue, "Ed", NOW, step=2)
    assert order(paper, issue) == [5, 1, 2, 4]


def test_a_change_takes_an_approval_back_and_a_sent_issue_is_frozen(database: Database, tmp_path):
    """With the reason written down; nothing is changed where it is too late."""
    paper, issue = a_morning(database, tmp_path)
    with database.transaction() as session:
        states.move(session, issue, IssueState.APPROVED, "Ed", "", NOW)
    assert act(paper, issue, Move(2, 1), "Ann").issue.state is IssueState.DRAFT
    with database.transaction() as session:
        last = session.exec(select(Decision).order_by(col(Decision.id))).all()[-1]
        assert (last.act, last.who, last.why) == ("draft", "Ann", "moved after it was approved")
        states.move(session, issue, IssueState.APPROVED, "Ed", "", NOW)
        states.move(session, issue, IssueState.SENDING, "Ed", "", NOW)
    before = everything(paper, issue)
    for late in (lambda: act(paper, issue, Move(2, 3)), lambda: daily.undo(paper, issue, "Ed", NOW)):
        with pytest.raises(Refused, match="is sending"):
            late()
    assert everything(paper, issue) == before


def test_an_issue_that_editors_make_too_thin_is_held_and_says_so(database: Database, tmp_path):
    """As drafting itself would; with enough picks again it is a draft again. One that an editor holds stays held."""
    paper, issue = a_morning(database, tmp_path, text=THREE.replace("min_articles = 1", "min_articles = 4"))
    for number in (1, 2):
        changed = act(paper, issue, Drop(number))
    assert (changed.issue.state, "at least 4" in changed.issue.why) == (IssueState.HELD, True)
    assert daily.undo(paper, issue, "Ed", NOW).issue.state is IssueState.DRAFT
    with database.transaction() as session:
        states.move(session, issue, IssueState.HELD, "Ed", "the lawyers read it", NOW)
    assert act(paper, issue, Move(3, 1)).issue.why == "the lawyers read it"


def test_the_machines_own_pick_is_known_whatever_editors_did(database: Database, tmp_path):
    """What the diff is made against."""
    paper, issue = a_morning(database, tmp_path)
    machine = order(paper, issue)
    for what in (Move(5, 1), Drop(3), Drop(2, for_good=True)):
        act(paper, issue, what)
    with database.reading() as session:
        row = session.get_one(Issue, issue)
        choice = choosing.unedited(session, paper.config, paper.config.newsletters[0], row)
    assert [pick.piece.id for pick in choice.picks] == machine


def some_act(numbers: Any) -> st.SearchStrategy[Act]:
    one = st.sampled_from(numbers)
    said = st.text("abc ", max_size=6).map(lambda words: Said(Field.TITLE, "?", words))
    return st.one_of(
        st.builds(Move, one, st.integers(0, 8)),
        st.builds(Pin, one),
        st.builds(Release, one),
        st.builds(Drop, one, st.booleans()),
        st.builds(PullIn, one),
        st.builds(Replace, one, one),
        st.builds(ToSection, one, st.sampled_from(["City", "World", "Sport"])),
        st.builds(Write, one, said.map(lambda s: (s,))),
    )


acts = st.lists(st.one_of(some_act(range(1, 15)), st.sampled_from(["undo", "redo"])), min_size=1, max_size=8)
_folders = count(1)


@given(acts)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_change_gives_what_a_redraft_with_the_same_edits_gives(
    request: pytest.FixtureRequest, tmp_path: Path, todo: list[Any]
):
    """Whatever was done before it, and refused, and undone: byte for byte, from the same store."""
    path = tmp_path / f"{next(_folders)}.db"
    path.write_bytes(request.getfixturevalue("_sqlite_template").read_bytes())
    database = Database(f"sqlite:///{path}")
    try:
        wire = [
            an_event(n, source="wire", guid=f"wire-{n}", url=f"https://wire.example.com/{n}", section="World",
                     published_at=NOW - timedelta(hours=n + 1))
            for n in (2, 3, 8)
        ]  # fmt: skip
        own = [
            an_event(n, published_at=NOW - timedelta(hours=n), section=("City", "World", "Sport")[n % 3])
            for n in range(1, 11)
        ]
        old = an_event(11, published_at=NOW - timedelta(days=30))
        text = THREE.replace("min_articles = 1", "min_articles = 5\nwiden_days = 3\nmax_per_source = 4")
        paper, issue = a_morning(database, tmp_path, *own, *wire, old, text=text)
        for what in todo:
            try_to(paper, issue, what)
        assert_quick_is_whole(paper, issue)
    finally:
        database.close()


def try_to(paper: Paper, issue: int, what: Act | str) -> None:
    try:
        if isinstance(what, Write):
            with paper.database.reading() as session:
                row = session.get_one(Issue, issue)
                texts = changing.texts(session, paper.config, paper.config.newsletters[0], row, what.article)
            what = replace(what, form=tuple(replace(s, seen=texts[s.field].now) for s in what.form))
        if isinstance(what, Act):
            act(paper, issue, what)
        else:
            {"undo": daily.undo, "redo": daily.redo}[what](paper, issue, "Ed", NOW)
    except NewsletterError:
        pass  # a refusal is an answer: what counts is that the issue is whole after it


def assert_quick_is_whole(paper: Paper, issue: int) -> None:
    quick = everything(paper, issue)
    drafted(paper)
    assert everything(paper, issue) == quick


def test_the_pins_and_bans_of_before_go_over(database: Database):
    """Each as a step of its own, that can be undone."""
    store(database, an_event(1), an_event(2))
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(Path(migrations.__file__).parent))
    alembic.attributes["engine"] = database.engine
    command.downgrade(alembic, "0008")
    with database.transaction() as session:
        for article, position in ((1, 2), (2, None)):
            session.execute(
                text("INSERT INTO editor_wish (newsletter, issue_date, article_id, position, who, at) "
                     "VALUES ('daily', '2026-11-23', :article, :position, 'Ed', '2026-11-23 05:00:00')"),
                {"article": article, "position": position},
            )  # fmt: skip
    command.upgrade(alembic, "head")
    with database.reading() as session:
        found = edits.of(session, a_config().newsletters[0], MONDAY)
        assert found.articles == {1: {"place": 2}, 2: {"out": True}}
        assert [(edit.step, edit.act) for edit in session.exec(select(Edit).order_by(col(Edit.step)))] == [
            (1, "pinned"),
            (2, "dropped"),
        ]
