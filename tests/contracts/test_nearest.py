"""The contract of both ways to find the nearest chunks in a scope: all vectors in memory, and Chroma."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from rag.adapters.chroma import ChromaStore
from rag.catalog import Catalog, vectors
from rag.model.extraction import Box, Kind, Modality, NewChunk
from rag.model.search import Scope
from rag.ports import StoredVector, Vector
from rag.vectors.search import NearestChunk, NeighborSearch
from rag.vectors.sync import VectorStoreSync
from tests.bench.multiplied import IDENTITY, fill_catalog, fill_vectors, unit_vectors
from tests.support.migrated import migrated

DOCUMENTS, PAGES = 60, 8
K = 10
MIN_RECALL = 0.95


@dataclass(frozen=True)
class Corpus:
    """A catalog and a store with the same vectors."""

    catalog: Catalog
    store: ChromaStore


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    folder = tmp_path_factory.mktemp("data")
    chunks = [NewChunk(page, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ()) for page in range(1, PAGES + 1)]
    corpus = Corpus(Catalog(migrated(folder)), ChromaStore(folder / "chroma"))
    fill_catalog(corpus.catalog, iter([chunks] * DOCUMENTS), chunks, 1, lambda _: None)
    fill_vectors(corpus.catalog, corpus.store, 1, lambda _: None)
    yield corpus
    corpus.store.close()
    corpus.catalog.close()


@pytest.fixture(params={"in memory": 10**6, "chroma": 0}.items(), ids=lambda param: param[0])
def search(request: pytest.FixtureRequest, corpus: Corpus) -> Iterator[NeighborSearch]:
    sync = VectorStoreSync(corpus.catalog, lambda: corpus.store, lambda _: None, request.param[1])
    yield NeighborSearch(sync)
    sync.thread.close()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
def test_finds_the_nearest_chunks_of_a_scope(search: NeighborSearch, corpus: Corpus, share: float) -> None:
    scope = Scope(None, frozenset(range(1, round(DOCUMENTS * share) + 1)))
    held = stored(corpus.catalog, scope)
    hits = 0
    for seed in range(20):
        [query] = unit_vectors(1, 1000 + seed)
        found = search.nearest(IDENTITY, [query], Modality.TEXT, scope, K)
        assert_in_order(found, query, held)
        hits += len({one.chunk for one in found[:K]} & set(nearest(query, held)))
    recall = hits / (20 * K)
    print(f"recall@{K} of {share:.0%} of {DOCUMENTS} documents: {recall:.3f}")  # noqa: T201
    assert recall >= MIN_RECALL


def test_a_chunk_counts_by_its_best_window_for_any_query(search: NeighborSearch, corpus: Corpus) -> None:
    scope = Scope(None, frozenset({1, 2, 3}))
    queries = list(unit_vectors(2, 7))
    found = search.nearest(IDENTITY, queries, Modality.TEXT, scope, 100)
    held = stored(corpus.catalog, scope)
    expected = {row.chunk: max(float(row.vector @ query) for query in queries) for row in held}
    assert {one.chunk: one.similarity for one in found} == pytest.approx(expected, abs=1e-3)
    assert {one.document for one in found} == {1, 2, 3}


def test_nothing_is_found_outside_the_scope(search: NeighborSearch) -> None:
    [query] = unit_vectors(1, 3)
    assert not search.nearest(IDENTITY, [query], Modality.TEXT, Scope.of("missing"), K)
    assert not search.nearest(IDENTITY, [query], Modality.PICTURE, Scope.operator(), K)
    assert not search.nearest("other-model-0", [query], Modality.TEXT, Scope.operator(), K)
    assert not search.nearest(IDENTITY, [], Modality.TEXT, Scope.operator(), K)


def stored(catalog: Catalog, scope: Scope) -> list[StoredVector]:
    assert scope.documents is not None
    with catalog.read_transaction() as connection:
        rows = [row for batch in vectors.stored_vectors(connection, IDENTITY) for row in batch]
    return [row for row in rows if row.document in scope.documents]


def nearest(query: Vector, held: list[StoredVector]) -> list[int]:
    cosines = np.array([row.vector @ query for row in held])
    return [held[at].chunk for at in np.argsort(-cosines)[:K]]


def assert_in_order(found: list[NearestChunk], query: Vector, held: list[StoredVector]) -> None:
    cosines = {row.chunk: float(row.vector @ query) for row in held}
    assert len({(one.document, one.page) for one in found}) >= min(K, len(held))
    assert [one.similarity for one in found] == pytest.approx([cosines[one.chunk] for one in found], abs=1e-3)
    assert found == sorted(found, key=lambda one: -one.similarity)
