"""Leavings that arrive together are written together.

After an issue mail providers POST many leavings at once. One transaction each would keep the sender waiting, and each
other: here those of a few milliseconds share one, and each is answered only when it is committed.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from newsletter.database import Database
from subscribers import unsubscribe
from subscribers.unsubscribe import Departure

GATHER_SECONDS = 0.003
MOST_AT_ONCE = 200
Answer = str | None | Exception
_Waiting = tuple[Departure, "asyncio.Future[str | None]"]


class Departures:
    """All of one event loop; made once by `create_app`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def take(self, departure: Departure) -> str | None:
        """The newsletter that the subscription is off from now on; None if there is no such subscription."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()
        self._waiting.append((departure, done))
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        return await done

    async def _write(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            wishes = [departure for departure, _ in batch]
            answers = await run_in_threadpool(written, self._database, wishes, self._clock())
            if not self._waiting:
                self._writer = None  # before anybody goes on: the next one to come begins anew
            for (_, done), answer in zip(batch, answers, strict=True):
                if done.cancelled():
                    continue  # whoever asked hung up; it is written all the same
                if isinstance(answer, Exception):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)


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
