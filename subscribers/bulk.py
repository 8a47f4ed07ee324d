"""Many rows at once, one call for both databases: columns in, INSERT … ON CONFLICT DO NOTHING out; keys in, rows out.

PostgreSQL gets one statement over arrays, SQLite its driver's own executemany: either is some four times as fast as
rows through the object mapper. A long list of keys is one parameter, not thousands of them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Table, any_, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, SQLModel


def add_rows(
    session: Session, model: type[SQLModel], columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> None:
    """Insert rows whose `columns` are lists of one length, and whose other columns are the `same` in every row.

    Rows that clash with one that is there are left out.
    """
    table: Table = model.__table__  # type: ignore[attr-defined]
    if not next(iter(columns.values())):
        return
    if session.get_bind().dialect.name == "postgresql":
        _add_arrays(session, table, columns, same)
    else:
        _add_by_driver(session, table, columns, same)


def among(session: Session, column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """`column IN values`, for text and thousands of them."""
    if session.get_bind().dialect.name == "postgresql":
        found: ColumnElement[bool] = column == any_(literal(list(values), ARRAY(column.type)))
    else:
        found = column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))
    return found


def _add_arrays(session: Session, table: Table, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
    lists = [func.unnest(bindparam(name, list(values), ARRAY(table.c[name].type))) for name, values in columns.items()]
    constants = [literal(value, table.c[name].type) for name, value in same.items()]
    statement = postgresql.insert(table).from_select([*columns, *same], select(*lists, *constants))
    session.execute(statement.on_conflict_do_nothing())


def _add_by_driver(
    session: Session, table: Table, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> None:
    connection = session.connection()
    lists = [map(_to_driver(table.c[name], connection.dialect), values) for name, values in columns.items()]
    constants = [repeat(_to_driver(table.c[name], connection.dialect)(value)) for name, value in same.items()]
    names, places = ", ".join([*columns, *same]), ", ".join("?" * (len(columns) + len(same)))
    # The names are our own tables' and columns', never a stranger's.
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608
    connection.exec_driver_sql(statement, list(zip(*lists, *constants, strict=False)))


def _to_driver(column: Column[Any], dialect: Any) -> Callable[[Any], Any]:
    """How the column's type writes a value for the driver."""
    return column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
