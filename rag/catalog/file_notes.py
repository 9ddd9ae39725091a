"""Notes about how files were read: stored with pages and extractions, collected for a file with its attachments.

A page that failed is a note too, of something that was lost.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select

from rag.catalog.any_of import is_any_of
from rag.catalog.holdings import ATTACHED
from rag.catalog.states import ExtractionState
from rag.catalog.tables import attachment, document, extraction, page
from rag.model.extraction import Note
from rag.model.operations import FileNote


def pack_notes(notes: Sequence[Note]) -> str | None:
    """Return notes as they are stored."""
    return json.dumps([[note.text, note.lost] for note in notes], ensure_ascii=False) if notes else None


def unpack_notes(stored: str | None) -> tuple[Note, ...]:
    """Return stored notes."""
    return tuple(Note(text, bool(lost)) for text, lost in json.loads(stored or "[]"))


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A document attached to a file, and the state of the extraction that counts for it."""

    document: int
    name: str
    extraction: int | None
    state: str
    reason: str


def counted_extraction(document_id: Column[int], *, newest: bool) -> ColumnElement[int]:
    """Return the id of a document's newest extraction; without `newest`, of the searched one if it is complete."""
    mine, known, outer = extraction.alias(), document.alias(), document_id.table
    latest = select(func.max(mine.c.id)).where(mine.c.document_id == document_id).correlate(outer)
    if newest:
        return latest.scalar_subquery()
    complete = (
        select(mine.c.id)
        .join(known, known.c.extraction_id == mine.c.id)
        .where(known.c.id == document_id, mine.c.state == ExtractionState.COMPLETE)
        .correlate(outer)
    )
    return func.coalesce(complete.scalar_subquery(), latest.scalar_subquery())


def attached_files(
    connection: Connection, extractions: Collection[int], *, newest: bool = False
) -> dict[int, list[AttachedFile]]:
    """Return {extraction: the documents that it found attached to its file, in order}, of those that still exist."""
    own = extraction.alias()
    rows = (
        select(attachment.c.extraction_id, attachment.c.attached_id, ATTACHED.attachment.label("name"))
        .add_columns(own.c.id, own.c.state, own.c.reason, own.c.hint)
        .select_from(attachment.outerjoin(own, own.c.id == counted_extraction(attachment.c.attached_id, newest=newest)))
        .where(is_any_of(attachment.c.extraction_id, extractions), attachment.c.attached_id.is_not(None))
        .order_by(attachment.c.extraction_id, attachment.c.number)
    )
    found: dict[int, list[AttachedFile]] = {}
    for row in connection.execute(rows):
        reason = f"{row.reason or ''} {row.hint or ''}".strip()
        known = AttachedFile(row.attached_id, row.name, row.id, row.state or ExtractionState.WAITING, reason)
        found.setdefault(row.extraction_id, []).append(known)
    return found


def file_notes(
    connection: Connection, attached: dict[int, list[AttachedFile]], extractions: Collection[int]
) -> dict[int, tuple[FileNote, ...]]:
    """Return {extraction: the notes about its file, and about the documents attached to it}, by page."""
    children = [(parent, file) for parent, files in attached.items() for file in files]
    own = _own_notes(connection, {*extractions, *(file.extraction for _, file in children if file.extraction)})
    found = {id: own.get(id, []) for id in extractions}
    for parent, file in children:
        if file.state == ExtractionState.FAILED:
            found[parent].append(FileNote(file.reason, lost=True, attachment=file.name))
        elif file.extraction is not None:
            mine = own.get(file.extraction, ())
            found[parent] += [FileNote(note.text, note.lost, note.page, file.name) for note in mine]
    return {id: tuple(notes) for id, notes in found.items() if notes}


def _own_notes(connection: Connection, extractions: Iterable[int]) -> dict[int, list[FileNote]]:
    """Return the notes about the files of these extractions as a whole, then those about their pages."""
    ids = list(extractions)
    found: dict[int, list[FileNote]] = {}
    whole = select(extraction.c.id, extraction.c.notes).where(extraction.c.notes.is_not(None))
    for row in connection.execute(whole.where(is_any_of(extraction.c.id, ids))):
        found[row.id] = [FileNote(note.text, note.lost) for note in unpack_notes(row.notes)]
    pages = select(page.c.extraction_id, page.c.number, page.c.error, page.c.notes)
    pages = pages.where(or_(page.c.error.is_not(None), page.c.notes.is_not(None)))
    pages = pages.where(is_any_of(page.c.extraction_id, ids)).order_by(page.c.extraction_id, page.c.number)
    for extraction_id, number, error, stored in connection.execute(pages):
        found.setdefault(extraction_id, []).extend(page_notes(number, error, stored))
    return found


def page_notes(number: int, error: str | None, stored: str | None) -> list[FileNote]:
    """Return the notes about one page; its error comes first."""
    failed = [FileNote(error, lost=True, page=number)] if error else []
    return failed + [FileNote(note.text, note.lost, number) for note in unpack_notes(stored)]
