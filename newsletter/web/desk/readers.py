"""Readers: find one, see everything that is known of them, and do what they ask for.

Admins see addresses whole and search by their beginning. Everybody else sees them masked and finds a person by the
whole address: who answers a reader's letter has it, and nobody can leaf through the list.
"""

import json
from collections.abc import Iterator

from fastapi import Request, Response

from newsletter import daily
from newsletter.delivery import results
from newsletter.editors import Role, Visitor
from newsletter.errors import NotFound
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.figures import chosen
from newsletter.web.desk.frame import desk_page, redirect
from newsletter.web.desk.sending import counts_of, paper_of
from newsletter.web.desk.tables import download
from subscribers import (
    NotAnAddress,
    Proof,
    SubscriptionState,
    directory,
    masked,
    parse,
    preferences,
    search,
    signup,
    transfer,
    unsubscribe,
)
from subscribers.models import Subscriber
from subscribers.search import Page


def page(
    request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep,
    q: str = "", newsletter: str = "", state: str = "", after: str = "",
) -> Response:  # fmt: skip
    """A page of those who fit; for others than admins only the one with that very address."""
    found = _found(session, editor, q.strip(), newsletter, state, after)
    standing = {paper.slug: counts_of(request).standing(paper.slug) for paper in house.config.newsletters}
    return desk_page(
        request, editor, "readers", found=found, q=q, chosen=newsletter, state=state, after=after, standing=standing,
        states=list(SubscriptionState), shown=lambda email: shown_to(editor, email),
    )  # fmt: skip


def person(request: Request, editor: EditorDep, session: ReadingDep, house: HouseDep, subscriber_id: int) -> Response:
    """Everything that is known of one: what they get, what they agreed to, what became of each issue."""
    email = _email(session, subscriber_id)
    known = directory.show(session, house.keys, email)
    return desk_page(
        request, editor, "reader", person=known, email=shown_to(editor, email),
        called=known.subscriber.name if editor.may(Role.ADMIN) else "",
        deliveries=results.of_reader(session, subscriber_id),
        titles={paper.slug: paper.title for paper in house.config.newsletters},
    )  # fmt: skip


def add(request: Request, editor: EditorDep, house: HouseDep, form: FormDep) -> Response:
    """Somebody who has agreed elsewhere; active at once."""
    paper, proof = chosen(house, field(form, "newsletter")), field(form, "proof").strip()
    with house.database.transaction() as session:
        agreed = Proof(wording=proof, origin=f"desk, by {editor.name}")
        made = signup.add(session, house.keys, paper.slug, field(form, "email"), agreed, house.now)
        if name := field(form, "name").strip():
            preferences.rename(session, made.subscriber_id, name)
    says(request, f"to {paper.slug}", f"reader {made.subscriber_id}")
    return redirect(request, f"/desk/readers/{made.subscriber_id}")


def take_off(request: Request, house: HouseDep, form: FormDep, subscriber_id: int) -> Response:
    """Off one newsletter, or off all."""
    slug = field(form, "newsletter")
    with house.database.transaction() as session:
        unsubscribe.by_operator(session, _email(session, subscriber_id), slug or None, house.now)
    says(request, slug or "all newsletters", f"reader {subscriber_id}")
    return redirect(request, f"/desk/readers/{subscriber_id}")


def erase_page(request: Request, editor: EditorDep, session: ReadingDep, subscriber_id: int) -> Response:
    """What will be gone, and what must be typed."""
    return desk_page(request, editor, "erase", number=subscriber_id, email=_email(session, subscriber_id), wrong="")


def erase(request: Request, editor: EditorDep, house: HouseDep, form: FormDep, subscriber_id: int) -> Response:
    """For good: only whoever types the address once more means it."""
    with house.database.reading() as session:
        email = _email(session, subscriber_id)
    if not _is_the_same(field(form, "email"), email):
        wrong = "That is not the address of this reader. Nothing was erased."
        return desk_page(request, editor, "erase", 409, number=subscriber_id, email=email, wrong=wrong)
    daily.erase(paper_of(house), email, house.now)
    says(request, "", f"reader {subscriber_id}")
    return redirect(request, "/desk/readers")


def data(house: HouseDep, session: ReadingDep, subscriber_id: int) -> Response:
    """All that is stored about a person, to hand over (GDPR Articles 15 and 20)."""
    document = daily.data_of(session, house.config, _email(session, subscriber_id))
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return download(f"reader-{subscriber_id}.json", "application/json", [text])


def export(house: HouseDep, newsletter: str = "") -> Response:
    """Everybody of a newsletter, as the import reads it."""
    paper = chosen(house, newsletter)
    return download(f"{paper.slug}-readers.csv", "text/csv; charset=utf-8", _exported(house, paper.slug))


def shown_to(editor: Visitor, email: str) -> str:
    """An address as this editor may see it."""
    return email if editor.may(Role.ADMIN) else masked(email)


def _exported(house: House, slug: str) -> Iterator[str]:
    with house.database.reading() as session:
        yield from transfer.export_csv(session, slug)


def _found(session: ReadingDep, editor: Visitor, q: str, newsletter: str, state: str, after: str) -> Page:
    if not editor.may(Role.ADMIN):
        page = search.by_address(session, q, limit=1) if "@" in q else Page()
        return Page([one for one in page.people if _is_the_same(q, one.email)])
    if q:
        by_name = search.by_name if " " in q or (q[:1].isupper() and "@" not in q) else None
        found = (by_name or search.by_address)(session, q, after)
        return found if found.people or by_name or "@" in q else search.by_name(session, q, after)
    standing = SubscriptionState(state) if state in list(SubscriptionState) else None
    return search.listed(session, newsletter, standing, after if after.isdecimal() else "")


def _is_the_same(words: str, email: str) -> bool:
    try:
        return parse(words).key == parse(email).key
    except NotAnAddress:
        return False


def _email(session: ReadingDep, subscriber_id: int) -> str:
    found = session.get(Subscriber, subscriber_id)
    if found is None:
        raise NotFound(f"There is no reader {subscriber_id}: perhaps the person was erased.")
    return found.email
