"""Documents: the bytes of files, identified by their SHA-256."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, func, insert, select

from rag.catalog.deletions import delete_later
from rag.catalog.extractions import drop_extraction, request_extraction, request_if_failed
from rag.catalog.scope import documents_in, has_share, is_current, shape_of, shares_shown, values_of
from rag.catalog.states import SourceState
from rag.catalog.tables import attachment, chunk, document, extraction, page, share, source
from rag.model.operations import DocumentSummary
from rag.model.search import Scope
from rag.ports import FullTextIndex


def put_document(connection: Connection, sha256: str, size: int, extractor: str) -> int:
    """Return the document with these bytes. A new one, or one whose extractions all failed, waits for an extraction.

    So does one of which an attachment was deleted, because no file was shared that it is in.
    """
    document_id = connection.scalar(select(document.c.id).where(document.c.sha256 == sha256))
    if document_id is None:
        new = insert(document).values(sha256=sha256, size=size).returning(document.c.id)
        document_id = connection.execute(new).scalar_one()
    deleted = exists().where(attachment.c.document_id == document_id, attachment.c.attached_id.is_(None))
    if connection.scalar(select(deleted)):
        request_extraction(connection, document_id, extractor)
    request_if_failed(connection, document_id, extractor)
    return int(document_id)


def list_documents(connection: Connection, scope: Scope) -> list[DocumentSummary]:
    """Return the documents of a scope, by name."""
    rows = select(document.c.id, document.c.sha256, extraction.c.pages_done)
    rows = rows.join(extraction, extraction.c.id == document.c.extraction_id)
    rows = rows.where(document.c.id.in_(documents_in(shape_of(scope))))
    found = connection.execute(rows, values_of(scope)).all()
    shown = shares_shown(connection, [row.id for row in found], scope)
    listed = [
        DocumentSummary(row.id, shown[row.id].name, row.pages_done, row.sha256, shown[row.id].attachment)
        for row in found
        if row.id in shown
    ]
    return sorted(listed, key=lambda row: (row.name, row.attachment, row.id))


def list_stored_files(connection: Connection) -> tuple[list[str], list[int]]:
    """Return the SHA-256 of every document, and the ids of the extractions whose folders have pictures of pages."""
    documents = connection.scalars(select(document.c.sha256).order_by(document.c.id)).all()
    return list(documents), list(connection.scalars(select(extraction.c.id).order_by(extraction.c.id)))


def document_ids(connection: Connection) -> set[int]:
    """Return the ids of all documents."""
    return set(connection.scalars(select(document.c.id)))


def document_ids_in(connection: Connection, scope: Scope) -> set[int]:
    """Return the ids of the documents of a scope."""
    rows = select(document.c.id).where(document.c.id.in_(documents_in(shape_of(scope))))
    return set(connection.scalars(rows, values_of(scope)))


def sha256_of(connection: Connection, document_id: int) -> str | None:
    """Return the SHA-256 of a document; None if it was deleted."""
    return connection.scalar(select(document.c.sha256).where(document.c.id == document_id))


def has_document(connection: Connection, sha256: str) -> bool:
    """Return whether there is a document with this SHA-256."""
    return bool(connection.scalar(select(exists().where(document.c.sha256 == sha256))))


def count_pages_and_chunks(connection: Connection) -> tuple[int, int]:
    """Return (pages, chunks) of the extractions that are searched."""
    pages = select(func.count()).select_from(page).join(document, document.c.extraction_id == page.c.extraction_id)
    chunks = select(func.count()).select_from(chunk).join(document, is_current())
    return connection.scalar(pages) or 0, connection.scalar(chunks) or 0


def list_orphans(connection: Connection) -> list[int]:
    """Return the ids of documents that are not shared in any space, by themselves or as an attachment of a file."""
    return list(connection.scalars(select(document.c.id).where(~has_share(document.c.id)).order_by(document.c.id)))


def drop_orphan(connection: Connection, words: FullTextIndex, document_id: int) -> None:
    """Delete a document, unless it is shared again."""
    orphan = select(document.c.sha256).where(document.c.id == document_id, ~has_share(document.c.id))
    sha256 = connection.scalar(orphan)
    if sha256 is None:
        return
    extractions = select(extraction.c.id).where(extraction.c.document_id == document_id)
    for extraction_id in connection.scalars(extractions).all():
        drop_extraction(connection, words, extraction_id)
    connection.execute(delete(document).where(document.c.id == document_id))
    delete_later(connection, f"files/{sha256}", is_folder=False)


def drop_ended_sources(connection: Connection) -> None:
    """Delete sources that ended and that no share refers to: until then, late events must not bring them back."""
    connection.execute(
        delete(source).where(source.c.state == SourceState.GONE, ~exists().where(share.c.source_id == source.c.id))
    )
