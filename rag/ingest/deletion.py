"""Delete what is no longer shared: from the catalog and the full text at once, from disk right after.

The transaction that drops a document also records what to remove from the vector store (table `dropped`) and from disk
(table `wipe`). A crash in between leaves work to do, but nothing that can be found.
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
    """Drop documents without shares and the files that no row refers to. Only the owner may call it.

    Return False when the catalog's files still contain deleted words because another connection is reading; call
    `Catalog.tidy` again later.
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
        # Files are added in a transaction too, so the same bytes cannot arrive between the check and the deletion.
        with catalog.writing() as connection, contextlib.suppress(FileNotFoundError):
            connection.execute(delete(wipe).where(wipe.c.folder == row.folder))
            if row.whole:
                shutil.rmtree(path)
            elif not connection.scalar(select(exists().where(document.c.sha256 == path.name))):
                path.unlink()
    return catalog.tidy() if gone else True


def _wipe_evidence(catalog: Catalog, folder: Path) -> None:
    """Delete the evidence pictures of chunks that no longer exist; their names start with the chunk's id."""
    drawn: dict[int, list[Path]] = {}
    for path in folder.glob("*-*.png"):
        if (number := path.name.partition("-")[0]).isdecimal():
            drawn.setdefault(int(number), []).append(path)
    with catalog.reading() as connection:
        alive = set(connection.scalars(select(chunk.c.id)))
    for gone in drawn.keys() - alive:
        for path in drawn[gone]:
            path.unlink(missing_ok=True)
