"""A newsletter over time: how many got it, who came and went, what was refused; each chart with its table."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from fastapi import Request, Response

from newsletter.config import Newsletter
from newsletter.delivery.figures import Figures, IssueLine
from newsletter.delivery.ledger import Totals
from newsletter.errors import ConfigError, NotFound
from newsletter.web.dependencies import House, HouseDep
from newsletter.web.desk import charts
from newsletter.web.desk.charts import Point, Swing
from newsletter.web.desk.door import EditorDep
from newsletter.web.desk.frame import desk_page
from newsletter.web.desk.gauge import Counted
from newsletter.web.desk.sending import counts_of
from newsletter.web.desk.tables import csv_answer
from subscribers import leavings

SPANS = (30, 90, 365)
SHOWN = 60  # lines of a table; its CSV has all


def page(request: Request, editor: EditorDep, house: HouseDep, newsletter: str = "", days: int = 90) -> Response:
    """Charts, with the tables that they show."""
    paper = chosen(house, newsletter)
    counted = _figures(request, house, paper, days)
    found, standing = counted.value, counts_of(request).standing(paper.slug)
    sizes = [line for line in reversed(found.issues) if line.totals]
    return desk_page(
        request, editor, "figures", paper=paper, days=_span(days), spans=SPANS, figures=found, shown=SHOWN,
        standing=standing.value, counted_at=min(counted.at, standing.at),
        readers=charts.line("readers", "Readers of each issue", _points(sizes, lambda t: t.selected), "readers"),
        refused=charts.columns("refused", "Refused for good", _points(sizes, lambda t: t.failed), "refused"),
        moves=charts.swings("moves", "Who came and went", _swings(found), "joined", "left"),
        sizes=sizes,
    )  # fmt: skip


def issues_csv(request: Request, house: HouseDep, newsletter: str = "", days: int = 90) -> Response:
    """One line an issue."""
    paper = chosen(house, newsletter)
    rows = [_line(line) for line in _figures(request, house, paper, days).value.issues]
    headings = ("date", "number", "state", *Totals().as_json(), "left")
    return csv_answer(f"{paper.slug}-issues", headings, rows)


def days_csv(request: Request, house: HouseDep, newsletter: str = "", days: int = 90) -> Response:
    """One line a day."""
    paper = chosen(house, newsletter)
    rows = [(day.day, day.joined, day.left) for day in _figures(request, house, paper, days).value.days]
    return csv_answer(f"{paper.slug}-days", ("day", "joined", "left"), rows)


def leavings_csv(house: HouseDep, newsletter: str = "", days: int = 90) -> Response:
    """One line a leaving, with the sections that whoever left had read; no person stands in it."""
    paper = chosen(house, newsletter)
    first = house.now.astimezone(paper.zone).date() - timedelta(days=_span(days) - 1)
    since = datetime.combine(first, time(), paper.zone)
    return csv_answer(f"{paper.slug}-leavings", leavings.LISTED, _left(house, paper, since))


def _left(house: House, paper: Newsletter, since: datetime) -> Iterator[tuple[str, ...]]:
    with house.database.reading() as session:
        yield from leavings.listed(session, paper.slug, since)


def chosen(house: House, slug: str) -> Newsletter:
    """The newsletter that is meant; the first where none is named. NotFound for one that is not in config.toml."""
    if not slug:
        return house.config.newsletters[0]
    try:
        return house.config.newsletter(slug)
    except ConfigError as error:
        raise NotFound(str(error)) from error


def _figures(request: Request, house: House, paper: Newsletter, days: int) -> Counted[Figures]:
    today = house.now.astimezone(paper.zone).date()
    return counts_of(request).figures(paper.slug, today, _span(days))


def _span(days: int) -> int:
    """One of SPANS: other numbers of days are nobody's."""
    return days if days in SPANS else 90


def _points(lines: list[IssueLine], count: Callable[[Totals], int]) -> list[Point]:
    return [Point(_short(line.issue.issue_date), count(line.totals)) for line in lines if line.totals]


def _swings(found: Figures) -> list[Swing]:
    return [Swing(_short(day.day), day.joined, day.left) for day in found.days]


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def _line(line: IssueLine) -> tuple[object, ...]:
    issue, numbers = line.issue, line.totals.as_json().values() if line.totals else [""] * 8
    return issue.issue_date, issue.number, str(issue.state), *numbers, line.left
