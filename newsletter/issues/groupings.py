"""A day's grouping, kept with its issue and recalled when editors change something: the same stories, at once.

It is good as long as editors want no article that it lacks, and still want those that came in for their sake alone.
What the sources brought since it was made comes in with the next redraft, and not while somebody moves a story.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from sqlmodel import Session, col, delete, select

from newsletter.config import Source
from newsletter.issues import models, window
from newsletter.issues.models import Issue
from newsletter.picks.alike import DaysWords
from newsletter.picks.piece import Piece
from newsletter.picks.stories import Grouping


def keep(
    session: Session, issue: Issue, widened_days: int, grouping: Grouping, called: Iterable[int], outside: Iterable[int]
) -> None:
    """Write it down in the place of an earlier one."""
    session.execute(
        delete(models.Grouping).where(
            col(models.Grouping.issue_id) == issue.id, col(models.Grouping.widened_days) == widened_days
        )
    )
    session.add(
        models.Grouping(
            issue_id=issue.id or 0,
            widened_days=widened_days,
            stories=[[[p.id, p.sent_on and p.sent_on.isoformat()] for p in story] for story in grouping.stories],
            circles=[[article, circle] for article, circle in grouping.circles.items()],
            words=_written(grouping.words),
            called=sorted(called),
            outside=sorted(outside),
        )
    )
    session.flush()


def forget(session: Session, issue: Issue) -> None:
    """There is none any more: the issue is about to be drafted anew."""
    session.execute(delete(models.Grouping).where(col(models.Grouping.issue_id) == issue.id))


def recall(
    session: Session, issue: Issue, widened_days: int, sources: Iterable[Source], wanted: frozenset[int]
) -> Grouping | None:
    """The grouping as it would be made now; None where it has to be made anew."""
    kept = _kept(session, issue, widened_days)
    if kept is None or not _is_good(kept, wanted):
        return None
    return _revived(session, kept, sources)


def _is_good(kept: models.Grouping, wanted: frozenset[int]) -> bool:
    inside = {article for story in kept.stories for article, sent_on in story if sent_on is None}
    return wanted.issuperset(kept.outside) and inside.union(kept.called).issuperset(wanted)


def _revived(session: Session, kept: models.Grouping, sources: Iterable[Source]) -> Grouping | None:
    ids = {article for story in kept.stories for article, _ in story}
    pieces = window.by_number(session, sources, ids)
    if len(pieces) < len(ids):
        return None  # the store has lost one
    stories = tuple(tuple(_as_it_was(pieces[article], sent_on) for article, sent_on in story) for story in kept.stories)
    return Grouping(stories, {pair[0]: pair[1] for pair in kept.circles}, _read(kept.words))


def _written(words: DaysWords | None) -> dict[str, Any] | None:
    """As JSON has it."""
    if words is None:
        return None
    return {"tells": dict(sorted(words.tells.items())), "names": sorted(words.names), "articles": words.articles}


def _read(written: dict[str, Any] | None) -> DaysWords | None:
    return DaysWords(written["tells"], frozenset(written["names"]), written["articles"]) if written else None


def _as_it_was(piece: Piece, sent_on: str | None) -> Piece:
    return replace(piece, sent_on=date.fromisoformat(sent_on)) if sent_on else piece


def own(session: Session, issue: Issue, widened_days: int, sources: Iterable[Source]) -> Grouping:
    """The grouping without what only editors brought in; an empty one where none is kept."""
    kept = _kept(session, issue, widened_days)
    found = _revived(session, kept, sources) if kept else None
    if kept is None or found is None:
        return Grouping((), {})
    stories = (tuple(p for p in story if p.id not in kept.outside or p.sent_on) for story in found.stories)
    return replace(found, stories=tuple(story for story in stories if story))


def _kept(session: Session, issue: Issue, widened_days: int) -> models.Grouping | None:
    return session.exec(
        select(models.Grouping).where(
            models.Grouping.issue_id == issue.id, models.Grouping.widened_days == widened_days
        )
    ).one_or_none()
