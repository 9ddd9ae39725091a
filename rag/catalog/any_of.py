"""Conditions on lists of any length. A statement binds each list as one value: SQLite takes at most 32,766 values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, String, bindparam, func, select, text, tuple_

_VALUES = text("SELECT value FROM json_each(:values)")


def as_list(values: Iterable[object]) -> str:
    """Return values, or rows of values, as the list that is bound to a parameter of `is_in` or `are_in`."""
    return json.dumps(list(values))


def is_in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values of the list bound as `name`, see `as_list`."""
    return column.in_(text(f"SELECT value FROM json_each(:{name})"))


def are_in(columns: Sequence[ColumnElement[Any]], name: str) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of a row of the list bound as `name`."""
    return _are_in(columns, bindparam(name, type_=String))


def is_any_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values."""
    return column.in_(_VALUES.bindparams(bindparam("values", as_list(values), unique=True)))


def is_none_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has another value than these."""
    return ~is_any_of(column, values)


def are_any_of(columns: Sequence[ColumnElement[Any]], rows: Iterable[Sequence[int | str]]) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of one of the rows."""
    return _are_in(columns, bindparam("rows", as_list(rows), unique=True))


def _are_in(columns: Sequence[ColumnElement[Any]], rows: BindParameter[str]) -> ColumnElement[bool]:
    found = func.json_each(rows).table_valued("value")
    values = [func.json_extract(found.c.value, f"$[{number}]") for number in range(len(columns))]
    return tuple_(*columns).in_(select(*values))
