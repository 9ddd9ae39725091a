"""Documents attached to others: recorded with the extraction that found them, and found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from rag.catalog.any_of import is_any_of
from rag.catalog.documents import put_document
from rag.catalog.extractions import ClaimedExtraction, may_write
from rag.catalog.file_notes import pack_notes, unpack_notes
from rag.catalog.holdings import ATTACHED
from rag.catalog.scope import is_live
from rag.catalog.share_delay import delay_for_attachments
from rag.catalog.share_names import put_attachment_words
from rag.catalog.states import LIVE
from rag.catalog.tables import attachment, document, extraction, share
from rag.model.extraction import Note


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file inside a file, whose bytes are in the data folder."""

    sha256: str
    size: int
    name: str
    inside: str


def put_attachments(
    connection: Connection,
    claimed: ClaimedExtraction,
    found: Sequence[NewAttachment],
    notes: Sequence[Note],
    extractor: str,
) -> bool:
    """Record the files inside a file, instead of those that this extraction recorded before, and notes about them.

    New ones wait for an extraction. Return False, and record nothing, when the claim has ended or ends now; see
    `may_write`.
    """
    if not may_write(connection, claimed):
        return False
    mine = extraction.c.id == claimed.id
    connection.execute(delete(attachment).where(attachment.c.extraction_id == claimed.id))
    for number, new in enumerate(found, 1):
        attached = put_document(connection, new.sha256, new.size, extractor)
        key = {"extraction_id": claimed.id, "number": number, "document_id": claimed.document, "attached_id": attached}
        connection.execute(insert(attachment).values(**key, name=new.name, inside=new.inside))
    put_attachment_words(connection, attachment.c.extraction_id == claimed.id)
    if notes:
        known = unpack_notes(connection.scalar(select(extraction.c.notes).where(mine)))
        connection.execute(update(extraction).where(mine).values(notes=pack_notes([*known, *notes])))
    is_first = exists().where(document.c.id == claimed.document, document.c.extraction_id == claimed.id)
    if connection.scalar(select(is_first)):
        delay_for_attachments(connection, claimed.document)
    return True


def find_attached(connection: Connection, name: str) -> list[tuple[int, str, str]]:
    """Return (document, its name as an attachment, the name of the file) of attachments that are shared.

    `name` is their own name, or eight or more digits of their SHA-256.
    """
    rows = select(attachment.c.attached_id, ATTACHED.attachment, share.c.name).distinct()
    rows = rows.select_from(ATTACHED.tables).join(document, document.c.id == attachment.c.attached_id)
    named = [attachment.c.name == name]
    if len(name) >= 8:
        named.append(document.c.sha256.startswith(name.lower(), autoescape=True))
    rows = rows.where(is_live(ATTACHED), share.c.state.in_(LIVE), or_(*named))
    return [(row[0], row[1], row[2]) for row in connection.execute(rows.order_by(attachment.c.attached_id))]


def attached_documents(connection: Connection, documents: Sequence[int]) -> list[int]:
    """Return the documents that are attached to these, without those that were deleted."""
    rows = select(attachment.c.attached_id).distinct()
    rows = rows.where(is_any_of(attachment.c.document_id, documents), attachment.c.attached_id.is_not(None))
    return list(connection.scalars(rows.order_by(attachment.c.attached_id)))
