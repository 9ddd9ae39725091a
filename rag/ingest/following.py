"""Follow folders: record what is new, changed or deleted in them. The owner of the data folder does the work."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from rag.catalog import Catalog, share_ends, shares, sources
from rag.catalog.shares import Share, StoredShare
from rag.catalog.states import LIVE, ShareState
from rag.errors import MagpieError
from rag.fairness import IntakePriority
from rag.ingest.fetch.addresses import is_inside, resolved_folder
from rag.ingest.fetch.folders import FolderFile, is_deleted, list_folder
from rag.model.extraction import SourceKind
from rag.model.operations import FolderState, FollowedFolder

FOLDER_KIND = SourceKind.FOLDER

log = logging.getLogger("magpie")


class Following:
    """Keeps the shares of followed folders in step with the disk."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def follow(self, folders: Sequence[FollowedFolder], *, drop_others: bool) -> list[FolderState]:
        """Record the changes of each folder, and return what was found.

        A file is removed only if the listing of its folder succeeded and the file does not exist. One that was
        forgotten stays so. `drop_others`: also end the shares of folders, and in spaces, that are not named any more.
        """
        states = [self._follow(folder) for folder in folders]
        if drop_others:
            self._drop_others(folders)
        return states

    def _follow(self, folder: FollowedFolder) -> FolderState:
        try:
            found = list_folder(folder.folder)
        except MagpieError as error:
            return FolderState(folder, problem=f"{error} {error.hint}".rstrip())
        listed, top = {file.ref for file in found}, resolved_folder(folder.folder)
        with self._catalog.write_transaction() as connection:
            known = _known(connection)
            for space in folder.spaces:
                for file in found:
                    _record(connection, file, space, known.get((file.ref, space)))
            gone = [
                share
                for (ref, space), share in known.items()
                if share.is_live
                and space in folder.spaces
                and is_inside(ref, top)
                and ref not in listed
                and is_deleted(ref)
            ]
            _drop(connection, gone)
        return FolderState(folder, len(found), len(gone))

    def _drop_others(self, folders: Sequence[FollowedFolder]) -> None:
        named = {(resolved_folder(folder.folder), space) for folder in folders for space in folder.spaces}
        with self._catalog.write_transaction() as connection:
            others = [
                share
                for (ref, space), share in _known(connection).items()
                if share.is_live and not any(space == other and is_inside(ref, top) for top, other in named)
            ]
            _drop(connection, others)
        if others:
            log.info("%d files of folders that are not followed any more were removed.", len(others))


def _known(connection: Connection) -> dict[tuple[str, str], StoredShare]:
    states = (*LIVE, ShareState.FORGOTTEN)
    return {(row.ref, row.space): row for row in shares.list_shares(connection, FOLDER_KIND, states=states)}


def _record(connection: Connection, file: FolderFile, space: str, known: StoredShare | None) -> None:
    """Share a file in a space, unless nothing changed since the last walk or the file was forgotten."""
    if known is not None and known.state is ShareState.FORGOTTEN:
        return
    if known is not None and sources.is_unchanged(connection, known.source, file.version, file.size):
        return
    new = Share(FOLDER_KIND, file.ref, space, file.name, size=file.size, changed_ns=file.version)
    shares.record_share(connection, replace(new, priority=IntakePriority.FOUND))


def _drop(connection: Connection, gone: Sequence[StoredShare]) -> None:
    for share in gone:
        share_ends.drop_shares(connection, [share.source], share.space)
