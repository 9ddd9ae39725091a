"""The contract of every VectorStore: the fake in memory, and Chroma in both layouts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.adapters.chroma import ChromaStore
from rag.errors import StoreBroken
from rag.model.extraction import Modality
from rag.ports import StoredVector, Vector, VectorStore
from tests.support.store import FakeStore

ONE, OTHER = "model-a-0123", "model-b-4567"
STORES: dict[str, Callable[[Path], VectorStore]] = {
    "fake": lambda folder: FakeStore(),
    "chroma split": lambda folder: ChromaStore(folder, "split"),
    "chroma single": lambda folder: ChromaStore(folder, "single"),
}


@pytest.fixture(params=STORES, scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    store = STORES[request.param](tmp_path_factory.mktemp("store"))
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _empty(store: VectorStore) -> None:
    store.drop()


def vectors(count: int, dim: int = 16, seed: int = 0) -> list[Vector]:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return list(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def rows(count: int, modality: Modality = Modality.TEXT, first: int = 1) -> list[StoredVector]:
    made = vectors(count, seed=first)
    return [StoredVector(first + n, 0, n // 4, modality, vector) for n, vector in enumerate(made)]


def test_vector_is_its_own_nearest_neighbor(store: VectorStore) -> None:
    made = rows(40)
    store.add(ONE, made)
    assert store.count(ONE) == 40
    for row in made:
        best = store.query(ONE, Modality.TEXT, row.vector, 3)
        assert (best[0].chunk, best[0].window) == (row.chunk, 0)
        assert best[0].similarity == pytest.approx(1, abs=1e-4)
        assert [near.similarity for near in best] == sorted((near.similarity for near in best), reverse=True)


def test_modalities_and_embedders_are_separate(store: VectorStore) -> None:
    texts, pictures = rows(8), rows(8, Modality.PICTURE, first=100)
    store.add(ONE, [*texts, *pictures])
    store.add(OTHER, rows(3, first=500))
    near = store.query(ONE, Modality.PICTURE, texts[0].vector, 50)
    assert {neighbor.chunk for neighbor in near} == {row.chunk for row in pictures}
    assert store.count(ONE) == 16
    store.drop(ONE)
    assert store.count(ONE) == 0
    assert store.count(OTHER) == 3


def test_windows_of_a_chunk_are_separate_rows(store: VectorStore) -> None:
    first, second = vectors(2)
    store.add(ONE, [StoredVector(7, n, 1, Modality.TEXT, vector) for n, vector in enumerate((first, second))])
    assert store.query(ONE, Modality.TEXT, second, 1)[0].window == 1


def test_among_limits_the_search_and_ignores_unknown_ids(store: VectorStore) -> None:
    made = rows(20)
    store.add(ONE, made)
    near = store.query(ONE, Modality.TEXT, made[0].vector, 10, [(5, 0), (6, 0), (999, 0)])
    assert {neighbor.chunk for neighbor in near} == {5, 6}
    assert store.query(ONE, Modality.TEXT, made[0].vector, 10, [(999, 0)]) == []
    assert store.query(ONE, Modality.TEXT, made[0].vector, 10, []) == []


def test_add_replaces_and_remove_deletes(store: VectorStore) -> None:
    made = rows(6)
    store.add(ONE, made)
    moved = StoredVector(1, 0, 0, Modality.TEXT, -made[0].vector)
    store.add(ONE, [moved])
    assert store.count(ONE) == 6
    assert store.query(ONE, Modality.TEXT, moved.vector, 1)[0].chunk == 1
    store.remove([(1, 0), (404, 0)])
    assert store.count(ONE) == 5
    assert store.query(ONE, Modality.TEXT, moved.vector, 1)[0].chunk != 1


def test_unknown_collection_is_empty(store: VectorStore) -> None:
    assert store.count("unknown-0000") == 0
    assert store.query("unknown-0000", Modality.TEXT, vectors(1)[0], 5) == []
    store.add(ONE, [])
    store.remove([(1, 0)])
    store.drop("unknown-0000")


def test_chroma_keeps_vectors_over_a_restart(tmp_path: Path) -> None:
    made = rows(12)
    first = ChromaStore(tmp_path, "split")
    first.add(ONE, made)
    first.close()
    second = ChromaStore(tmp_path, "split")
    assert second.query(ONE, Modality.TEXT, made[3].vector, 1)[0].chunk == made[3].chunk
    second.close()


def test_damaged_chroma_is_reported_and_can_be_refilled(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path, "split")
    store.add(ONE, rows(4))
    store.close()
    (tmp_path / "chroma.sqlite3").write_bytes(b"ruined" * 1000)
    store = ChromaStore(tmp_path, "split")
    with pytest.raises(StoreBroken) as raised:
        store.count(ONE)
    assert raised.value.hint
    store.drop(ONE)
    store.add(ONE, rows(4))
    assert store.count(ONE) == 4
    store.close()
