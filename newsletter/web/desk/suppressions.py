"""The never-mail list: why and since when, never who; an address is looked up, put on it, or taken off where it may."""

from fastapi import Request, Response

from newsletter.errors import Refused
from newsletter.web.dependencies import FormDep, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page, redirect
from subscribers import NotAnAddress, SuppressionReason, parse, suppression
from subscribers.address import address_hash
from subscribers.models import Suppression

PAGE = 50


def page(
    request: Request,
    editor: EditorDep,
    session: ReadingDep,
    house: HouseDep,
    email: str = "",
    before: int | None = None,
) -> Response:
    """The newest entries; with an address, what the list says of it."""
    found: Suppression | None = None
    wrong = ""
    if email.strip():
        try:
            found = suppression.find(session, address_hash(house.keys, parse(email).key))
        except NotAnAddress as error:
            wrong = str(error)
    entries = suppression.page(session, before, PAGE + 1)
    return desk_page(
        request, editor, "suppressions", entries=entries[:PAGE], email=email.strip(), wrong=wrong, found=found,
        more=entries[PAGE - 1].id if len(entries) > PAGE else None,
        may_lift=found is not None and not suppression.person_may_lift(found),
    )  # fmt: skip


def add(request: Request, editor: EditorDep, house: HouseDep, form: FormDep) -> Response:
    """An operator's own word: only an operator lifts it."""
    why = field(form, "why").strip()
    if not why:
        raise Refused("Say why this address is never to be mailed: somebody will ask.")
    with house.database.transaction() as session:
        words = f"{why} ({editor.name})"
        manual = SuppressionReason.MANUAL
        suppression.suppress_address(session, house.keys, field(form, "email"), manual, words, house.now)
    says(request, why)
    return redirect(request, "/desk/suppressions")


def lift(request: Request, house: HouseDep, form: FormDep) -> Response:
    """Only what an operator has said; complaints, bounces and erasures stay."""
    with house.database.transaction() as session:
        suppression.lift_by_operator(session, house.keys, field(form, "email"))
    return redirect(request, "/desk/suppressions")
