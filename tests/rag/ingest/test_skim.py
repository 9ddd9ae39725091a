"""Words of a document are found before its pages are extracted, and until each of them is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag import Rag, Scope, Settings, Share, SourceStatus, put_share, source_statuses
from rag.errors import ExtractorStopped
from rag.model.extraction import ExtractedPage
from rag.ports import Embedder
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

PAGES = 20


class Gated(TextExtractor):
    """Extracts one range of pages each time that it is allowed to. `extracted` records the documents in order."""

    def __init__(self, gate: threading.Semaphore, extracted: list[tuple[str, int]]) -> None:
        super().__init__()
        self._gate = gate
        self._extracted = extracted
        self._closed = threading.Event()

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        while not self._gate.acquire(timeout=0.05):
            if self._closed.is_set():
                break
        self._extracted.append((path.read_text().split()[0], first))
        return super().extract(path, first, last, into)

    def close(self) -> None:
        self._closed.set()


class Reading:
    """An engine that indexes files in another thread, one range of pages for each `allow`."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.gate = threading.Semaphore(0)
        self.extracted: list[tuple[str, int]] = []
        settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
        self.rag = open_rag(settings, extractor=lambda: Gated(self.gate, self.extracted), embedder=embedder)
        self._folder = folder

    def write(self, name: str, pages: int, *, skimmed: bool = True, word: str = "lantern") -> Path:
        path = self._folder / name
        first = "!skim\n" if skimmed else ""
        texts = [f"{name} page{number}\n{first}the {word}{number} is lit\n" for number in range(1, pages + 1)]
        path.write_text("\f".join(texts))
        return path

    @contextmanager
    def indexing(self, *paths: Path) -> Iterator[threading.Thread]:
        thread = threading.Thread(target=self.rag.index, args=(list(paths),))
        thread.start()
        try:
            yield thread
        finally:
            self.gate.release(1000)
            thread.join(60)

    def finds(self, word: str) -> list[int]:
        return [hit.page for hit in self.rag.find(word, Scope.operator()).hits]

    def status(self, path: Path) -> SourceStatus:
        found: list[SourceStatus] = []
        while not found:  # the request is recorded in another thread
            with self.rag.read_transaction() as connection:
                found = source_statuses(connection, "path", [str(path)], "local")
        return found[0]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    found = Reading(tmp_path, NoEmbedder())
    with found.rag:
        yield found


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_all_pages_are_found_before_the_first_is_extracted(reading: Reading) -> None:
    path = reading.write("manual.pdf", PAGES)
    with reading.indexing(path):
        until(lambda: reading.finds("lantern20") == [20])
        assert reading.extracted == []
        status = reading.status(path)
        assert (status.page, status.pages, status.searchable, status.is_searchable) == (0, PAGES, PAGES, True)


def test_each_page_is_found_at_any_time_until_it_is_extracted_and_once_afterwards(reading: Reading) -> None:
    path = reading.write("manual.pdf", PAGES)
    missed: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            missed.extend(page for page in (1, 8, 9, 20) if reading.finds(f"lantern{page}")[:1] != [page])

    with reading.indexing(path) as thread:
        until(lambda: reading.finds("lantern20") == [20])
        looking = threading.Thread(target=look)
        looking.start()
        reading.gate.release(3)
        thread.join(60)
        done.set()
        looking.join(60)
    assert missed == []
    assert [start for _, start in reading.extracted] == [1, 9, 17]
    assert chunks_of(reading.rag) == chunks_of_a_document_that_is_not_skimmed(reading)


def chunks_of(rag: Rag, where: str = "") -> list[tuple[Any, ...]]:
    columns = "page, kind, text, heading, caption, box, line_boxes, language"
    with rag.read_transaction() as connection:
        rows = connection.exec_driver_sql(f"SELECT {columns} FROM chunk {where} ORDER BY id").all()
        words = connection.exec_driver_sql(
            "SELECT count(*) FROM chunk WHERE text <> '' AND document_id = (SELECT max(id) FROM document)"
        ).scalar()
    return [tuple(row) for row in rows] if words else []


def chunks_of_a_document_that_is_not_skimmed(reading: Reading) -> list[tuple[Any, ...]]:
    folder = reading.rag.settings.data.parent / "other"
    folder.mkdir()
    other = Reading(folder, NoEmbedder())
    other.gate.release(1000)
    with other.rag:
        other.rag.index([other.write("manual.pdf", PAGES, skimmed=False)])
        return chunks_of(other.rag)


def test_page_without_words_waits_for_its_extraction(reading: Reading) -> None:
    path = reading.write("scan.pdf", 3, skimmed=False)
    with reading.indexing(path) as thread:
        until(lambda: reading.status(path).pages == 3)
        assert reading.finds("lantern2") == []
        assert not reading.status(path).is_searchable
        reading.gate.release()
        thread.join(60)
        assert reading.finds("lantern2") == [2]


def test_files_are_skimmed_before_any_is_extracted(reading: Reading) -> None:
    words = ("lantern", "sluice", "relay")
    paths = [reading.write(f"{word}.pdf", PAGES, word=word) for word in words]
    with reading.indexing(*paths):
        until(lambda: all(reading.status(path).document is not None for path in paths))
        reading.gate.release()  # of a file that came before the others
        until(lambda: all(20 in reading.finds(f"{word}20") for word in words))
        assert len(reading.extracted) <= 1


def test_new_file_is_skimmed_between_two_ranges_of_a_long_one(reading: Reading) -> None:
    long, new = reading.write("long.pdf", PAGES), reading.write("new.pdf", PAGES, word="sluice")
    with reading.indexing(long):
        until(lambda: reading.status(long).is_searchable)
        with reading.rag.write_transaction() as connection:
            put_share(connection, Share("path", str(new), "local", new.name))
        until(lambda: reading.status(new).document is not None)
        reading.gate.release()
        until(lambda: reading.finds("sluice20") == [20])
        assert [start for _, start in reading.extracted] == [1]


def test_skimmed_pages_get_no_vectors(tmp_path: Path) -> None:
    reading = Reading(tmp_path, FakeEmbedder())
    with reading.rag as rag, reading.indexing(reading.write("manual.pdf", PAGES)):
        until(lambda: reading.finds("lantern20") == [20])
        reading.gate.release()
        until(lambda: bool(vectors(rag)))
        assert max(vectors(rag)) <= 8


def vectors(rag: Rag) -> list[int]:
    with rag.read_transaction() as connection:
        rows = "SELECT DISTINCT page FROM chunk JOIN chunk_vector ON chunk_vector.chunk_id = chunk.id"
        return list(connection.exec_driver_sql(rows).scalars())


def test_file_that_is_forgotten_while_it_is_only_skimmed_is_not_found(reading: Reading) -> None:
    path = reading.write("manual.pdf", PAGES)
    with reading.indexing(path) as thread:
        until(lambda: reading.finds("lantern20") == [20])
        reading.rag.forget(["manual.pdf"])
        assert reading.finds("lantern20") == []
        reading.gate.release(1000)
        thread.join(60)
        assert reading.finds("lantern1") == []
    with reading.rag.read_transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar() == 0


class Interrupted(TextExtractor):
    """Stops once, as it skims page 40."""

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        is_first = not self.skims
        for page in super().skim(path, media_type, first, last):
            if is_first and page.number == 40:
                raise ExtractorStopped("The process was killed.")
            yield page


def test_skim_that_is_interrupted_goes_on_after_its_last_range(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_text("\f".join(f"!skim\nthe lantern{number} is lit" for number in range(1, 71)))
    extractor = Interrupted()
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=lambda: extractor, embedder=NoEmbedder()) as rag:
        rag.index([path])
        with rag.read_transaction() as connection:
            texts = connection.exec_driver_sql("SELECT page FROM chunk WHERE text <> '' ORDER BY page").scalars().all()
    assert extractor.skims == [*range(1, 41), *range(33, 71)]
    assert texts == list(range(1, 71))


def test_file_that_is_extracted_again_is_not_skimmed(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_text("!skim\nthe lantern is lit")
    extractor = TextExtractor()
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=lambda: extractor, embedder=NoEmbedder()) as rag:
        rag.index([path])
        rag.reindex()
    assert (extractor.skims, extractor.reads) == ([1], [1, 1])
