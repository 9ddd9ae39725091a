"""Work of one kind does not wait for work of another kind, and small files do not wait for long ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag import FetchResult
from rag.catalog import Catalog
from rag.ingest.fetch.paths import add_path
from rag.ingest.stages import Priority, Stages
from rag.ingest.worker import IndexRequest
from rag.model.extraction import ExtractedPage
from tests.flows.team import until
from tests.rag.ingest.test_claims import Files, InterruptedExtractor, opened, serving, share, standing
from tests.rag.ingest.test_stages import FakeStage, added, worker
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated


def pages(name: str, count: int) -> str:
    return "\f".join(f"{name} page {number}" for number in range(count))


@pytest.mark.timeout(60)
def test_free_extractor_gets_the_file_that_arrives_while_another_reads_a_long_one(tmp_path: Path) -> None:
    began, released = threading.Event(), threading.Event()

    class Slow(TextExtractor):
        def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
            if path.read_text().startswith("long"):
                began.set()
                released.wait(50)
            return super().extract(path, first, last, into)

    files = Files()
    files.texts |= {"F1": pages("long", 40), "F2": "short"}
    with opened(tmp_path, files, Slow, workers=2) as rag, serving(rag):
        share(rag, "F1")
        assert began.wait(30)
        _let_the_other_extractor_look()
        share(rag, "F2")
        until(lambda: standing(rag, "F2").state == "ready", seconds=20)
        assert standing(rag, "F1").state == "reading"
        released.set()


def _let_the_other_extractor_look() -> None:
    """Give the extractor that is free the time to look for work several times, and find none."""
    threading.Event().wait(1.0)


class Recording(TextExtractor):
    """Records the first word of the file of each range, and the number of its first page."""

    def __init__(self, ranges: list[str], during: Callable[[], None]) -> None:
        super().__init__()
        self._ranges = ranges
        self._during = during

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        self._ranges.append(f"{path.read_text().split()[0]} {first}")
        self._during()
        return super().extract(path, first, last, into)


@pytest.mark.timeout(60)
def test_short_file_goes_between_the_ranges_of_a_long_one_of_the_same_person(tmp_path: Path) -> None:
    ranges: list[str] = []
    files = Files()
    files.texts |= {"F1": pages("long", 40), "F2": "short"}

    def share_short() -> None:
        if len(ranges) == 1:
            share(rag, "F2")
            until(lambda: standing(rag, "F2").document is not None)

    with opened(tmp_path, files, lambda: Recording(ranges, share_short)) as rag, serving(rag):
        share(rag, "F1")
        until(lambda: standing(rag, "F1").state == "ready")
    assert ranges == ["long 1", "short 1", "long 9", "long 17", "long 25", "long 33"]


@pytest.mark.timeout(60)
def test_long_files_take_turns(tmp_path: Path) -> None:
    ranges: list[str] = []
    files = Files()
    files.texts |= {"F1": pages("a", 140), "F2": pages("b", 70)}
    with opened(tmp_path, files, lambda: Recording(ranges, lambda: None)) as rag, serving(rag):
        share(rag, "F1", "F2")
        until(lambda: {standing(rag, ref).state for ref in files.texts} == {"ready"})
    assert ranges.index("b 1") < ranges.index("a 65")
    assert ranges.index("b 65") < ranges.index("a 129")
    assert len(ranges) == 18 + 9


@pytest.mark.timeout(60)
def test_slow_download_does_not_delay_other_files(tmp_path: Path) -> None:
    released = threading.Event()

    class Slow(Files):
        def __call__(self, ref: str, into: Path) -> FetchResult:
            if ref == "F1":
                released.wait(50)
            return super().__call__(ref, into)

    files = Slow()
    files.texts |= {"F1": "slow", "F2": pages("long", 20)}
    with opened(tmp_path, files) as rag, serving(rag):
        share(rag, "F1", "F2")
        until(lambda: standing(rag, "F2").state == "ready", seconds=20)
        assert standing(rag, "F1").state == "reading"
        released.set()


@pytest.mark.timeout(60)
def test_file_that_arrives_while_the_stages_work_is_extracted_at_once(tmp_path: Path) -> None:
    log: list[str] = []
    extracted = threading.Event()

    class Embedding(FakeStage):
        """Waits for the second file, as a batch on a slow processor would."""

        def process_batch(self, stop: threading.Event) -> int:
            if self.waiting:
                with catalog.write_transaction() as connection:
                    add_path(connection, tmp_path / "second.txt", "C1")
                log.append(f"extracted meanwhile: {extracted.wait(20)}")
            return super().process_batch(stop)

    class Second(TextExtractor):
        def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
            if "second" in path.read_text():
                extracted.set()
            return super().extract(path, first, last, into)

    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"{name} words")
    with ExitStack() as closing:
        catalog = Catalog(migrated(tmp_path / "data"))
        closing.callback(catalog.close)
        with catalog.write_transaction() as connection:
            source = added(connection, tmp_path / "first.txt")
        stages = Stages([(Embedding("embedding", log, 1), Priority.FOLLOW_UP)])
        worker(tmp_path / "data", catalog, stages, closing, Second).settle(IndexRequest([source]))
    assert log == ["extracted meanwhile: True", "embedding"]


@pytest.mark.timeout(60)
def test_extractor_that_is_interrupted_releases_its_document(tmp_path: Path) -> None:
    files = Files()
    files.texts["F1"] = pages("long", 20)
    began = threading.Event()
    with opened(tmp_path, files, lambda: InterruptedExtractor(began.set)) as rag:
        with serving(rag):
            share(rag, "F1")
            assert began.wait(30)
        with serving(rag):
            until(lambda: standing(rag, "F1").state == "ready")
