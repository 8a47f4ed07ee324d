"""Which readers an issue goes to: the newsletter's segments, and the issue's own, as one condition for `plan.draw`; and
which edition of it those get who have chosen topics."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Select, literal, select
from sqlmodel import Session, col

from newsletter.config import Config, Newsletter
from newsletter.delivery import plan
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.errors import Refused
from newsletter.issues.models import Issue
from newsletter.rendering import by_topics
from subscribers import segments
from subscribers.batch import among_found
from subscribers.models import Click, Subscription
from subscribers.segment_words import Node
from subscribers.segments import BadSegment, Issues, Surroundings


def around(newsletter: Newsletter, now: datetime, issue: Issue | None = None) -> Surroundings:
    """What a filter over this newsletter's readers is read in. `issue` is the one that it is about, if it is about one:
    it is not among the issues before."""
    own = issue.id if issue and issue.id else 0
    verbs = {"got": partial(_got, own), "clicked": partial(_clicked, own)}
    return Surroundings(newsletter.slug, now, newsletter.zone, verbs)


def filters(config: Config, names: Sequence[str]) -> list[Node]:
    """The filters of these segments; what is no segment's name is a filter itself. Raises Refused, with the column."""
    known = {segment.name: segment.where for segment in config.segments}
    return [_parsed(name, known.get(name, name), ", ".join(known)) for name in names]


def of_newsletter(
    config: Config, newsletter: Newsletter, now: datetime, issue: Issue | None = None
) -> ColumnElement[bool] | None:
    """Whom any issue of it may go to, or what it says of this one; None: to everybody."""
    include, exclude = filters(config, newsletter.include), filters(config, newsletter.exclude)
    return segments.together(include, exclude, around(newsletter, now, issue))


def of_issue(config: Config, newsletter: Newsletter, issue: Issue, now: datetime) -> ColumnElement[bool] | None:
    """The same for one issue, which may narrow it further."""
    include, exclude = filters(config, issue.include), filters(config, issue.exclude)
    own = segments.together(include, exclude, around(newsletter, now, issue))
    every = of_newsletter(config, newsletter, now, issue)
    if own is None or every is None:
        return every if own is None else own
    return every & own


def sets(session: Session, config: Config, newsletter: Newsletter, issue: Issue) -> plan.Sets:
    """The edition of every set of topics that readers have chosen."""
    found = by_topics.by_set(session, config, newsletter, issue)
    numbers = {
        chosen: plan.NOTHING if edition is None else edition.id if edition.topics else None
        for chosen, edition in found.items()
    }
    least = newsletter.topic_min_articles
    why = "nothing of their topics is in this issue" if least == 1 else f"fewer than {least} stories of their topics"
    return plan.Sets(numbers, None if newsletter.topic_fallback == "whole" else plan.NOTHING, why)


def count(session: Session, config: Config, newsletter: Newsletter, issue: Issue, now: datetime) -> int:
    """How many would get it if it went now."""
    return segments.counted(session, around(newsletter, now), of_issue(config, newsletter, issue, now))


def _parsed(name: str, words: str, known: str) -> Node:
    try:
        return segments.parse(words)
    except BadSegment as error:
        told = f"; segments by name: {known}" if known else ""
        raise Refused(f"{name!r} is neither a segment nor a filter: {error}{told}.") from error


def _got(own: int, issues: Issues) -> ColumnElement[bool]:
    """Those to whom one of these issues was handed over."""
    return _any(
        col(Delivery.subscriber_id) == col(Subscription.subscriber_id),
        among_found(col(Delivery.issue_id), _numbers(own, issues)),
        col(Delivery.state) == DeliveryState.ACCEPTED,
    )


def _clicked(own: int, issues: Issues) -> ColumnElement[bool]:
    """Those who followed a link of one of them, likely in person."""
    return _any(
        col(Click.subscriber_id) == col(Subscription.subscriber_id),
        among_found(col(Click.issue), _numbers(own, issues)),
        col(Click.signs) == "",
        *((col(Click.section) == issues.section,) if issues.section else ()),
    )


def _any(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """There is such a row. One reader's are few, and an index finds them: a page of the audience costs a page. As a
    join, which OFFSET forbids, PostgreSQL went through the whole ledger for each page."""
    return select(literal(1)).where(*conditions).offset(0).correlate(Subscription).exists()


def _numbers(own: int, issues: Issues) -> Select[int | None]:
    """The issues that are meant, but for the one that it is about. Only what went out counts as one of the newest."""
    found = select(col(Issue.id)).where(col(Issue.newsletter) == issues.newsletter, col(Issue.id) != own)
    if issues.first is not None:
        found = found.where(col(Issue.issue_date) >= issues.first)
    if issues.last is not None:
        found = found.where(col(Issue.issue_date) <= issues.last)
    if issues.newest is None:
        return found
    return found.where(col(Issue.drawn_at).is_not(None)).order_by(col(Issue.issue_date).desc()).limit(issues.newest)
