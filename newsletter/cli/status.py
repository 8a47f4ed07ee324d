"""Where things stand: status."""

from typing import Annotated, Any

import typer
from sqlmodel import Session, col, select

from newsletter import doctor
from newsletter.cli.out import Json, issue_in, now, opened, plain, print_json, say, say_table, table
from newsletter.cli.segments import readers_of
from newsletter.daily import Paper
from newsletter.delivery import followed, ledger, whom
from newsletter.delivery.models import DeliveryState
from newsletter.issues import states
from newsletter.issues.models import Issue
from newsletter.picks.reasons import count
from newsletter.rendering import by_topics, editions
from subscribers import audience, leavings
from subscribers.topics import unpacked

_SHOWN = 100  # uncertain deliveries; `deliveries list` shows more
_COUNTS = ("Selected", "Queued", "In hand", "Accepted", "Deferred", "Failed", "Skipped", "Uncertain")


def status(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help="As daily/today.", show_default="all")] = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Where things stand: one issue with its totals, or the latest of each newsletter."""
    with opened(context) as paper, paper.database.reading() as session:
        found = [issue_in(session, paper, issue)] if issue else _latest(session, paper)
        documents = [_document(session, one) for one in found]
        if issue:
            documents[0]["editions"] = _editions(session, paper, found[0])
            clicks = followed.of(session, found[0].id or 0)
            documents[0]["clicks"] = clicks and clicks.document(documents[0]["accepted"])
            if found[0].drawn_at is None and found[0].state not in states.OVER:
                documents[0]["audience"] = readers_of(session, paper, found[0])
        lost = ledger.listed(session, found[0].id or 0, DeliveryState.UNCERTAIN, _SHOWN) if issue else []
    if json:
        print_json(documents[0] if issue else {"issues": documents, "missing": doctor.missing(paper.config)})
        return
    for words in () if issue else doctor.missing(paper.config):
        say(f"[bold]Missing:[/] {plain(words)}")
    if not documents:
        say("There is no issue yet: `newsletter collect`, then `newsletter draft NEWSLETTER`.")
    shown = table("Issue", "State", *_COUNTS, numbers=_COUNTS)
    for one, document in zip(found, documents, strict=True):
        counts = [f"{document[name.lower().replace(' ', '_')]:,}" for name in _COUNTS]
        shown.add_row(f"{one.newsletter}/{one.issue_date}", str(one.state), *counts)
    say_table(shown)
    if issue and "audience" in documents[0]:
        say(f"{count(documents[0]['audience']['readers'], 'reader')} would get it now.")
    if issue and len(documents[0]["editions"]) > 1:
        _show_editions(documents[0]["editions"])
    if issue and documents[0]["clicks"]:
        _show_clicks(documents[0]["clicks"])
    if issue and (sections := documents[0]["leavings"]["sections"]):
        say(f"Those who left had read: {plain(_counted_words(sections))}.")
    for one in found:
        if one.why:
            say(f"{one.newsletter}/{one.issue_date}: {plain(one.why)}")
    for delivery in lost:
        say(f"Uncertain: delivery {delivery.id}, subscriber {delivery.subscriber_id}: {plain(delivery.why)}")
    if lost:
        say("Decide about them: `newsletter deliveries resolve ISSUE DELIVERY… --sent`, or `--again`.")


def _latest(session: Session, paper: Paper) -> list[Issue]:
    """Ten issues of each newsletter, the newest first."""
    found: list[Issue] = []
    for newsletter in paper.config.newsletters:
        query = select(Issue).where(Issue.newsletter == newsletter.slug)
        found += session.exec(query.order_by(col(Issue.issue_date).desc()).limit(10))
    return found


def _editions(session: Session, paper: Paper, issue: Issue) -> list[dict[str, Any]]:
    """The issue's editions with the totals of each, the whole one first; none of an issue that was never built.

    `readers` are those in the ledger, and until it is drawn those who would get that edition now.
    """
    made, expected = editions.every(session, issue), _expected(session, paper, issue) if not issue.drawn_at else {}
    totals: dict[int | None, ledger.Totals] = {None: ledger.totals(session, issue.id or 0)}
    if len(made) > 1:
        totals = ledger.by_edition(session, issue.id or 0)
    return [
        {
            "topics": sorted(unpacked(edition.topics)),
            "subject": edition.subject,
            "readers": expected.get(edition.topics, sums.selected),
            **sums.as_json(),
        }
        for edition in made
        for sums in (totals.get(edition.id if edition.topics else None, ledger.Totals()),)
    ]


def _expected(session: Session, paper: Paper, issue: Issue) -> dict[str, int]:
    newsletter = paper.config.newsletter(issue.newsletter)
    chosen = audience.by_topics(session, newsletter.slug, now(), whom.of_issue(paper.config, newsletter, issue, now()))
    return by_topics.readers(session, paper.config, newsletter, issue, chosen)


def _show_editions(found: list[dict[str, Any]]) -> None:
    shown = table("Edition", "Subject", "Readers", "Accepted", numbers=("Readers", "Accepted"))
    for edition in found:
        name = ", ".join(edition["topics"]) or "the whole issue"
        shown.add_row(plain(name), plain(edition["subject"]), f"{edition['readers']:,}", f"{edition['accepted']:,}")
    say_table(shown)


def _show_clicks(clicks: dict[str, Any]) -> None:
    shown = table("Link", "Section", "People", "Per 100", "Robots", numbers=("People", "Per 100", "Robots"))
    for link in clicks["links"]:
        numbers = (f"{link['people']:,}", f"{link['per_hundred']:.2f}", f"{link['robots']:,}")
        shown.add_row(plain(link["title"] or link["kind"]), plain(link["section"]), *numbers)
    say_table(shown)
    say(f"{clicks['people']:,} readers followed a link, likely in person.")


def _counted_words(counts: dict[str, int]) -> str:
    """ "City (3), World (1)"."""
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _document(session: Session, issue: Issue) -> dict[str, Any]:
    totals = ledger.totals(session, issue.id or 0)
    return {
        "issue": issue.id,
        "newsletter": issue.newsletter,
        "date": issue.issue_date.isoformat(),
        "state": str(issue.state),
        "why": issue.why,
        **totals.as_json(),
        "leavings": leavings.of_issue(session, issue.id or 0).document(totals.accepted),
    }
