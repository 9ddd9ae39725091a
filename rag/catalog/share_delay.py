"""Shares of bytes that are known already: shown, like new bytes, only after the time that reading them takes.

Otherwise a receipt or a search would tell a person whether somebody shared the same file where they are not.
"""

from __future__ import annotations

from time import time

from sqlalchemy import ColumnElement, Connection, and_, exists, select, update

from rag.catalog.tables import document, reading, share, source

OWN = ("path", "url")
"""Kinds of sources that the operator indexes; nobody else sees when these are ready."""

_SECONDS_A_PAGE = 0.5
"""Assumed for readings of earlier versions, which did not record their time."""


def hold_new_share(connection: Connection, source_id: int, space: str | None = None) -> None:
    """Hold back a share of this source, or all of them, if its document was read before.

    A share is not held back in a space where the document is shown already.
    """
    row = connection.execute(
        select(reading.c.seconds, reading.c.pages, reading.c.document_id)
        .join(document, document.c.reading_id == reading.c.id)
        .join(source, source.c.document_id == document.c.id)
        .where(source.c.id == source_id, source.c.kind.not_in(OWN), reading.c.state == "complete")
    ).one_or_none()
    if row is None:
        return
    seconds = row.pages * _SECONDS_A_PAGE if row.seconds is None else row.seconds
    mine = and_(share.c.source_id == source_id, ~_shown_by_another(row.document_id))
    mine = mine if space is None else mine & (share.c.space == space)
    _hold(connection, mine, seconds)


def hold_later_shares(connection: Connection, document_id: int, seconds: float) -> None:
    """Hold back the shares that came while a document was being read for the first time, which took `seconds`."""
    sources = select(source.c.id).where(source.c.document_id == document_id, source.c.kind.not_in(OWN))
    _hold(connection, share.c.source_id.in_(sources), seconds)


def _hold(connection: Connection, mine: ColumnElement[bool], seconds: float) -> None:
    new = and_(mine, share.c.shown_from == 0, share.c.shared_at + seconds > time())
    connection.execute(update(share).where(new).values(shown_from=share.c.shared_at + seconds))


def _shown_by_another(document_id: int) -> ColumnElement[bool]:
    other, its_source = share.alias(), source.alias()
    return exists().where(
        other.c.space == share.c.space,
        other.c.source_id != share.c.source_id,
        other.c.withheld.is_(None),
        other.c.shown_from <= time(),
        its_source.c.id == other.c.source_id,
        its_source.c.document_id == document_id,
    )
