"""The people at the desk: invite by mail, give roles, end sessions, disable. For admins alone."""

from email.utils import formataddr

from fastapi import BackgroundTasks, Request, Response
from sqlmodel import Session

from newsletter import notices
from newsletter.editors import Role, Visitor, accounts, codes, invitations, sessions
from newsletter.editors.models import Editor
from newsletter.errors import Refused
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import desk_page, redirect

PEOPLE = "/desk/people"
MEANINGS = {
    Role.VIEWER: "looks",
    Role.EDITOR: "changes drafts",
    Role.SENDER: "approves and sends",
    Role.ADMIN: "people, and readers’ data",
}


def page(request: Request, house: HouseDep, session: ReadingDep, editor: EditorDep) -> Response:
    """Everybody, and a form for one more."""
    return _page(request, house, session, editor)


def invite(
    request: Request, house: HouseDep, form: FormDep, editor: EditorDep, later: BackgroundTasks
) -> Response:  # fmt: skip
    """Somebody new: the link goes to their address by mail."""
    email, name, role = field(form, "email"), field(form, "name"), _role(form)
    try:
        with house.database.transaction() as session:
            new = accounts.add(session, email, name, role, house.now)
            _mail(session, house, editor, new)
    except Refused as error:
        with house.database.reading() as session:
            return _page(request, house, session, editor, 422, email=email, name=name, wrong=str(error))
    says(request, str(role), new.email)
    return _mailed(request, house, later)


def invite_again(
    request: Request, editor_id: int, house: HouseDep, editor: EditorDep, later: BackgroundTasks
) -> Response:  # fmt: skip
    """A new link, for a lost password too; older ones are good no more."""
    with house.database.transaction() as session:
        one = _one(request, session, editor_id)
        if one.disabled_at is not None:
            raise Refused(f"{one.name} is disabled: enable the account first.")
        _mail(session, house, editor, one)
    return _mailed(request, house, later)


def give_role(request: Request, editor_id: int, house: HouseDep, form: FormDep) -> Response:
    """What they may do from their next click on."""
    role = _role(form)
    with house.database.transaction() as session:
        accounts.set_role(session, _one(request, session, editor_id, str(role)), role)
    return redirect(request, PEOPLE)


def disable(request: Request, editor_id: int, house: HouseDep) -> Response:
    """Out, at once and everywhere."""
    with house.database.transaction() as session:
        accounts.disable(session, _one(request, session, editor_id), house.now)
        sessions.end_all(session, editor_id, house.now)
    return redirect(request, PEOPLE)


def enable(request: Request, editor_id: int, house: HouseDep) -> Response:
    """In again."""
    with house.database.transaction() as session:
        accounts.enable(session, _one(request, session, editor_id))
    return redirect(request, PEOPLE)


def end_sessions(request: Request, editor_id: int, house: HouseDep, editor: EditorDep) -> Response:
    """They log in anew; an admin's own present session stays."""
    with house.database.transaction() as session:
        _one(request, session, editor_id)
        sessions.end_all(session, editor_id, house.now, but=editor.session_id)
    return redirect(request, PEOPLE)


def take_code_off(request: Request, editor_id: int, house: HouseDep) -> Response:
    """The phone is lost."""
    with house.database.transaction() as session:
        codes.remove(session, _one(request, session, editor_id))
    return redirect(request, PEOPLE)


def _one(request: Request, session: Session, editor_id: int, details: str = "") -> Editor:
    """The editor that it is about, by address for the audit."""
    found = accounts.by_number(session, editor_id)
    says(request, details, found.email)
    return found


def _mail(session: Session, house: House, by: Visitor, to: Editor) -> None:
    invitation = invitations.invite(session, house.keys, to, by.name, house.now)
    mailbox = formataddr((to.name, to.email))
    notices.invite(session, house.config.newsletters[0], mailbox, invitation.id or 0, by.name, house.now)


def _mailed(request: Request, house: House, later: BackgroundTasks) -> Response:
    if house.sends_notices:
        later.add_task(notices.deliver_due, house.database, house.config, house.now)
    return redirect(request, f"{PEOPLE}?done=invited")


def _role(form: FormDep) -> Role:
    try:
        return Role(field(form, "role"))
    except ValueError as error:
        raise Refused(f"A role is one of {', '.join(Role)}.") from error


def _page(
    request: Request, house: House, session: Session, editor: Visitor, status: int = 200, *, email: str = "",
    name: str = "", wrong: str = "",
) -> Response:  # fmt: skip
    everybody = [(one, sessions.alive(session, one.id or 0, house.now)) for one in accounts.everybody(session)]
    return desk_page(
        request, editor, "people", status, everybody=everybody, meanings=MEANINGS, email=email, name=name, wrong=wrong,
        done=request.query_params.get("done", ""),
    )  # fmt: skip
