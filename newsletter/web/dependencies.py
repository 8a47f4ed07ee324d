"""What every endpoint may ask for: the house it works in, a look into the store, a posted form.

A look (`ReadingDep`) never waits for a writer. Who writes opens `house.database.transaction()` itself, so that all is
committed before the answer goes out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from newsletter.config import Config, SignUp
from newsletter.database import Database
from newsletter.web.allowance import Allowance, network_of
from newsletter.web.clicks import Clicks
from newsletter.web.departures import Departures
from newsletter.web.pages import Pages
from subscribers.tokens import Keys

MAX_FIELDS = 100
TRIES_AN_HOUR = 10  # of one address; only the first can make a mail


class SignUpShares:
    """What the form gives: to one network, to one address, and in all."""

    def __init__(self, rules: SignUp) -> None:
        self._network = Allowance(rules.network_an_hour)
        self._address = Allowance(TRIES_AN_HOUR)
        self._site = Allowance(rules.site_an_hour)

    def of_places(self, network_address: str, now: datetime) -> bool:
        """Whether that network and the site have one more left; it is counted where both have."""
        return (
            self._site.has_left("", now)
            and self._network.takes(network_of(network_address), now)
            and self._site.takes("", now)
        )

    def of_address(self, address: str, now: datetime) -> bool:
        """Whether it is worth a look; one address from a thousand networks is not. Known or not makes no difference."""
        return self._address.takes(address, now)


@dataclass(frozen=True)
class House:
    """What the endpoints work with; made once by `create_app`."""

    config: Config
    database: Database
    pages: Pages
    sign_ups: SignUpShares
    departures: Departures
    clicks: Clicks
    clock: Callable[[], datetime]
    sends_notices: bool  # at once, after the answer; else whoever calls `notices.deliver_due` does

    @cached_property
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
