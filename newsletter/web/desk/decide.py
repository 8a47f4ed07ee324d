"""Decisions about an issue: each is one verb of `daily`, signed with the editor's name, and then back to the page."""

from datetime import date

from fastapi import Request, Response

from newsletter import daily
from newsletter.errors import Refused
from newsletter.issues import find
from newsletter.issues.models import Issue
from newsletter.issues.timetable import moment_on
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page, inside, redirect
from newsletter.web.desk.sending import paper_of
from newsletter.web.desk.standing import standing

LONGEST_WHY = 300


def approve(request: Request, issue_id: int, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """Yes, or the first of two."""
    _about(request, house, issue_id)
    daily.approve(paper_of(house), issue_id, editor.name, house.now)
    return _back(request, form)


def bar(request: Request, issue_id: int, session: ReadingDep, editor: EditorDep) -> Response:
    """The decision bar alone, for a page on which the issue has just been changed."""
    issue = find.by_number(session, str(issue_id))
    shown = standing(request, session, editor, issue)
    here = f"/desk/issues/{issue_id}"
    return desk_page(request, editor, "_decide", paper=shown.newsletter, standing=shown, here=here)


def hold(request: Request, issue_id: int, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """Not by itself, and why."""
    why = _why(form)
    _about(request, house, issue_id, why)
    daily.hold(paper_of(house), issue_id, editor.name, why, house.now)
    return _back(request, form)


def skip(request: Request, newsletter: str, day: date, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """No issue on that day, and why."""
    why = _why(form)
    says(request, why, f"{newsletter}/{day}")
    daily.skip(paper_of(house), house.config.newsletter(newsletter), day, editor.name, why, house.now)
    return _back(request, form)


def reopen(request: Request, newsletter: str, day: date, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """An issue on that day after all, and why."""
    why = _why(form)
    says(request, why, f"{newsletter}/{day}")
    daily.reopen(paper_of(house), house.config.newsletter(newsletter), day, editor.name, why, house.now)
    return _back(request, form)


def send_now(request: Request, issue_id: int, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """Its time is now."""
    _about(request, house, issue_id)
    daily.send_now(paper_of(house), issue_id, editor.name, house.now)
    return _back(request, form)


def reschedule(request: Request, issue_id: int, house: HouseDep, editor: EditorDep, form: FormDep) -> Response:
    """At another time."""
    issue = _about(request, house, issue_id, field(form, "send_at"))
    moment = moment_on(house.config.newsletter(issue.newsletter), issue.issue_date, field(form, "send_at"))
    daily.reschedule(paper_of(house), issue_id, moment, editor.name, house.now)
    return _back(request, form)


def _about(request: Request, house: House, issue_id: int, details: str = "") -> Issue:
    """The issue that it is about, by its name for the audit. NotFound if there is none."""
    with house.database.reading() as session:
        issue = find.by_number(session, str(issue_id))
    says(request, details, f"{issue.newsletter}/{issue.issue_date}")
    return issue


def _why(form: FormDep) -> str:
    why = " ".join(field(form, "why").split())
    if not why:
        raise Refused("Say why, in a few words: the other editors will ask.")
    return why[:LONGEST_WHY]


def _back(request: Request, form: FormDep) -> Response:
    return redirect(request, inside(field(form, "back")))
