"""Single deliveries of an issue: look at them, and decide about those whose fate a crash has hidden."""

from typing import Annotated, Any

import typer

from newsletter import daily
from newsletter.cli.out import (
    WHO,
    IssueWords,
    Json,
    issue_in,
    now,
    opened,
    plain,
    print_json,
    say,
    say_table,
    table,
    the_issue,
)
from newsletter.delivery import ledger
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import Refused

app = typer.Typer(help="Single deliveries of an issue.", no_args_is_help=True)

_HEADINGS = ("Delivery", "Subscriber", "State", "Attempts", "Code", "Why")


@app.command("list")
def list_(
    context: typer.Context, issue: IssueWords,
    state: Annotated[DeliveryState | None, typer.Option(help="Only these.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    json: Json = False,
) -> None:  # fmt: skip
    """What became of an issue, reader by reader; readers are numbers here, never addresses."""
    with opened(context) as paper, paper.database.reading() as session:
        found = ledger.listed(session, issue_in(session, paper, issue).id or 0, state, limit)
    if json:
        print_json({"deliveries": [_document(delivery) for delivery in found]})
        return
    if not found:
        say("There is none." if state else "There is none yet: rows are made when it begins to be sent.")
    shown = table(*_HEADINGS, numbers=("Delivery", "Subscriber", "Attempts", "Code"))
    for one in found:
        numbers = (one.id, one.subscriber_id, one.state, one.attempts, one.code or "")
        shown.add_row(*map(str, numbers), plain(" ".join(filter(None, (one.status, one.why)))))
    say_table(shown)
    if len(found) == limit:
        say(f"Only the first {limit:,} are shown; --limit shows more.")


@app.command()
def resolve(
    context: typer.Context, issue: IssueWords,
    deliveries: Annotated[list[int], typer.Argument(metavar="DELIVERY", help="Their numbers, as `list` shows them.")],
    sent: Annotated[bool, typer.Option("--sent", help="They count as sent.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send them once more, with the same Message-ID.")] = False,
) -> None:  # fmt: skip
    """Decide about uncertain deliveries: they were sent, or they are to go again."""
    if sent == again:
        raise Refused("Say what became of them: --sent, or --again to send them once more.")
    with opened(context) as paper:
        daily.resolve(paper, the_issue(paper, issue).id or 0, deliveries, WHO, now(), again=again)
    say(f"{len(set(deliveries))} " + ("wait to be sent again: by `run`, or by `send`." if again else "count as sent."))


def _document(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery": delivery.id,
        "subscriber": delivery.subscriber_id,
        "state": str(delivery.state),
        "attempts": delivery.attempts,
        "code": delivery.code,
        "status": delivery.status,
        "why": delivery.why,
        "due_at": delivery.due_at and delivery.due_at.isoformat(),
        "changed_at": delivery.changed_at.isoformat(),
    }
