"""The text index beside CLIP's on one store: separate rows, separate failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.adapters.chroma import ChromaStore
from rag.errors import EmbedderBusy, EmbedderDown
from rag.model.extraction import Modality
from rag.ports import Embedder, Extractor, TextEmbedder, VectorStore
from tests.contracts.test_text_embedder import minilm, needs_minilm
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.store import FakeStore

EVERYTHING = Scope.operator()
CLIP, TEXT = FakeEmbedder.identity, FakeTextEmbedder().identity
DOWN = EmbedderDown("Nothing answers.", "start it")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    for number in range(3):
        pages = [f"page {page} of file {number} speaks of topic{number * 10 + page}" for page in range(1, 6)]
        (folder / f"file{number}.pdf").write_text("\f".join(pages))
    return folder


Opening = Callable[..., Rag]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opening]:
    made: list[Rag] = []

    def open_one(
        store: VectorStore,
        text: TextEmbedder | None = None,
        clip: Embedder | None = None,
        lanes: str = "text-vectors",
        model: str = "",
        extractor: Callable[[], Extractor] | None = TextExtractor,
    ) -> Rag:
        settings = Settings.model_validate(
            {"data": tmp_path / "data", "answer": {"model": ""}, "search": {"lanes": lanes}, "text": {"model": model}}
        )
        clip = clip or FakeEmbedder()
        made.append(open_rag(settings, extractor=extractor, embedder=clip, text_embedder=text, store=store))
        return made[-1]

    yield open_one
    for rag in made:
        rag.close()


def test_embedders_have_separate_rows_and_collections(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    rag = opened(store, FakeTextEmbedder())
    rag.index([folder])
    assert (store.count(CLIP), store.count(TEXT)) == (30, 15)  # only CLIP embeds the pictures of pages
    assert {row.modality for row in store.rows[TEXT].values()} == {Modality.TEXT}
    found = rag.find("speaks topic23 page 3 file 2", EVERYTHING)
    assert found.lanes["text-vectors"] == "on"
    assert (found.hits[0].name, found.hits[0].page) == ("file2.pdf", 3)
    assert rag.status().waiting_for_vectors == 0


def test_is_off_without_a_text_embedder_and_nothing_waits_for_it(folder: Path, opened: Opening) -> None:
    rag = opened(FakeStore())
    rag.index([folder])
    state = rag.status()
    assert state.lanes["text-vectors"].startswith("off: no text embedder is set (fix: set MAGPIE_TEXT__MODEL")
    assert state.waiting_for_vectors == 0
    rag = opened(FakeStore(), extractor=None)
    check = next(check for check in rag.doctor() if check.name == "text vectors")
    assert (check.status, check.fix) == ("off", "")


def test_embedder_set_later_embeds_existing_documents(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    opened(store).index([folder])
    rag = opened(store, FakeTextEmbedder())
    rag.find("topic11", EVERYTHING)
    assert rag.status().waiting_for_vectors == 15
    rag.index([folder])
    assert (rag.status().waiting_for_vectors, store.count(TEXT)) == (0, 15)


def test_another_model_replaces_the_vectors_of_the_first(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    opened(store, FakeTextEmbedder()).index([folder])
    opened(store, FakeTextEmbedder("fake-text-2")).index([folder])
    assert (store.count(TEXT), store.count("fake-text-2")) == (0, 15)


def test_embeds_texts_without_clip(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    rag = opened(store, FakeTextEmbedder(), NoEmbedder())
    rag.index([folder])
    assert store.count(TEXT) == 15
    # Texts wait for CLIP too. It is off and its identity unknown, so only vectors of the text embedder are recognized.
    assert rag.status().waiting_for_vectors == 30


def test_server_that_goes_down_turns_its_lane_off_and_fails_no_file(folder: Path, opened: Opening) -> None:
    store, text = FakeStore(), FakeTextEmbedder()
    rag = opened(store, text, lanes="words,text-vectors,clip-text")
    rag.index([folder / "file0.pdf"])
    text.breaks = EmbedderBusy("It is busy.", "again")
    assert {outcome.state for outcome in rag.index([folder])} == {"new", "unchanged"}
    found = rag.find("topic23", EVERYTHING)
    assert found.lanes["text-vectors"] == "off: It is busy (fix: again)"
    assert found.lanes["clip-text"] == "on"
    assert found.hits[0].place.startswith("file2.pdf, p. 3")
    assert store.count(TEXT) == 5


def test_refused_text_does_not_block_others(folder: Path, opened: Opening, caplog: pytest.LogCaptureFixture) -> None:
    store, text = FakeStore(), FakeTextEmbedder()
    text.refuses = "topic12"
    rag = opened(store, text, lanes="words,text-vectors")
    rag.index([folder])
    assert store.count(TEXT) == 14
    assert rag.status().waiting_for_vectors == 0
    assert "gets no vector: the embedder refused it" in caplog.text
    assert "text-vectors" in rag.find("topic23", EVERYTHING).hits[0].lanes
    assert dict(rag.find("topic12", EVERYTHING).hits[0].lanes) == {"words": 1}


def test_question_succeeds_when_the_server_just_went_down(folder: Path, opened: Opening) -> None:
    text = FakeTextEmbedder()
    rag = opened(FakeStore(), text, lanes="words,text-vectors")
    rag.index([folder])
    text.breaks = DOWN
    found = rag.find("topic23", EVERYTHING)
    assert found.lanes["text-vectors"] == "off: Nothing answers (fix: start it)"
    assert found.hits[0].place.startswith("file2.pdf, p. 3")


def test_removes_forgotten_documents_of_both_embedders(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    rag = opened(store, FakeTextEmbedder())
    rag.index([folder])
    rag.forget(["file1.pdf"])
    assert (store.count(CLIP), store.count(TEXT)) == (20, 10)


def test_rebuilds_a_lost_store_for_both_embedders(folder: Path, opened: Opening, tmp_path: Path) -> None:
    path = tmp_path / "chroma"
    rag = opened(ChromaStore(path), FakeTextEmbedder())
    rag.index([folder])
    rag.close()
    (path / "chroma.sqlite3").write_bytes(b"ruined" * 4096)
    store = ChromaStore(path)
    opened(store, FakeTextEmbedder()).index([folder])
    assert (store.count(CLIP), store.count(TEXT)) == (30, 15)


def test_single_layout_keeps_modalities_apart(folder: Path, opened: Opening, tmp_path: Path) -> None:
    store = ChromaStore(tmp_path / "single", "single")
    rag = opened(store, FakeTextEmbedder(), lanes="text-vectors,clip-picture,clip-text")
    rag.index([folder])
    found = rag.find("page 3 of file 2 speaks of topic23", EVERYTHING)
    assert set(found.rankings) == {"text-vectors", "clip-picture", "clip-text"}
    assert found.rankings["clip-text"][0][1] == 3
    clip = FakeEmbedder().embed_texts(["topic23"])[0]
    texts, pictures = (store.query(CLIP, modality, clip, 100) for modality in (Modality.TEXT, Modality.PICTURE))
    assert (len(texts), len(pictures)) == (15, 15)
    assert not {near.chunk for near in texts} & {near.chunk for near in pictures}
    own = FakeTextEmbedder().embed_queries(["topic23"])[0]
    assert len(store.query(TEXT, Modality.TEXT, own, 100)) == 15
    assert store.query(TEXT, Modality.PICTURE, own, 100) == []


def test_doctor_checks_the_text_index_and_its_store(folder: Path, opened: Opening) -> None:
    store = FakeStore()
    rag = opened(store, FakeTextEmbedder())
    rag.index([folder])
    rag = opened(store, FakeTextEmbedder(), extractor=None)
    checks = {check.name: check for check in rag.doctor()}
    assert checks["text vectors"].status == checks["store of text vectors"].status == "ok"
    assert checks["text vectors"].detail == "given, set by MAGPIE_TEXT__MODEL; fake-text-1, 192 dimensions"
    store.rows[TEXT].clear()
    assert {check.name: check for check in rag.doctor()}["store of text vectors"].status == "fail"


@needs_minilm
def test_minilm_finds_a_page_without_a_word_of_the_question(opened: Opening, tmp_path: Path) -> None:
    pages = [
        "The roof leaks in autumn.",
        "Employees may take thirty days off each year.",
        "The crane lifts forty tons.",
    ]
    (tmp_path / "rules.pdf").write_text("\f".join(pages))
    rag = opened(FakeStore(), model=f"st:{minilm()}")
    rag.index([tmp_path / "rules.pdf"])
    assert rag.find("how long is my annual vacation?", EVERYTHING).hits[0].page == 2
