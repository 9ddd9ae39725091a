"""The progress of sources towards the index, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, select

from rag.catalog.any_of import is_any_of
from rag.catalog.file_notes import AttachedFile, attached_files, counted_extraction, file_notes
from rag.catalog.skims import pages_found
from rag.catalog.sources import is_not_renewed
from rag.catalog.states import LIVE, OPEN_EXTRACTION, ExtractionState, ShareState, SourceState
from rag.catalog.tables import extraction, share, source
from rag.model.extraction import displayed_name
from rag.model.operations import FileNote, IndexState, UnreadPages

_SEARCHABLE = 0.9
"""Share of the pages that have to be found before a file can be asked about: covers and empty pages have no words."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The progress of a source; `reason` and `hint` are set when it failed.

    `page` of `pages` are extracted. `notes` are about these and about what is attached to it; a source is ready when
    its attachments are, too. `document` is set once the bytes are known. A source that failed and has a document keeps
    the bytes of before.
    """

    ref: str
    name: str
    state: IndexState
    page: int
    pages: int
    reason: str
    hint: str
    document: int | None
    source: int
    notes: tuple[FileNote, ...] = ()
    failed_attachments: tuple[int, ...] = ()
    """The documents attached to it whose extraction failed."""
    searchable: int = 0
    """The pages whose words can be found while the file is extracted for the first time."""

    @property
    def lost(self) -> tuple[FileNote, ...]:
        """Return the notes about what was not read."""
        return tuple(note for note in self.notes if note.lost)

    @property
    def is_searchable(self) -> bool:
        """Return whether a file that is not ready can be asked about: all its pages can be found, or nearly all."""
        return 0 < _SEARCHABLE * self.pages <= self.searchable

    @property
    def unread(self) -> UnreadPages:
        """Return the pages that are not fully read yet."""
        return UnreadPages(self.title, self.page + 1, self.pages)

    @property
    def title(self) -> str:
        """Return the name as displayed, as in Hit.title."""
        return displayed_name(self.name)


def list_statuses(
    connection: Connection,
    sources: Sequence[int] | None = None,
    *,
    newest: bool = False,
    space: str | None = None,
) -> list[SourceStatus]:
    """Return the status of these sources (of all for None), by id.

    With `space`, return only sources shared there, under their names there. A document that can be searched while a
    newer extraction is running, or after that failed, is ready. With `newest`, the newer extraction decides.
    """
    if sources is not None and not sources:
        return []  # the bot asks for none, three times a second while it indexes
    shares = and_(share.c.source_id == source.c.id, share.c.state.in_(LIVE))
    if space is not None:
        shares = and_(shares, share.c.space == space, share.c.state == ShareState.SHARED)
    name = select(func.min(share.c.name)).where(shares).scalar_subquery()
    counted = counted_extraction(source.c.document_id, newest=newest)
    rows = (
        select(source, name.label("name"), extraction.c.state.label("extraction_state"), extraction.c.pages)
        .add_columns(extraction.c.reason.label("extraction_reason"), extraction.c.hint.label("extraction_hint"))
        .add_columns(extraction.c.pages_done, extraction.c.id.label("extraction"), pages_found().label("found"))
        .select_from(source.outerjoin(extraction, extraction.c.id == counted))
        .where(source.c.state != SourceState.GONE)
        .order_by(source.c.id)
    )
    if sources is not None:
        rows = rows.where(is_any_of(source.c.id, sources))
    if space is not None:
        rows = rows.where(exists().where(shares))
    delayed = {} if space is None else _delayed_shares(connection, space)
    found = connection.execute(rows).all()
    ids = {row.extraction for row in found if row.extraction is not None}
    attached = attached_files(connection, ids, newest=newest)
    notes = file_notes(connection, attached, ids)
    return [
        _to_status(row, delayed.get(row.id), attached.get(row.extraction, ()), notes.get(row.extraction, ()))
        for row in found
    ]


def source_statuses_in(connection: Connection, space: str) -> list[SourceStatus]:
    """Return the status of all sources shared in a space, of every kind, under their names there."""
    return list_statuses(connection, space=space)


def source_statuses(connection: Connection, kind: str, refs: Sequence[str], space: str) -> list[SourceStatus]:
    """Return the status of these sources in the order given, without those not shared in this space."""
    ids = connection.scalars(select(source.c.id).where(source.c.kind == kind, is_any_of(source.c.ref, refs))).all()
    found = {status.ref: status for status in list_statuses(connection, ids, space=space)}
    return [found[ref] for ref in refs if ref in found]


_BY_SOURCE = {
    SourceState.WAITING: IndexState.WAITING,
    SourceState.FETCHING: IndexState.READING,
    SourceState.FAILED: IndexState.FAILED,
}
BY_EXTRACTION = {
    ExtractionState.WAITING: IndexState.WAITING,
    ExtractionState.RUNNING: IndexState.READING,
    ExtractionState.FAILED: IndexState.FAILED,
}


def _to_status(
    row: Row[Any], delay_passed: float | None, attached: Sequence[AttachedFile], notes: tuple[FileNote, ...]
) -> SourceStatus:
    """Return a row as a status. `delay_passed`: see `_delayed_shares`."""
    by_extraction = BY_EXTRACTION.get(row.extraction_state, IndexState.READY)
    state, done, found = _BY_SOURCE.get(row.state, by_extraction), row.pages_done or 0, row.found or 0
    if is_not_renewed(row):
        state = IndexState.FAILED
    if state == IndexState.READY and any(file.state in OPEN_EXTRACTION for file in attached):
        state = IndexState.READING
    if state == IndexState.READY and delay_passed is not None:  # shown as if these bytes were being extracted now
        state, done = IndexState.READING, int(done * delay_passed)
    if delay_passed is not None:
        found = 0
    reason = hint = None
    if is_not_renewed(row):
        reason, hint = f"{row.reason} Its earlier version stays searchable.", row.hint
    elif state == IndexState.FAILED and row.state == SourceState.FAILED:
        reason, hint = row.reason, row.hint
    elif state == IndexState.FAILED:
        reason, hint = row.extraction_reason, row.extraction_hint
    return SourceStatus(
        row.ref,
        row.name or row.ref,
        state,
        done,
        row.pages or 0,
        reason or "",
        hint or "",
        row.document_id,
        row.id,
        notes,
        tuple(file.document for file in attached if file.state == ExtractionState.FAILED),
        found if state in (IndexState.WAITING, IndexState.READING) else 0,
    )


def _delayed_shares(connection: Connection, space: str) -> dict[int, float]:
    """Return how much of its delay has passed, 0 to 1, for each source whose share in a space is not visible yet."""
    now = time()
    begin, end = func.min(share.c.state_at).label("begin"), func.min(share.c.visible_from).label("end")
    rows = select(share.c.source_id, begin, end).where(share.c.space == space, share.c.state == ShareState.SHARED)
    rows = rows.group_by(share.c.source_id).having(end > now)
    return {
        row.source_id: min(max((now - row.begin) / (row.end - row.begin), 0.0), 1.0)
        for row in connection.execute(rows)
        if row.end > row.begin
    }
