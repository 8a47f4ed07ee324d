"""What is known of each source, for people: when it was last good, what is wrong with it, how stale it is.

A source that has failed for `dead_after_days`, or that is gone for good, is dead; `newly_dead` names each once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, func, select

from newsletter.config import Config, Source
from newsletter.sources.collect import asked, known
from newsletter.sources.models import Article, SourceState


class Health(StrEnum):
    """How a source is."""

    GOOD = "good"
    FAILING = "failing"
    DEAD = "dead"
    NEW = "new"  # nobody has asked it yet, or pushed to it
    OUT = "out"  # weight 0


@dataclass(frozen=True)
class Told:
    """What the store holds of a source."""

    articles: int = 0
    newest_at: datetime | None = None


@dataclass(frozen=True)
class SourceRecord:
    """One line of `newsletter sources`."""

    name: str
    kind: str
    where: str
    health: Health
    good_at: datetime | None
    newest_at: datetime | None  # when its newest article was published
    articles: int
    items: int  # in its last good reading
    error: str
    failing_since: datetime | None
    next_check_at: datetime | None  # by `run`; None: at its next turn, or never if it `is_gone`
    is_gone: bool
    moved_to: str

    def stale(self, now: datetime) -> timedelta | None:
        """For how long nothing good has come from it; None if nothing ever has."""
        return now - self.good_at if self.good_at else None

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The shape that `newsletter sources --json` prints. `stale` is seconds."""
        stale = self.stale(now)
        return {
            "name": self.name,
            "kind": self.kind,
            "where": self.where,
            "health": str(self.health),
            "good_at": _iso(self.good_at),
            "newest_at": _iso(self.newest_at),
            "stale": round(stale.total_seconds()) if stale is not None else None,
            "articles": self.articles,
            "items": self.items,
            "error": self.error,
            "failing_since": _iso(self.failing_since),
            "next_check_at": _iso(self.next_check_at),
            "is_gone": self.is_gone,
            "moved_to": self.moved_to,
        }


def records(session: Session, config: Config, now: datetime) -> list[SourceRecord]:
    """One for each source of the config, in its order."""
    states = {state.name: state for state in session.exec(select(SourceState))}
    query = select(Article.source, func.count(), func.max(Article.published_at)).group_by(col(Article.source))
    told = {name: Told(count, newest) for name, count, newest in session.exec(query)}
    return [
        _record(source, known(states.get(source.name), source), told.get(source.name, Told()), config, now)
        for source in config.sources
    ]


def newly_dead(session: Session, config: Config, now: datetime) -> list[SourceRecord]:
    """The sources that died since the last call; each is named once, until it has been good again."""
    query = select(SourceState).where(col(SourceState.failing_since).is_not(None)).with_for_update()
    states = {state.name: state for state in session.exec(query)}
    found = []
    for source, state in _failing(config, states):
        if state.editors_told_at is None and _is_dead(state, config, now):
            state.editors_told_at = now
            found.append(_record(source, state, Told(), config, now))
    return found


def _failing(config: Config, states: dict[str, SourceState]) -> Iterator[tuple[Source, SourceState]]:
    for source in asked(config.sources):
        state = states.get(source.name)
        if state is not None and known(state, source) is state:
            yield source, state


def _record(source: Source, state: SourceState, told: Told, config: Config, now: datetime) -> SourceRecord:
    return SourceRecord(
        name=source.name,
        kind=source.kind,
        where=str(source.path or source.url or ""),
        health=_health(source, state, config, now),
        good_at=state.good_at,
        newest_at=told.newest_at,
        articles=told.articles,
        items=state.items,
        error=state.error,
        failing_since=state.failing_since,
        next_check_at=None if state.is_gone else _next_check(state),
        is_gone=state.is_gone,
        moved_to=state.moved_to,
    )


def _next_check(state: SourceState) -> datetime | None:
    return max(filter(None, (state.next_check_at, state.left_alone_until)), default=None)


def _health(source: Source, state: SourceState, config: Config, now: datetime) -> Health:
    if source.weight == 0:
        return Health.OUT
    if _is_dead(state, config, now):
        return Health.DEAD
    if state.error:
        return Health.FAILING
    return Health.GOOD if state.good_at else Health.NEW


def _is_dead(state: SourceState, config: Config, now: datetime) -> bool:
    patience = timedelta(days=config.collecting.dead_after_days)
    return state.is_gone or bool(state.failing_since and now - state.failing_since >= patience)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
