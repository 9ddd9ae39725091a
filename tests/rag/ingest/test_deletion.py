"""Deletion from disk: what cannot be deleted does not stop the owner, and copies do not grow without bound."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from time import time

import numpy as np
import pytest

from rag import Rag, Scope, Settings
from rag.adapters.chroma import ChromaStore
from rag.catalog import Catalog, deletions
from rag.catalog.fulltext import Fts5Index
from rag.ingest.deletion import delete_unshared, evict_evidence
from rag.ingest.fetch.paths import add_path
from rag.ports import StoredVector
from tests.flows.team import until
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag


@pytest.mark.timeout(60)
def test_file_that_cannot_be_deleted_does_not_end_the_owner(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings, stop = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1}), threading.Event()
    (tmp_path / "page.txt").write_text("words on paper")
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.index([tmp_path / "page.txt"])
        [document] = rag.documents(Scope.operator())
        file = settings.data / "files" / document.sha256
        file.unlink()
        (file / "folder").mkdir(parents=True)  # a folder cannot be deleted as a file
        rag.forget(["page.txt"])
        serving = threading.Thread(target=rag.serve, args=(stop,), daemon=True)
        serving.start()
        (tmp_path / "other.txt").write_text("words on the quay")
        rag.index([tmp_path / "other.txt"])
        assert [row.name for row in rag.documents(Scope.operator())] == ["other.txt"]
        until(lambda: document.sha256 in caplog.text)
        assert serving.is_alive()
        stop.set()
        serving.join(30)
    assert caplog.text.count("cannot be deleted") == 1


def test_undeletable_file_stays_queued_and_the_others_are_deleted(tmp_path: Path) -> None:
    catalog = Catalog(migrated(tmp_path))
    with catalog.write_transaction() as connection:
        for name in ("a", "b", "c"):
            deletions.delete_later(connection, f"files/{name}", is_folder=False)
    for name in ("a", "c"):
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / name).write_text("bytes")
    (tmp_path / "files" / "b" / "folder").mkdir(parents=True)
    assert delete_unshared(catalog, Fts5Index(), tmp_path).undeletable == ("files/b",)
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["b"]
    (tmp_path / "files" / "b" / "folder").rmdir()
    (tmp_path / "files" / "b").rmdir()
    assert delete_unshared(catalog, Fts5Index(), tmp_path).undeletable == ()
    catalog.close()


def test_evidence_is_evicted_by_age_and_by_size(tmp_path: Path) -> None:
    now = time()
    for number, age in enumerate((10, 20, 30, 1000)):
        path = tmp_path / f"{number}-abc.png"
        path.write_bytes(b"x" * 100)
        os.utime(path, (now - age, now - age))
    (tmp_path / "other.txt").write_text("stays")
    evict_evidence(tmp_path, now - 500, 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-abc.png", "1-abc.png", "2-abc.png", "other.txt"]
    evict_evidence(tmp_path, now - 500, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-abc.png", "1-abc.png", "other.txt"]
    evict_evidence(tmp_path / "missing", now, 0)


def test_file_that_vanishes_while_files_are_listed_is_not_recorded(tmp_path: Path) -> None:
    catalog = Catalog(migrated(tmp_path))
    with catalog.write_transaction() as connection:
        assert add_path(connection, tmp_path / "gone.txt", "C1") is None
    catalog.close()


class RecordingStore(ChromaStore):
    """Records the bytes of the vectors that are added."""

    def __init__(self, path: Path, added: list[bytes]) -> None:
        super().__init__(path)
        self._added = added

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        self._added += [row.vector.astype(np.float32).tobytes() for row in rows]
        super().add(identity, rows)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kept", [0, 40])
def test_bytes_of_deleted_vectors_are_in_no_file(tmp_path: Path, kept: int) -> None:
    settings, added = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1}), list[bytes]()
    chroma = settings.data / "chroma"
    (tmp_path / "long.txt").write_text("\f".join(f"word{number} on page {number}" for number in range(700)))
    (tmp_path / "kept.txt").write_text("\f".join(f"quay{number} kept {number}" for number in range(kept)))
    paths = [tmp_path / "long.txt", *([tmp_path / "kept.txt"] if kept else [])]
    store = RecordingStore(chroma, added)
    with open_rag(settings, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        rag.index(paths[1:])
        remaining, places = set(added), len(added)
        rag.index(paths)
        deleted = set(added) - remaining
        assert len(added) == 2 * (700 + kept)
    assert _found(chroma, deleted)
    with open_rag(settings, extractor=TextExtractor, embedder=FakeEmbedder(), store=ChromaStore(chroma)) as rag:
        rag.forget(["long.txt"])
        assert _space(rag) == f"{places} vectors, space for {places}"
    assert _found(chroma, deleted) == []
    assert bool(_found(chroma, remaining)) == bool(kept)


def _space(rag: Rag) -> str:
    return next(check.detail for check in rag.doctor() if check.name == "vector store size")


def _found(folder: Path, values: Collection[bytes]) -> list[str]:
    """Return the files that have one of these values."""
    contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [path.name for path, content in contents.items() if any(value in content for value in values)]
