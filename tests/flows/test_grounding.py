"""Answers are checked against the words of their pages in the catalog, within the scope."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag import Mode, Rag, Scope, Settings
from rag.catalog.pages import page_words
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.generator import FakeGenerator
from tests.support.migrated import open_rag

Open = Callable[[str], Rag]


@pytest.fixture
def open_with(tmp_path: Path) -> Open:
    def opened(text: str) -> Rag:
        settings = Settings(data=tmp_path / "data", answer={"correct": False}, read={"workers": 1})
        generator = FakeGenerator(text=text)
        return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), generator=generator)

    return opened


def index(rag: Rag, folder: Path, name: str, *pages: str, space: str = "local") -> None:
    path = folder / name
    path.write_text("\f".join(pages))
    rag.index([path], space=space)


def test_numbers_that_are_not_on_the_page_are_left_out(open_with: Open, tmp_path: Path) -> None:
    with open_with("The gateway listens on 8443 [1]. It was built in 1999 [1].") as rag:
        index(rag, tmp_path, "handbook.txt", "Welcome aboard", "The gateway listens on port 8443")
        made = rag.ask("Which port does the gateway use?", Scope.operator())
    assert made.text == "The gateway listens on 8443 [1]."
    assert made.mode is Mode.VISION


def test_page_words_are_returned_only_within_the_scope(open_with: Open, tmp_path: Path) -> None:
    with open_with("NOT FOUND") as rag:
        index(rag, tmp_path, "handbook.txt", "The gateway listens on port 8443", space="C1")
        document = rag.documents(Scope.of("C1"))[0].id
        with rag.read_transaction() as connection:
            words = page_words(connection, document, 1, Scope.of("C1"))
            assert "8443" in [word.text for word in words]
            assert page_words(connection, document, 1, Scope.of("C2")) == ()
            assert page_words(connection, document, 2, Scope.of("C1")) == ()
