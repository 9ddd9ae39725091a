"""An answer from a file that is not fully read yet says which pages are not, and shows the page."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from rag import Rag, Scope, Settings, Share, put_share
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import ExtractedPage
from rag.model.operations import UnreadPages
from tests.support.absent import NoEmbedder
from tests.support.migrated import open_rag


class Skimming(GuardedExtractor):
    """The extractor of PDFs, which extracts nothing until `go` is set."""

    def __init__(self, settings: Settings, go: threading.Event) -> None:
        super().__init__(settings.read, None)
        self._go = go

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        self._go.wait(60)
        return super().extract(path, first, last, into)


@pytest.fixture
def skimmed(tmp_path: Path) -> Generator[tuple[Rag, threading.Event], None, None]:
    """An engine that has skimmed a manual of ten pages, and reads it when the event is set."""
    with pymupdf.open() as document:
        for number in range(1, 11):
            document.new_page().insert_text((72, 100), f"The berth fee of quay {number} is {20 + number} euros.")
        document.save(tmp_path / "manual.pdf")
    read = {"workers": 1, "layout": False, "ocr": False}
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read=read)
    go, stop = threading.Event(), threading.Event()
    with open_rag(settings, extractor=lambda: Skimming(settings, go), embedder=NoEmbedder()) as rag:
        serving = threading.Thread(target=rag.serve, args=(stop,))
        serving.start()
        with rag.write_transaction() as connection:
            put_share(connection, Share("path", str(tmp_path / "manual.pdf"), "C1", "manual.pdf"))
        try:
            yield rag, go
        finally:
            stop.set()
            go.set()
            serving.join()


def await_page(rag: Rag, state: str) -> None:
    for _ in range(1200):
        if rag.status().documents == {state: 1} and rag.status().pages == 10:
            return
        threading.Event().wait(0.05)
    raise AssertionError("it was not read")


def test_answer_from_a_skimmed_page_says_what_is_not_read_and_shows_it(skimmed: tuple[Rag, threading.Event]) -> None:
    rag, go = skimmed
    await_page(rag, "reading")
    answer = rag.ask("What is the berth fee of quay 7?", Scope.of("C1"))
    assert answer.cited[0].hit.page == 7
    assert "Pages 1 to 10 of manual.pdf are not fully read yet." in answer.notice
    with Image.open(answer.evidence[0]) as picture:
        assert picture.width > 500
    assert rag.status().unread == (UnreadPages("manual.pdf", 1, 10),)
    go.set()
    await_page(rag, "ready")
    answer = rag.ask("What is the berth fee of quay 7?", Scope.of("C1"))
    assert answer.cited[0].hit.page == 7
    assert "fully read" not in answer.notice
    assert rag.status().unread == ()


def test_unread_pages_are_named_in_one_sentence() -> None:
    manual, letter = UnreadPages("manual.pdf", 41, 500), UnreadPages("letter.pdf", 1, 1)
    assert UnreadPages.sentence([]) == ""
    assert UnreadPages.sentence([letter]) == "Page 1 of letter.pdf is not fully read yet."
    both = UnreadPages.sentence([manual, letter])
    assert both == "Pages 41 to 500 of manual.pdf and page 1 of letter.pdf are not fully read yet."
