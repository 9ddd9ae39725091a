"""Conditions on lists of any length. A statement binds each list as one value: SQLite takes at most 32,766 values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, text, tuple_

_VALUES = text("SELECT value FROM json_each(:values)")
"""Written in SQL: building it from objects takes ten times as long, and a search needs it about twenty times."""


def is_any_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values."""
    return column.in_(_VALUES.bindparams(bindparam("values", json.dumps(list(values)), unique=True)))


def is_none_of(column: ColumnElement[Any], values: Iterable[int | str]) -> ColumnElement[bool]:
    """Return the condition that a column has another value than these."""
    return ~is_any_of(column, values)


def are_any_of(columns: Sequence[ColumnElement[Any]], rows: Iterable[Sequence[int | str]]) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of one of the rows."""
    found = func.json_each(json.dumps(list(rows))).table_valued("value")
    values = [func.json_extract(found.c.value, f"$[{number}]") for number in range(len(columns))]
    return tuple_(*columns).in_(select(*values))
