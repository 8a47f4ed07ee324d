"""The issue's page: the list of picks, what was left out, the words on top, and all that editors do to them.

An act answers with the list as it then stands (htmx puts it in the place of the old one), or, without script, with the
page. The list asks for itself every few seconds, so that each editor sees what the others do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import BackgroundTasks, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from newsletter import daily, proof
from newsletter.config import Newsletter
from newsletter.editors.sessions import Visitor
from newsletter.errors import NotFound, Refused
from newsletter.issues import acts, changing, find, texts
from newsletter.issues.acts import Act
from newsletter.issues.changing import Changed
from newsletter.issues.contents import Sponsor
from newsletter.issues.edits import Field
from newsletter.issues.models import Issue
from newsletter.issues.texts import Conflict, Said
from newsletter.rendering.preflight import reports
from newsletter.sources import by_hand
from newsletter.web.dependencies import FormDep, House, HouseDep, ReadingDep
from newsletter.web.desk import board, preview
from newsletter.web.desk.door import EditorDep, says
from newsletter.web.desk.frame import HEADERS, desk_page
from newsletter.web.desk.left_outs import left_outs
from newsletter.web.desk.standing import standing

LONGEST_SEARCH = 100
SPONSOR_FIELDS = ("label", "text", "url", "image", "image_alt")
LABELS = {
    Field.TITLE: "headline", Field.STANDFIRST: "standfirst", Field.IMAGE_ALT: "picture's text", Field.NOTE: "note",
    Field.IS_PAID: "mark for a paid page", Field.SUBJECT: "subject", Field.PREHEADER: "preheader",
    Field.INTRO: "intro", Field.SIGNATURE: "signature", Field.SPONSOR: "sponsor",
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """What the page says after an act."""

    text: str = ""
    is_wrong: bool = False
    conflicts: tuple[Conflict, ...] = field(default=())


def page(
    request: Request, issue_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep, q: str = "",
    view: str = "desktop", dark: bool = False, pictures: bool = True, reader: str = "", topics: str = "",
) -> Response:  # fmt: skip
    """The whole page."""
    looked = preview.Look(view, dark, pictures, reader, topics)
    return _page(request, house, session, editor, issue_id, q=q, looked=looked)


def picks(
    request: Request, issue_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep, version: str = ""
) -> Response:
    """The list alone; nothing (204) while it is as `version` has it."""
    issue, newsletter = _issue(session, house, issue_id)
    if version == board.version(session, newsletter, issue):
        return Response(status_code=204, headers=HEADERS)
    return _list(request, house, session, editor, issue_id)


def left_out(
    request: Request, issue_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep, q: str = ""
) -> Response:
    """What was left out and has the words."""
    issue, newsletter = _issue(session, house, issue_id)
    found = left_outs(session, house.config, newsletter, issue, q.strip()[:LONGEST_SEARCH])
    return desk_page(request, editor, "_left_out", paper=newsletter, issue=issue, left=found, q=q)


def article(
    request: Request, issue_id: int, article_id: int, house: HouseDep, session: ReadingDep, editor: EditorDep
) -> Response:
    """The words of one article: the source's own beside the editors'."""
    issue, newsletter = _issue(session, house, issue_id)
    found = changing.texts(session, house.config, newsletter, issue, article_id)
    name = "_article" if _by_htmx(request) else "article"
    return desk_page(request, editor, name, paper=newsletter, issue=issue, article=article_id, texts=found, word=Word())


def act(
    request: Request, issue_id: int, house: HouseDep, form: FormDep, editor: EditorDep, tasks: BackgroundTasks
) -> Response:
    """One act on the list."""
    what, number = _text(form, "act"), _number(form, "article")
    if what in ("undo", "redo"):
        do = daily.undo if what == "undo" else daily.redo
        changed = do(_paper(house), issue_id, editor.name, house.now, _number(form, "step") or None)
    else:
        asked = _asked(house, issue_id, what, number, form)
        changed = daily.change(_paper(house), issue_id, asked, editor.name, house.now)
    return _changed(request, house, editor, changed, tasks, what)


def write(
    request: Request, issue_id: int, house: HouseDep, form: FormDep, editor: EditorDep, tasks: BackgroundTasks
) -> Response:
    """The words of an article, or of the whole issue."""
    number = _number(form, "article") or None
    fields = texts.OF_ARTICLE if number else texts.OF_ISSUE
    said = tuple(Said(one, _text(form, f"seen.{one}"), _said(form, one)) for one in fields if f"seen.{one}" in form)
    changed = daily.change(_paper(house), issue_id, acts.Write(number, said), editor.name, house.now)
    return _changed(request, house, editor, changed, tasks, "worded")


def add(
    request: Request, issue_id: int, house: HouseDep, form: FormDep, editor: EditorDep, tasks: BackgroundTasks
) -> Response:
    """Read a page of the web, keep it as an article, and pull it in."""
    url = _text(form, "url").strip()
    if not url.lower().startswith(("http://", "https://")):
        raise Refused("Paste the whole address of a page, beginning with https://.")
    with house.database.reading() as session:
        newsletter = _issue(session, house, issue_id)[1]
    own = house.config.sources_of(newsletter)
    if not own:
        raise Refused(f"An article is of a source, and {newsletter.title} has none: config.toml names them.")
    source = _text(form, "source") or own[0].name
    if source not in {one.name for one in own}:
        raise NotFound(f"{newsletter.title} has no source {source!r}.")
    added = by_hand.add(house.database, house.config, url, source, house.now)
    section = "" if added.section in _sections(house, newsletter) else _sections(house, newsletter)[0]
    changed = daily.change(_paper(house), issue_id, acts.PullIn(added.article, section), editor.name, house.now)
    return _changed(request, house, editor, changed, tasks, "pull")


def check(request: Request, issue_id: int, house: HouseDep, editor: EditorDep) -> Response:
    """Look for what speaks against sending it."""
    daily.check(_paper(house), issue_id, house.now)
    with house.database.reading() as session:
        if _by_htmx(request):
            return _findings(request, house, session, editor, issue_id)
        return _page(request, house, session, editor, issue_id)


def test(request: Request, issue_id: int, house: HouseDep, editor: EditorDep) -> Response:
    """A marked copy to the editor's own address."""
    proof.send_test(_paper(house), issue_id, editor.email, house.now)
    word = Word(f"A test is on its way to {editor.email}.")
    with house.database.reading() as session:
        issue, newsletter = _issue(session, house, issue_id)
        if _by_htmx(request):
            return desk_page(request, editor, "_word", paper=newsletter, issue=issue, word=word, labels=LABELS)
        return _page(request, house, session, editor, issue_id, word=word)


# --- what an act means ----------------------------------------------------------------------------------------------


def _asked(house: House, issue_id: int, what: str, number: int, form: FormData) -> Act:
    with house.database.reading() as session:
        issue, newsletter = _issue(session, house, issue_id)
        place = next((row.position for row in board.places(session, issue) if row.article_id == number), 0)
    known: dict[str, Callable[[], Act]] = {
        "move": lambda: acts.Move(number, _number(form, "place")),
        "up": lambda: acts.Move(number, place - 1),
        "down": lambda: acts.Move(number, place + 1),
        "pin": lambda: acts.Pin(number),
        "release": lambda: acts.Release(number),
        "drop": lambda: acts.Drop(number),
        "ban": lambda: acts.Drop(number, for_good=True),
        "pull": lambda: acts.PullIn(number, _section_of(house, newsletter, form)),
        "replace": lambda: acts.Replace(number, _number(form, "by")),
        "section": lambda: acts.ToSection(number, _text(form, "section")),
    }
    if what not in known:
        raise NotFound(f"There is no act {what!r}.")
    return known[what]()


def _section_of(house: House, newsletter: Newsletter, form: FormData) -> str:
    """The section for an article whose own the newsletter does not have."""
    own, named = _text(form, "own_section"), _sections(house, newsletter)
    return "" if own in named or not own else named[0]


def _said(form: FormData, one: Field) -> str:
    if one is not Field.SPONSOR:
        return _text(form, one)
    label, text, url, image, alt = (_text(form, f"sponsor.{name}").strip() for name in SPONSOR_FIELDS)
    return texts.sponsor(label, text, url, image, alt)


# --- how it is answered ---------------------------------------------------------------------------------------------


def _changed(
    request: Request, house: House, editor: Visitor, changed: Changed, tasks: BackgroundTasks, what: str
) -> Response:
    issue_id = changed.issue.id or 0
    says(request, f"step {changed.step}: {what}", f"{changed.issue.newsletter}/{changed.issue.issue_date}")
    if changed.came_in:
        tasks.add_task(daily.bring_pictures, _paper(house), issue_id, house.now)
    word = Word(_in_words(changed), bool(changed.conflicts), changed.conflicts)
    with house.database.reading() as session:
        if _by_htmx(request):
            return _list(request, house, session, editor, issue_id, word)
        return _page(request, house, session, editor, issue_id, word=word)


def _in_words(changed: Changed) -> str:
    """What the act did beyond what was asked."""
    if changed.conflicts:
        return "Somebody else was quicker: both are shown below, and nothing is lost."
    parts = [f"“{title}” came in." for title in changed.came_in]
    parts += [f"“{title}” went out: {why}." for title, why in changed.went_out]
    return " ".join(parts)


def _list(
    request: Request, house: House, session: Session, editor: Visitor, issue_id: int, word: Word | None = None
) -> Response:
    issue, newsletter = _issue(session, house, issue_id)
    return desk_page(
        request, editor, "_board", paper=newsletter, issue=issue, is_piece=True, word=word, labels=LABELS,
        board=board.board(session, house.config, newsletter, issue),
        inbox=preview.inbox(newsletter, issue),
    )  # fmt: skip


def _findings(request: Request, house: House, session: Session, editor: Visitor, issue_id: int) -> Response:
    issue, newsletter = _issue(session, house, issue_id)
    found = next(iter(reports.of(session, issue)), None)
    return desk_page(request, editor, "_findings", paper=newsletter, issue=issue, report=found)


def _page(
    request: Request, house: House, session: Session, editor: Visitor, issue_id: int, *, q: str = "",
    looked: preview.Look | None = None, word: Word | None = None,
) -> Response:  # fmt: skip
    issue, newsletter = _issue(session, house, issue_id)
    left = left_outs(session, house.config, newsletter, issue, q.strip()[:LONGEST_SEARCH])
    found = changing.texts(session, house.config, newsletter, issue, None)
    look = looked or preview.Look()
    return desk_page(
        request, editor, "issue", paper=newsletter, issue=issue, is_piece=False, here=f"/desk/issues/{issue_id}",
        standing=standing(request, session, editor, issue), word=word, labels=LABELS, q=q,
        board=board.board(session, house.config, newsletter, issue), left=left,
        texts=found, sponsor=_sponsor_fields(found[Field.SPONSOR].now),
        sources=house.config.sources_of(newsletter), report=next(iter(reports.of(session, issue)), None),
        inbox=preview.inbox(newsletter, issue), look=look, **preview.values(session, house, issue, look),
    )  # fmt: skip


def _sponsor_fields(words: str) -> Sponsor:
    return preview.sponsor_of(words)


def _issue(session: Session, house: House, issue_id: int) -> tuple[Issue, Newsletter]:
    issue = find.by_number(session, str(issue_id))
    return issue, house.config.newsletter(issue.newsletter)


def _sections(house: House, newsletter: Newsletter) -> list[str]:
    return [rule.name for rule in house.config.sections_of(newsletter)]


def _paper(house: House) -> daily.Paper:
    return daily.Paper(house.config, house.database)


def _by_htmx(request: Request) -> bool:
    return bool(request.headers.get("hx-request"))


def _text(form: FormData, name: str) -> str:
    value: Any = form.get(name, "")
    return value if isinstance(value, str) else ""


def _number(form: FormData, name: str) -> int:
    """A field's number; 0 where it is none."""
    words = _text(form, name).strip()
    return int(words) if words.isascii() and words.isdigit() and len(words) < 10 else 0
