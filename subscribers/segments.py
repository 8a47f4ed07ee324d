"""A segment: a filter of `segment_words`, as a condition on a newsletter's readers. Every value is a bound parameter.

The condition stands in one SELECT with Subscriber and Subscription, so it works with the audience's pages by key.
What people did with issues is not known here; whoever knows it hands in a function for each verb.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, literal, not_, or_, select, type_coerce
from sqlmodel import Session, col

from subscribers import audience
from subscribers.consent import IMPORTED
from subscribers.models import Consent, GroupConsent, Subscriber, Subscription
from subscribers.movements import JOINING
from subscribers.segment_words import Ago, All, BadSegment, Day, Last, Node, Not, Past, Span, Text, parse, written
from subscribers.segment_words import Any as Either

__all__ = ["BadSegment", "Issues", "Surroundings", "condition", "counted", "listed", "parse", "together", "written"]


@dataclass(frozen=True)
class Issues:
    """The issues that somebody may have done something with: of days, both among them and None without an end, or the
    `newest` so many."""

    newsletter: str
    first: date | None = None
    last: date | None = None
    newest: int | None = None
    section: str = ""  # it was done with this one


Verb = Callable[[Issues], ColumnElement[bool]]  # those who did it with any of them


@dataclass(frozen=True)
class Surroundings:
    """What a filter is read in: whose readers, when, and where a day begins."""

    newsletter: str
    now: datetime
    zone: tzinfo = UTC
    verbs: Mapping[str, Verb] = field(default_factory=dict)


def condition(node: Node, around: Surroundings) -> ColumnElement[bool]:
    """The filter as SQL; it is never NULL, so that `not` turns it exactly round."""
    match node:
        case Not(inner):
            return not_(condition(inner, around))
        case All(nodes):
            return and_(*(condition(inner, around) for inner in nodes))
        case Either(nodes):
            return or_(*(condition(inner, around) for inner in nodes))
        case Past():
            return around.verbs[node.verb](_issues(node, around))
        case Day():
            return _of_day(node, around)
        case Text():
            return _of_text(node, around.newsletter)


def together(include: Sequence[Node], exclude: Sequence[Node], around: Surroundings) -> ColumnElement[bool] | None:
    """In one of `include`, if there are any, and in none of `exclude`; None where both are empty: everybody."""
    conditions = [or_(*(condition(node, around) for node in include))] if include else []
    conditions += [not_(condition(node, around)) for node in exclude]
    return and_(*conditions) if conditions else None


def counted(session: Session, around: Surroundings, whom: ColumnElement[bool] | None) -> int:
    """How many of those who may get an issue now are meant."""
    return audience.count(session, around.newsletter, around.now, whom)


def listed(
    session: Session, around: Surroundings, whom: ColumnElement[bool], *, after: int = 0, limit: int = 100
) -> Iterator[tuple[int, str]]:
    """The first `limit` of them by number beyond `after`: number and address."""
    chosen = audience.selection(around.newsletter, around.now, whom).add_columns(col(Subscriber.email).label("email"))
    for row in session.execute(chosen.where(col(Subscription.subscriber_id) > after).limit(limit)):
        yield row[0], row[-1]


def _of_text(node: Text, newsletter: str) -> ColumnElement[bool]:
    if node.field == "topic":
        return _any_of(node, lambda operator, value: _reads(operator, value))
    if node.field in ("consent", "origin"):
        positive = Text(node.field, "=", node.values) if node.operator == "!=" else node
        found = or_(_agreed(positive, newsletter), _agreed_together(positive))
        return not_(found) if node.operator == "!=" else found
    return _compared(_COLUMNS[node.field], node)


def _agreed(node: Text, newsletter: str) -> ColumnElement[bool]:
    column = col(Consent.act) if node.field == "consent" else col(Consent.origin)
    return (
        exists()
        .where(
            col(Consent.subscriber_id) == col(Subscriber.id),
            col(Consent.newsletter) == newsletter,
            col(Consent.act).in_(JOINING if node.field == "consent" else (*JOINING, "asked")),
            _compared(column, node),
        )
        .correlate(Subscriber)
    )


def _agreed_together(node: Text) -> ColumnElement[bool]:
    """With others, in an import."""
    group, line = col(Subscription.group_consent_id), cast(col(Subscription.group_line), String)
    origin = select(col(GroupConsent.origin)).where(col(GroupConsent.id) == group).correlate(Subscription)
    said = literal(IMPORTED) if node.field == "consent" else origin.scalar_subquery().concat(" line ").concat(line)
    return and_(group.is_not(None), _compared(said, node))


_COLUMNS: Mapping[str, Any] = {
    "language": col(Subscriber.language),
    "timezone": col(Subscriber.timezone),
    "domain": col(Subscriber.domain),
    "format": col(Subscriber.format),
}


def _compared(column: Any, node: Text) -> ColumnElement[bool]:
    """By whole characters, capitals and all, on both databases: LIKE of SQLite would mix capitals and small letters."""
    column = type_coerce(column, String)  # an enumeration's too: a word that is none of it is simply not there
    values = [value.lower() if node.field == "domain" else value for value in node.values]
    value = values[0]
    conditions: dict[str, ColumnElement[bool]] = {
        "in": column.in_(values),
        "=": column == value,
        "!=": column != value,
        "starts": func.substr(column, 1, len(value)) == value,
        "ends": and_(
            func.length(column) >= len(value),
            func.substr(column, func.length(column) - len(value) + 1) == value,
        ),
    }
    return conditions[node.operator]


def _any_of(node: Text, test: Callable[[str, str], ColumnElement[bool]]) -> ColumnElement[bool]:
    if node.operator == "in":
        return or_(*(test("=", value) for value in node.values))
    return test(node.operator, node.values[0])


def _reads(operator: str, topic: str) -> ColumnElement[bool]:
    """Who wants that section; whoever wants all wants it too. `starts` and `ends` look at each name."""
    before, after = {"starts": ("\n", ""), "ends": ("", "\n")}.get(operator, ("\n", "\n"))
    lines = literal("\n").concat(col(Subscription.topics)).concat("\n")
    wants = or_(col(Subscription.topics) == "", func.replace(lines, f"{before}{topic}{after}", "") != lines)
    return not_(wants) if operator == "!=" else wants


def _of_day(node: Day, around: Surroundings) -> ColumnElement[bool]:
    """A day is the newsletter's own, from midnight to midnight. Who has no such time has never been on any day."""
    column = col(Subscriber.created_at) if node.field == "joined" else col(Subscription.active_since)
    begin, end = _span(node.day, around)
    within = and_(column >= begin, column < end)
    met: ColumnElement[bool] = {
        "=": within,
        "!=": not_(within),
        "<": column < begin,
        "<=": column < end,
        ">": column >= end,
        ">=": column >= begin,
    }[node.operator]
    return func.coalesce(met, literal(node.operator == "!="))


def _issues(node: Past, around: Surroundings) -> Issues:
    match node.issues:
        case Last(count):
            return Issues(node.newsletter, newest=count, section=node.section)
        case Span(first, last):
            days = _date(first, around), None if last is None else _date(last, around)
            return Issues(node.newsletter, *days, section=node.section)
        case day:
            return Issues(node.newsletter, day, day, section=node.section)


def _span(day: date | Ago, around: Surroundings) -> tuple[datetime, datetime]:
    found = _date(day, around)
    return _midnight(found, around.zone), _midnight(min(found, _LAST) + timedelta(days=1), around.zone)


def _date(day: date | Ago, around: Surroundings) -> date:
    today = around.now.astimezone(around.zone).date()
    return today - timedelta(days=day.days) if isinstance(day, Ago) else day


_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)  # so that every zone's midnight is a time that there is


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(min(max(day, _FIRST), _LAST), time(), zone)
