"""How shares hold documents: as the document of their source, or as a document attached to that one.

An attached document has no shares of its own; every query that asks where a document is shared asks in both ways. So
it has exactly the shares of the files that it is in, in every space and state, and goes with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, case, literal, union_all

from rag.catalog.tables import attachment, attachment_word, name_word, share, source
from rag.model.extraction import ATTACHED_TO


@dataclass(frozen=True, slots=True)
class Holding:
    """One of the two ways, as columns.

    `tables`: source and share, and what links them to the document. `file_name` is the document's own name, `word` a
    word of it, from the tables `named`. `attachment` is empty for the document of a source.
    """

    tables: FromClause
    document: ColumnElement[Any]
    file_name: ColumnElement[str]
    attachment: ColumnElement[str]
    word: ColumnElement[str]
    named: FromClause


_SHARED = source.join(share, share.c.source_id == source.c.id)

OWN = Holding(
    _SHARED,
    source.c.document_id,
    share.c.name,
    literal(""),
    name_word.c.word,
    _SHARED.join(name_word, name_word.c.share_id == share.c.id),
)

_INSIDE = case((attachment.c.inside == "", ""), else_=literal(ATTACHED_TO) + attachment.c.inside)

_IN_SHARED = _SHARED.join(attachment, attachment.c.document_id == source.c.document_id)

ATTACHED = Holding(
    _IN_SHARED,
    attachment.c.attached_id,
    attachment.c.name,
    attachment.c.name + _INSIDE,
    attachment_word.c.word,
    _IN_SHARED.join(attachment_word),
)


def both_ways(rows: Callable[[Holding], Select[Any]]) -> CompoundSelect[Any]:
    """Return the rows of both ways. `rows` selects those of one, from `Holding.tables`.

    One query over the union of all links would read them all: SQLite does not move conditions into it.
    """
    return union_all(*(rows(way).select_from(way.tables) for way in (OWN, ATTACHED)))
