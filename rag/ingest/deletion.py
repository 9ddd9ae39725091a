"""Delete documents that are not shared in any space: from catalog and full text at once, from disk right after.

Deletions from the vector store and from disk are queued in the transaction that deletes the rows. After a crash in
between, nothing can be found any more and the deletions are resumed.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.catalog import Catalog, deletions, documents
from rag.catalog.chunks import chunk_ids
from rag.ports import FullTextIndex

log = logging.getLogger("magpie")


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is left to do. `is_erased` is False when deleted text is still in the catalog's files, because another
    process reads it: call `Catalog.checkpoint` again then. `undeletable` are files that stay queued for deletion."""

    is_erased: bool
    undeletable: tuple[str, ...]


def delete_unshared(
    catalog: Catalog, words: FullTextIndex, data: Path, stop: threading.Event | None = None
) -> Deletion:
    """Delete documents without shares, and every file that no row refers to. Only the owner may call this.

    Other writers wait for one document, or for one step of the merge below, not for all of it. A file that cannot be
    deleted does not keep the others from being deleted, and is tried again at the next call. Files are deleted before
    the full-text index is merged, which on a full disk needs the space that they took. Until it is merged, the
    document's file stays in the queue, so that a crash, a full disk or `stop` only delays that.
    """
    _drop_orphans(catalog, words)
    with catalog.read_transaction() as connection:
        rows = deletions.list_file_deletions(connection)
    if not rows:
        return Deletion(True, ())
    _delete_evidence(catalog, data / "evidence")
    deleted = [row for row in rows if _delete(catalog, data, row)]
    undeletable = tuple(row.path for row in rows if row not in deleted)
    is_document_gone = any(not row.is_folder for row in deleted)
    if is_document_gone and not words.erase_deleted(catalog.write_transaction, stop or threading.Event()):
        return Deletion(False, undeletable)
    with catalog.write_transaction() as connection:
        for row in deleted:
            deletions.finish_file_deletion(connection, row.path)
    if is_document_gone:
        catalog.give_back_space()
    return Deletion(catalog.checkpoint() if is_document_gone else True, undeletable)


def _drop_orphans(catalog: Catalog, words: FullTextIndex) -> None:
    """Delete the rows of documents without shares, and of sources that ended, each document in a transaction."""
    with catalog.read_transaction() as connection:
        orphans = documents.list_orphans(connection)
    for document_id in orphans:
        with catalog.write_transaction() as connection:
            documents.drop_orphan(connection, words, document_id)
    with catalog.write_transaction() as connection:
        documents.drop_ended_sources(connection)


def _delete(catalog: Catalog, data: Path, row: deletions.FileDeletion) -> bool:
    """Delete a file or folder, unless a document has the same bytes again. Return whether it is gone or needed."""
    path = data / row.path
    # Files are added inside a transaction too: the same bytes cannot come back between the check and the deletion.
    try:
        with catalog.write_transaction() as connection, contextlib.suppress(FileNotFoundError):
            if row.is_folder:
                shutil.rmtree(path)
            elif not documents.has_document(connection, path.name):
                path.unlink()
    except OSError as error:
        log.debug("A file of a removed document cannot be deleted (%s).", type(error).__name__)
        return False
    return True


def _delete_evidence(catalog: Catalog, folder: Path) -> None:
    """Delete evidence of chunks that do not exist any more; the names of these files begin with the chunk's id."""
    evidence: dict[int, list[Path]] = {}
    for path in folder.glob("*-*.png"):
        if (number := path.name.partition("-")[0]).isdecimal():
            evidence.setdefault(int(number), []).append(path)
    with catalog.read_transaction() as connection:
        alive = chunk_ids(connection)
    for gone in evidence.keys() - alive:
        for path in evidence[gone]:
            with contextlib.suppress(OSError):
                path.unlink()


def evict_evidence(folder: Path, before: float, max_bytes: int) -> None:
    """Delete evidence pictures last used before this time, in seconds since 1970, and the oldest above `max_bytes`.

    They are copies of pages, and are drawn again when an answer cites the same region.
    """
    total = 0
    for path, used, size in sorted(_pictures(folder), key=lambda picture: -picture[1]):
        total += size
        if used < before or total > max_bytes:
            with contextlib.suppress(OSError):
                path.unlink()


def _pictures(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Yield each evidence picture with the time of its last use and its size."""
    for path in folder.glob("*-*.png"):
        with contextlib.suppress(OSError):  # deleted a moment ago
            found = path.stat()
            yield path, found.st_atime, found.st_size
