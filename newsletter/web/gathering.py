"""What arrives together is written together.

After an issue much comes at once. One transaction each would keep the sender waiting, and each other: here what comes
within a moment shares one, and each is told only when it is committed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

MOST_AT_ONCE = 200
Wish = TypeVar("Wish")
Answer = TypeVar("Answer")


class Gathering(Generic[Wish, Answer]):
    """All wishes of one kind of one event loop. `write` writes many, in a thread of its own, and returns for each, in
    their order, its answer or what is to be raised."""

    def __init__(self, write: Callable[[Sequence[Wish]], Sequence[Answer | Exception]], seconds: float) -> None:
        self._write_them, self._seconds = write, seconds
        self._waiting: list[tuple[Wish, asyncio.Future[Answer]]] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait to be written."""
        return len(self._waiting)

    async def take(self, wish: Wish) -> Answer:
        """The answer, once it is written."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((wish, done))
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        return await done

    async def _write(self) -> None:
        await asyncio.sleep(self._seconds)
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            answers = await run_in_threadpool(self._write_them, [wish for wish, _ in batch])
            if not self._waiting:
                self._writer = None  # before anybody goes on: the next one to come begins anew
            for (_, done), answer in zip(batch, answers, strict=True):
                if done.cancelled():
                    continue  # whoever asked hung up; it is written all the same
                if isinstance(answer, Exception):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)
