"""Chroma's files: deleted, dropped, moved, or left by a killed process."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.adapters.chroma import ChromaStore
from rag.errors import StoreBroken
from rag.model.extraction import Modality
from rag.ports import StoredVector

ONE, OTHER = "model-a-0123", "model-b-4567"
DIM = 16


def rows(count: int, first: int = 1) -> list[StoredVector]:
    made = np.random.default_rng(first).normal(size=(count, DIM)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return [StoredVector(first + n, 0, n // 4, Modality.TEXT, vector) for n, vector in enumerate(made)]


def find_lost(store: ChromaStore, expected: list[StoredVector]) -> list[int]:
    """Return the chunks whose vector does not find itself."""
    found = ((row.chunk, store.query(ONE, Modality.TEXT, row.vector, 3)) for row in expected)
    return [chunk for chunk, near in found if chunk not in {neighbor.chunk for neighbor in near}]


def folders(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir() if entry.is_dir()]


def test_closed_store_releases_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "chroma"
    store = ChromaStore(path)
    store.add(ONE, rows(50))
    store.close()
    store.close()
    shutil.rmtree(path)
    store.add(ONE, rows(20))
    assert store.count(ONE) == 20
    store.close()


def test_dropped_collection_is_deleted_from_disk(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path)
    store.add(ONE, rows(1200))  # Chroma writes an index to disk from 1,000 rows on
    store.add(OTHER, rows(1200))
    before = folders(tmp_path)
    store.drop(ONE)
    assert len(before) == 2
    assert len(folders(tmp_path)) == 1
    store.add(ONE, rows(1200))
    store.close()
    store = ChromaStore(tmp_path)
    assert (store.count(ONE), store.count(OTHER)) == (1200, 1200)
    assert find_lost(store, rows(1200)[::40]) == []
    store.drop()
    assert folders(tmp_path) == []
    store.close()


def test_accepts_more_rows_than_one_call_and_duplicates(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path)
    made = rows(5600)
    store.add(ONE, [*made, made[0]])
    assert store.count(ONE) == 5600
    everything = [(row.chunk, 0) for row in made]
    near = store.query(ONE, Modality.TEXT, made[9].vector, 2, [*everything, (9_999_999, 0)])
    assert near[0].chunk == made[9].chunk
    store.remove(everything)
    assert store.count(ONE) == 0
    store.close()


def test_lost_index_can_be_refilled(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path)
    store.add(ONE, rows(1200))
    store.close()
    for folder in folders(tmp_path):
        shutil.rmtree(tmp_path / folder)
    store = ChromaStore(tmp_path)
    assert store.count(ONE) == 1200
    assert len(find_lost(store, rows(1200)[::40])) > 15
    store.drop(ONE)
    store.add(ONE, rows(1200))
    assert find_lost(store, rows(1200)[::40]) == []
    store.close()


def test_two_spellings_of_a_path_open_the_same_store(tmp_path: Path) -> None:
    store, same = ChromaStore(tmp_path / "chroma"), ChromaStore(tmp_path / "x" / ".." / "chroma")
    store.add(ONE, rows(5))
    same.add(ONE, rows(5, first=100))
    store.close()
    assert same.count(ONE) == 10
    same.close()


def test_vectors_of_another_length_are_an_error(tmp_path: Path) -> None:
    store = ChromaStore(tmp_path)
    store.add(ONE, rows(5))
    with pytest.raises(StoreBroken, match="dimension"):
        store.query(ONE, Modality.TEXT, np.ones(3, dtype=np.float32), 1)
    store.close()


_ADDS_UNTIL_KILLED = """
import sys
from pathlib import Path
from rag.adapters.chroma import ChromaStore
from tests.rag.adapters.test_chroma import ONE, rows
store = ChromaStore(Path(sys.argv[1]))
made = rows(100_000)
for start in range(0, len(made), 150):
    store.add(ONE, made[start : start + 150])
    print(start + 150, flush=True)
"""


def test_store_killed_while_adding_works_or_is_reported_broken(tmp_path: Path) -> None:
    chance = random.Random(5)
    path = tmp_path / "chroma"
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _ADDS_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randint(6, 14)):
                added = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        expected = rows(100_000)[:added:25]
        store = ChromaStore(path)
        try:
            missing = find_lost(store, expected)
        except StoreBroken:
            missing = [row.chunk for row in expected]
        if missing:
            store.drop(ONE)
            store.add(ONE, rows(100_000)[:added])
            assert find_lost(store, expected) == []
        store.close()
