"""Where counted links lead, and who followed them: looked up once an issue, written together and never waited for.

No reader waits for this or fails by it. What can't be written is lost, and the log says how many were.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from newsletter.database import Database
from newsletter.issues.models import Issue
from newsletter.rendering import editions
from newsletter.rendering.counted import Link
from newsletter.tracking import clicks
from newsletter.web.gathering import Gathering
from subscribers.clicks import Following

GATHER_SECONDS = 0.1
MOST_WAITING = 20_000  # visits in memory, of a store that is slow or away
MOST_KNOWN = 200  # issues whose links are kept in memory

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class IssueLinks:
    """What an issue's counted links are."""

    newsletter: str
    links: Mapping[int, Link]  # by number


class Clicks(Gathering[Following, None]):
    """All of one event loop; made once by `create_app`."""

    def __init__(self, database: Database) -> None:
        super().__init__(lambda visits: written(database, visits), GATHER_SECONDS)
        self._database = database
        self._known: OrderedDict[int, IssueLinks] = OrderedDict()

    def known(self, issue: int) -> IssueLinks | None:
        """Its links, if they were looked up before: they are frozen, so they stay right."""
        return self._known.get(issue)

    def look_up(self, issue: int) -> IssueLinks | None:
        """Its links out of the store; None for an issue that has not gone out, or counts none."""
        with self._database.reading() as session:
            found = _of_issue(session, issue)
        if found is not None:
            self._known[issue] = found
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return found

    async def note(self, visit: Following) -> None:
        """Write it down, if it can be. Raises nothing."""
        if self.waiting >= MOST_WAITING:
            log.warning("A click was not counted: too many wait.", action="click_lost", issue=visit.issue)
            return
        await self.take(visit)


def written(database: Database, visits: Sequence[Following]) -> list[None]:
    """Keep them in one transaction; where that fails, each in its own. What fails alone is lost, and said so."""
    try:
        with database.transaction() as session:
            clicks.keep(session, visits)
    except Exception as error:  # whatever it is: it is no reader's trouble
        if len(visits) > 1 and not isinstance(error, OperationalError):  # a store that is away is not asked for each
            for visit in visits:
                written(database, [visit])
        else:
            why = type(error).__name__  # its words may hold the row
            log.warning("Clicks were not counted.", action="clicks_lost", clicks=len(visits), why=why)
    return [None] * len(visits)


def _of_issue(session: Session, issue: int) -> IssueLinks | None:
    row = session.get(Issue, issue)
    if row is None or row.started_at is None:
        return None
    links = editions.links_of(session, issue)
    return IssueLinks(row.newsletter, {link.number: link for link in links}) if links else None
