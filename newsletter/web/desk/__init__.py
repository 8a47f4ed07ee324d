"""The editors' desk: every door of it on one page, each with the least role that may pass.

A route without a role here can't exist: routes are made from this table alone. A door that changes something also says
what its act is called in the audit; doors without a role stand before the login and keep the audit themselves.

door.py     who passes: session, role, origin, form token; every act is written down
frame.py    pages in the desk's look: headers, navigation, errors, `desk_page`
login.py    password, code, invitation, leaving
issue.py    an issue: its picks, left-outs and words, and what editors do to them; board.py reads what it shows
preview.py  what readers get, in a frame that can do nothing
today.py    what each newsletter is about to do
sending.py  a send as it goes, live
results.py  what became of an issue
figures.py  a newsletter over time
readers.py  find a reader and do what they ask for; suppressions.py, imports.py
sources.py  how the sources are, and a feed tried before it is one
counts.py   what these count, once for all who look (gauge.py, charts.py, tables.py)
decide.py   approve, hold, skip, reopen, send now, another time
account.py  one's own password, code and sessions
people.py   editors: invite, roles, disable
audit.py    every act
standing.py where an issue stands: what the decision bar shows
"""

from functools import cache

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse
from starlette.exceptions import HTTPException

from newsletter.editors import Role
from newsletter.errors import NewsletterError
from newsletter.web.dependencies import House
from newsletter.web.desk import (
    account,
    audit,
    decide,
    figures,
    frame,
    imports,
    issue,
    login,
    people,
    preview,
    readers,
    results,
    sending,
    sources,
    suppressions,
    today,
)
from newsletter.web.desk.counts import Counts
from newsletter.web.desk.door import ACT, LOOK, NOBODY, Door, EditorDep, says
from newsletter.web.desk.frame import desk_page
from subscribers import SubscribersError

PATH = "/desk"
DOORS = (
    # before the login
    Door("/desk/login", LOOK, login.page, NOBODY),
    Door("/desk/login", ACT, login.enter, NOBODY),
    Door("/desk/login/code", LOOK, login.code_page, NOBODY),
    Door("/desk/login/code", ACT, login.enter_code, NOBODY),
    Door("/desk/invitations/{token}", LOOK, login.invitation, NOBODY),
    Door("/desk/invitations/{token}", ACT, login.accept, NOBODY),
    # everybody's
    Door("/desk", LOOK, today.page, Role.VIEWER),
    # an issue
    Door("/desk/issues/{issue_id}", LOOK, issue.page, Role.VIEWER),
    Door("/desk/issues/{issue_id}/picks", LOOK, issue.picks, Role.VIEWER),
    Door("/desk/issues/{issue_id}/left-out", LOOK, issue.left_out, Role.VIEWER),
    Door("/desk/issues/{issue_id}/articles/{article_id}", LOOK, issue.article, Role.VIEWER),
    Door("/desk/issues/{issue_id}/look", LOOK, preview.look, Role.VIEWER),
    Door("/desk/issues/{issue_id}/preview", LOOK, preview.bytes_, Role.VIEWER),
    Door("/desk/issues/{issue_id}/act", ACT, issue.act, Role.EDITOR, "changed an issue"),
    Door("/desk/issues/{issue_id}/write", ACT, issue.write, Role.EDITOR, "wrote in an issue"),
    Door("/desk/issues/{issue_id}/add", ACT, issue.add, Role.EDITOR, "added an article"),
    Door("/desk/issues/{issue_id}/check", ACT, issue.check, Role.EDITOR, "checked an issue"),
    Door("/desk/issues/{issue_id}/test", ACT, issue.test, Role.EDITOR, "sent a test"),
    # decisions
    Door("/desk/issues/{issue_id}/decide", LOOK, decide.bar, Role.VIEWER),
    Door("/desk/issues/{issue_id}/approve", ACT, decide.approve, Role.SENDER, "approved"),
    Door("/desk/issues/{issue_id}/hold", ACT, decide.hold, Role.SENDER, "held"),
    Door("/desk/issues/{issue_id}/send-now", ACT, decide.send_now, Role.SENDER, "sent at once"),
    Door("/desk/issues/{issue_id}/reschedule", ACT, decide.reschedule, Role.SENDER, "gave another time"),
    Door("/desk/newsletters/{newsletter}/{day}/skip", ACT, decide.skip, Role.SENDER, "skipped a day"),
    Door("/desk/newsletters/{newsletter}/{day}/reopen", ACT, decide.reopen, Role.SENDER, "took a skipped day up again"),
    # one's own
    Door("/desk/account", LOOK, account.page, Role.VIEWER),
    Door("/desk/account/password", ACT, account.set_password, Role.VIEWER, "changed the password"),
    Door("/desk/account/code", ACT, account.prepare_code, Role.VIEWER, "began to set up a code"),
    Door("/desk/account/code.svg", LOOK, account.code_picture, Role.VIEWER),
    Door("/desk/account/code/confirm", ACT, account.confirm_code, Role.VIEWER, "set up a code"),
    Door("/desk/account/code/remove", ACT, account.remove_code, Role.VIEWER, "took the code off"),
    Door("/desk/account/code/papers", ACT, account.new_papers, Role.VIEWER, "made recovery codes"),
    Door("/desk/account/sessions/{session_id}/end", ACT, account.end_session, Role.VIEWER, "ended a session"),
    # people
    Door("/desk/people", LOOK, people.page, Role.ADMIN),
    Door("/desk/people", ACT, people.invite, Role.ADMIN, "invited an editor"),
    Door("/desk/people/{editor_id}/invite", ACT, people.invite_again, Role.ADMIN, "invited an editor again"),
    Door("/desk/people/{editor_id}/role", ACT, people.give_role, Role.ADMIN, "gave a role"),
    Door("/desk/people/{editor_id}/disable", ACT, people.disable, Role.ADMIN, "disabled an editor"),
    Door("/desk/people/{editor_id}/enable", ACT, people.enable, Role.ADMIN, "enabled an editor"),
    Door("/desk/people/{editor_id}/sessions/end", ACT, people.end_sessions, Role.ADMIN, "ended all sessions"),
    Door("/desk/people/{editor_id}/no-code", ACT, people.take_code_off, Role.ADMIN, "took a code off an account"),
    Door("/desk/audit", LOOK, audit.page, Role.ADMIN),
    Door("/desk/logout", ACT, login.leave, Role.VIEWER, "logged out"),
    # a send and what became of it
    Door("/desk/issues/{issue_id}/sending", LOOK, sending.page, Role.VIEWER),
    Door(
        "/desk/issues/{issue_id}/sending/events", ("GET",), sending.events, Role.VIEWER,
        response_class=EventSourceResponse,
    ),
    Door("/desk/issues/{issue_id}/pause", ACT, sending.pause, Role.SENDER, "paused"),
    Door("/desk/issues/{issue_id}/resume", ACT, sending.resume, Role.SENDER, "resumed"),
    Door("/desk/issues/{issue_id}/cancel", ACT, sending.cancel, Role.SENDER, "cancelled"),
    Door("/desk/issues/{issue_id}/results", LOOK, results.page, Role.VIEWER),
    Door("/desk/issues/{issue_id}/results/refusals.csv", LOOK, results.refusals_csv, Role.VIEWER),
    Door("/desk/issues/{issue_id}/results/providers.csv", LOOK, results.providers_csv, Role.VIEWER),
    Door("/desk/issues/{issue_id}/results/clicks.csv", LOOK, results.clicks_csv, Role.VIEWER),
    Door("/desk/issues/{issue_id}/results/leavings.csv", LOOK, results.leavings_csv, Role.VIEWER),
    Door("/desk/issues/{issue_id}/uncertain", ACT, results.resolve, Role.SENDER, "decided about uncertain deliveries"),
    Door("/desk/figures", LOOK, figures.page, Role.VIEWER),
    Door("/desk/figures/issues.csv", LOOK, figures.issues_csv, Role.VIEWER),
    Door("/desk/figures/days.csv", LOOK, figures.days_csv, Role.VIEWER),
    Door("/desk/figures/leavings.csv", LOOK, figures.leavings_csv, Role.VIEWER),
    # readers
    Door("/desk/readers", LOOK, readers.page, Role.VIEWER),
    Door("/desk/readers/add", ACT, readers.add, Role.ADMIN, "added a reader"),
    Door("/desk/readers/export.csv", LOOK, readers.export, Role.ADMIN),
    Door("/desk/readers/{subscriber_id}", LOOK, readers.person, Role.VIEWER),
    Door("/desk/readers/{subscriber_id}/data.json", LOOK, readers.data, Role.ADMIN),
    Door("/desk/readers/{subscriber_id}/unsubscribe", ACT, readers.take_off, Role.ADMIN, "took a reader off"),
    Door("/desk/readers/{subscriber_id}/erase", LOOK, readers.erase_page, Role.ADMIN),
    Door("/desk/readers/{subscriber_id}/erase", ACT, readers.erase, Role.ADMIN, "erased a reader"),
    Door("/desk/suppressions", LOOK, suppressions.page, Role.ADMIN),
    Door("/desk/suppressions", ACT, suppressions.add, Role.ADMIN, "put an address on the never-mail list"),
    Door("/desk/suppressions/lift", ACT, suppressions.lift, Role.ADMIN, "took an address off the never-mail list"),
    Door("/desk/imports", LOOK, imports.page, Role.ADMIN),
    Door(
        "/desk/imports", ACT, imports.receive, Role.ADMIN, "put a file of readers up",
        max_body_bytes=imports.MAX_FILE_BYTES,
    ),
    Door("/desk/imports/{number}", LOOK, imports.look, Role.ADMIN),
    Door("/desk/imports/{number}/columns", ACT, imports.choose, Role.ADMIN, "said which column is what"),
    Door("/desk/imports/{number}/start", ACT, imports.start, Role.ADMIN, "imported readers"),
    Door("/desk/imports/{number}/drop", ACT, imports.drop, Role.ADMIN, "took a file of readers back"),
    # sources
    Door("/desk/sources", LOOK, sources.page, Role.VIEWER),
    Door("/desk/sources/try", ACT, sources.attempt, Role.EDITOR, "tried a feed"),
    Door("/desk/sources/{name}", LOOK, sources.one, Role.VIEWER),
)  # fmt: skip


@cache
def _routes() -> tuple[APIRoute, ...]:
    """Made once a process: FastAPI takes milliseconds to read an endpoint, and no route knows a house."""
    return tuple(door.route() for door in DOORS)


def create_desk(house: House) -> FastAPI:
    """The app that answers at /desk and below."""
    desk = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    desk.state.house = house
    desk.state.frame = frame.Frame(house.config, DOORS)
    desk.state.counts = Counts(house)
    desk.state.imports = imports.Imports(house.config.folder)
    desk.router.routes.extend(_routes())
    for kind in (HTTPException, NewsletterError, SubscribersError):
        desk.add_exception_handler(kind, frame.refusal)
    return desk


__all__ = ["ACT", "DOORS", "LOOK", "NOBODY", "PATH", "Door", "EditorDep", "create_desk", "desk_page", "says"]
