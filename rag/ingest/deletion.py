"""Take away what nobody shares any more: from catalog and words at once, from disk right after.

The store forgets through the table `dropped`, the disk through `wipe`: both are written in the
transaction that drops, so a crash in between leaves work to do and nothing that can be found.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from sqlalchemy import delete, exists, select

from rag.catalog import Catalog, documents
from rag.catalog.tables import chunk, document, wipe
from rag.ports import WordIndex


def sweep(catalog: Catalog, words: WordIndex, data: Path) -> bool:
    """Drop documents without shares, and every file that no row points at. For the owner alone.

    False when deleted words still lie in the catalog's files, because somebody reads it: `Catalog.tidy` is to be
    called again.
    """
    with catalog.writing() as connection:
        gone = documents.drop_orphans(connection, words)
        if gone:
            words.optimize(connection)
    with catalog.reading() as connection:
        rows = connection.execute(select(wipe)).all()
    if rows:
        _wipe_evidence(catalog, data / "evidence")
    for row in rows:
        path = data / row.folder
        # Files come in inside a transaction too: the same bytes cannot come back between look and delete.
        with catalog.writing() as connection, contextlib.suppress(FileNotFoundError):
            connection.execute(delete(wipe).where(wipe.c.folder == row.folder))
            if row.whole:
                shutil.rmtree(path)
            elif not connection.scalar(select(exists().where(document.c.sha256 == path.name))):
                path.unlink()
    return catalog.tidy() if gone else True


def _wipe_evidence(catalog: Catalog, folder: Path) -> None:
    """Delete the pictures drawn of chunks that are no more; their names begin with the chunk's id."""
    drawn: dict[int, list[Path]] = {}
    for path in folder.glob("*-*.png"):
        if (number := path.name.partition("-")[0]).isdecimal():
            drawn.setdefault(int(number), []).append(path)
    with catalog.reading() as connection:
        alive = set(connection.scalars(select(chunk.c.id)))
    for gone in drawn.keys() - alive:
        for path in drawn[gone]:
            path.unlink(missing_ok=True)
