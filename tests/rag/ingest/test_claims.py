"""What happens to a source or a document while it is fetched or extracted: unshared, changed, claimed again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from rag import (
    Fetcher,
    FetchResult,
    NotFound,
    Rag,
    Scope,
    Settings,
    Share,
    SourceStatus,
    Unreadable,
    leave_space,
    put_share,
    source_statuses,
)
from rag.catalog import documents, extractions, sources, statuses
from rag.catalog.shares import record_share
from rag.catalog.tables import extraction
from rag.catalog.word_indexes import index_of
from rag.model.extraction import ExtractedPage, Inspection, TextSource
from tests.flows.team import until
from tests.support.absent import NoEmbedder
from tests.support.databases import DATABASES, AnyCatalog, open_catalog
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

KIND = "slack"


class Files:
    """A fetcher of texts by ref. `during` is called once, in the first fetch."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.texts: dict[str, str | Exception] = {}
        self._during = during
        self._calls = 0
        self._lock = threading.Lock()

    def __call__(self, ref: str, into: Path) -> FetchResult:
        with self._lock:
            self._calls += 1
            first = self._calls == 1
        text = self.texts[ref]
        if first:
            self._during()
        if isinstance(text, Exception):
            raise text
        into.write_text(text)
        return FetchResult()


class InterruptedExtractor(TextExtractor):
    """Calls `during` in the first extraction."""

    def __init__(self, during: Callable[[], None]) -> None:
        super().__init__()
        self._during = [during]

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        if self._during:
            self._during.pop()()
        return super().extract(path, first, last, into)


@contextmanager
def opened(
    folder: Path, fetcher: Fetcher, extractor: Callable[[], TextExtractor] = TextExtractor, workers: int = 1
) -> Iterator[Rag]:
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": workers})
    with open_rag(settings, extractor=extractor, embedder=NoEmbedder(), open_fetchers=lambda _: {KIND: fetcher}) as rag:
        yield rag


@contextmanager
def serving(rag: Rag) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=rag.serve, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def share(rag: Rag, *refs: str, changed: int = 1) -> None:
    with rag.write_transaction() as connection:
        for ref in refs:
            put_share(connection, Share(KIND, ref, "C1", f"{ref}.txt", size=9, changed_ns=changed))


def standing(rag: Rag, ref: str) -> SourceStatus:
    with rag.read_transaction() as connection:
        [found] = source_statuses(connection, KIND, [ref], "C1")
    return found


def is_found(rag: Rag, words: str) -> bool:
    return bool(rag.find(words, Scope.of("C1")).hits)


@pytest.mark.timeout(60)
def test_file_unshared_and_shared_again_while_it_is_extracted_is_indexed(tmp_path: Path) -> None:
    files = Files()
    files.texts["F1"] = "words of the quay"

    def share_again() -> None:
        with rag.write_transaction() as connection:  # one, so that `standing` always finds a share
            leave_space(connection, KIND, "C1")
            put_share(connection, Share(KIND, "F1", "C1", "F1.txt", size=9, changed_ns=1))

    with opened(tmp_path, files, lambda: InterruptedExtractor(share_again)) as rag, serving(rag):
        share(rag, "F1")
        until(lambda: standing(rag, "F1").state == "ready")
        assert is_found(rag, "quay")


@pytest.mark.timeout(60)
def test_failed_fetch_of_a_changed_file_keeps_its_earlier_version(tmp_path: Path) -> None:
    files = Files()
    files.texts["F1"] = "words of the quay"
    with opened(tmp_path, files) as rag:
        with serving(rag):
            share(rag, "F1")
            until(lambda: standing(rag, "F1").state == "ready")
            files.texts["F1"] = Unreadable("It is gone for a moment.", "Share it again.")
            share(rag, "F1", changed=2)
            until(lambda: standing(rag, "F1").state == "failed")
            found = standing(rag, "F1")
        rag.index([])  # deletes what is not shared
        assert found.reason == "It is gone for a moment. Its earlier version stays searchable."
        assert found.hint == "Share it again."
        assert is_found(rag, "quay")
        files.texts["F1"] = "words of the pier"
        share(rag, "F1", changed=2)
        with serving(rag):
            until(lambda: standing(rag, "F1").state == "ready")
        assert is_found(rag, "pier")
        rag.index([])
        assert not is_found(rag, "quay")


@pytest.mark.timeout(60)
def test_file_that_changes_while_it_is_fetched_is_indexed_as_changed(tmp_path: Path) -> None:
    second_began, first_ended = threading.Event(), threading.Event()

    class Changing(Files):
        def __call__(self, ref: str, into: Path) -> FetchResult:
            text = str(self.texts[ref])
            if ref == "F2":  # fetched by the thread that ended the first fetch of F1
                first_ended.set()
            elif text == "words of the quay":
                self.texts[ref] = "words of the pier"
                with rag.write_transaction() as connection:
                    for other in ("F1", "F2"):
                        put_share(connection, Share(KIND, other, "C1", f"{other}.txt", size=9, changed_ns=2))
                second_began.wait(30)
            else:
                second_began.set()
                first_ended.wait(30)
            into.write_text(text)
            return FetchResult()

    files = Changing()
    files.texts |= {"F1": "words of the quay", "F2": "words of the mole"}
    with opened(tmp_path, files, workers=2) as rag:
        with serving(rag):
            share(rag, "F1")
            until(first_ended.is_set)
            until(lambda: standing(rag, "F1").state == "ready")
        assert is_found(rag, "pier")
        assert not is_found(rag, "quay")


@pytest.mark.timeout(60)
def test_file_shared_again_while_its_missing_predecessor_is_fetched_keeps_its_share(tmp_path: Path) -> None:
    def share_again() -> None:
        files.texts["F1"] = "words of the quay"
        share(rag, "F1", changed=2)

    files = Files(share_again)
    files.texts["F1"] = NotFound("It was deleted.")
    with opened(tmp_path, files) as rag, serving(rag):
        share(rag, "F1")
        until(lambda: standing(rag, "F1").state == "ready")
        assert is_found(rag, "quay")


@pytest.mark.timeout(60)
def test_unexpected_error_of_an_extractor_fails_one_document(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("boom")

    files = Files()
    files.texts |= {"F1": "words of the quay", "F2": "words of the pier"}
    with opened(tmp_path, files, lambda: InterruptedExtractor(fail)) as rag, serving(rag):
        share(rag, "F1", "F2")
        until(lambda: {standing(rag, "F1").state, standing(rag, "F2").state} == {"failed", "ready"})
    assert "boom" in caplog.text


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path) as catalog:
        yield catalog


def test_ended_claim_of_a_source_changes_nothing(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        source_id, _ = record_share(connection, Share(KIND, "F1", "C1", changed_ns=1))
        old = sources.claim_source(connection, [KIND])
        record_share(connection, Share(KIND, "F1", "C1", changed_ns=2))
        new = sources.claim_source(connection, [KIND])
        assert old is not None
        assert new is not None
        assert (old.id, old.attempts) == (new.id, new.attempts)
        assert not sources.is_held(connection, old)
        document = documents.put_document(connection, "0" * 64, 10, "test")
        assert not sources.finish_source(connection, old, document, mtime_ns=1, size=10)
        sources.fail_source(connection, old, "It failed.", "")
        sources.delay_source(connection, old, 9, "It failed.")
        assert sources.is_held(connection, new)
        [status] = statuses.list_statuses(connection, [source_id])
        assert (status.state, status.document) == ("reading", None)
        assert sources.finish_source(connection, new, document, mtime_ns=2, size=10)


def test_ended_claim_of_an_extraction_changes_nothing(catalog: AnyCatalog) -> None:
    page = ExtractedPage(1, None, 600, 800, TextSource.NONE, (), None)
    with catalog.write_transaction() as connection:
        words = index_of(connection)
        record_share(connection, Share(KIND, "F1", "C1", changed_ns=1))
        source = sources.claim_source(connection, [KIND])
        assert source is not None
        document = documents.put_document(connection, "0" * 64, 10, "test")
        assert sources.finish_source(connection, source, document, mtime_ns=1, size=10)
        old = extractions.claim_extraction(connection)
        assert old is not None
        extractions.release_extraction(connection, old, 0, fresh=True)
        new = extractions.claim_extraction(connection)
        assert new is not None
        assert (old.id, old.attempts) == (new.id, new.attempts)
        assert not extractions.begin_pages(connection, old, Inspection("text/plain", 7, "Old"))
        assert not extractions.put_pages(connection, words, old, "", [page], [])
        assert not extractions.complete_extraction(connection, words, old)
        extractions.fail_extraction(connection, words, old, "It failed.", "")
        extractions.release_extraction(connection, old, 9)
        row = connection.execute(select(extraction)).one()
        assert (row.state, row.pages, row.pages_done, row.retry_at > 0) == ("reading", 0, 0, True)
        assert extractions.put_pages(connection, words, new, "", [page], [])
