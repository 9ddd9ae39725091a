"""Delay a share of a document that was extracted before by the time that its extraction took.

Otherwise a receipt or a search would reveal whether the same file was shared in a space that a person cannot see.
"""

from __future__ import annotations

from time import time

from sqlalchemy import ColumnElement, Connection, and_, exists, select, true, update

from rag.catalog.states import LIVE, ExtractionState, ShareState
from rag.catalog.tables import attachment, document, extraction, share, source
from rag.model.extraction import SourceKind

OPERATOR_KINDS = tuple(SourceKind)
"""Kinds of sources that the operator indexes. They are not delayed: only the operator sees when they are ready."""

_SECONDS_PER_PAGE = 0.5
"""Assumed if an extraction has no recorded time, as those of earlier versions."""


def delay_new_share(connection: Connection, source_id: int, share_id: int | None = None) -> None:
    """Delay one share of this source, or all of them, if its document was extracted before.

    A share is not delayed in a space where the document is visible already.
    """
    row = connection.execute(
        select(extraction.c.seconds, extraction.c.pages, extraction.c.document_id)
        .join(document, document.c.extraction_id == extraction.c.id)
        .join(source, source.c.document_id == document.c.id)
        .where(source.c.id == source_id, source.c.kind.not_in(OPERATOR_KINDS))
        .where(extraction.c.state == ExtractionState.COMPLETE)
    ).one_or_none()
    if row is None:
        return
    seconds = _duration(row.seconds, row.pages) + _attached_seconds(connection, row.document_id)
    another = _is_visible_by_another(row.document_id, but=source_id if share_id is None else None)
    mine = and_(share.c.source_id == source_id, ~another)
    mine = mine if share_id is None else mine & (share.c.id == share_id)
    _delay(connection, mine, seconds)


def delay_later_shares(connection: Connection, document_id: int, seconds: float) -> None:
    """Delay the shares that came during the first extraction of a document, which took `seconds`."""
    sources = select(source.c.id).where(source.c.document_id == document_id, source.c.kind.not_in(OPERATOR_KINDS))
    _delay(connection, share.c.source_id.in_(sources), seconds)


def delay_for_attachments(connection: Connection, document_id: int) -> None:
    """Delay the shares of a file that is extracted for the first time by what its known attachments took."""
    seconds = _attached_seconds(connection, document_id)
    sources = select(source.c.id).where(source.c.document_id == document_id, source.c.kind.not_in(OPERATOR_KINDS))
    until = time() + seconds
    later = and_(share.c.source_id.in_(sources), share.c.state.in_(LIVE), share.c.visible_from < until)
    if seconds:
        connection.execute(update(share).where(later).values(visible_from=until))


def _attached_seconds(connection: Connection, document_id: int) -> float:
    """Return how long the extractions took of the documents that are attached to this one."""
    attached = select(attachment.c.attached_id).where(attachment.c.document_id == document_id)
    rows = select(extraction.c.seconds, extraction.c.pages)
    rows = rows.join(document, document.c.extraction_id == extraction.c.id)
    rows = rows.where(document.c.id.in_(attached), extraction.c.state == ExtractionState.COMPLETE)
    return sum((_duration(row.seconds, row.pages) for row in connection.execute(rows)), 0.0)


def _duration(seconds: float | None, pages: int) -> float:
    return pages * _SECONDS_PER_PAGE if seconds is None else seconds


def _delay(connection: Connection, mine: ColumnElement[bool], seconds: float) -> None:
    # From when it was recorded: a message that was found late would otherwise show that its file was known.
    until = share.c.state_at + seconds
    new = and_(mine, share.c.visible_from == 0, share.c.state.in_(LIVE), until > time())
    connection.execute(update(share).where(new).values(visible_from=until))


def _is_visible_by_another(document_id: int, but: int | None) -> ColumnElement[bool]:
    """Return the condition that another share shows a document in the same space.

    `but`: a source whose document has just become known, so that its shares do not show it yet.
    """
    other, its_source = share.alias(), source.alias()
    return exists().where(
        other.c.space == share.c.space,
        other.c.id != share.c.id,
        other.c.state == ShareState.SHARED,
        other.c.visible_from <= time(),
        its_source.c.id == other.c.source_id,
        its_source.c.document_id == document_id,
        true() if but is None else its_source.c.id != but,
    )
