"""Conditions on lists of any length. A statement binds each list as one value: SQLite takes at most 32,766 values, and
PostgreSQL 65,535."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BinaryExpression, BindParameter, Boolean, ColumnElement, String, bindparam, tuple_
from sqlalchemy.sql import operators

from rag.catalog.dialects import listed_rows, listed_values
from rag.catalog.nul_characters import dump_json


def as_list(values: Iterable[object]) -> str:
    """Return values, or rows of values, as the list that is bound to a parameter of `is_in` or `are_in`."""
    return dump_json(list(values))


def is_in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values of the list bound as `name`, see `as_list`."""
    return _is_listed(column, bindparam(name, type_=String))


def are_in(columns: Sequence[ColumnElement[Any]], name: str) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of a row of the list bound as `name`."""
    return _are_listed(columns, bindparam(name, type_=String))


def is_any_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values."""
    return _is_listed(column, bindparam("values", as_list(values), unique=True))


def is_none_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has another value than these."""
    return ~is_any_of(column, values)


def are_any_of(columns: Sequence[ColumnElement[Any]], rows: Iterable[Sequence[int | str]]) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of one of the rows."""
    return _are_listed(columns, bindparam("rows", as_list(rows), unique=True))


def _is_listed(column: ColumnElement[Any], values: BindParameter[str]) -> ColumnElement[bool]:
    return _in(column, listed_values(values, column))


def _are_listed(columns: Sequence[ColumnElement[Any]], rows: BindParameter[str]) -> ColumnElement[bool]:
    return _in(tuple_(*columns), listed_rows(rows, *columns))


def _in(left: ColumnElement[Any], listed: listed_values) -> ColumnElement[bool]:
    return BinaryExpression(left, listed, operators.in_op, type_=Boolean(), negate=operators.not_in_op)
