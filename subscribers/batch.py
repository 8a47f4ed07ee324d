"""A batch of rows in one parameter, for both databases.

An IN list of five hundred numbers, or five hundred UPDATEs one by one, cost more in Python than in the database. Here
they go as one JSON text, which SQLite and PostgreSQL each take apart themselves.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import SQLColumnExpression, Subquery, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement, bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

Cell = int | str | datetime | None


def rows(values: Sequence[Sequence[Cell]], **columns: str) -> Subquery:
    """A table of `values`; `columns` names its columns and PostgreSQL's types for them (a time is `timestamptz`)."""
    return _table(bindparam(None, packed(values), String), columns)


def among(column: SQLColumnExpression[Any], numbers: Sequence[int]) -> ColumnElement[bool]:
    """`column` is one of `numbers`."""
    return column.in_(select(rows([[number] for number in numbers], number="bigint").c.number))


def among_given(column: SQLColumnExpression[Any], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: its parameter `name` gets `packed_numbers`."""
    return column.in_(select(_table(bindparam(name, type_=String), {"number": "bigint"}).c.number))


def packed(values: Sequence[Sequence[Cell]]) -> str:
    """Rows as the one parameter they travel in."""
    return json.dumps(values, default=_moment)


def packed_numbers(numbers: Sequence[int]) -> str:
    """Numbers as rows of one cell."""
    return packed([[number] for number in numbers])


def _table(parameter: ColumnElement[Any], columns: Mapping[str, str]) -> Subquery:
    each = _Each(parameter).table_valued("value")
    cells = [
        _Cell(each.c.value, literal_column(str(n)), literal_column(kind)) for n, kind in enumerate(columns.values())
    ]
    return select(*(cell.label(name) for cell, name in zip(cells, columns, strict=True))).subquery()


def _moment(value: object) -> str:
    """A time as SQLite stores it; PostgreSQL reads it as UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"no cell of a batch: {value!r}")
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


class _Each(FunctionElement[Any]):
    """The elements of a JSON array, as rows."""

    inherit_cache = True


class _Cell(FunctionElement[Any]):
    """One element of a row that is itself a JSON array: (row, position, PostgreSQL's type)."""

    inherit_cache = True


@compiles(_Each, "sqlite")
def _each_sqlite(element: _Each, compiler: Any, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Each, "postgresql")
def _each_postgresql(element: _Each, compiler: Any, **how: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **how)} AS jsonb))"


@compiles(_Cell, "sqlite")
def _cell_sqlite(element: _Cell, compiler: Any, **how: Any) -> str:
    row, position, _ = (compiler.process(clause, **how) for clause in element.clauses)
    return f"json_extract({row}, '$[{position}]')"


@compiles(_Cell, "postgresql")
def _cell_postgresql(element: _Cell, compiler: Any, **how: Any) -> str:
    row, position, kind = (compiler.process(clause, **how) for clause in element.clauses)
    if kind == "timestamptz":
        return f"(CAST({row} ->> {position} AS timestamp) AT TIME ZONE 'UTC')"
    return f"CAST({row} ->> {position} AS {kind})"
