"""SQL that SQLite and PostgreSQL write differently, compiled for the database of the connection.

The rest of the catalog's SQL is written as both understand it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, ScalarSelect, Select, String, Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement, ReturnTypeFromArgs
from sqlalchemy.sql.visitors import InternalTraversal


def upsert(table: Table) -> Insert:
    """Return an INSERT that may have an ON CONFLICT clause. The `rowcount` of its result is the number of changed rows.

    SQLAlchemy compiles PostgreSQL's for SQLite as well, but not SQLite's for PostgreSQL.
    """
    return insert(table).execution_options(preserve_rowcount=True)


def next_unlocked(candidates: Select[int]) -> ScalarSelect[int]:
    """Return the first of these rows, to claim it in an UPDATE of the same statement.

    PostgreSQL skips rows that another transaction is about to claim, and both would otherwise claim the same one.
    SQLite has one writer at a time.
    """
    return candidates.limit(1).with_for_update(skip_locked=True).scalar_subquery()


class greatest(ReturnTypeFromArgs[Any]):
    """The greatest of several values, of which none is null."""

    inherit_cache = True


class least(ReturnTypeFromArgs[Any]):
    """The least of several values, of which none is null."""

    inherit_cache = True


@compiles(greatest, "sqlite")
def _greatest(element: greatest, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@compiles(least, "sqlite")
def _least(element: least, compiler: SQLCompiler, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


class whole(FunctionElement[int]):
    """A number without its fraction, as `int` returns it in Python."""

    type = Integer()
    inherit_cache = True


@compiles(whole)
def _whole(element: whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS INTEGER)"


@compiles(whole, "postgresql")
def _whole_number(element: whole, compiler: SQLCompiler, **options: Any) -> str:  # its cast rounds
    return f"CAST(trunc({compiler.process(element.clauses, **options)}) AS INTEGER)"


class json_values(FunctionElement[Any]):
    """A table with a row for each value of a JSON array; its column is `value`. PostgreSQL has them as text."""

    inherit_cache = True


@compiles(json_values)
def _json_values(element: json_values, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_values, "postgresql")
def _jsonb_values(element: json_values, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


class json_list(FunctionElement[str]):
    """The values of a group of rows, as a JSON array."""

    type = String()
    inherit_cache = True


@compiles(json_list)
def _json_list(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array({_of_group(element, compiler, options)})"


@compiles(json_list, "postgresql")
def _text_of_list(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(coalesce(json_agg({_of_group(element, compiler, options)}), '[]') AS TEXT)"


def _of_group(element: json_list, compiler: SQLCompiler, options: dict[str, Any]) -> str:
    return compiler.process(element.clauses, **options | {"within_aggregate_function": True})


class listed_values(ColumnElement[Any]):
    """A subquery of the values of a list. PostgreSQL needs their types: those of the columns."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - as in the base class
        ("values", InternalTraversal.dp_clauseelement),
        ("types", InternalTraversal.dp_string),
    ]

    def __init__(self, values: BindParameter[str], *columns: ColumnElement[Any]) -> None:
        self.values = values
        self.types = " ".join("BIGINT" if isinstance(column.type, Integer) else "TEXT" for column in columns)


class listed_rows(listed_values):
    """A subquery of the rows of a list."""

    inherit_cache = True


@compiles(listed_values)
def _values(listed: listed_values, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(listed.values, **options)}))"


@compiles(listed_values, "postgresql")
def _typed_values(listed: listed_values, compiler: SQLCompiler, **options: Any) -> str:
    values = compiler.process(listed.values, **options)
    return f"(SELECT CAST(value AS {listed.types}) FROM jsonb_array_elements_text(CAST({values} AS JSONB)))"


@compiles(listed_rows)
def _rows(listed: listed_rows, compiler: SQLCompiler, **options: Any) -> str:
    cells = (f"json_extract(value, '$[{number}]')" for number in range(len(listed.types.split())))
    return f"(SELECT {', '.join(cells)} FROM json_each({compiler.process(listed.values, **options)}))"


@compiles(listed_rows, "postgresql")
def _typed_rows(listed: listed_rows, compiler: SQLCompiler, **options: Any) -> str:
    cells = (f"CAST(value ->> {number} AS {kind})" for number, kind in enumerate(listed.types.split()))
    rows = compiler.process(listed.values, **options)
    return f"(SELECT {', '.join(cells)} FROM jsonb_array_elements(CAST({rows} AS JSONB)))"
