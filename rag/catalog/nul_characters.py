"""Keep NUL characters out of the database: PostgreSQL refuses them, and SQLite's functions end a text at the first one.

File names, messages, captions and error messages can contain them. Every text that a statement binds passes here, those
to look up as well as those to store, so that both agree.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

_NUL = "\0"


def engine_without_nul(url: str | URL, **options: Any) -> Engine:
    """Return an engine for a database, which removes NUL characters from everything that its statements bind.

    The parameters are questions and texts of documents: they do not get into a log with an error.
    """
    engine = create_engine(url, hide_parameters=True, json_serializer=dump_json, **options)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _remove(
        _connection: Connection, _cursor: object, statement: str, parameters: Any, _context: object, _is_many: bool
    ) -> tuple[str, Any]:
        return statement, without_nul(parameters)

    return engine


def dump_json(value: object) -> str:
    """Return a value as JSON, without the NUL characters of its texts."""
    return json.dumps(without_nul(value))


def without_nul(value: Any) -> Any:
    """Return a text without its NUL characters, or a list, tuple or dict without those of its texts.

    A named tuple becomes a plain one, as in JSON.
    """
    match value:
        case str():
            return value.replace(_NUL, "") if _NUL in value else value
        case dict():
            return {without_nul(key): without_nul(part) for key, part in value.items()}
        case list():
            return [without_nul(part) for part in value]
        case tuple():
            return tuple(without_nul(part) for part in value)
    return value
