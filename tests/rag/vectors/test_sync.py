"""The vector store and its owner: when the lock is released, and when the next owner can trust the store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag import Progress, Settings
from rag.catalog import Catalog
from rag.errors import TryAgain
from rag.ingest.ownership import is_owned, try_own
from rag.ports import StoredVector, VectorStore
from rag.vectors.priority_thread import PriorityThread, Urgency
from rag.vectors.sync import VectorStoreSync
from tests.flows.team import until
from tests.support.embedder import FakeEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag
from tests.support.store import FakeStore


class SlowStore(FakeStore):
    """Sets `began` when vectors are added, and adds them once `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.released = threading.Event(), threading.Event()

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        self.began.set()
        self.released.wait(50)
        super().add(identity, rows)


def settings(folder: Path) -> Settings:
    (folder / "page.txt").write_text("words on paper")
    return Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})


def is_unclean(data: Path) -> bool:
    """Own the data folder for a moment; return whether the last run counts as crashed."""
    catalog = Catalog(migrated(data))
    try:
        with try_own(catalog, data, lambda: False) as ownership:
            assert ownership is not None
            return ownership.unclean
    finally:
        catalog.close()


@pytest.mark.timeout(60)
def test_owner_keeps_the_lock_until_the_last_copy_is_in_the_store(tmp_path: Path) -> None:
    store, stop = SlowStore(), threading.Event()
    chosen = settings(tmp_path)
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        serving = threading.Thread(target=rag.serve, args=(stop,), daemon=True)
        indexing = threading.Thread(target=rag.index, args=([tmp_path / "page.txt"],), daemon=True)
        serving.start()
        until(lambda: is_owned(chosen.data))
        indexing.start()
        assert store.began.wait(30)
        stop.set()
        serving.join(2)
        assert is_owned(chosen.data)
        store.released.set()
        serving.join(30)
        indexing.join(30)
        assert not is_owned(chosen.data)
        assert store.count(FakeEmbedder.identity) == 2


@pytest.mark.timeout(60)
def test_interrupted_run_does_not_count_as_a_crash(tmp_path: Path) -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    chosen, store = settings(tmp_path), FakeStore()
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        with pytest.raises(KeyboardInterrupt):
            rag.index([tmp_path / "page.txt"], report=interrupt)
        assert not is_owned(chosen.data)
        assert not is_unclean(chosen.data)


@pytest.mark.timeout(60)
def test_run_whose_write_to_the_store_failed_counts_as_a_crash(tmp_path: Path) -> None:
    class Failing(FakeStore):
        def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
            raise RuntimeError("boom")

    chosen = settings(tmp_path)
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=Failing()) as rag:
        with pytest.raises(RuntimeError):
            rag.index([tmp_path / "page.txt"])
        assert is_unclean(chosen.data)
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=FakeStore()) as rag:
        rag.index([])
    assert not is_unclean(chosen.data)


class CountingStore(FakeStore):
    """Counts how often its vectors are counted, which begins each comparison with the catalog."""

    compared = 0

    def count(self, identity: str) -> int:
        self.compared += 1
        return super().count(identity)


@pytest.mark.timeout(60)
def test_store_is_verified_again_only_after_another_owner(tmp_path: Path) -> None:
    chosen, store = settings(tmp_path), CountingStore()
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        rag.index([tmp_path / "page.txt"])
        first = store.compared
        assert first
        rag.index([tmp_path / "page.txt"])
        assert store.compared == first
        with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=FakeStore()) as other:
            other.index([])
        rag.index([tmp_path / "page.txt"])
        assert store.compared > first


class BusyStore(FakeStore):
    """Is busy during the first `calls` calls that add vectors, and whatever is asked until then."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._calls = calls

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        if self._calls:
            self._calls -= 1
            self.busy = 1
        super().add(identity, rows)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("calls", [1, 8])
def test_busy_store_does_not_end_the_owner_and_gets_all_vectors(tmp_path: Path, calls: int) -> None:
    """One busy call is repeated; after several, the store is compared with the catalog before the next batch."""
    chosen, store = settings(tmp_path), BusyStore(calls)
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        rag.index([tmp_path / "page.txt"])
        (tmp_path / "other.txt").write_text("other words on paper")
        rag.index([tmp_path / "other.txt"])
        assert store.count(FakeEmbedder.identity) == 4


@pytest.mark.timeout(60)
def test_busy_store_does_not_end_a_bot_that_deletes(tmp_path: Path) -> None:
    chosen, store = settings(tmp_path), FakeStore()
    with open_rag(chosen, extractor=TextExtractor, embedder=FakeEmbedder(), store=store) as rag:
        rag.index([tmp_path / "page.txt"])
        store.busy = 3
        rag.forget(["page.txt"])
        store.busy = 0
        rag.index([])
        assert store.count(FakeEmbedder.identity) == 0


@pytest.mark.timeout(30)
def test_call_after_close_is_refused() -> None:
    thread = PriorityThread("test")
    assert thread.run(Urgency.QUESTION, lambda: 7) == 7
    thread.close()
    with pytest.raises(TryAgain, match="stopping"):
        thread.run(Urgency.QUESTION, lambda: 7)
    thread.close()


@pytest.mark.timeout(30)
def test_cancelled_call_does_not_end_the_thread() -> None:
    thread, began, released = PriorityThread("test"), threading.Event(), threading.Event()

    def block() -> None:
        began.set()
        released.wait(20)

    running = thread.submit(Urgency.BATCH, block)
    assert began.wait(20)
    assert thread.submit(Urgency.BATCH, lambda: None).cancel()
    released.set()
    running.result(20)
    assert thread.run(Urgency.BATCH, lambda: 7) == 7
    thread.close()


def test_store_is_opened_once_by_many_threads(tmp_path: Path) -> None:
    opened: list[VectorStore] = []
    barrier = threading.Barrier(4)

    def open_store() -> VectorStore:
        threading.Event().wait(0.05)
        opened.append(FakeStore())
        return opened[-1]

    def use() -> VectorStore:
        barrier.wait()
        return sync.store()

    catalog = Catalog(migrated(tmp_path))
    sync = VectorStoreSync(catalog, open_store, lambda _: None)
    with ThreadPoolExecutor(4) as pool:
        stores = [future.result() for future in [pool.submit(use) for _ in range(4)]]
    assert len(opened) == 1
    assert set(map(id, stores)) == {id(opened[0])}
    sync.close()
    catalog.close()
