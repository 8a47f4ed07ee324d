"""A project whose relay is a sink of the tests."""

from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol

from sqlmodel import select

from newsletter.config import Config, Smtp
from newsletter.config.relay import NamedRelay
from newsletter.config.sending import Sending
from newsletter.database import Database
from newsletter.delivery import ledger
from newsletter.delivery.models import Delivery
from newsletter.delivery.send import send
from newsletter.issues.models import Issue
from tests.builders import NOW, a_config, add_readers, an_issue

CONFIG = a_config()
DAILY = CONFIG.newsletters[0]
NOTHING: dict[str, object] = {}


class Listening(Protocol):
    """A relay of any make."""

    port: int


class Desk:
    """A project whose relay is a sink: draft, send, look."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.now = database, folder, NOW
        self.made, self.flows = monotonic(), False
        with database.transaction() as session:
            self.issue_id = an_issue(session).id or 0

    def clock(self) -> datetime:
        """`now`, and what has passed since the desk was made if `flows`: for what waits a second by itself."""
        return self.now + timedelta(seconds=monotonic() - self.made if self.flows else 0)

    def config(
        self, sink: Listening, sending: dict[str, object] = NOTHING, spare: Listening | None = None, **smtp
    ) -> Config:  # fmt: skip
        """`spare` is the relay that takes over."""
        relay = {"port": sink.port, "security": "none", "connections": 2}
        first = relay | {"journal_dir": self.folder / "journal", "fallback": "spare" if spare else ""} | smtp
        others = (NamedRelay.model_validate(relay | {"port": spare.port, "name": "spare"}),) if spare else ()
        return CONFIG.model_copy(
            update={
                "smtp": Smtp.model_validate(first), "relays": others, "sending": Sending.model_validate(sending),
            }
        )  # fmt: skip

    def readers(self, count: int) -> list[str]:
        with self.database.transaction() as session:
            return add_readers(session, count)

    def send(self, sink: Listening, rests=(0, 0, 0, 0), newsletter=DAILY, stopping=None, **changes) -> ledger.Totals:
        return send(
            self.database, self.config(sink, **changes), newsletter, self.issue_id,
            clock=self.clock, who="test", rests=rests, stopping=stopping,
        )  # fmt: skip

    def totals(self) -> ledger.Totals:
        with self.database.reading() as session:
            return ledger.totals(session, self.issue_id)

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.issue_id)

    def delivery(self, address: str) -> Delivery:
        number = int(address.removeprefix("reader").partition("@")[0])
        with self.database.reading() as session:
            rows = session.exec(select(Delivery).order_by(Delivery.subscriber_id)).all()  # type: ignore[arg-type]
            return rows[number - 1]
