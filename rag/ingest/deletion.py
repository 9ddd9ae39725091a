"""Delete documents that are not shared in any space: from catalog and full text at once, from disk right after.

Deletions from the vector store and from disk are queued in the transaction that deletes the rows. After a crash in
between, nothing can be found any more and the deletions are resumed.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from rag.catalog import Catalog, deletions, documents
from rag.catalog.chunks import chunk_ids
from rag.ports import FullTextIndex


def delete_unshared(catalog: Catalog, words: FullTextIndex, data: Path) -> bool:
    """Delete documents without shares, and every file that no row refers to. Only the owner may call this.

    Return False when deleted text is still in the catalog's files, because another process reads it: call
    `Catalog.checkpoint` again then.
    """
    with catalog.write_transaction() as connection:
        gone = documents.drop_orphans(connection, words)
        if gone:
            words.optimize(connection)
    with catalog.read_transaction() as connection:
        rows = deletions.list_file_deletions(connection)
    if rows:
        _delete_evidence(catalog, data / "evidence")
    for row in rows:
        path = data / row.path
        # Files are added inside a transaction too: the same bytes cannot come back between the check and the deletion.
        with catalog.write_transaction() as connection, contextlib.suppress(FileNotFoundError):
            deletions.finish_file_deletion(connection, row.path)
            if row.is_folder:
                shutil.rmtree(path)
            elif not documents.has_document(connection, path.name):
                path.unlink()
    return catalog.checkpoint() if gone else True


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
            path.unlink(missing_ok=True)
