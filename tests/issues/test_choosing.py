"""What a day may choose from: held days, thin days, holidays, and the same rules tried on the past."""

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.cli import backtest as command
from newsletter.database import Database
from newsletter.errors import Refused
from newsletter.issues import backtest, states
from newsletter.issues.models import IssueState
from newsletter.issues.timetable import Due, turn
from tests.builders import CONFIG, NOW, a_config, an_article
from tests.command import a_project, an_article_file
from tests.issues.test_assemble import MONDAY, TUESDAY, an_event, drafted, picked, store
from tests.picks.pieces import EVENTS


def test_a_held_issue_does_not_starve_the_next(database: Database):
    """What Monday was too thin for is in Tuesday's issue; Monday's can't go out after that."""
    config = a_config(CONFIG.replace("min_articles = 1", "min_articles = 3"))
    store(database, an_event(1), an_event(2))
    monday = drafted(database, MONDAY, config)
    assert monday.state is IssueState.HELD
    store(database, an_event(3, published_at=NOW + timedelta(days=1)))
    tuesday = drafted(database, TUESDAY, config)
    assert set(picked(database, tuesday)) == set(EVENTS[1:4])
    with database.transaction() as session:
        states.move(session, tuesday.id or 0, IssueState.APPROVED, "Ed", "", NOW)
    with database.transaction() as session, pytest.raises(Refused, match="in daily/2026-11-24, which is approved"):
        states.move(session, monday.id or 0, IssueState.APPROVED, "Ed", "", NOW)


def test_a_thin_day_looks_further_back_for_what_nobody_was_offered(database: Database):
    """`widen_days` brings Monday's left-outs, never its picks."""
    text = CONFIG.replace("min_articles = 1", "min_articles = 2\nmax_articles = 2")
    store(database, *(an_event(n, published_at=NOW - timedelta(hours=n)) for n in range(1, 4)))
    assert picked(database, drafted(database, MONDAY, a_config(text))) == list(EVENTS[1:3])
    assert drafted(database, TUESDAY, a_config(text)).state is IssueState.HELD
    wide = a_config(text.replace("max_articles = 2", "max_articles = 2\nwiden_days = 3"))
    store(database, an_event(5, published_at=NOW + timedelta(hours=20)))
    assert set(picked(database, drafted(database, TUESDAY, wide))) == {EVENTS[3], EVENTS[5]}


def test_an_article_whose_feed_gives_no_date_is_behind_one_that_is_known_to_be_new(database: Database):
    """It is as old as the moment at which it was first seen, and nobody knows how much older; what is pushed is new."""
    undated = an_event(1, published_at=NOW, first_seen_at=NOW, place=12)
    dated = an_event(2, published_at=NOW - timedelta(hours=2), first_seen_at=NOW, place=11)
    pushed = an_event(3, published_at=NOW, first_seen_at=NOW)
    store(database, undated, dated, pushed)
    assert picked(database, drafted(database, MONDAY, a_config(CONFIG))) == [EVENTS[n] for n in (3, 2, 1)]


@pytest.mark.parametrize(
    ("entry", "day"),
    [
        ("11-23", MONDAY),
        ("2026-11-23", MONDAY),
        ("2026-11-20..2026-11-23", MONDAY),
        ("12-24..12-26", date(2030, 12, 25)),
    ],
)
def test_a_holiday_is_skipped_in_words(entry: str, day: date):
    """Every year's, one year's, or a stretch of days: no issue, and the reason."""
    newsletter = a_config(CONFIG + f'holidays = ["{entry}"]\n').newsletters[0]
    told = turn(newsletter, day, None, newsletter.moment("draft_at", day))
    assert (told.due, told.why) == (Due.SKIP, f"{day} is a holiday in the config ({entry}).")
    assert not newsletter.comes_out_on(day)
    assert newsletter.comes_out_on(day + timedelta(days=7))


def test_the_weekend_has_its_own_hours_and_size():
    """Keys of `weekend` count on Saturdays and Sundays; what it does not name is as on weekdays."""
    newsletter = a_config(CONFIG + 'weekend = { send_at = "09:00", max_articles = 4 }\n').newsletters[0]
    saturday = date(2026, 11, 28)
    assert newsletter.moment("send_at", saturday) == datetime(2026, 11, 28, 9, tzinfo=UTC)
    assert newsletter.moment("draft_at", saturday) == datetime(2026, 11, 28, 5, 30, tzinfo=UTC)
    assert (newsletter.most_on(saturday), newsletter.most_on(MONDAY)) == (4, 10)


def test_a_backtest_sees_each_day_with_its_own_clock_and_writes_nothing(database: Database):
    """What was seen after Monday's hour is Tuesday's; nothing comes twice."""
    late = NOW + timedelta(hours=1)
    store(database, an_event(1), an_event(2, published_at=NOW - timedelta(hours=2), first_seen_at=late))
    config = a_config()
    with database.reading() as session:
        days = backtest.backtest(session, config, config.newsletters[0], MONDAY, TUESDAY)
    assert [(day, [pick.piece.title for pick in choice.picks]) for day, choice in days] == [
        (MONDAY, [EVENTS[1]]),
        (TUESDAY, [EVENTS[2]]),
    ]
    assert drafted(database).number == 1


def test_a_comparison_says_why_a_story_would_go_and_how_picks_shift(database: Database, capsys):
    """In the words of the other config's rules, not with the reason for which it was in."""
    store(database, an_event(1), an_event(2, published_at=NOW - timedelta(hours=2)))
    config = a_config()
    one = config.newsletters[0].model_copy(update={"max_articles": 1})
    with database.reading() as session:
        both = backtest.backtest(session, config, config.newsletters[0], MONDAY, MONDAY)
        alone = backtest.backtest(session, config, one, MONDAY, MONDAY)
    command.compare(dict(both), dict(alone))
    told = " ".join(capsys.readouterr().out.split())
    assert f"1 the same, 1 out, 0 in - {EVENTS[2]}" in told
    assert "2nd by points, and the issue is full (1 of 1)" in told
    assert "1 of 1 issues would differ." in told
    assert "Picks by source: city-desk 2 → 1." in told


@pytest.mark.slow
def test_the_command_compares_two_configs(tmp_path):
    """Each issue with its picks, and what the other config would add and drop."""
    project = a_project(tmp_path)
    for number in (1, 2):
        an_article_file(tmp_path, number)
    project("collect")
    text = (tmp_path / "config.toml").read_text()
    (tmp_path / "other.toml").write_text(text.replace("min_articles = 1", 'min_articles = 1\nunwanted = ["Ferry"]'))
    days = ("--from", "2026-11-20", "--to", "2026-11-30")
    told = project.json("backtest", "daily", *days, "--config", "other.toml")
    assert told["newsletter"] == "daily"
    assert [issue["date"] for issue in told["issues"]][:2] == ["2026-11-20", "2026-11-23"]
    assert set(told["issues"][0]) == {"date", "picks", "left_out", "other", "added", "dropped"}
    assert "issues would differ" in project("backtest", "daily", *days, "--config", "other.toml")
    assert "within a year" in project("backtest", "daily", "--from", "2026-11-20", "--to", "2026-11-01", status=1)
    assert "no issue yet" in project("status")


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_article_alone_is_the_lead_of_its_day(tmp_path, shared):
    """The article as the newsroom delivers it, in a folder of its own, is picked for its day and says why."""
    project = a_project(tmp_path)
    for path in (shared / "articles").iterdir():
        (tmp_path / "articles" / path.name).write_bytes(path.read_bytes())
    project("collect")
    (pick,) = project.json("draft", "daily", "--date", "2014-02-10")["picks"]
    assert pick["position"] == 1
    assert pick["why"].startswith("1 source tells it")
    assert set(pick["points"]) == {"freshness", "weight", "told", "fast", "place", "complete", "edition", "words"}


def test_what_an_article_is_made_of_is_read_for_its_points(database: Database):
    """Its place in the feed counts, and is said."""
    store(database, an_article(place=1))
    with database.reading() as session:
        (_, choice), *_ = backtest.backtest(session, a_config(), a_config().newsletters[0], MONDAY, MONDAY)
    assert "1st in its feed" in choice.picks[0].why
