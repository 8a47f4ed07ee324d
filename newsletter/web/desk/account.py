"""An editor's own account: password, second factor, and where else they are logged in."""

from collections.abc import Sequence

from fastapi import Request, Response
from sqlmodel import Session

from newsletter.editors import Visitor, accounts, codes, login, recovery, sessions
from newsletter.editors.models import Editor
from newsletter.errors import NotFound, Refused
from newsletter.web.dependencies import FormDep, HouseDep, ReadingDep, field
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import HEADERS, desk_page, redirect
from newsletter.web.desk.login import caller_of

ACCOUNT = "/desk/account"


def page(request: Request, house: HouseDep, session: ReadingDep, editor: EditorDep, done: str = "") -> Response:
    """All of it on one page. `done` names what has just been changed."""
    return _page(request, house, session, editor, done=done)


def set_password(request: Request, house: HouseDep, form: FormDep, editor: EditorDep) -> Response:
    """The old one, and the new one twice; other sessions end."""
    old, new, again = (field(form, name) for name in ("old", "password", "again"))
    try:
        login.change_password(house.database, editor, old, new, again, caller_of(request), house.now)
    except Refused as error:
        with house.database.reading() as session:
            return _page(request, house, session, editor, 422, wrong=str(error))
    return redirect(request, f"{ACCOUNT}?done=password")


def prepare_code(request: Request, house: HouseDep, editor: EditorDep) -> Response:
    """A new secret to scan; it counts once a code of it was typed in."""
    with house.database.transaction() as session:
        codes.prepare(session, house.keys, accounts.by_number(session, editor.id))
    return redirect(request, f"{ACCOUNT}#code")


def confirm_code(request: Request, house: HouseDep, form: FormDep, editor: EditorDep) -> Response:
    """The app works: from now on logging in asks for a code."""
    try:
        with house.database.transaction() as session:
            own = accounts.by_number(session, editor.id)
            papers = codes.confirm(session, house.keys, own, field(form, "code"), house.now)
    except Refused as error:
        with house.database.reading() as session:
            return _page(request, house, session, editor, 422, wrong_code=str(error))
    with house.database.reading() as session:
        return _page(request, house, session, editor, done="code", papers=papers)


def new_papers(request: Request, house: HouseDep, form: FormDep, editor: EditorDep) -> Response:
    """New codes on paper; the old ones end. The password is asked for: they are worth as much as it."""
    try:
        login.require_password(house.database, editor, field(form, "old"), caller_of(request), house.now)
        with house.database.transaction() as session:
            if not accounts.by_number(session, editor.id).code_secret:
                raise Refused("Set up a code first: these are for the day on which its app is lost.")
            papers = recovery.make(session, editor.id)
    except Refused as error:
        with house.database.reading() as session:
            return _page(request, house, session, editor, 422, wrong_paper=str(error))
    with house.database.reading() as session:
        return _page(request, house, session, editor, papers=papers)


def remove_code(request: Request, house: HouseDep, form: FormDep, editor: EditorDep) -> Response:
    """The password alone is enough again; it is asked for, so that an open desk is not enough to do it."""
    try:
        login.require_password(house.database, editor, field(form, "old"), caller_of(request), house.now)
    except Refused as error:
        with house.database.reading() as session:
            return _page(request, house, session, editor, 422, wrong_code=str(error))
    with house.database.transaction() as session:
        codes.remove(session, accounts.by_number(session, editor.id))
    return redirect(request, f"{ACCOUNT}?done=no-code")


def code_picture(house: HouseDep, session: ReadingDep, editor: EditorDep) -> Response:
    """The QR code of the secret that waits to be confirmed."""
    own = accounts.by_number(session, editor.id)
    if not own.code_pending:
        raise NotFound("There is no code to scan.")
    return Response(codes.picture(house.keys, own, house.config.site.name), media_type="image/svg+xml", headers=HEADERS)


def end_session(request: Request, session_id: int, house: HouseDep, editor: EditorDep) -> Response:
    """Log out elsewhere. Only one's own sessions."""
    with house.database.transaction() as session:
        own = {row.id for row in sessions.alive(session, editor.id, house.now)}
        if session_id not in own:
            raise NotFound("That session has ended already.")
        sessions.end(session, session_id, house.now)
    says(request, "", f"session {session_id}")
    return redirect(request, f"{ACCOUNT}?done=session")


def _page(
    request: Request, house: HouseDep, session: Session, editor: Visitor, status: int = 200, *, wrong: str = "",
    wrong_code: str = "", wrong_paper: str = "", done: str = "", papers: Sequence[str] = (),
) -> Response:  # fmt: skip
    own: Editor = accounts.by_number(session, editor.id)
    return desk_page(
        request, editor, "account", status, own=own, sessions=sessions.alive(session, editor.id, house.now),
        secret=codes.spoken(codes.pending(house.keys, own)), wrong=wrong, wrong_code=wrong_code,
        wrong_paper=wrong_paper, done=done, papers=papers, papers_left=recovery.left(session, editor.id),
    )  # fmt: skip
