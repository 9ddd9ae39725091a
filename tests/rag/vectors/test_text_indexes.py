"""Which text embedder is used, and what happens to the vectors when it changes: with a fake Ollama server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from rag import Rag, Scope, Settings
from rag.catalog import Catalog
from rag.catalog.tables import chunk_vector, text_index
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag
from tests.support.ollama_chat import Model
from tests.support.ollama_server import OllamaServer, closed_address, ollama_server
from tests.support.store import FakeStore

EVERYTHING = Scope.operator()
ASKED = "page 3 of file 2 speaks of topic23"
BGE, GEMMA = Model("bge-m3:latest", ("embedding",)), Model("embeddinggemma:latest", ("embedding",), digest="a" * 64)


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with ollama_server(BGE) as server:
        yield server


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


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
def opened(tmp_path: Path, server: OllamaServer, store: FakeStore) -> Iterator[Opening]:
    """Opens the data folder anew, as after a restart with other settings."""
    made: list[Rag] = []

    def open_one(model: str = "auto", host: str = "") -> Rag:
        for rag in made:
            rag.close()
        settings = Settings.model_validate(
            {
                "data": tmp_path / "data",
                "answer": {"model": ""},
                "search": {"lanes": "text-vectors"},
                "text": {"model": model, "host": host or server.url},
            }
        )
        made.append(open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), store=store))
        return made[-1]

    yield open_one
    for rag in made:
        rag.close()


def state_of(rag: Rag) -> str:
    return rag.lanes()["text-vectors"]


def model_of(rag: Rag) -> str:
    chosen = rag.status().text_model
    return "" if chosen is None else chosen.model


def counts(store: FakeStore) -> dict[str, int]:
    """Return the vectors in the store by the model's name."""
    return {identity.split("-")[1]: len(rows) for identity, rows in store.rows.items() if rows}


def stored(data: Path) -> dict[str, int]:
    """Return the vectors in the catalog by the model's name."""
    catalog = Catalog(migrated(data))
    with catalog.read_transaction() as connection:
        names = [row.split("-")[1] for row in connection.scalars(select(chunk_vector.c.embedder))]
    catalog.close()
    return {name: names.count(name) for name in names}


def pages(rag: Rag, query: str) -> list[tuple[str, int]]:
    return [(hit.name, hit.page) for hit in rag.find(query, EVERYTHING).hits]


# ------------------------------------------------------------ the choice


def test_auto_uses_the_preferred_model_of_the_server(folder: Path, opened: Opening, server: OllamaServer) -> None:
    server.models |= {GEMMA.name: GEMMA, "nomic-embed-text:latest": Model("nomic-embed-text:latest", ("embedding",))}
    rag = opened()
    rag.index([folder])
    assert (state_of(rag), model_of(rag)) == ("on", "ollama:embeddinggemma")
    assert pages(rag, ASKED)[0] == ("file2.pdf", 3)
    assert any(text.startswith("title: none | text: page") for text in server.embedded())


def test_auto_takes_no_model_that_cannot_embed_or_runs_in_the_cloud(opened: Opening, server: OllamaServer) -> None:
    server.models = {
        "embeddinggemma:latest": Model("embeddinggemma:latest", ("completion",)),
        "qwen3-embedding:8b-cloud": Model("qwen3-embedding:8b-cloud", ("embedding",)),
        "team/bge-m3:567m": Model("team/bge-m3:567m", ("embedding",)),
    }
    assert model_of(opened()) == "ollama:team/bge-m3:567m"


def test_auto_finds_nothing_on_a_machine_without_models(folder: Path, opened: Opening, server: OllamaServer) -> None:
    server.models = {"nomic-embed-text:latest": Model("nomic-embed-text:latest", ("embedding",))}
    rag = opened()
    rag.index([folder])
    assert state_of(rag).startswith("off: there is no multilingual text embedder in Ollama at ")
    assert "ollama pull embeddinggemma" in state_of(rag)
    assert rag.status().text_model is None
    # Only CLIP's vectors are missing, of 15 texts and 15 pictures of pages.
    assert rag.status().waiting_for_vectors == 30


def test_empty_setting_keeps_text_vectors_off(folder: Path, opened: Opening, server: OllamaServer) -> None:
    rag = opened("")
    rag.index([folder])
    assert state_of(rag).startswith("off: no text embedder is set (fix: set MAGPIE_TEXT__MODEL")
    assert server.embedded() == []


def test_choice_stays_while_its_server_is_away_and_another_model_appears(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore
) -> None:
    opened().index([folder])
    embedded = len(server.embedded())
    with ollama_server(GEMMA) as other:
        rag = opened(host=other.url)
        rag.index([folder])
        assert state_of(rag).startswith("off: The model bge-m3 is not on the Ollama server")
        assert model_of(rag) == "ollama:bge-m3"
        assert other.embedded() == []
    rag = opened(host=closed_address())
    assert state_of(rag).startswith("off: Ollama does not answer")
    rag = opened()
    rag.index([folder])
    assert state_of(rag) == "on"
    assert (len(server.embedded()), counts(store)) == (embedded, {"bge": 15})


def test_choice_of_the_setting_is_kept_by_auto(folder: Path, opened: Opening, server: OllamaServer) -> None:
    server.models[GEMMA.name] = GEMMA
    opened("ollama:bge-m3").index([folder])
    embedded = len(server.embedded())
    rag = opened()
    rag.index([folder])
    assert (model_of(rag), len(server.embedded())) == ("ollama:bge-m3", embedded)


def test_model_that_appears_later_is_found_by_a_running_bot(
    folder: Path, opened: Opening, server: OllamaServer
) -> None:
    server.models = {}
    rag = opened()
    rag.index([folder])
    server.models = {BGE.name: BGE}
    rag = opened()
    assert model_of(rag) == "ollama:bge-m3"
    rag.index([folder])
    assert rag.status().lanes["text-vectors"] == "on"


# ------------------------------------------------------------ a change of model


def fill_half(rag: Rag) -> None:
    """Embed one batch for the new model, as a bot does that is stopped then."""
    rag._indexes.text.process_batch(threading.Event())


def waiting(rag: Rag) -> int:
    chosen = rag.status().text_model
    assert chosen is not None
    assert chosen.replaces == "ollama:bge-m3"
    return chosen.waiting


def test_old_vectors_answer_until_the_new_ones_are_complete(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore, tmp_path: Path
) -> None:
    opened().index([folder])
    server.models[GEMMA.name] = GEMMA
    rag = opened("ollama:embeddinggemma")
    before = len(server.embedded())
    assert pages(rag, ASKED)[0] == ("file2.pdf", 3)
    assert server.embedded()[before:] == [ASKED]  # without the prefix of the new model
    rag.index([folder])
    assert pages(rag, ASKED)[0] == ("file2.pdf", 3)
    assert server.embedded()[-1] == f"task: search result | query: {ASKED}"
    assert counts(store) == stored(tmp_path / "data") == {"embeddinggemma": 15}


def test_files_that_arrive_during_the_change_are_found_by_the_old_model(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore
) -> None:
    opened().index([folder])
    server.models[GEMMA.name] = GEMMA
    opened("ollama:embeddinggemma").close()
    (folder / "late.pdf").write_text("the late page speaks of topic99")
    # The new model answers no request yet, so the change is not completed.
    server.models[GEMMA.name] = replace(GEMMA, trained_context=2)
    rag = opened("ollama:embeddinggemma")
    rag.index([folder])
    assert ("late.pdf", 1) in pages(rag, "the late page speaks of topic99")


def test_deletion_during_the_change_removes_vectors_of_both(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore, tmp_path: Path
) -> None:
    opened().index([folder])
    server.models[GEMMA.name] = GEMMA
    rag = opened("ollama:embeddinggemma")
    rag._indexes.sync.take_over(unclean=False)
    fill_half(rag)
    assert counts(store) == {"bge": 15, "embeddinggemma": 15}
    rag.forget(["file1.pdf"])
    assert all(count == 10 for count in counts(store).values())
    assert all(count == 10 for count in stored(tmp_path / "data").values())
    rag.index([folder / "file0.pdf"])
    assert counts(store) == stored(tmp_path / "data") == {"embeddinggemma": 10}


def test_change_continues_after_a_restart(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore, tmp_path: Path
) -> None:
    opened().index([folder])
    server.models[GEMMA.name] = GEMMA
    rag = opened("ollama:embeddinggemma")
    rag._indexes.sync.take_over(unclean=False)
    assert waiting(rag) == 15
    fill_half(rag)
    assert waiting(rag) == 0
    embedded = len(server.embedded())
    rag = opened("ollama:embeddinggemma")
    chosen = rag.status().text_model
    assert chosen is not None
    assert (chosen.model, chosen.replaces) == ("ollama:embeddinggemma", "ollama:bge-m3")
    rag.index([folder])
    assert len(server.embedded()) == embedded
    assert counts(store) == stored(tmp_path / "data") == {"embeddinggemma": 15}
    chosen = rag.status().text_model
    assert chosen is not None
    assert chosen.replaces == ""


def test_change_that_is_taken_back_deletes_the_new_vectors(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore
) -> None:
    opened("ollama:bge-m3").index([folder])
    server.models[GEMMA.name] = GEMMA
    rag = opened("ollama:embeddinggemma")
    rag._indexes.sync.take_over(unclean=False)
    fill_half(rag)
    embedded = len(server.embedded())
    rag = opened("ollama:bge-m3")
    rag.index([folder])
    assert (len(server.embedded()), counts(store)) == (embedded, {"bge": 15})


def test_new_model_that_is_away_leaves_the_old_one_in_use(folder: Path, opened: Opening) -> None:
    opened().index([folder])
    rag = opened("ollama:embeddinggemma")
    rag.index([folder])
    assert state_of(rag) == "on"
    assert pages(rag, ASKED)[0] == ("file2.pdf", 3)


def test_model_pulled_again_is_embedded_again(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore, tmp_path: Path
) -> None:
    opened().index([folder])
    server.models[BGE.name] = replace(BGE, digest="b" * 64)
    rag = opened()
    rag.index([folder])
    assert state_of(rag) == "on"
    assert stored(tmp_path / "data") == counts(store) == {"bge": 15}
    assert {identity.split("-")[3] for identity in store.rows if store.rows[identity]} == {"b" * 12}


def test_vectors_of_an_earlier_version_are_used_if_their_model_is_set(
    folder: Path, opened: Opening, server: OllamaServer, store: FakeStore, tmp_path: Path
) -> None:
    server.models[GEMMA.name] = GEMMA
    opened("ollama:bge-m3").index([folder])
    opened("ollama:bge-m3").close()
    forget_record(tmp_path / "data")
    embedded = len(server.embedded())
    rag = opened("ollama:bge-m3")
    rag.index([folder])
    assert (state_of(rag), len(server.embedded())) == ("on", embedded)
    forget_record(tmp_path / "data")
    rag = opened("ollama:embeddinggemma")
    rag.index([folder])
    assert counts(store) == stored(tmp_path / "data") == {"embeddinggemma": 15}


def forget_record(data: Path) -> None:
    """Leave the record as the upgrade of a folder of an earlier version makes it."""
    catalog = Catalog(migrated(data))
    with catalog.write_transaction() as connection:
        connection.execute(text_index.update().values(model="", state="earlier"))
    catalog.close()
