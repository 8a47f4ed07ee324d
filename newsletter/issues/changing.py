"""An editor's act on a draft, in one transaction: written down as a step, and the issue picked and worded again.

It takes the grouping that the draft has kept, so it is quick, and what comes out is what a redraft with the same edits
would make of the same articles. The issue's row is locked first: of two editors one comes after the other.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.config import Config, Newsletter
from newsletter.errors import NotFound, Refused
from newsletter.issues import assemble, choosing, edits, look, models, states, window
from newsletter.issues.acts import Act, Placed, Standing
from newsletter.issues.edits import Edits, Entry, Field
from newsletter.issues.models import Issue, IssueState
from newsletter.issues.texts import YES, Conflict, Text, sponsor_in_words
from newsletter.picks.choose import Candidate, Choice, Pick
from newsletter.picks.rules import Wishes
from newsletter.sources.models import Article

OPEN = (IssueState.DRAFT, IssueState.HELD)
LIKE_WORDS = frozenset(
    {Field.TITLE, Field.STANDFIRST, Field.IMAGE_ALT, Field.NOTE, Field.IS_PAID}
    | {Field.SUBJECT, Field.PREHEADER, Field.INTRO, Field.SIGNATURE, Field.SPONSOR}
)  # they change how it reads and not what is in it


@dataclass(frozen=True)
class Changed:
    """What became of an act. `step` is 0 where it changed nothing; titles are the sources' own."""

    issue: Issue
    step: int = 0
    came_in: tuple[str, ...] = ()
    went_out: tuple[tuple[str, str], ...] = ()  # with the reason
    conflicts: tuple[Conflict, ...] = ()


def change(
    session: Session, config: Config, newsletter: Newsletter, issue_id: int, act: Act, who: str, now: datetime
) -> Changed:
    """Do `act`. An approved issue becomes a draft again; Refused for one that is beyond that, or where `act` is."""
    issue = _locked(session, issue_id)
    standing = _standing(session, config, newsletter, issue)
    entries = act.entries(standing)
    conflicts = tuple(act.conflicts(standing))
    if not entries:
        return Changed(issue, conflicts=conflicts)
    _require_articles(session, entries)
    _take_approval_back(session, issue, who, f"{act.word} after it was approved", now)
    step = edits.add(session, newsletter, issue.issue_date, act.word, entries, who, now)
    if _only_words(entries):
        _word_again(session, config, newsletter, issue, now)
        return Changed(issue, step, conflicts=conflicts)
    before = _titles(session, issue)
    choice = again(session, config, newsletter, issue, now)
    _require_in(choice, entries)
    came_in, went_out = _difference(before, choice)
    return Changed(issue, step, came_in, went_out, conflicts)


def undo(
    session: Session, config: Config, newsletter: Newsletter, issue_id: int, step: int | None, who: str, now: datetime
) -> Changed:
    """Take a step back: that one, or the last."""
    issue = _locked(session, issue_id)
    undone = edits.undo(session, newsletter, issue.issue_date, who, now, step)
    return _moved_back(session, config, newsletter, issue, undone.number, who, f"undone: {undone.act}", now)


def redo(
    session: Session, config: Config, newsletter: Newsletter, issue_id: int, step: int | None, who: str, now: datetime
) -> Changed:
    """Bring an undone step back."""
    issue = _locked(session, issue_id)
    done = edits.redo(session, newsletter, issue.issue_date, step)
    return _moved_back(session, config, newsletter, issue, done.number, who, f"done again: {done.act}", now)


def again(session: Session, config: Config, newsletter: Newsletter, issue: Issue, now: datetime) -> Choice:
    """Pick and word the issue as its edits want it."""
    edited = edits.of(session, newsletter, issue.issue_date)
    choice = choosing.changed(session, config, newsletter, issue, edited.wishes)
    by_itself = assemble.may_be_drafted(session, issue)
    assemble.put(session, issue, newsletter, choice, edited, now)
    if by_itself:
        assemble.settle(session, issue, newsletter, choice, now, tells=False)
    return choice


def texts(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, article_id: int | None
) -> dict[Field, Text]:
    """The words that editors may write, as they stand: of an article, or of the whole issue."""
    edited = edits.of(session, newsletter, issue.issue_date)
    if article_id is not None:
        return _texts_of_article(_article(session, article_id), edited)
    slot = assemble.sponsor_of(config, newsletter, edited)
    own = look.sponsor_of(config, newsletter)
    return {
        Field.SUBJECT: Text(issue.subject, ""),
        Field.PREHEADER: Text(issue.preheader, ""),
        Field.INTRO: Text(issue.intro, newsletter.intro),
        Field.SIGNATURE: Text(edited.get(Field.SIGNATURE, newsletter.signature), newsletter.signature),
        Field.SPONSOR: Text(sponsor_in_words(slot), sponsor_in_words(own)),
    }


def _texts_of_article(article: Article, edited: Edits) -> dict[Field, Text]:
    own = {
        Field.TITLE: article.title,
        Field.STANDFIRST: article.standfirst,
        Field.IMAGE_ALT: article.image_alt,
        Field.NOTE: "",
    }
    found = {name: Text(edited.of(article.id or 0, name, words), words) for name, words in own.items()}
    return found | {Field.IS_PAID: Text(YES if edited.of(article.id or 0, Field.IS_PAID) else "", "")}


def _word_again(session: Session, config: Config, newsletter: Newsletter, issue: Issue, now: datetime) -> None:
    """New words on the same picks."""
    rows = session.exec(
        select(models.Pick).where(models.Pick.issue_id == issue.id).order_by(col(models.Pick.position))
    ).all()
    pieces = window.by_number(session, config.sources, [row.article_id for row in rows])
    picks = [Pick(pieces[row.article_id], row.score, row.why, position=row.position) for row in rows]
    assemble.word(session, issue, newsletter, picks, edits.of(session, newsletter, issue.issue_date), now)


def _article(session: Session, article_id: int) -> Article:
    article = session.get(Article, article_id) if 0 < article_id < 2**31 else None
    if article is None:
        raise NotFound(f"There is no article {article_id}.")
    return article


def _locked(session: Session, issue_id: int) -> Issue:
    query = select(Issue).where(col(Issue.id) == issue_id)
    issue = session.exec(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if issue is None:
        raise NotFound(f"There is no issue {issue_id}.")
    if issue.state not in (*OPEN, IssueState.APPROVED):
        raise Refused(f"The issue of {issue.issue_date} is {issue.state}: nothing in it can be changed any more.")
    return issue


def _take_approval_back(session: Session, issue: Issue, who: str, why: str, now: datetime) -> None:
    if issue.state is IssueState.APPROVED:
        states.move(session, issue.id or 0, IssueState.DRAFT, who, why, now)


def _moved_back(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, step: int, who: str, why: str, now: datetime
) -> Changed:
    _take_approval_back(session, issue, who, why, now)
    before = _titles(session, issue)
    came_in, went_out = _difference(before, again(session, config, newsletter, issue, now))
    return Changed(issue, step, came_in, went_out)


def _standing(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> Standing:
    picks = session.exec(
        select(models.Pick).where(models.Pick.issue_id == issue.id).order_by(col(models.Pick.position))
    ).all()
    candidates = session.execute(
        select(col(models.Candidate.article_id), col(models.Candidate.story_id)).where(
            col(models.Candidate.issue_id) == issue.id
        )
    )
    return Standing(
        picks=tuple(Placed(pick.article_id, pick.section, pick.story_id) for pick in picks),
        stories={row.article_id: row.story_id for row in candidates},
        edits=edits.of(session, newsletter, issue.issue_date),
        sections=tuple(rule.name for rule in config.sections_of(newsletter)),
        most=newsletter.most_on(issue.issue_date),
        order=_order(session, config, newsletter, issue, picks),
        texts=lambda article: texts(session, config, newsletter, issue, article),
    )


def _order(
    session: Session, config: Config, newsletter: Newsletter, issue: Issue, picks: Iterable[models.Pick]
) -> Callable[[Wishes], tuple[int, ...]]:
    """The order in which these picks stand under other wishes."""
    points = {pick.article_id: pick.score for pick in picks}

    def order(wished: Wishes) -> tuple[int, ...]:
        pieces = window.by_number(session, config.sources, points.keys())
        candidates = [Candidate(piece, points[number], "") for number, piece in pieces.items()]
        return choosing.order_of(candidates, choosing.rules_of(config, newsletter, issue.issue_date, wished))

    return order


def _titles(session: Session, issue: Issue) -> set[tuple[int, str]]:
    query = (
        select(col(models.Pick.article_id), col(Article.title))
        .join(Article, col(Article.id) == col(models.Pick.article_id))
        .where(col(models.Pick.issue_id) == issue.id)
    )
    return {(row.article_id, row.title) for row in session.execute(query)}


def _difference(before: set[tuple[int, str]], choice: Choice) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The titles that came in, and those that went out with the reason."""
    old, new = dict(before), {pick.piece.id: pick.piece.title for pick in choice.picks}
    whys = {candidate.piece.id: candidate.why for candidate in choice.left_out}
    came_in = tuple(title for number, title in new.items() if number not in old)
    gone = tuple(
        (title, whys.get(number, "it is not in the store any more"))
        for number, title in old.items()
        if number not in new
    )
    return came_in, gone


def _only_words(entries: Iterable[Entry]) -> bool:
    return all(entry.field in LIKE_WORDS for entry in entries)


def _require_articles(session: Session, entries: Iterable[Entry]) -> None:
    for number in {entry.article for entry in entries if entry.article is not None}:
        _article(session, number)


def _require_in(choice: Choice, entries: Iterable[Entry]) -> None:
    """Refused if an article that was wanted in could not come in, and why."""
    wanted = {entry.article for entry in entries if entry.field in (Field.IN, Field.REPLACES) and entry.value}
    for number in wanted - {pick.piece.id for pick in choice.picks}:
        found = next((candidate.why for candidate in choice.left_out if candidate.piece.id == number), "")
        why = found or "readers had it in another issue, or its source is none of this newsletter's"
        raise Refused(f"It can't come in: {why}.")
