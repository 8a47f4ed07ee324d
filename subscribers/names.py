"""The index over names, which searching goes by, while a long list comes into a short store.

Names come in the order of addresses, so each would stand anywhere in it and bring a page of it along. Made at once
afterwards, in its own order, it costs a third. Until then searching by name reads the whole table.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from sqlalchemy import Index, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from subscribers import audience
from subscribers.models import Subscriber

FEW = 100_000  # people, of whom each search may look at every one
WAIT = "1s"  # for who reads the table at the moment; everybody who comes later waits for us


@contextmanager
def put_aside(transaction: Callable[[], AbstractContextManager[Session]]) -> Iterator[None]:
    """While the block runs, and only where there are few people yet. Where others hold the table it stays."""
    with suppress(OperationalError), transaction() as session:
        if audience.last_number(session) < FEW:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(f"SET LOCAL lock_timeout = '{WAIT}'"))
            _index().drop(session.connection(), checkfirst=True)
    try:
        yield
    finally:
        with transaction() as session:
            put_back(session)


def put_back(session: Session) -> None:
    """Make it if it is not there: after an import, or long after one that was killed."""
    _index().create(session.connection(), checkfirst=True)


def _index() -> Index:
    indexes: set[Index] = Subscriber.__table__.indexes  # type: ignore[attr-defined]
    return next(index for index in indexes if index.name == "ix_subscriber_name_sorted")
