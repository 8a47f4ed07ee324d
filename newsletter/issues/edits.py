"""What editors made of a day's issue: written down step by step, read back as what counts now, undone and redone.

Only `changing` writes here, with the issue's row locked. A redraft reads the same rows, and so keeps every edit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, func, insert, or_, select, update

from newsletter.config import Newsletter
from newsletter.errors import Refused
from newsletter.issues.models import Edit
from newsletter.picks.rules import Wishes


class Field(StrEnum):
    """What can be edited. Those up to `REPLACES` decide what is picked, the others only how it reads."""

    PLACE = "place"  # pinned there, from 1
    OUT = "out"  # its story is out of this issue
    BAN = "ban"  # never wanted again: it counts for all later days too
    IN = "in"  # wanted, wherever points put it
    SECTION = "section"
    REPLACES = "replaces"  # the article of the same story in whose stead it stands
    TITLE = "title"
    STANDFIRST = "standfirst"
    IMAGE_ALT = "image_alt"
    NOTE = "note"  # Markdown
    IS_PAID = "is_paid"
    SUBJECT = "subject"  # this and what follows is of the whole issue
    PREHEADER = "preheader"
    INTRO = "intro"  # Markdown
    SIGNATURE = "signature"  # Markdown
    SPONSOR = "sponsor"  # its five fields as an object, or false for none on that day


@dataclass(frozen=True)
class Entry:
    """One field's new value. `article` is None for what is of the whole issue."""

    article: int | None
    field: Field
    value: Any


@dataclass(frozen=True)
class Edits:
    """What counts now, by article and field; fields that are as the machine has them are not here."""

    articles: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    issue: Mapping[str, Any] = field(default_factory=dict)

    def of(self, article: int, name: Field, default: Any = None) -> Any:
        """One field of an article."""
        return self.articles.get(article, {}).get(name, default)

    def get(self, name: Field, default: Any = None) -> Any:
        """One field of the whole issue."""
        return self.issue.get(name, default)

    @property
    def wishes(self) -> Wishes:
        """What the pickers are to know."""
        return Wishes(
            pins=self._all(Field.PLACE),
            bans=frozenset(self._all(Field.BAN)),
            drops=frozenset(self._all(Field.OUT)),
            wanted=frozenset(self._all(Field.IN)) | frozenset(self._all(Field.REPLACES)),
            sections=self._all(Field.SECTION),
        )

    def with_entries(self, entries: Iterable[Entry]) -> "Edits":
        """The same after `entries`."""
        articles = {article: dict(fields) for article, fields in self.articles.items()}
        whole = dict(self.issue)
        for entry in entries:
            fields = whole if entry.article is None else articles.setdefault(entry.article, {})
            fields.pop(entry.field, None)
            if entry.value is not None:
                fields[entry.field] = entry.value
        return Edits({article: fields for article, fields in articles.items() if fields}, whole)

    def _all(self, name: Field) -> dict[int, Any]:
        return {article: fields[name] for article, fields in self.articles.items() if name in fields}


@dataclass(frozen=True)
class Step:
    """What one act changed."""

    number: int
    act: str
    who: str
    at: datetime
    articles: tuple[int, ...]
    fields: tuple[str, ...]
    is_undone: bool


def of(session: Session, newsletter: Newsletter, day: date) -> Edits:
    """What counts for that day's issue."""
    rows = session.execute(
        select(col(Edit.article_id), col(Edit.field), col(Edit.value))
        .where(
            col(Edit.newsletter) == newsletter.slug,
            or_(
                col(Edit.issue_date) == day,
                (col(Edit.field) == Field.BAN) & (col(Edit.issue_date) < day),
            ),
            col(Edit.undone_at).is_(None),
        )
        .order_by(col(Edit.id))
    )
    return Edits().with_entries(Entry(row.article_id, Field(row.field), row.value) for row in rows)


def add(
    session: Session, newsletter: Newsletter, day: date, act: str, entries: Iterable[Entry], who: str, now: datetime
) -> int:
    """Write one step down; returns its number."""
    last = session.scalar(select(func.max(col(Edit.step))).where(*_of_day(newsletter, day)))
    step = (last or 0) + 1
    common = {"newsletter": newsletter.slug, "issue_date": day, "step": step, "act": act, "who": who, "at": now}
    rows = [common | {"article_id": e.article, "field": str(e.field), "value": e.value} for e in entries]
    session.execute(insert(Edit), rows)
    return step


def steps(session: Session, newsletter: Newsletter, day: date) -> list[Step]:
    """All that was done to that day's issue, the newest first; undone steps among it."""
    found: dict[int, list[Edit]] = {}
    for row in session.exec(select(Edit).where(*_of_day(newsletter, day)).order_by(col(Edit.id))):
        found.setdefault(row.step, []).append(row)
    return [_step(rows) for _, rows in sorted(found.items(), reverse=True)]


def undo(session: Session, newsletter: Newsletter, day: date, who: str, now: datetime, step: int | None = None) -> Step:
    """Take a step back: that one, or the last. What later steps made of the same fields stays. Refused if none is."""
    live = [one for one in steps(session, newsletter, day) if not one.is_undone]
    chosen = next((one for one in live if step in (None, one.number)), None)
    if chosen is None:
        raise Refused("There is nothing to undo." if step is None else "That was undone already.")
    _mark(session, newsletter, day, chosen.number, {"undone_at": now, "undone_by": who})
    return chosen


def redo(session: Session, newsletter: Newsletter, day: date, step: int | None = None) -> Step:
    """Bring an undone step back: that one, or the first of those undone since the last change. Refused if none is."""
    chosen = next_to_redo(steps(session, newsletter, day), step)
    if chosen is None:
        raise Refused("There is nothing to do again." if step is None else "That is done already.")
    _mark(session, newsletter, day, chosen.number, {"undone_at": None, "undone_by": ""})
    return chosen


def next_to_redo(newest_first: Iterable[Step], step: int | None = None) -> Step | None:
    """What `redo` brings back."""
    undone: list[Step] = []
    for one in newest_first:
        if one.is_undone and step in (None, one.number):
            undone.append(one)
        elif step is None:
            break
    return undone[-1] if undone else None


def _mark(session: Session, newsletter: Newsletter, day: date, step: int, values: Mapping[str, Any]) -> None:
    session.execute(
        update(Edit)
        .where(*_of_day(newsletter, day), col(Edit.step) == step)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _step(rows: list[Edit]) -> Step:
    first = rows[0]
    articles = dict.fromkeys(row.article_id for row in rows if row.article_id is not None)
    fields = dict.fromkeys(row.field for row in rows)
    return Step(first.step, first.act, first.who, first.at, tuple(articles), tuple(fields), first.undone_at is not None)


def _of_day(newsletter: Newsletter, day: date) -> tuple[Any, Any]:
    return col(Edit.newsletter) == newsletter.slug, col(Edit.issue_date) == day
