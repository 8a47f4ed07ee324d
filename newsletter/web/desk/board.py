"""What the issue's page shows, read from the rows: picks with their reasons, what editors did, the diff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlmodel import Session, col, func, select

from newsletter.config import Config, Newsletter
from newsletter.issues import changing, choosing, edits, models
from newsletter.issues.chosen import Chosen, chosen_for, shown_source, url_of
from newsletter.issues.edits import Edits, Field, Step
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.texts import Text
from newsletter.picks.reasons import shortened
from newsletter.rendering.models import Edition
from newsletter.sources.models import Article

LONGEST_TITLE = 60  # in the history
OPEN = (IssueState.DRAFT, IssueState.HELD, IssueState.APPROVED)


@dataclass(frozen=True)
class Row:
    """One pick. `title` and `standfirst` are as readers get them, `own_title` as the source has it."""

    article: int
    position: int
    section: str
    title: str
    own_title: str
    standfirst: str
    source: str
    url: str
    score: float
    why: str
    points: Mapping[str, float]
    pinned: bool
    is_wanted: bool
    is_worded: bool
    tellings: tuple[tuple[int, str], ...]  # other articles of the story: number, "source: title"


@dataclass(frozen=True)
class Difference:
    """One line of the diff against the machine's own pick."""

    what: str  # added, dropped, moved, worded
    title: str
    detail: str


@dataclass(frozen=True)
class Done:
    """One step of the history, in words."""

    number: int
    words: str
    who: str
    is_undone: bool


@dataclass(frozen=True)
class Board:
    """All of the list at the left."""

    version: str
    rows: tuple[Row, ...]
    sections: tuple[str, ...]
    history: tuple[Done, ...]
    undo: Done | None
    redo: Done | None
    is_open: bool


def version(session: Session, newsletter: Newsletter, issue: Issue) -> str:
    """What changes whenever anything on the page does."""
    steps = [(one.number, one.is_undone) for one in edits.steps(session, newsletter, issue.issue_date)]
    rendered = session.scalar(select(func.max(col(Edition.rendered_at))).where(col(Edition.issue_id) == issue.id))
    words = f"{issue.drafted_at.timestamp()} {rendered} {issue.state} {steps}"
    return sha256(words.encode()).hexdigest()[:16]


def board(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> Board:
    """The list as it stands."""
    edited = edits.of(session, newsletter, issue.issue_date)
    picked = chosen_for(session, issue)
    steps = edits.steps(session, newsletter, issue.issue_date)
    titles = _titles(session, [number for step in steps for number in step.articles])
    history = tuple(_done(step, titles) for step in steps)
    again = edits.next_to_redo(steps)
    tellings = _tellings(session, config, picked)
    return Board(
        version=version(session, newsletter, issue),
        rows=tuple(_row(config, chosen, edited, tellings) for chosen in picked),
        sections=tuple(rule.name for rule in config.sections_of(newsletter)),
        history=history,
        undo=next((one for one in history if not one.is_undone), None),
        redo=next((one for one in history if again and one.number == again.number), None),
        is_open=issue.state in OPEN,
    )


def places(session: Session, issue: Issue) -> Sequence[models.Pick]:
    """The picks' rows."""
    return session.exec(select(models.Pick).where(models.Pick.issue_id == issue.id)).all()


def differences(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> list[Difference]:
    """What editors made of the machine's own pick."""
    machine = {pick.piece.id: pick for pick in choosing.unedited(session, config, newsletter, issue).picks}
    edited = edits.of(session, newsletter, issue.issue_date)
    now = {chosen.pick.article_id: chosen for chosen in chosen_for(session, issue)}
    found = [
        Difference("dropped", pick.piece.title, f"was {pick.position}, {pick.piece.section}")
        for number, pick in machine.items()
        if number not in now
    ]
    for number, chosen in now.items():
        found += _changes(chosen, machine.get(number), edited)
    texts = changing.texts(session, config, newsletter, issue, None)
    found += [Difference("worded", name, _now(texts[Field(name)])) for name in edited.issue]
    return found


def _changes(chosen: Chosen, machine: Any, edited: Edits) -> list[Difference]:
    pick, article = chosen.pick, chosen.article
    place = f"{pick.position}, {pick.section}"
    found = []
    if machine is None:
        found.append(Difference("added", article.title, f"is {place}"))
    elif (machine.position, machine.piece.section) != (pick.position, pick.section):
        was = f"was {machine.position}, {machine.piece.section}; is {place}"
        found.append(Difference("moved", article.title, was))
    words = {name: edited.of(pick.article_id, name) for name in (Field.TITLE, Field.STANDFIRST, Field.NOTE)}
    found += [Difference("worded", article.title, f"{name}: {value}") for name, value in words.items() if value]
    return found


def _now(text: Text) -> str:
    return shortened(text.now, 200) or "nothing"


def _row(config: Config, chosen: Chosen, edited: Edits, tellings: Mapping[int, tuple[tuple[int, str], ...]]) -> Row:
    pick, article = chosen.pick, chosen.article
    fields = edited.articles.get(pick.article_id, {})
    return Row(
        article=pick.article_id,
        position=pick.position,
        section=pick.section,
        title=fields.get(Field.TITLE, article.title),
        own_title=article.title,
        standfirst=fields.get(Field.STANDFIRST, article.standfirst),
        source=shown_source(config, article.source),
        url=url_of(config, article),
        score=pick.score,
        why=pick.why,
        points=chosen.points,
        pinned=Field.PLACE in fields,
        is_wanted=not {Field.IN, Field.REPLACES, Field.PLACE}.isdisjoint(fields),
        is_worded=not {Field.TITLE, Field.STANDFIRST, Field.IMAGE_ALT, Field.NOTE, Field.IS_PAID}.isdisjoint(fields),
        tellings=tellings.get(pick.story_id, ()),
    )


def _tellings(session: Session, config: Config, picked: Sequence[Chosen]) -> dict[int, tuple[tuple[int, str], ...]]:
    """The other articles of the picks' stories, by story."""
    picks = {chosen.pick.article_id for chosen in picked}
    rows = session.execute(
        select(col(models.Candidate.story_id), col(Article.id), col(Article.source), col(Article.title))
        .join(Article, col(Article.id) == col(models.Candidate.article_id))
        .where(col(models.Candidate.story_id).in_([chosen.pick.story_id for chosen in picked]))
        .order_by(col(models.Candidate.score).desc(), col(Article.id))
    )
    found: dict[int, tuple[tuple[int, str], ...]] = {}
    for row in rows:
        if row.id not in picks:
            words = f"{shown_source(config, row.source)}: {shortened(row.title, 90)}"
            found[row.story_id] = (*found.get(row.story_id, ()), (row.id, words))
    return found


def _titles(session: Session, numbers: Sequence[int]) -> dict[int, str]:
    rows = session.execute(select(col(Article.id), col(Article.title)).where(col(Article.id).in_(set(numbers))))
    return {row.id: row.title for row in rows}


def _done(step: Step, titles: Mapping[int, str]) -> Done:
    fields = ", ".join(field.replace("_", " ").replace("image alt", "picture's text") for field in step.fields)
    title = f" “{shortened(titles.get(step.articles[-1], ''), LONGEST_TITLE)}”" if step.articles else ""
    words = f"{step.act} the {fields}{' of' if title else ''}{title}" if step.act == "worded" else f"{step.act}{title}"
    return Done(step.number, words, step.who, step.is_undone)
