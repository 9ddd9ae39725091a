"""A new extractor version extracts old documents again, after new files; until then the old extraction is used."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from rag import Rag, Scope, Settings
from rag.model.extraction import ExtractedPage
from tests.flows.team import until
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

EVERYTHING = Scope.operator()


class RecordingExtractor(TextExtractor):
    """Records the pages in order. Pages that contain `refuse` stop it. `before_page` is called before each page."""

    def __init__(self, version: str, refuse: str = "!stopped") -> None:
        super().__init__(version)
        self.pages: list[str] = []
        self.before_page: Callable[[], object] = lambda: None
        self._refuse = refuse

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        self.before_page()
        self.pages.append(text)
        return super()._page(number, text.replace(self._refuse, "!stopped"), into)


def opened(tmp_path: Path, reader: TextExtractor) -> Rag:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=lambda: reader, embedder=NoEmbedder())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, indexed by the old version."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "a.pdf").write_text("alpha one\falpha two")
    (folder / "b.pdf").write_text("beta one\fbeta two")
    with opened(tmp_path, RecordingExtractor("old")) as rag:
        rag.index([folder])
    return folder


def places(rag: Rag, query: str) -> set[str]:
    return {f"{hit.name} {hit.page}" for hit in rag.find(query, EVERYTHING, 50).hits}


def test_new_file_is_read_before_old_ones_are_read_again(tmp_path: Path, folder: Path) -> None:
    reader = RecordingExtractor("new")
    (folder / "c.pdf").write_text("gamma one")
    seen: list[tuple[int, int]] = []
    with opened(tmp_path, reader) as rag:
        reader.before_page = lambda: seen.append((rag.status().renewed, len(places(rag, "alpha"))))
        states = {outcome.file: outcome.state for outcome in rag.index([folder])}
        assert states == {"a.pdf": "unchanged", "b.pdf": "unchanged", "c.pdf": "new"}
        assert sorted(reader.pages) == ["alpha one", "alpha two", "beta one", "beta two", "gamma one"]
        # One old file may have been begun before the new one was fetched.
        assert reader.pages.index("gamma one") <= 2
        assert rag.status().renewed == 0
        assert [found for _, found in seen] == [2] * 5
        assert seen[0][0] == 2
    with opened(tmp_path, reader) as rag:
        rag.index([folder])
    assert len(reader.pages) == 5


def test_running_bot_reads_again(tmp_path: Path, folder: Path) -> None:
    reader = RecordingExtractor("new")
    stop = threading.Event()
    with opened(tmp_path, reader) as rag, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(rag.serve, stop)
        until(lambda: len(reader.pages) == 4 and rag.status().renewed == 0)
        until(lambda: len(list((tmp_path / "data" / "pictures").iterdir())) == 2)
        stop.set()
        serving.result(20)
        assert places(rag, "beta") == {"b.pdf 1", "b.pdf 2"}


def test_failed_second_extraction_keeps_the_first_and_is_not_retried(tmp_path: Path, folder: Path) -> None:
    reader = RecordingExtractor("new", refuse="beta two")
    with opened(tmp_path, reader) as rag:
        rag.index([folder])
        assert places(rag, "beta") == {"b.pdf 1", "b.pdf 2"}
        assert rag.status().documents == {"ready": 2}
        assert rag.status().renewed == 0
        read_before = len(reader.pages)
        rag.index([folder])
        assert len(reader.pages) == read_before
        with rag.read_transaction() as connection:
            left = connection.execute(
                text(
                    "SELECT count(*) FROM chunk JOIN extraction ON extraction.id = extraction_id WHERE state = 'failed'"
                )
            )
            assert left.scalar() == 0
    newest = RecordingExtractor("newest")
    with opened(tmp_path, newest) as rag:
        rag.index([folder])
        assert len(newest.pages) == 4


def test_new_version_retries_what_the_old_one_could_not_read(tmp_path: Path, folder: Path) -> None:
    (folder / "d.pdf").write_text("delta refused")
    with opened(tmp_path, RecordingExtractor("old", refuse="refused")) as rag:
        assert [outcome.file for outcome in rag.index([folder]) if outcome.state == "failed"] == ["d.pdf"]
    with opened(tmp_path, RecordingExtractor("new")) as rag:
        rag.index([])
        assert places(rag, "delta") == {"d.pdf 1"}
        assert rag.status().documents == {"ready": 3}
