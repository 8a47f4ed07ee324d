"""The JSON documents of `draft --json` and `stories --json`, as plain dictionaries. Their keys are a promise."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session

from newsletter import links
from newsletter.config import Config
from newsletter.issues.chosen import Chosen, chosen_for, left_out, url_of
from newsletter.issues.models import Issue
from newsletter.picks.piece import Piece


def drafted(session: Session, config: Config, issue: Issue) -> dict[str, Any]:
    """What `draft --json` prints: the issue, its picks in the order of the mail, and all that was left out."""
    return {
        "issue": issue.id,
        "newsletter": issue.newsletter,
        "date": issue.issue_date.isoformat(),
        "state": str(issue.state),
        "subject": issue.subject,
        "preheader": issue.preheader,
        "picks": [_pick(config, chosen) for chosen in chosen_for(session, issue)],
        "left_out": [
            {"title": a.title, "why": candidate.why, "article": a.id, "points": candidate.points}
            for a, candidate in left_out(session, issue)
        ],
    }


def grouped(config: Config, stories: Iterable[Sequence[Piece]]) -> list[dict[str, Any]]:
    """What `stories --json` prints: every article once, numbered by story; those that stand alone included."""
    return [
        {
            "story": number,
            "articles": [
                {"title": piece.title, "url": piece.url or _own_page(config, piece.id), "source": piece.source}
                for piece in story
            ],
        }
        for number, story in enumerate(stories, start=1)
    ]


def _pick(config: Config, chosen: Chosen) -> dict[str, Any]:
    article, pick = chosen.article, chosen.pick
    return {
        "article": article.id,
        "title": article.title,
        "url": url_of(config, article),
        "source": article.source,
        "section": pick.section,
        "position": pick.position,
        "score": round(pick.score, 4),
        "why": pick.why,
        "points": chosen.points,
        "is_update": pick.is_update,
        "also_covered_by": [{"source": a.source, "title": a.title, "url": url_of(config, a)} for a in chosen.also],
    }


def _own_page(config: Config, article_id: int) -> str:
    return links.article(config.site, config.keys, article_id)
