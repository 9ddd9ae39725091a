"""How files were read, page by page, for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from rag.catalog.attachments import find_attached
from rag.catalog.file_notes import attached_files, counted_extraction, file_notes, page_notes
from rag.catalog.sources import find_sources
from rag.catalog.statuses import BY_EXTRACTION, list_statuses
from rag.catalog.tables import document, extraction, page
from rag.model.extraction import TextSource, displayed_name
from rag.model.operations import FileReading, IndexState, PageReading


def readings_named(connection: Connection, names: Sequence[str]) -> list[FileReading]:
    """Return the files and attachments with one of these names, each document once.

    A name is a path, a file name, or eight or more digits of a SHA-256.
    """
    named = {id: called for name in reversed(names) for id, called in find_sources(connection, name)}
    documents: dict[int, FileReading] = {}
    found: list[FileReading] = []
    for status in list_statuses(connection, list(named)):
        name = displayed_name(named[status.source])
        reading = FileReading(name, status.ref, status.state, status.reason, status.hint)
        if status.document is None:
            found.append(reading)
        else:
            documents.setdefault(status.document, reading)
    for name in names:
        for id, attachment, file in find_attached(connection, name):
            documents.setdefault(id, _attachment(connection, id, displayed_name(file, attachment)))
    return found + [_pages_of(connection, id, reading) for id, reading in documents.items()]


def _attachment(connection: Connection, document_id: int, name: str) -> FileReading:
    """Return the state of an attachment, which has no source that says it."""
    counted = counted_extraction(document.c.id, newest=False)
    rows = select(extraction.c.state, extraction.c.reason, extraction.c.hint)
    rows = rows.select_from(document.join(extraction, extraction.c.id == counted))
    row = connection.execute(rows.where(document.c.id == document_id)).one()
    return FileReading(name, "", BY_EXTRACTION.get(row.state, IndexState.READY), row.reason or "", row.hint or "")


def _page_reading(row: Any) -> PageReading:
    notes = tuple(page_notes(row.number, row.error, row.notes))
    return PageReading(row.number, row.label, TextSource(row.text_source), notes)


def _pages_of(connection: Connection, document_id: int, reading: FileReading) -> FileReading:
    """Return a reading with what the extraction says that counts for a document."""
    counted = counted_extraction(document.c.id, newest=False)
    row = connection.execute(
        select(document, extraction.c.id.label("extraction"), extraction.c.extractor, extraction.c.pages)
        .add_columns(extraction.c.pages_done)
        .select_from(document.outerjoin(extraction, extraction.c.id == counted))
        .where(document.c.id == document_id)
    ).one()
    attached = attached_files(connection, [row.extraction])
    notes = file_notes(connection, attached, [row.extraction]).get(row.extraction, ())
    read = page.c.extraction_id == row.extraction, page.c.number <= row.pages_done
    pages = connection.execute(select(page).where(*read).order_by(page.c.number))
    return replace(
        reading,
        sha256=row.sha256,
        media_type=row.media_type or "",
        extractor=row.extractor or "",
        page_count=row.pages or 0,
        pages=tuple(map(_page_reading, pages)),
        notes=tuple(note for note in notes if note.attachment or not note.page),
        attachments=tuple(file.name for file in attached.get(row.extraction, ())),
    )
