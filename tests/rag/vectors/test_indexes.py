"""Vector indexes: repairing the store from the catalog, and finding enough pages in any scope."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from rag import Rag, Scope, Settings
from rag.adapters.chroma import ChromaStore
from rag.build import open_indexes
from rag.catalog import Catalog, vectors
from rag.catalog.tables import chunk as chunk_table
from rag.model.extraction import Box, Kind, Modality, NewChunk
from rag.ports import Neighbor, StoredVector, Vector
from rag.vectors.indexes import ClipIndex
from rag.vectors.lazy_embedder import LazyEmbedder
from rag.vectors.sync import VectorStoreSync
from tests.bench.multiplied import fill_catalog, fill_vectors, unit_vectors
from tests.bench.search import InstantEmbedder
from tests.support.embedder import FakeEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag
from tests.support.store import FakeStore
from tests.support.tiny_clip import TINY

EVERYTHING = Scope.operator()
IDENTITY = FakeEmbedder.identity


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    for number in range(6):
        pages = [f"page {page} of file {number} speaks of topic{number * 10 + page}" for page in range(1, 6)]
        (folder / f"file{number}.pdf").write_text("\f".join(pages))
    return folder


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Rag]]:
    made: list[Rag] = []

    def open_one(store: FakeStore | ChromaStore, exact_chunks: int = 0) -> Rag:
        settings = Settings.model_validate(
            {
                "data": tmp_path / "data",
                "answer": {"model": ""},
                "search": {"lanes": "clip-text"},
                "store": {"exact_chunks": exact_chunks},
            }
        )
        made.append(open_rag(settings, extractor=TextExtractor, embedder=FakeEmbedder(), store=store))
        return made[-1]

    yield open_one
    for rag in made:
        rag.close()


def top(rag: Rag, query: str, scope: Scope = EVERYTHING) -> str:
    return rag.find(query, scope).hits[0].place


def test_embeds_every_chunk_and_finds_it_by_its_vector(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    rag = opened(store)
    rag.index([folder])
    assert rag.status().waiting_for_vectors == 0
    assert store.count(IDENTITY) == 60  # 30 pages, each with a text chunk and a picture of the page
    assert top(rag, "page 3 of file 2 speaks of topic23") == "file2.pdf, p. 3 (printed p3)"


def test_next_owner_rebuilds_a_lost_store(folder: Path, opened: Callable[..., Rag]) -> None:
    rag = opened(FakeStore())
    rag.index([folder])
    rag.close()
    empty = FakeStore()
    rag = opened(empty)
    rag.index([folder])
    assert empty.count(IDENTITY) == 60


def test_rebuilds_a_store_with_wrong_vectors_and_the_right_count(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    opened(store).index([folder])
    kept = store.rows[IDENTITY]
    for key, row in kept.items():
        kept[key] = type(row)(row.chunk, row.window, row.document, row.modality, np.roll(row.vector, 7) * -1)
    opened(store).index([folder])
    assert opened(store).find("page 3 of file 2 speaks of topic23", EVERYTHING).hits[0].page == 3


def test_rebuilds_a_store_that_breaks_during_a_write(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    rag = opened(store)
    rag.index([folder / "file0.pdf"])
    store.broken = True
    rag.index([folder])
    assert store.count(IDENTITY) == 60


def test_broken_store_only_turns_its_lanes_off(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    rag = opened(store)
    rag.index([folder])
    store.broken = True
    assert rag.find("topic23", EVERYTHING).lanes["clip-text"].startswith("off: The vector store cannot be used")


def test_small_scope_is_searched_although_the_store_is_broken(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    rag = opened(store, exact_chunks=60)
    rag.index([folder])
    store.broken = True
    assert top(rag, "page 3 of file 2 speaks of topic23") == "file2.pdf, p. 3 (printed p3)"


def test_scope_of_one_file_among_many_returns_all_its_pages(folder: Path, opened: Callable[..., Rag]) -> None:
    rag = opened(FakeStore())
    rag.index([folder])
    ids = {row.name: row.id for row in rag.documents(EVERYTHING)}
    scope = Scope(None, frozenset([ids["file5.pdf"]]))
    found = rag.find("page 1 of file 0 speaks of topic1", scope, 50)
    assert {hit.name for hit in found.hits} == {"file5.pdf"}
    assert len(found.hits) == 5


def test_removes_forgotten_documents_from_the_store(folder: Path, opened: Callable[..., Rag]) -> None:
    store = FakeStore()
    rag = opened(store)
    rag.index([folder])
    rag.forget(["file1.pdf", "file2.pdf"])
    assert store.count(IDENTITY) == 40
    assert {hit.name for hit in rag.find("file 1 topic11", EVERYTHING, 50).hits}.isdisjoint({"file1.pdf", "file2.pdf"})


def test_catalog_returns_the_vectors_that_were_stored(folder: Path, opened: Callable[..., Rag], tmp_path: Path) -> None:
    store = FakeStore()
    opened(store).index([folder])
    catalog = Catalog(migrated(tmp_path / "data"))
    with catalog.read_transaction() as connection:
        kept = [row for batch in vectors.stored_vectors(connection, IDENTITY, batch=7) for row in batch]
    catalog.close()
    assert len(kept) == 60
    for row in kept:
        assert float(row.vector @ store.rows[IDENTITY][(row.chunk, row.window)].vector) > 0.999
    assert {row.modality for row in kept} == set(Modality)


def test_rebuilds_a_chroma_store_whose_file_was_overwritten(
    folder: Path, opened: Callable[..., Rag], tmp_path: Path
) -> None:
    path = tmp_path / "chroma"
    rag = opened(ChromaStore(path))
    rag.index([folder])
    rag.close()
    (path / "chroma.sqlite3").write_bytes(b"ruined" * 4096)
    rag = opened(ChromaStore(path))
    rag.index([folder])
    assert rag.find("page 3 of file 2 speaks of topic23", EVERYTHING).hits[0].page == 3


class WatchedStore(FakeStore):
    """Records each query: how many neighbors, and among how many windows."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[tuple[int, int | None]] = []

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbor]:
        self.asks.append((k, None if among is None else len(among)))
        return super().query(identity, modality, vector, k, among)


def test_compares_a_small_scope_exactly_and_searches_a_large_one_widely(tmp_path: Path) -> None:
    one = NewChunk(1, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ())
    few = [NewChunk(page, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ()) for page in range(1, 11)]
    store, catalog = WatchedStore(), Catalog(migrated(tmp_path))
    many = [NewChunk(page, Kind.TEXT, "quay", "", "", one.box, ()) for page in range(1, 1501)]
    fill_catalog(catalog, iter([many, many]), few, 1, lambda _: None)
    fill_vectors(catalog, store, 1, lambda _: None)
    catalog.close()
    settings = Settings(
        data=tmp_path, answer={"model": ""}, search={"lanes": "clip-text"}, store={"exact_chunks": 1000}
    )
    with open_rag(settings, embedder=InstantEmbedder(), store=store) as rag:
        found = rag.find("quay", Scope.of("small"), 50)
        assert len(found.hits) == 10
        assert store.asks == [], "ten chunks are compared exactly"
        store.asks.clear()
        ids = [row.id for row in rag.documents(EVERYTHING) if row.pages > 10]
        found = rag.find("quay", Scope(None, frozenset(ids[:1])), 50)
        assert {hit.document for hit in found.hits} == {ids[0]}
        assert len(found.hits) == 50
        assert store.asks == [(200 * 3010 // 1500, None)]
        store.asks.clear()
        assert not rag.find("quay", Scope.of("missing"), 50).hits
        assert store.asks == []


def test_exact_comparison_finds_what_the_store_finds(tmp_path: Path) -> None:
    few = [NewChunk(page, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ()) for page in range(1, 11)]
    catalog, store = Catalog(migrated(tmp_path)), ChromaStore(tmp_path / "chroma")
    fill_catalog(catalog, iter([few] * 20), few, 1, lambda _: None)
    fill_vectors(catalog, store, 1, lambda _: None)
    sync = VectorStoreSync(catalog, lambda: store, lambda _: None, exact_chunks=100)
    lane, scope = ClipIndex(LazyEmbedder(sync.thread, InstantEmbedder), sync, tmp_path), Scope.of("small")
    assert lane.identity() == InstantEmbedder.identity
    with catalog.read_transaction() as connection:
        among = vectors.windows_in(connection, InstantEmbedder.identity, Modality.TEXT, scope, 100)
    for seed in range(20):
        queries = list(unit_vectors(2, seed))
        near = lane.nearest(queries, Modality.TEXT, scope, 50)
        asked = [store.query(InstantEmbedder.identity, Modality.TEXT, query, 10, among) for query in queries]
        best: dict[int, float] = {}
        for one in asked[0] + asked[1]:
            best[one.chunk] = max(one.similarity, best.get(one.chunk, -1.0))
        # The catalog has half the precision, so two equally near chunks may swap places.
        assert {one.chunk: one.similarity for one in near} == pytest.approx(best, abs=1e-3)
        assert near == sorted(near, key=lambda one: -one.similarity)
    sync.close()
    catalog.close()


@pytest.mark.parametrize("count", [1, 23, 24, 25, 47, 60, 500])
def test_sample_is_spread_over_all_vectors_whatever_their_ids(tmp_path: Path, count: int) -> None:
    catalog = Catalog(migrated(tmp_path))
    chunk = NewChunk(1, Kind.TEXT, "quay", "", "", Box(0, 0, 1, 1), ())
    fill_catalog(catalog, iter([]), [chunk] * (2 * count), 1, lambda _: None)
    with catalog.write_transaction() as connection:
        chunks = sorted(connection.scalars(select(chunk_table.c.id)))
        ids, empty = chunks[::2], chunks[1::2]  # all of one parity; the others have nothing to embed
        rows = [StoredVector(chunk_id, 0, 1, Modality.TEXT, np.ones(4, np.float32)) for chunk_id in ids]
        vectors.put_vectors(connection, IDENTITY, rows, empty)
        drawn = [row.chunk for row in vectors.sample(connection, IDENTITY, 24)]
    catalog.close()
    assert len(drawn) == min(24, count)
    places = [ids.index(chunk_id) for chunk_id in drawn]
    gaps = np.diff([-1, *places, count])
    assert gaps.max() <= count / len(drawn) + 2


@pytest.mark.parametrize(("changed", "stays"), [({}, False), ({"offload": True}, True), ({"unload_minutes": 0}, True)])
def test_unused_model_is_unloaded_and_loaded_again(tmp_path: Path, changed: dict[str, object], *, stays: bool) -> None:
    embed = TINY.model_copy(update={"unload_minutes": 1e-9} | changed)
    settings = Settings(data=tmp_path, embed=embed, text={"model": ""})
    with ExitStack() as stack:
        catalog = stack.enter_context(closing(Catalog(migrated(tmp_path))))
        indexes = stack.enter_context(closing(open_indexes(settings, catalog, 1, None, None, None)))
        assert indexes.clip.identity()
        before = indexes.clip.embed_query("a red circle")
        loaded = indexes.clip.using(weakref.ref)
        indexes.unload_unused()
        assert (loaded() is not None) == stays
        assert indexes.clip.identity()
        np.testing.assert_array_equal(indexes.clip.embed_query("a red circle"), before)
