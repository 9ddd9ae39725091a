"""Read and write vectors, stored as float16. The vector store can be rebuilt from them at any time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    and_,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.types import NullType

from rag.catalog.any_of import is_any_of, is_none_of
from rag.catalog.scope import chunks_in, shape_of, values_of
from rag.catalog.skims import is_extracted
from rag.catalog.tables import chunk, chunk_vector, vector_deletion
from rag.model.extraction import Kind, Modality
from rag.model.search import Scope
from rag.ports import StoredVector, Vector


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A chunk without a vector by this embedder. `folder` and `picture` name the file of its picture."""

    chunk: int
    document: int
    kind: Kind
    text: str
    folder: str
    picture: str | None

    has_own_text: bool
    """Whether it has words besides its heading."""


@dataclass(frozen=True, slots=True)
class EmbeddingTarget:
    """The kinds of chunks that one index embeds. `embedder` is None while the index is off."""

    embedder: str | None
    kinds: tuple[Kind, ...]


def list_chunks_without_vectors(
    connection: Connection, embedder: str, kinds: Sequence[Kind], limit: int
) -> list[Unembedded]:
    """Return the oldest chunks of these kinds without a vector by this embedder, without those of skimmed pages."""
    rows = (
        select(chunk)
        .where(
            _of(kinds),
            is_extracted(),
            ~exists().where(chunk_vector.c.embedder == embedder, chunk_vector.c.chunk_id == chunk.c.id),
        )
        .order_by(chunk.c.id)
        .limit(limit)
    )
    found = []
    for row in connection.execute(rows):
        text = "\n".join(part for part in (row.heading, row.caption, row.text) if part)
        folder = f"pictures/{row.extraction_id}"
        has_own_text = bool(row.caption or row.text)
        found.append(Unembedded(row.id, row.document_id, Kind(row.kind), text, folder, row.image, has_own_text))
    return found


def _of(kinds: Sequence[Kind]) -> ColumnElement[bool]:
    return chunk.c.kind.in_(kinds)


def count_unembedded(connection: Connection, targets: Sequence[EmbeddingTarget]) -> int:
    """Return how many chunks wait for a vector of at least one of these targets.

    The embedder of an index that is off is not known. For it, every vector counts that no other target's embedder
    made.
    """
    known = [target.embedder for target in targets if target.embedder is not None]
    missing = []
    for target in targets:
        made = exists().where(chunk_vector.c.chunk_id == chunk.c.id)
        maker = chunk_vector.c.embedder
        mine = is_none_of(maker, known) if target.embedder is None else maker == target.embedder
        missing.append(and_(_of(target.kinds), ~made.where(mine)))
    rows = select(func.count()).select_from(chunk)
    return connection.scalar(rows.where(or_(false(), *missing), is_extracted())) or 0


def put_vectors(connection: Connection, embedder: str, rows: Sequence[StoredVector], empty: Sequence[int]) -> set[int]:
    """Write vectors; `empty` are chunks with nothing to embed. Return the chunks that still exist."""
    ids = sorted({row.chunk for row in rows} | set(empty))
    alive = set(connection.scalars(select(chunk.c.id).where(is_any_of(chunk.c.id, ids))))
    values = [
        {
            "embedder": embedder,
            "chunk_id": row.chunk,
            "window": row.window,
            "modality": row.modality.value,
            "data": row.vector.astype(np.float16).tobytes(),
        }
        for row in rows
        if row.chunk in alive
    ]
    values += [
        {"embedder": embedder, "chunk_id": chunk_id, "window": 0, "modality": "", "data": b""}
        for chunk_id in empty
        if chunk_id in alive
    ]
    if values:
        connection.execute(insert(chunk_vector), values)
    return alive


def stored_vectors(connection: Connection, embedder: str, batch: int = 2000) -> Iterator[list[StoredVector]]:
    """Yield every vector of an embedder in batches, by chunk and window."""
    last = (0, -1)
    while True:
        rows = connection.execute(
            select(chunk_vector, chunk.c.document_id)
            .join(chunk, chunk.c.id == chunk_vector.c.chunk_id)
            .where(chunk_vector.c.embedder == embedder, func.length(chunk_vector.c.data) > 0)
            .where(
                (chunk_vector.c.chunk_id > last[0])
                | ((chunk_vector.c.chunk_id == last[0]) & (chunk_vector.c.window > last[1]))
            )
            .order_by(chunk_vector.c.chunk_id, chunk_vector.c.window)
            .limit(batch)
        ).all()
        if not rows:
            return
        yield [_stored(row) for row in rows]
        last = (rows[-1].chunk_id, rows[-1].window)


def has_vectors(connection: Connection) -> bool:
    """Return whether there is a vector of any embedder."""
    return bool(connection.scalar(select(exists().where(func.length(chunk_vector.c.data) > 0))))


def count_vectors(connection: Connection, embedder: str) -> int:
    """Return how many vectors of an embedder are stored."""
    rows = select(func.count()).select_from(chunk_vector)
    return connection.scalar(rows.where(chunk_vector.c.embedder == embedder, func.length(chunk_vector.c.data) > 0)) or 0


def windows_in(
    connection: Connection, embedder: str, modality: Modality, scope: Scope, limit: int
) -> list[tuple[int, int]]:
    """Return (chunk, window) of the vectors in scope, at most `limit` of them."""
    # No join: starting from the scope's few chunks, SQLite finds the vectors of each by the table's key. A chunk with
    # nothing to embed has no modality.
    mine = chunk_vector.c.embedder == embedder, chunk_vector.c.modality == modality.value
    inside = chunk_vector.c.chunk_id.in_(chunks_in(shape_of(scope)))
    rows = select(chunk_vector.c.chunk_id, chunk_vector.c.window).where(*mine, inside).limit(limit)
    return [(row.chunk_id, row.window) for row in connection.execute(rows, values_of(scope))]


def vectors_of_documents(
    connection: Connection, embedder: str, modality: Modality, documents: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
    """Yield each document that has vectors, the chunk of each vector, and the vectors as unit rows, shape (n, dim)."""
    # Untyped, because SQLAlchemy would copy each vector once more, which takes longer than reading it.
    data = type_coerce(chunk_vector.c.data, NullType)
    # A chunk with nothing to embed has no modality.
    mine = chunk_vector.c.embedder == embedder, chunk_vector.c.modality == modality.value
    found = (
        select(chunk.c.document_id, chunk_vector.c.chunk_id, data)
        .select_from(chunk)
        .join(chunk_vector, chunk_vector.c.chunk_id == chunk.c.id)
        .where(*mine, is_any_of(chunk.c.document_id, documents))
        .order_by(chunk.c.document_id)
    )
    for document, group in groupby(connection.execute(found), key=lambda row: row[0]):
        rows = list(group)
        halves = np.frombuffer(b"".join([row[2] for row in rows]), np.float16)
        chunks = np.array([row[1] for row in rows], np.int64)
        yield document, chunks, _unit(halves.reshape(len(rows), -1).astype(np.float32))


@dataclass(frozen=True, slots=True)
class VectorRow:
    """The place of a vector in the table, and what it is of. Ids of chunks are never used again."""

    rowid: int
    chunk: int
    window: int


_rowid = literal_column("chunk_vector.rowid", Integer)


def newest_row(connection: Connection) -> VectorRow | None:
    """Return the newest vector. As long as it is the same, no vector was added."""
    found = select(_rowid, chunk_vector.c.chunk_id, chunk_vector.c.window).order_by(_rowid.desc()).limit(1)
    row = connection.execute(found).one_or_none()
    return None if row is None else VectorRow(*row)


def has_row(connection: Connection, known: VectorRow) -> bool:
    """Return whether a vector is still in its place. If it is not, it was deleted, or VACUUM moved it."""
    found = select(chunk_vector.c.chunk_id, chunk_vector.c.window).where(_rowid == known.rowid)
    row = connection.execute(found).one_or_none()
    return row is not None and tuple(row) == (known.chunk, known.window)


def documents_changed_since(connection: Connection, known: VectorRow) -> list[int]:
    """Return the documents that have vectors that are newer than this one."""
    rows = select(chunk.c.document_id).distinct().join(chunk_vector, chunk_vector.c.chunk_id == chunk.c.id)
    return list(connection.scalars(rows.where(_rowid > known.rowid)))


def list_vector_deletions(connection: Connection, limit: int = 5000) -> list[tuple[int, int]]:
    """Return (chunk, window) of vectors to delete from the vector store."""
    return [(row.chunk_id, row.window) for row in connection.execute(select(vector_deletion).limit(limit))]


def finish_vector_deletions(connection: Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Record that vectors were deleted from the vector store."""
    for chunk_id, window in rows:
        connection.execute(
            delete(vector_deletion).where(vector_deletion.c.chunk_id == chunk_id, vector_deletion.c.window == window)
        )


def _vector(data: bytes) -> Vector:
    return _unit(np.frombuffer(data, dtype=np.float16).astype(np.float32))


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    # float16 loses the unit length in the fourth digit.
    lengths = np.sqrt(np.einsum("...i,...i->...", values, values))
    return np.asarray(values / lengths[..., None], dtype=np.float32)


def sample(connection: Connection, embedder: str, limit: int) -> list[StoredVector]:
    """Return `limit` vectors of an embedder, evenly spread over all of them; all if there are fewer."""
    total = count_vectors(connection, embedder)
    order = func.row_number().over(order_by=(chunk_vector.c.chunk_id, chunk_vector.c.window))
    # Rows are counted, not ids: the ids of one kind of chunk may all be even.
    numbered = select(chunk_vector.c.chunk_id, chunk_vector.c.window, order.label("number"))
    keys = numbered.where(chunk_vector.c.embedder == embedder, func.length(chunk_vector.c.data) > 0).subquery()
    is_next = keys.c.number * limit // total > (keys.c.number - 1) * limit // total if total > limit else true()
    rows = (
        select(chunk_vector, chunk.c.document_id)
        .join(keys, and_(keys.c.chunk_id == chunk_vector.c.chunk_id, keys.c.window == chunk_vector.c.window))
        .join(chunk, chunk.c.id == chunk_vector.c.chunk_id)
        .where(chunk_vector.c.embedder == embedder, is_next)
    )
    return [_stored(row) for row in connection.execute(rows)]


def _stored(row: Row[Any]) -> StoredVector:
    return StoredVector(row.chunk_id, row.window, row.document_id, Modality(row.modality), _vector(row.data))
