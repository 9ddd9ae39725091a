"""The vectors in memory are those of the catalog, whatever is added and deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select

from rag.catalog import Catalog, vectors
from rag.catalog.tables import chunk as chunk_table
from rag.catalog.tables import chunk_vector
from rag.model.extraction import Box, Kind, Modality, NewChunk
from rag.ports import StoredVector, Vector
from rag.vectors.cache import VectorCache
from tests.bench.multiplied import DIM, IDENTITY, fill_catalog, unit_vectors
from tests.support.migrated import migrated

CHUNK = NewChunk(1, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ())
PER_DOCUMENT = 3
[QUERY] = unit_vectors(1, 99)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(migrated(tmp_path))
    fill_catalog(catalog, iter([[CHUNK] * PER_DOCUMENT] * 3), [CHUNK] * PER_DOCUMENT, 1, lambda _: None)
    yield catalog
    catalog.close()


def add(catalog: Catalog, document: int, made: list[Vector], modality: Modality = Modality.TEXT) -> None:
    """Give the chunks of a document these vectors, from the first chunk without one."""
    with catalog.write_transaction() as connection:
        mine = select(chunk_table.c.id).where(chunk_table.c.document_id == document).order_by(chunk_table.c.id)
        held = set(connection.scalars(select(chunk_vector.c.chunk_id)))
        free = [number for number in connection.scalars(mine) if number not in held]
        rows = [StoredVector(number, 0, document, modality, one) for number, one in zip(free, made, strict=False)]
        vectors.put_vectors(connection, IDENTITY, rows, [])


def remove(catalog: Catalog, document: int) -> None:
    with catalog.write_transaction() as connection:
        mine = select(chunk_table.c.id).where(chunk_table.c.document_id == document)
        connection.execute(delete(chunk_vector).where(chunk_vector.c.chunk_id.in_(mine)))


def found(cache: VectorCache, *documents: int) -> list[float]:
    _, cosines = cache.best_similarities(IDENTITY, Modality.TEXT, [QUERY], documents)
    return sorted(cosines.tolist())


def cosines_of(made: list[Vector]) -> list[float]:
    return sorted(float(one @ QUERY) for one in made)


def test_returns_the_best_similarity_of_every_vector_of_these_documents(catalog: Catalog) -> None:
    made = unit_vectors(3, 1)
    add(catalog, 1, list(made))
    add(catalog, 2, list(unit_vectors(3, 2)))
    other = unit_vectors(1, 98)[0]
    chunks, cosines = VectorCache(catalog).best_similarities(IDENTITY, Modality.TEXT, [QUERY, other], [1])
    assert len(set(chunks.tolist())) == 3
    expected = sorted(max(float(one @ QUERY), float(one @ other)) for one in made)
    assert sorted(cosines.tolist()) == pytest.approx(expected, abs=1e-3)


def test_vectors_that_are_added_later_are_found(catalog: Catalog) -> None:
    cache, made = VectorCache(catalog), list(unit_vectors(3, 1))
    assert found(cache, 1) == []
    add(catalog, 1, made[:1])
    assert found(cache, 1) == pytest.approx(cosines_of(made[:1]), abs=1e-3)
    add(catalog, 1, made[1:])
    add(catalog, 2, list(unit_vectors(3, 2)))
    assert found(cache, 1) == pytest.approx(cosines_of(made), abs=1e-3)
    assert len(found(cache, 1, 2, 3)) == 6


def test_vectors_in_the_places_of_deleted_ones_are_found(catalog: Catalog) -> None:
    cache, made = VectorCache(catalog), list(unit_vectors(3, 1))
    add(catalog, 1, made)
    add(catalog, 2, list(unit_vectors(3, 2)))
    assert len(found(cache, 1, 2, 3)) == 6
    remove(catalog, 2)  # the newest: SQLite gives their row ids to the next ones
    other = list(unit_vectors(3, 3))
    add(catalog, 3, other)
    assert found(cache, 3) == pytest.approx(cosines_of(other), abs=1e-3)
    assert found(cache, 1) == pytest.approx(cosines_of(made), abs=1e-3)


def test_vectors_are_found_after_the_file_was_compacted(catalog: Catalog) -> None:
    cache = VectorCache(catalog)
    for document in (1, 2, 3):
        add(catalog, document, list(unit_vectors(2, document)))
    assert len(found(cache, 1, 2, 3)) == 6
    remove(catalog, 1)
    with closing(sqlite3.connect(catalog.path)) as connection:
        connection.execute("VACUUM")
    added = list(unit_vectors(1, 7))
    add(catalog, 3, added)
    assert len(found(cache, 3)) == 3


def test_modalities_are_apart(catalog: Catalog) -> None:
    add(catalog, 1, list(unit_vectors(2, 1)), Modality.PICTURE)
    cache = VectorCache(catalog)
    assert found(cache, 1) == []
    assert len(cache.best_similarities(IDENTITY, Modality.PICTURE, [QUERY], [1])[0]) == 2


def test_memory_is_bounded_and_given_back(catalog: Catalog) -> None:
    for document in (1, 2, 3):
        add(catalog, document, list(unit_vectors(3, document)))
    of_one = 3 * (DIM * 4 + 8)
    cache = VectorCache(catalog, max_bytes=2 * of_one)
    assert len(found(cache, 1, 2, 3)) == 9  # also when they do not fit
    assert cache.size == 2 * of_one
    cache.clear_unused(3600)
    assert cache.size == 2 * of_one
    cache.clear_unused(0)
    assert cache.size == 0
    assert len(found(cache, 1)) == 3


def test_no_documents_have_no_vectors(catalog: Catalog) -> None:
    chunks, cosines = VectorCache(catalog).best_similarities(IDENTITY, Modality.TEXT, [QUERY], [])
    assert (chunks.shape, cosines.shape) == ((0,), (0,))
    assert np.issubdtype(cosines.dtype, np.float32)
