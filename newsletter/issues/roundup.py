"""The best of another newsletter: what it sent in the last seven days, each story worth what it was worth on its day.

A roundup is a newsletter like any other. Its articles may have been in the other one, and never twice in itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from newsletter.config import Newsletter
from newsletter.issues.models import Issue, IssueState, Pick
from newsletter.picks.piece import Piece
from newsletter.picks.stories import Grouping

WEEK = timedelta(days=7)
OUT = (IssueState.SENT, IssueState.SENDING, IssueState.PAUSED)
LEAST = 0.1  # an editor may have put in what had no points at all


@dataclass(frozen=True)
class Standing:
    """Where an article stood: its section, and its points against the best of its day."""

    section: str
    worth: float  # LEAST–1.0; a day's lead is its best, whoever chose it


def week(session: Session, newsletter: Newsletter, day: date, widened: timedelta = timedelta(0)) -> dict[int, Standing]:
    """The picks that readers of the other newsletter had in the seven days up to `day`, by article."""
    best = select(col(Pick.issue_id), func.max(col(Pick.score)).label("score")).group_by(col(Pick.issue_id)).subquery()
    rows = session.execute(
        select(col(Pick.article_id), col(Pick.section), col(Pick.position), col(Pick.score), best.c.score)
        .join(Issue, col(Issue.id) == col(Pick.issue_id))
        .join(best, best.c.issue_id == col(Issue.id))
        .where(
            col(Issue.newsletter) == newsletter.roundup_of,
            col(Issue.issue_date) > day - WEEK - widened,
            col(Issue.issue_date) <= day,
            col(Issue.state).in_(OUT),
            col(Issue.started_at).is_not(None),
        )
    )
    return {article: Standing(section, _worth(position, score, top)) for article, section, position, score, top in rows}


def valued(grouping: Grouping, standings: Mapping[int, Standing]) -> Grouping:
    """The stories with each article in the section that it had, and its source's weight times what it was worth."""
    return replace(
        grouping, stories=tuple(tuple(_valued(piece, standings) for piece in story) for story in grouping.stories)
    )


def _valued(piece: Piece, standings: Mapping[int, Standing]) -> Piece:
    had = standings.get(piece.id)
    return replace(piece, section=had.section, weight=round(piece.weight * had.worth, 4)) if had else piece


def _worth(position: int, score: float, best: float) -> float:
    if position == 1 or best <= 0:
        return 1.0
    return max(LEAST, min(1.0, score / best))
