"""What every endpoint may ask for: the house it works in, a look into the store, a posted form.

A look (`ReadingDep`) never waits for a writer. Who writes opens `house.database.transaction()` itself, so that all is
committed before the answer goes out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from newsletter.config import Config
from newsletter.database import Database
from newsletter.web.pages import Pages
from subscribers.tokens import Keys

MAX_FIELDS = 40
MAX_NETWORKS = 10_000


class Allowance:
    """At most so many of something in an hour for each network; older hours are forgotten. Safe between threads."""

    def __init__(self, an_hour: int) -> None:
        self._an_hour = an_hour
        self._hour = ""
        self._used: dict[str, int] = {}
        self._lock = Lock()

    def takes(self, network_address: str, now: datetime) -> bool:
        """Count one more; False if that network has had its share of this hour."""
        network = network_of(network_address)
        with self._lock:
            if self._hour != f"{now:%Y%m%d%H}" or len(self._used) > MAX_NETWORKS:
                self._hour, self._used = f"{now:%Y%m%d%H}", {}
            self._used[network] = self._used.get(network, 0) + 1
            return self._used[network] <= self._an_hour


@dataclass(frozen=True)
class House:
    """What the endpoints work with; made once by `create_app`."""

    config: Config
    database: Database
    pages: Pages
    sign_ups: Allowance
    clock: Callable[[], datetime]
    sends_notices: bool  # at once, after the answer; else whoever calls `notices.deliver_due` does

    @property
    def keys(self) -> Keys:
        """What links are signed with."""
        return self.config.keys

    @property
    def now(self) -> datetime:
        """The time of this request."""
        return self.clock()


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


HouseDep = Annotated[House, Depends(_house)]


def _reading(house: HouseDep) -> Iterator[Session]:
    with house.database.reading() as session:
        yield session


async def _body(request: Request) -> bytes:
    return await request.body()


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=0, max_fields=MAX_FIELDS)
    except HTTPException:
        return FormData()  # a form that can't be read says nothing


ReadingDep = Annotated[Session, Depends(_reading)]
BodyDep = Annotated[bytes, Depends(_body)]
FormDep = Annotated[FormData, Depends(_form)]


def field(form: FormData, name: str) -> str:
    """One text field of a form; "" where there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def client_of(request: Request) -> str:
    """The address the request came from; a proxy's word for it is taken only from proxies we trust (uvicorn's rule)."""
    return request.client.host if request.client else ""


def network_of(address: str) -> str:
    """What one household or office shares: /24 of IPv4, /64 of IPv6."""
    return ":".join(address.split(":")[:4]) if ":" in address else address.rpartition(".")[0]
