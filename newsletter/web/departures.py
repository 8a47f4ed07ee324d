"""Leavings that arrive together are written together.

After an issue mail providers POST many leavings at once; each is answered only when it is committed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import OperationalError

from newsletter.database import Database
from newsletter.web.gathering import Gathering
from subscribers import unsubscribe
from subscribers.unsubscribe import Departure

GATHER_SECONDS = 0.003
Answer = str | None | Exception


class Departures(Gathering[Departure, str | None]):
    """All of one event loop; made once by `create_app`. `take` returns the newsletter that the subscription is off from
    now on; None if there is no such subscription."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(lambda departures: written(database, departures, clock()), GATHER_SECONDS)


def written(database: Database, departures: Sequence[Departure], now: datetime) -> list[Answer]:
    """The newsletter that each is off, in one transaction; where it fails, each in its own, and its error is its
    answer. A store that is away is not asked again for each.
    """
    try:
        with database.transaction() as session:
            off = unsubscribe.together(session, departures, now)
    except Exception as error:
        if len(departures) == 1:
            return [error]
        return _each_alone(database, departures, now)
    return [off[one.subscription_id].newsletter if one.subscription_id in off else None for one in departures]


def _each_alone(database: Database, departures: Sequence[Departure], now: datetime) -> list[Answer]:
    answers: list[Answer] = []
    for departure in departures:
        if answers and isinstance(answers[-1], OperationalError):
            answers.append(answers[-1])
        else:
            answers += written(database, [departure], now)
    return answers
