"""Background stages: their order, their priorities, and how the worker runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Connection

from rag.build import open_captions, open_indexes
from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Index
from rag.ingest.disk_space import DiskSpace
from rag.ingest.fetch.paths import PathFetcher, add_path
from rag.ingest.stages import Priority, Stage, Stages
from rag.ingest.worker import IndexRequest, Progress, Worker
from rag.ports import Extractor
from rag.settings import Settings
from rag.vectors.fingerprinting import Fingerprinting
from tests.support.absent import NoEmbedder
from tests.support.captioner import FakeCaptioner, FigureExtractor
from tests.support.embedder import FakeEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated
from tests.support.store import FakeStore


class FakeStage:
    """A stage with `waiting` items, of which it processes at most `batch` at a time."""

    def __init__(self, name: str, log: list[str], waiting: int = 0, batch: int = 2) -> None:
        self.waiting = waiting
        self._name = name
        self._log = log
        self._batch = batch

    def process_batch(self, stop: threading.Event) -> int:
        done = 0 if stop.is_set() else min(self._batch, self.waiting)
        self.waiting -= done
        self._log += [self._name] * bool(done)
        return done

    def count_waiting(self) -> int:
        return self.waiting

    def is_settled(self) -> bool:
        return not self.waiting

    def describe_waiting(self) -> str:
        return f"{self.waiting} {self._name} wait"


def test_processes_one_batch_of_each_stage_of_a_priority() -> None:
    log: list[str] = []
    first, second, idle = FakeStage("first", log, 3), FakeStage("second", log, 1), FakeStage("idle", log, 9)
    stages = Stages([(first, Priority.FOLLOW_UP), (second, Priority.FOLLOW_UP), (idle, Priority.IDLE)])
    stop = threading.Event()
    assert [stages.process_batch(Priority.FOLLOW_UP, stop) for _ in range(3)] == [3, 1, 0]
    assert log == ["first", "second", "first"]
    assert stages.process_batch(Priority.IDLE, stop) == 2


def test_describes_the_first_stage_that_is_not_settled() -> None:
    first, second = FakeStage("vectors", [], 2), FakeStage("captions", [], 1)
    stages = Stages([(first, Priority.FOLLOW_UP), (second, Priority.IDLE)])
    stop = threading.Event()
    assert stages.describe_waiting() == "2 vectors wait"
    stages.process_batch(Priority.FOLLOW_UP, stop)
    assert stages.describe_waiting() == "1 captions wait"
    assert not stages.are_settled()
    stages.process_batch(Priority.IDLE, stop)
    assert stages.describe_waiting() == ""
    assert stages.are_settled()


def added(connection: Connection, path: Path) -> int:
    """Record a file in the space C1 and return its source."""
    known = add_path(connection, path, "C1")
    assert known is not None
    return known[0]


def worker(
    data: Path,
    catalog: Catalog,
    stages: Stages,
    closing: ExitStack,
    extractor: Callable[[], Extractor] = TextExtractor,
) -> Worker:
    settings = Settings(data=data, answer={"model": ""}, read={"workers": 1})
    indexes = open_indexes(settings, catalog, 1, NoEmbedder(), None, FakeStore())
    closing.callback(indexes.close)
    fetchers = {"path": PathFetcher(settings.read)}
    space = DiskSpace(data, settings.keep)
    return Worker(settings, catalog, Fts5Index(), indexes, stages, extractor, fetchers, space)


def test_worker_runs_idle_stages_after_everything_else(tmp_path: Path) -> None:
    log: list[str] = []
    stages = Stages(
        [(FakeStage("idle", log, 4, batch=1), Priority.IDLE), (FakeStage("follow-up", log, 5), Priority.FOLLOW_UP)]
    )
    (tmp_path / "page.txt").write_text("words on paper")
    notes: list[Progress] = []
    with ExitStack() as closing:
        catalog = Catalog(migrated(tmp_path / "data"))
        closing.callback(catalog.close)
        with catalog.write_transaction() as connection:
            source = added(connection, tmp_path / "page.txt")
        worker(tmp_path / "data", catalog, stages, closing).settle(IndexRequest([source], notes.append))
    assert log == ["follow-up"] * 3 + ["idle"] * 4
    assert "3 idle wait" in [progress.note for progress in notes]
    assert (notes[-1].state, notes[-1].note) == ("done", "")


def test_serving_worker_processes_stages_until_it_is_stopped(tmp_path: Path) -> None:
    log: list[str] = []
    stop = threading.Event()

    class Stopping(FakeStage):
        def process_batch(self, stop_: threading.Event) -> int:
            done = super().process_batch(stop_)
            if not self.waiting:
                stop.set()
            return done

    stages = Stages(
        [(FakeStage("follow-up", log, 4), Priority.FOLLOW_UP), (Stopping("idle", log, 2, batch=1), Priority.IDLE)]
    )
    with ExitStack() as closing:
        catalog = Catalog(migrated(tmp_path / "data"))
        closing.callback(catalog.close)
        worker(tmp_path / "data", catalog, stages, closing).serve(stop)
    assert log == ["follow-up"] * 2 + ["idle"] * 2


@pytest.mark.parametrize("kind", ["indexes", "clip", "fingerprints", "captions"])
def test_stage_is_settled_once_nothing_waits_and_does_nothing_after_stop(kind: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    (tmp_path / "page.txt").write_text("words on paper\n~red")
    with ExitStack() as closing:
        catalog = Catalog(migrated(settings.data))
        closing.callback(catalog.close)
        words, embedder = Fts5Index(), FakeEmbedder()
        indexes = open_indexes(settings, catalog, 1, embedder, None, FakeStore())
        closing.callback(indexes.close)
        captions = open_captions(settings, catalog, words, indexes, FakeCaptioner())
        fingerprinting = Fingerprinting(catalog, settings.data, is_enabled=True)
        stages: dict[str, Stage] = {
            "indexes": indexes,
            "clip": indexes.clip,
            "fingerprints": fingerprinting,
            "captions": captions,
        }
        stage = stages[kind]
        with catalog.write_transaction() as connection:
            source = added(connection, tmp_path / "page.txt")
        fetchers = {"path": PathFetcher(settings.read)}
        space = DiskSpace(settings.data, settings.keep)
        worker = Worker(settings, catalog, words, indexes, Stages(()), FigureExtractor, fetchers, space)
        worker.settle(IndexRequest([source]))
        waiting = stage.count_waiting()
        assert waiting > 0
        assert stage.describe_waiting().startswith(f"{waiting} ")
        assert not stage.is_settled()
        stopped = threading.Event()
        stopped.set()
        assert stage.process_batch(stopped) == 0
        assert stage.count_waiting() == waiting
        while stage.process_batch(threading.Event()):
            pass
        assert stage.count_waiting() == 0
        assert stage.is_settled()
