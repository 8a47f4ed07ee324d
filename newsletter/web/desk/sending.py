"""A send as it goes: one broad bar, five numbers, how fast, by provider; and the three buttons that matter.

The page is whole without a script. With one, server-sent events bring its middle anew whenever something has changed.
All who watch share one count (counts.py): a page more costs the store nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request, Response
from fastapi.sse import ServerSentEvent
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from newsletter import daily
from newsletter.daily import Paper
from newsletter.delivery.ledger import Totals
from newsletter.editors import Visitor
from newsletter.errors import NotFound
from newsletter.issues import find
from newsletter.issues.models import Issue
from newsletter.web.dependencies import HouseDep, ReadingDep
from newsletter.web.desk import charts
from newsletter.web.desk.charts import Part
from newsletter.web.desk.counts import LIVE, Counts, Progress
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page, redirect
from newsletter.web.desk.gauge import Counted

LOOK_SECONDS = 1.0
LONGEST_SECONDS = 600  # then the browser connects anew, and the door asks again who it is


def page(request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep, issue_id: int) -> Response:
    """While it is sent; before, what is missing; afterwards its results."""
    issue = find.by_number(session, str(issue_id))
    if issue.drawn_at is not None and issue.state not in LIVE:
        return redirect(request, f"/desk/issues/{issue_id}/results")
    newsletter = house.config.newsletter(issue.newsletter)
    counted = counts_of(request).progress(issue_id) if issue.state in LIVE else None
    return desk_page(request, editor, "sending", paper=newsletter, issue=issue, **_values(counted, issue.state in LIVE))


async def events(request: Request, editor: EditorDep, house: HouseDep, issue_id: int) -> AsyncIterator[ServerSentEvent]:
    """The middle of that page each time it has changed; `over` when there is nothing more to watch."""
    said, seen = "", None
    for _ in range(round(LONGEST_SECONDS / LOOK_SECONDS)):
        counted = await run_in_threadpool(_look, request, issue_id)
        if counted is None or not counted.value.is_live:
            break
        if counted is not seen:
            seen = counted
            text = await run_in_threadpool(_piece, request, editor, house, issue_id, counted)
            if text != said:
                said = text
                yield ServerSentEvent(raw_data=text)
        await asyncio.sleep(LOOK_SECONDS)
    else:
        return
    yield ServerSentEvent(event="over", raw_data="over")


def pause(request: Request, editor: EditorDep, house: HouseDep, issue_id: int) -> Response:
    """Every sender stops within a second."""
    return _decided(request, daily.pause(paper_of(house), issue_id, editor.name, house.now))


def resume(request: Request, editor: EditorDep, house: HouseDep, issue_id: int) -> Response:
    """It goes on; `run` takes it up within seconds."""
    return _decided(request, daily.resume(paper_of(house), issue_id, editor.name, house.now))


def cancel(request: Request, editor: EditorDep, house: HouseDep, issue_id: int) -> Response:
    """Whoever has not got it does not get it."""
    return _decided(request, daily.cancel(paper_of(house), issue_id, editor.name, house.now))


def paper_of(house: HouseDep) -> Paper:
    """What the verbs of daily.py work with."""
    return Paper(house.config, house.database)


def counts_of(request: Request) -> Counts:
    """The figures that all pages of the desk share."""
    counts: Counts = request.app.state.counts
    return counts


def bar(totals: Totals) -> Markup:
    """The broad bar: what is done from the left, what waits at the right."""
    parts = [
        Part("part-accepted", "accepted", totals.accepted),
        Part("part-failed", "failed", totals.failed),
        Part("part-uncertain", "uncertain", totals.uncertain),
        Part("part-skipped", "skipped", totals.skipped),
        Part("part-deferred", "deferred", totals.deferred),
        Part("part-waiting", "waiting", totals.queued + totals.in_hand),
    ]
    return charts.whole("progress", "How far it is", parts)


def _decided(request: Request, issue: Issue) -> Response:
    counts_of(request).forget(issue.id or 0)
    says(request, str(issue.state), f"{issue.newsletter}/{issue.issue_date}")
    return redirect(request, f"/desk/issues/{issue.id}/sending")


def _look(request: Request, issue_id: int) -> Counted[Progress] | None:
    house = request.app.state.house
    with house.database.reading() as session:
        try:
            issue = find.by_number(session, str(issue_id))
        except NotFound:
            return None
    return counts_of(request).progress(issue_id) if issue.state in LIVE else None


def _piece(request: Request, editor: Visitor, house: HouseDep, issue_id: int, counted: Counted[Progress]) -> str:
    with house.database.reading() as session:
        issue = find.by_number(session, str(issue_id))
    newsletter = house.config.newsletter(issue.newsletter)
    values = _values(counted, True)
    answer = desk_page(request, editor, "_progress", paper=newsletter, issue=issue, **values)
    return bytes(answer.body).decode()


def _values(counted: Counted[Progress] | None, is_live: bool) -> dict[str, Any]:
    view = counted.value if counted else None
    return {
        "is_live": is_live,
        "progress": view,
        "counted_at": counted.at if counted else None,
        "bar": bar(view.totals) if view else "",
        "done": _share(view.totals) if view else 0.0,
    }


def _share(totals: Totals) -> float:
    """The part of an issue's readers that has had its turn, 0 to 100."""
    return 100 * (totals.selected - totals.queued - totals.in_hand) / totals.selected if totals.selected else 0.0
