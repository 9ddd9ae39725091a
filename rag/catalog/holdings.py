"""How shares hold documents: as the document of their source, or as a document attached to that one.

An attached document has no shares of its own; every query that asks where a document is shared asks in both ways. So
it has exactly the shares of the files that it is in, in every space and state, and goes with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, case, literal, union_all

from rag.catalog.tables import attachment, share, source
from rag.model import ATTACHED_TO


@dataclass(frozen=True, slots=True)
class Holding:
    """One of the two ways, as columns.

    `tables`: source and share, and what links them to the document. `file_name` is the document's own name.
    `attachment` is empty for the document of a source.
    """

    tables: FromClause
    document: ColumnElement[Any]
    file_name: ColumnElement[str]
    attachment: ColumnElement[str]


_SHARED = source.join(share, share.c.source_id == source.c.id)

OWN = Holding(_SHARED, source.c.document_id, share.c.name, literal(""))

_INSIDE = case((attachment.c.inside == "", ""), else_=literal(ATTACHED_TO) + attachment.c.inside)

ATTACHED = Holding(
    _SHARED.join(attachment, attachment.c.document_id == source.c.document_id),
    attachment.c.attached_id,
    attachment.c.name,
    attachment.c.name + _INSIDE,
)


def both_ways(rows: Callable[[Holding], Select[Any]]) -> CompoundSelect[Any]:
    """Return the rows of both ways. `rows` selects those of one, from `Holding.tables`.

    One query over the union of all links would read them all: SQLite does not move conditions into it.
    """
    return union_all(*(rows(way).select_from(way.tables) for way in (OWN, ATTACHED)))
