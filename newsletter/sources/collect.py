"""Read the sources, side by side, and keep what is new: the one call of this stage.

Reading (network, files, parsing) comes first and holds no transaction; then each source is recorded in one of its own;
last come the pages of articles whose feeds said too little. How often a server is asked is `manners`, which article is
which `keep`, and what a source's record says to people `health`.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from newsletter.config import Collecting, Config, Source
from newsletter.database import Database
from newsletter.sources import manners, pages
from newsletter.sources.apart import Parsers
from newsletter.sources.keep import Kept, keep
from newsletter.sources.manners import Turns
from newsletter.sources.models import SourceState
from newsletter.sources.read import Failure, Reading, read

MOST_THREADS = 64  # most of them wait for their turn


@dataclass(frozen=True)
class SourceReport:
    """What became of one source. `seen` are the articles that were known and are as they were."""

    name: str
    new: int = 0
    changed: int = 0
    seen: int = 0
    failed: tuple[Failure, ...] = ()
    error: str = ""  # in words; "" where the source itself could be read

    def as_json(self) -> dict[str, Any]:
        """The shape that `newsletter collect --json` prints."""
        return {
            "name": self.name,
            "new": self.new,
            "changed": self.changed,
            "seen": self.seen,
            "failed": [{"where": failure.where, "why": failure.why} for failure in self.failed],
            "error": self.error,
        }


def refresh(database: Database, config: Config, now: datetime, *, only_due: bool = False) -> list[SourceReport]:
    """Read all sources of `config` into the store; one report for each, in the order of the file.

    A source of weight 0 is out, and one that is pushed to speaks for itself: neither is reported. One that asked to be
    left alone, or that is gone, is reported and not asked. With `only_due`, what need not be asked yet is left out.
    """
    with database.reading() as session:
        states = {state.name: state for state in session.exec(select(SourceState))}
    sources = [(source, known(states.get(source.name), source)) for source in asked(config.sources)]
    if only_due:
        sources = [(source, state) for source, state in sources if _is_due(source, state, now)]
    turns = Turns(config.collecting.connections_per_host)
    with Parsers() as parsers:
        readings = _read_all(sources, config, parsers, turns, now)
        reports = []
        for (source, _), reading in zip(sources, readings, strict=True):
            with database.transaction() as session:
                reports.append(_record(session, source, config.collecting, reading, now))
        read_now = [source for (source, _), report in zip(sources, reports, strict=True) if not report.error]
        pages.complete(database, config, read_now, parsers, turns, now)
    return reports


def asked(sources: Sequence[Source]) -> list[Source]:
    """Those that are ever asked for their articles."""
    return [source for source in sources if source.weight > 0 and source.kind != "push"]


def known(state: SourceState | None, source: Source) -> SourceState:
    """What is known of a source; nothing, if its address in config.toml is a new one."""
    return state if state and state.url == str(source.url or "") else SourceState(name=source.name)


def _is_due(source: Source, state: SourceState, now: datetime) -> bool:
    return source.kind == "folder" or (not _hush(state, now) and manners.is_due(state.next_check_at, now))


def _hush(state: SourceState, now: datetime) -> str:
    """Why a source must not be asked now; "" if it may be."""
    if state.is_gone:
        return state.error
    if state.left_alone_until and now < state.left_alone_until:
        return f"It asked to be left alone until {state.left_alone_until:%Y-%m-%d %H:%M} UTC, and is not asked before."
    return ""


def _read_all(
    sources: list[tuple[Source, SourceState]], config: Config, parsers: Parsers, turns: Turns, now: datetime
) -> list[Reading | str]:
    """What each says; a reason in place of a reading where it must not be asked."""
    if not sources:
        return []
    with ThreadPoolExecutor(min(len(sources), MOST_THREADS), thread_name_prefix="source") as threads:
        return list(
            threads.map(lambda one: _hush(one[1], now) or read(one[0], config, one[1], parsers, turns), sources)
        )


# --- the store -----------------------------------------------------------------------------------------------------


def _record(
    session: Session, source: Source, collecting: Collecting, reading: Reading | str, now: datetime
) -> SourceReport:
    """Write down what a source said. Its state's row is locked meanwhile, so two collectors take turns."""
    if isinstance(reading, str):
        return SourceReport(source.name, error=reading)
    state = locked_state(session, source)
    state.checked_at, state.error = now, reading.error[:500]
    every = timedelta(minutes=collecting.check_minutes)
    if reading.error:
        _record_failure(state, reading, every, now)
        return SourceReport(source.name, error=reading.error)
    record_good(state, now)
    state.etag, state.last_modified, state.moved_to = reading.etag, reading.last_modified, reading.moved_to[:2000]
    state.next_check_at = manners.next_check(now, every, reading.rest)
    if reading.unchanged:
        return SourceReport(source.name, seen=state.items)
    kept = keep(session, source, reading.found, now)
    state.items = len(kept)
    return report_of(source, kept, reading.failed)


def report_of(source: Source, kept: list[Kept], failed: tuple[Failure, ...] = ()) -> SourceReport:
    """The counts of what was kept."""
    counts = Counter(one.outcome for one in kept)
    return SourceReport(source.name, counts["new"], counts["changed"], counts["seen"], failed)


def record_good(state: SourceState, now: datetime) -> None:
    """It was read whole: whatever was wrong before is over."""
    state.good_at, state.error = now, ""
    state.failing_since = state.editors_told_at = state.left_alone_until = None


def _record_failure(state: SourceState, reading: Reading, every: timedelta, now: datetime) -> None:
    state.failing_since = state.failing_since or now
    state.is_gone = reading.is_gone
    state.moved_to = ""  # perhaps it moved to nowhere: next time the address in config.toml is asked again
    state.next_check_at = manners.next_try(now, every, state.failing_since)
    if reading.retry_after:
        state.left_alone_until = now + manners.wait(reading.retry_after, now)


def locked_state(session: Session, source: Source) -> SourceState:
    """The row of a source, made where there is none, locked until the transaction ends; blank for a new address."""
    query = select(SourceState).where(SourceState.name == source.name).with_for_update()
    found = session.exec(query).first()
    if found is None:
        try:
            with session.begin_nested():
                session.add(SourceState(name=source.name))
        except IntegrityError:  # another collector made it in this very moment
            pass
        found = session.exec(query).one()
    if found.url != str(source.url or ""):
        blank = SourceState(name=source.name, url=str(source.url), good_at=found.good_at, items=found.items)
        found.sqlmodel_update(blank.model_dump())
    return found
