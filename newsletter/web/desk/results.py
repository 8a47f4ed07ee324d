"""What became of an issue: totals, why servers said no, whose, what readers followed, who left after it, and what a
crash left uncertain."""

from collections.abc import Iterator

from fastapi import Request, Response

from newsletter import daily
from newsletter.delivery import ledger
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.results import Provider
from newsletter.errors import Refused
from newsletter.issues import find
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, field
from newsletter.web.desk.counts import LIVE
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page, redirect
from newsletter.web.desk.sending import bar, counts_of, paper_of
from newsletter.web.desk.tables import csv_answer
from subscribers import leavings

MOST_UNCERTAIN = 100  # shown at once
WAYS = {
    "header": "Their mail program's own button",
    "link": "The link in the mail",
    "preferences": "Their page of choices",
    "mailto": "A mail to leave",
    "complaint": "A complaint to their provider",
    "operator": "An operator",
    "import": "An imported file",
}
SIGNS = {
    "head": "asked with HEAD",
    "ahead": "fetched ahead of need",
    "agent": "a program by its own words, or none",
    "early": "within 20 seconds of the relay’s answer",
    "burst": "several links in 3 seconds",
    "trap": "near a link that nobody can see",
}


def page(request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep, issue_id: int) -> Response:
    """The whole of it; while it is being sent, what is known so far."""
    issue = find.by_number(session, str(issue_id))
    counted = counts_of(request).result(issue_id)
    result = counted.value
    return desk_page(
        request, editor, "results", paper=house.config.newsletter(issue.newsletter), issue=issue, result=result,
        counted_at=counted.at, bar=bar(result.totals), is_live=issue.state in LIVE, ways=WAYS, signs=SIGNS,
        uncertain=ledger.listed(session, issue_id, DeliveryState.UNCERTAIN, MOST_UNCERTAIN),
    )  # fmt: skip


def resolve(request: Request, editor: EditorDep, house: HouseDep, form: FormDep, issue_id: int) -> Response:
    """Somebody decides about uncertain deliveries: they count as sent, or go once more."""
    chosen = [int(value) for value in form.getlist("delivery") if isinstance(value, str) and value.isdecimal()]
    if not chosen:
        raise Refused("Choose at least one delivery, then say what became of it.")
    again = field(form, "outcome") == "again"
    with house.database.reading() as session:
        issue = find.by_number(session, str(issue_id))
    daily.resolve(paper_of(house), issue_id, chosen, editor.name, house.now, again=again)
    counts_of(request).forget(issue_id)
    words = "to be sent again" if again else "counted as sent"
    says(request, f"{len(set(chosen))} uncertain deliveries {words}", f"{issue.newsletter}/{issue.issue_date}")
    return redirect(request, f"/desk/issues/{issue_id}/{'sending' if again else 'results'}")


def refusals_csv(request: Request, session: ReadingDep, issue_id: int) -> Response:
    """Why servers said no."""
    name = _name(session, issue_id)
    found = counts_of(request).result(issue_id).value
    rows = [(str(r.state), r.reason, r.numbers, r.count, r.example) for r in found.refusals]
    rows += [("skipped", reason, "", count, "") for reason, count in found.skipped]
    return csv_answer(f"{name}-refusals", ("state", "reason", "code", "deliveries", "example"), rows)


def providers_csv(request: Request, session: ReadingDep, issue_id: int) -> Response:
    """By mailbox provider."""
    name = _name(session, issue_id)
    rows = [_of_provider(one) for one in counts_of(request).result(issue_id).value.providers]
    headings = ("provider", *ledger.Totals().as_json())
    return csv_answer(f"{name}-providers", headings, rows)


def clicks_csv(request: Request, session: ReadingDep, issue_id: int) -> Response:
    """What was followed, link by link."""
    name, result = _name(session, issue_id), counts_of(request).result(issue_id).value
    lines, accepted = result.clicks.lines if result.clicks else [], result.totals.accepted
    rows = [(*line.link[2:], line.link.url, line.people, line.per_hundred(accepted), line.robots) for line in lines]
    headings = ("title", "section", "kind", "url", "people", "per_100_accepted", "robots")
    return csv_answer(f"{name}-clicks", headings, rows)


def leavings_csv(house: HouseDep, session: ReadingDep, issue_id: int) -> Response:
    """Each leaving out of this issue's mail: no person stands in it."""
    return csv_answer(f"{_name(session, issue_id)}-leavings", leavings.LISTED, _left(house, issue_id))


def _left(house: House, issue_id: int) -> Iterator[tuple[str, ...]]:
    with house.database.reading() as session:
        yield from leavings.listed_of_issue(session, issue_id)


def _of_provider(provider: Provider) -> tuple[object, ...]:
    return provider.name, *provider.totals.as_json().values()


def _name(session: ReadingDep, issue_id: int) -> str:
    """ "daily-2026-11-23", for a file."""
    issue = find.by_number(session, str(issue_id))
    return f"{issue.newsletter}-{issue.issue_date}"
