"""Finding people among millions: by address, by the beginning of an address or of a name, page by page.

Every search is a range of one index, in its own order, from where the last page ended: the thousandth page costs what
the first does. The order is that of the characters' numbers, on both databases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlmodel import Session, col

from subscribers import batch, names
from subscribers.models import Subscriber, Subscription, SubscriptionState, Suppression

PAGE = 50
_LAST = "\U0010ffff"  # no character comes after it


@dataclass(frozen=True)
class Found:
    """A person in a list of found ones."""

    number: int
    email: str
    name: str
    subscriptions: list[Subscription] = field(default_factory=list)
    suppressed: str = ""  # the reason, or ""


@dataclass(frozen=True)
class Page:
    """Some of those who were found; `more` is what to ask for to get the next, "" at the end."""

    people: list[Found] = field(default_factory=list)
    more: str = ""


def by_address(session: Session, beginning: str, after: str = "", limit: int = PAGE) -> Page:
    """Whose address begins so, by address. `after` is the last page's `more`."""
    key = col(Subscriber.email_key)
    statement = _people().where(_begins(key, beginning.strip().lower())).order_by(key)
    if after:
        statement = statement.where(key > after)
    return _page(session, session.execute(statement.limit(limit + 1)).all(), limit, lambda row: str(row.email_key))


def by_name(session: Session, beginning: str, after: str = "", limit: int = PAGE) -> Page:
    """Whose name begins so, by name: in the letters as written, and written as names are, in capitals, and small.

    Each of these is a range of its own, read in order and merged: one OR would have to sort all that fit.
    """
    name, number, words = col(Subscriber.name), col(Subscriber.id), " ".join(beginning.split())
    found: dict[int, Any] = {}
    for start in {words, words.title(), words.upper(), words.lower()}:
        statement = _people().where(_begins(name, start), name != "").order_by(name, number)
        if after:
            last_number, _, last = after.partition(" ")
            same = and_(name == last, number > int(last_number))
            statement = statement.where(or_(name > last, same), name >= last)
        found |= {row.id: row for row in session.execute(statement.limit(limit + 1))}
    rows = sorted(found.values(), key=lambda row: (row.name, row.id))[: limit + 1]
    return _page(session, rows, limit, lambda row: f"{row.id} {row.name}")


def prepare(session: Session) -> None:
    """Have the index over names, which an import that was killed may have left out."""
    names.put_back(session)


def listed(
    session: Session, newsletter: str = "", state: SubscriptionState | None = None, after: str = "", limit: int = PAGE
) -> Page:
    """Everybody, or those of a newsletter (in one state), the newest first."""
    statement, number = _people(), col(Subscriber.id)
    if newsletter:
        number = col(Subscription.subscriber_id)
        statement = statement.join(Subscription, number == col(Subscriber.id))
        statement = statement.where(col(Subscription.newsletter) == newsletter)
    if newsletter and state is not None:
        statement = statement.where(col(Subscription.state) == state)
    if after:
        statement = statement.where(number < int(after))
    rows = session.execute(statement.order_by(number.desc()).limit(limit + 1)).all()
    return _page(session, rows, limit, lambda row: str(row.id))


def _begins(column: Any, start: str) -> ColumnElement[bool]:
    return and_(column >= start, column < start + _LAST)


def _people() -> Select[*tuple[Any, ...]]:
    columns = ("id", "email", "name", "email_key", "address_hash")
    return select(*(Subscriber.__table__.c[name] for name in columns))  # type: ignore[attr-defined]


def _page(session: Session, rows: Sequence[Any], limit: int, place: Callable[[Any], str]) -> Page:
    """The first `limit` of rows that were asked for with one more, to see whether there is a next page."""
    shown = rows[:limit]
    standings = _standings(session, [row.id for row in shown])
    reasons = _reasons(session, [row.address_hash for row in shown])
    people = [
        Found(row.id, row.email, row.name, standings.get(row.id, []), reasons.get(row.address_hash, ""))
        for row in shown
    ]
    return Page(people, place(shown[-1]) if len(rows) > limit else "")


def _standings(session: Session, numbers: Sequence[int]) -> dict[int, list[Subscription]]:
    query = select(Subscription).where(batch.among(col(Subscription.subscriber_id), numbers))
    found: dict[int, list[Subscription]] = {}
    for one in session.scalars(query.order_by(col(Subscription.newsletter))):
        found.setdefault(one.subscriber_id, []).append(one)
    return found


def _reasons(session: Session, hashes: Sequence[str]) -> dict[str, str]:
    query = select(col(Suppression.address_hash), col(Suppression.reason)).where(
        col(Suppression.address_hash).in_(hashes)
    )
    return {hashed: str(reason) for hashed, reason in session.execute(query)}
