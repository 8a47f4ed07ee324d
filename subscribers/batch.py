"""A batch of rows in one parameter, for both databases.

An IN list of five hundred numbers, or five hundred UPDATEs one by one, cost more in Python than in the database. Here
they go as one JSON text, which SQLite and PostgreSQL each take apart themselves.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Select, SQLColumnExpression, Subquery, TableValuedAlias, cast, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import BindParameter, ColumnElement, bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

Cell = int | str | datetime | None
Values = TypeVar("Values")


Given = BindParameter[str]


def given(name: str) -> Given:
    """In the place of values: they come when the statement is executed, `packed`, as the parameter of that name."""
    return bindparam(name, type_=String)


def packed(values: Sequence[Sequence[Cell]]) -> str:
    """The values of `rows`, as they go to the database."""
    return json.dumps(values, default=moment)


def packed_texts(values: Mapping[int, str | int]) -> str:
    """The same for `texts`."""
    return json.dumps(values)


def packed_numbers(values: Sequence[int]) -> str:
    """The same for `among`."""
    return json.dumps(values)


def rows(values: Sequence[Sequence[Cell]] | Given, **columns: str) -> Subquery:
    """A table of `values`; `columns` names its columns and PostgreSQL's types for them (a time is `timestamptz`)."""
    each = _Each(_parameter(values, packed)).table_valued("value")
    cells = [
        _Cell(each.c.value, literal_column(str(n)), literal_column(kind)) for n, kind in enumerate(columns.values())
    ]
    return select(*(cell.label(name) for cell, name in zip(cells, columns, strict=True))).subquery()


def texts(values: Mapping[int, str | int] | Given) -> Subquery:
    """A table of numbers and their texts, `number` and `text`: quicker than `rows`, for its rows hold no lists."""
    each = _Pairs(_parameter(values, packed_texts)).table_valued("key", "value")
    return select(cast(each.c.key, BigInteger).label("number"), each.c.value.label("text")).subquery()


def pairs(numbers: Sequence[int], others: Sequence[int]) -> Subquery:
    """A table of numbers, each once, and what belongs to each, `number` and `other`. PostgreSQL reads two arrays in a
    third of the time of one text of JSON."""
    json_object = bindparam(None, callable_=lambda: json.dumps(dict(zip(numbers, others, strict=True))), type_=String)
    arrays = (bindparam(None, callable_=partial(_array, column), type_=String) for column in (numbers, others))
    each = _TwoNumbers(json_object, *arrays).table_valued("key", "value")
    return select(cast(each.c.key, BigInteger).label("number"), each.c.value.label("other")).subquery()


def _array(numbers: Sequence[int]) -> str:
    """As PostgreSQL reads one."""
    return f"{{{','.join(map(str, numbers))}}}"


def among(column: SQLColumnExpression[Any], numbers: Sequence[int] | Given) -> ColumnElement[bool]:
    """`column` is one of `numbers`."""
    return column.in_(each_number(numbers))


def each_number(numbers: Sequence[int] | Given) -> Select[int]:
    """SELECT each of these numbers."""
    each = _Each(_parameter(numbers, packed_numbers)).table_valued("value")
    return select(_Number(each.c.value))


def each_text(values: Sequence[str]) -> TableValuedAlias:
    """A table of these texts, `value`."""
    return _EachText(_parameter(values, json.dumps)).table_valued("value")


def among_texts(column: SQLColumnExpression[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of these texts."""
    return column.in_(select(each_text(values).c.value))


def among_found(column: SQLColumnExpression[Any], found: Select[Any]) -> ColumnElement[bool]:
    """`column` is one of what a query finds, which is asked once: PostgreSQL would make it a join, and ask each time
    where the condition stands in a query that is asked for each row."""
    return _AmongFound(column, found.scalar_subquery())


def _parameter(values: Values | Given, pack: Callable[[Values], str]) -> Given:
    return values if isinstance(values, BindParameter) else bindparam(None, pack(values), String)


def moment(value: object) -> str:
    """A time as SQLite stores it; PostgreSQL reads it as UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"no cell of a batch: {value!r}")
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


class _Each(FunctionElement[Any]):
    """The elements of a JSON array, as rows."""

    inherit_cache = True


class _EachText(FunctionElement[Any]):
    """The texts of a JSON array, as rows."""

    inherit_cache = True


class _Pairs(FunctionElement[Any]):
    """The pairs of a JSON object, as rows."""

    inherit_cache = True


class _TwoNumbers(FunctionElement[Any]):
    """(JSON object, array, array): the pairs of the one or of the other two, as rows; only what is asked is made."""

    inherit_cache = True


class _Number(FunctionElement[Any]):
    """An element that is a number."""

    inherit_cache = True


class _Cell(FunctionElement[Any]):
    """One element of a row that is itself a JSON array: (row, position, PostgreSQL's type)."""

    inherit_cache = True


class _AmongFound(FunctionElement[Any]):
    """(column, query): whether it is one of them. Without a type: as a truth value SQLite would be asked whether it is
    1, and then uses no index for it."""

    inherit_cache = True


@compiles(_AmongFound, "sqlite")
def _among_found_sqlite(element: _AmongFound, compiler: Any, **how: Any) -> str:
    column, found = (compiler.process(clause, **how) for clause in element.clauses)
    return f"({column} IN {found})"


@compiles(_AmongFound, "postgresql")
def _among_found_postgresql(element: _AmongFound, compiler: Any, **how: Any) -> str:
    column, found = (compiler.process(clause, **how) for clause in element.clauses)
    return f"({column} = ANY (ARRAY{found}))"


@compiles(_Each, "sqlite")
@compiles(_EachText, "sqlite")
def _each_sqlite(element: _Each, compiler: Any, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Each, "postgresql")
def _each_postgresql(element: _Each, compiler: Any, **how: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **how)} AS jsonb))"


@compiles(_EachText, "postgresql")
def _each_text_postgresql(element: _EachText, compiler: Any, **how: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **how)} AS jsonb))"


@compiles(_Pairs, "sqlite")
def _pairs_sqlite(element: _Pairs, compiler: Any, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_TwoNumbers, "sqlite")
def _two_numbers_sqlite(element: _TwoNumbers, compiler: Any, **how: Any) -> str:
    json_object, _, _ = element.clauses
    return f"json_each({compiler.process(json_object, **how)})"


@compiles(_TwoNumbers, "postgresql")
def _two_numbers_postgresql(element: _TwoNumbers, compiler: Any, **how: Any) -> str:
    _, *arrays = (clause for clause in element.clauses)
    some = ", ".join(f"CAST({compiler.process(array, **how)} AS bigint[])" for array in arrays)
    return f"(SELECT one.key, one.value FROM unnest({some}) AS one(key, value))"  # noqa: S608 names of parameters


@compiles(_Pairs, "postgresql")
def _pairs_postgresql(element: _Pairs, compiler: Any, **how: Any) -> str:
    return f"jsonb_each_text(CAST({compiler.process(element.clauses, **how)} AS jsonb))"


@compiles(_Number, "sqlite")
def _number_sqlite(element: _Number, compiler: Any, **how: Any) -> str:
    return str(compiler.process(element.clauses, **how))


@compiles(_Number, "postgresql")
def _number_postgresql(element: _Number, compiler: Any, **how: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **how)} AS bigint)"


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
