"""What SQLAlchemy compiled for one test serves the other tests of the process.

It keeps compiled statements by engine, and most tests have an engine of their own: compiling the same statements again
and again was a sixth of all that the tests computed. All dialects of one class count as one here, for all speak with
the same driver to the same server.
"""

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

_COMPILED: dict[type[Dialect], LRUCache[object, object]] = {}


def share() -> None:
    """For every engine of this process, from now on."""
    DefaultDialect.__hash__ = _hash  # type: ignore[method-assign,assignment]
    DefaultDialect.__eq__ = _is_alike  # type: ignore[method-assign,assignment]
    event.listen(Engine, "engine_connect", _with_what_is_compiled)


def _with_what_is_compiled(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED.setdefault(type(connection.dialect), LRUCache(5_000)))


def _hash(dialect: DefaultDialect) -> int:
    return hash(type(dialect))


def _is_alike(dialect: DefaultDialect, other: object) -> bool:
    return type(dialect) is type(other)
