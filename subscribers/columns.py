"""What every table of the program shares: names of constraints, and times that are always UTC.

It lives on the ground floor because both packages keep tables in one database, and so in one metadata.
"""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Dialect, Enum, String
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

# Before any table is defined: migrations on SQLite rebuild tables and need every constraint to have a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC. A naive one is refused: SQLite would store its wall time and find nothing."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into the database: UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone can't be stored: {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Out of it: aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def words(kind: type[StrEnum]) -> Enum:
    """A column that holds one of `kind`'s words as text, so that a new word needs no migration."""
    return Enum(
        kind, native_enum=False, create_constraint=False, length=20, values_callable=lambda k: [str(m.value) for m in k]
    )


def by_number(length: int) -> String:
    """A text column in the order of its characters' numbers. It is SQLite's own; PostgreSQL's is a language's, in which
    what begins alike does not stand together, and which takes it three times as long to compare."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
