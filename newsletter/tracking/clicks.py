"""Followings of links → kept, each with what speaks against a person (`robots.py`), also of those before it.

Of a reader who has left or was erased nothing is kept. An observation lost costs nobody anything: those who write here
never make a reader wait, and a crash may take the last moments' with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from newsletter.database import Database
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.rows import TABLE
from newsletter.rendering.counted import TRAP
from newsletter.tracking import robots
from newsletter.tracking.robots import Seen
from subscribers import clicks
from subscribers.batch import among
from subscribers.clicks import Following

MOST_OF_A_MAIL = 200  # followings that are kept of one reader's mail: a link in the wrong hands fills no disk


def keep(session: Session, visits: Sequence[Following]) -> int:
    """Write them down; how many were kept. Those of one issue share a handful of statements."""
    by_issue = defaultdict[tuple[str, int], list[Following]](list)
    for visit in visits:
        by_issue[visit.newsletter, visit.issue].append(visit)
    return sum(_keep_of_issue(session, *issue, some) for issue, some in by_issue.items())


def forget(database: Database, before: datetime) -> int:
    """Forget what was followed before that; how many. In small transactions, for nobody waits for it."""
    total = 0
    while True:
        with database.transaction() as session:
            some = clicks.forget_before(session, before)
        total += some
        if not some:
            return total


def _keep_of_issue(session: Session, newsletter: str, issue: int, visits: list[Following]) -> int:
    readers = clicks.readers_among(session, {visit.subscriber_id for visit in visits}, newsletter)
    known, new = defaultdict[int, list[Following]](list), defaultdict[int, list[Following]](list)
    for one in clicks.of_mails(session, readers, issue):
        known[one.subscriber_id].append(one)
    for visit in visits:
        reader = visit.subscriber_id
        if reader in readers and len(known[reader]) + len(new[reader]) < MOST_OF_A_MAIL:
            new[reader].append(visit)
    accepted = _accepted(session, issue, new)
    made: list[Following] = []
    for reader, some in new.items():
        begin = min(one.at for one in some) - robots.LOOK_BACK
        before = [one for one in known[reader] if one.at >= begin]
        made += judged([*before, *some], accepted.get(reader))
    clicks.keep(session, made)
    return sum(map(len, new.values()))


def judged(followings: Sequence[Following], accepted_at: datetime | None) -> list[Following]:
    """Followings of one reader's mail with what they show together; of those that are kept already, only those whose
    signs have become more."""
    seen = [Seen(one.at, one.link, is_trap=one.link == TRAP) for one in followings]
    made = []
    for one, shown in zip(followings, robots.of_mail(seen, accepted_at), strict=True):
        signs = robots.in_words(shown | robots.from_words(one.signs))
        if not one.id or signs != one.signs:
            made.append(one._replace(signs=signs))
    return made


def _accepted(session: Session, issue: int, readers: Iterable[int]) -> dict[int, datetime]:
    """When the relay took each of these readers' mail; one whose answer is not written yet was taken this moment."""
    mine = (among(TABLE.c.subscriber_id, [*readers]), TABLE.c.issue_id == issue)
    # Their state is looked at here: asked for it, SQLite would go through all of the issue that are in that state.
    rows = session.execute(select(TABLE.c.subscriber_id, TABLE.c.changed_at, TABLE.c.state).where(*mine))
    return {row[0]: row[1] for row in rows if row[2] in (DeliveryState.ACCEPTED, DeliveryState.IN_HAND)}
