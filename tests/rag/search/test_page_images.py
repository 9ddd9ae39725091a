"""Search in page images by late interaction, with a model that knows colors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from PIL import Image

from rag import Rag, Scope, Settings
from rag.build import open_indexes
from rag.catalog import Catalog
from rag.errors import EmbedderDown
from rag.model.extraction import WHOLE_PAGE, Box, Kind
from rag.ports import PageEmbedder, PageTokens, VectorStore
from rag.setting_groups import LANES, EmbedSettings, RerankSettings, SearchSettings
from rag.vectors.max_sim import score_pages
from tests.support.absent import NoEmbedder
from tests.support.drawn_pages import DrawingExtractor, DrawnPage, drawn_file
from tests.support.migrated import open_rag
from tests.support.page_embedder import FakePageEmbedder
from tests.support.reranker import FakeReranker
from tests.support.store import FakeStore

EVERYTHING = Scope.operator()
Indexed: TypeAlias = tuple[Path, FakePageEmbedder, FakeStore]
LANE = "page-images"
PAGES = (
    DrawnPage([("red", "circle")], "minutes of the meeting"),
    DrawnPage([("green", "star")]),
    DrawnPage([("blue", "ring")]),
    DrawnPage([("purple", "moon"), ("orange", "cross")], "the harbor at night"),
)


def settings(data: Path, **page_images: object) -> Settings:
    return Settings(
        data=data,
        answer={"model": ""},
        text={"model": ""},
        read={"workers": 1},
        page_images={"floor": 0.6, **page_images},
    )


def opened(data: Path, embedder: PageEmbedder | None, store: VectorStore | None, **page_images: object) -> Rag:
    """Open an engine; without a store, with Chroma, which takes a second to start."""
    return open_rag(
        settings(data, **page_images),
        extractor=DrawingExtractor,
        embedder=NoEmbedder(),
        page_embedder=embedder,
        store=store,
    )


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    folder, embedder, store = tmp_path_factory.mktemp("pages"), FakePageEmbedder(), FakeStore()
    drawn_file(folder / "drawings.pdf", PAGES)
    with opened(folder / "data", embedder, store) as rag:
        rag.index([folder / "drawings.pdf"])
    assert len(stored_vectors(folder / "data")) == len(PAGES)
    return folder / "data", embedder, store


@pytest.fixture(scope="module")
def rag(indexed: Indexed) -> Iterator[Rag]:
    with opened(*indexed) as rag:
        yield rag


def test_page_without_words_is_found_by_what_its_image_shows(rag: Rag) -> None:
    found = rag.find("green", EVERYTHING)
    assert found.found
    assert found.lanes[LANE] == "on"
    assert (found.hits[0].page, found.hits[0].kind) == (2, Kind.PAGE)
    assert found.hits[0].lanes == {LANE: 1}
    assert found.signals["seen"] > 0.9
    assert found.stage_ms[LANE] > 0


def test_region_is_where_the_image_matches(rag: Rag, tmp_path: Path) -> None:
    [place] = [place for place, _ in drawn_file(tmp_path / "same.pdf", PAGES)[1].shapes]
    hit = rag.find("green", EVERYTHING).hits[0]
    assert hit.box != WHOLE_PAGE
    assert hit.regions == (hit.box,)
    cell = Box(place[0] / 2, place[1] / 2, (place[0] + 1) / 2, (place[1] + 1) / 2)
    assert hit.box.intersection(cell) > 0.99 * hit.box.area


def test_page_with_words_is_shown_by_them(rag: Rag) -> None:
    hit = rag.find("harbor at night, purple", EVERYTHING).hits[0]
    assert (hit.page, hit.kind) == (4, Kind.TEXT)
    assert hit.lanes[LANE] == 1
    assert "harbor" in hit.text


def test_question_that_no_page_image_answers_is_declined(rag: Rag) -> None:
    found = rag.find("glockenspiel", EVERYTHING)
    assert not found.found
    assert "None of its words" in found.why


def test_without_a_floor_words_decide(indexed: Indexed) -> None:
    with opened(*indexed, floor=None) as rag:
        found = rag.find("green", EVERYTHING)
        assert not found.found
        assert found.rankings[LANE][0][1] == 2
        assert rag.find("harbor at night, purple", EVERYTHING).found


def test_screenshot_finds_its_page(tmp_path: Path, indexed: Indexed) -> None:
    """Without the comparison of pixels, which would leave no doubt here, so that no other lane would be asked."""
    pictures = sorted((indexed[0] / "pictures").rglob("p0003.jpg"))
    with Image.open(pictures[0]) as page:
        page.resize((200, 200)).save(tmp_path / "shot.png")
    only = settings(indexed[0]).model_copy(update={"search": SearchSettings(lanes=(LANE,))})
    with open_rag(
        only, extractor=DrawingExtractor, embedder=NoEmbedder(), page_embedder=indexed[1], store=indexed[2]
    ) as rag:
        found = rag.find_picture(tmp_path / "shot.png", EVERYTHING)
    assert found.rankings[LANE][0][1] == 3
    assert found.hits[0].page == 3


def test_pages_outside_the_scope_are_not_scored(rag: Rag) -> None:
    assert LANE not in rag.find("green", Scope.of("C-other")).rankings
    [document] = {hit.document for hit in rag.find("green", EVERYTHING).hits}
    nothing = Scope(None, without=frozenset({document}))
    assert LANE not in rag.find("green", nothing).rankings


def test_lane_is_off_by_default_and_no_model_is_opened(indexed: Indexed) -> None:
    with opened(indexed[0], None, indexed[2]) as rag:
        assert LANE not in rag.lanes()
        assert LANE not in rag.find("green", EVERYTHING).lanes


class Untouched:
    """Satisfies every protocol of a model, and fails when anything of it is used."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} of a model was used")


def test_without_learned_lanes_no_model_is_used(indexed: Indexed, tmp_path: Path) -> None:
    learned = ("translations", "text-vectors", "clip-picture", "clip-text", LANE)
    plain = settings(indexed[0])
    lanes = ",".join(lane for lane in LANES if lane not in learned)
    model: Any = Untouched()
    limited = Settings(data=plain.data, answer={"model": ""}, read={"workers": 1}, search={"lanes": lanes})
    with open_rag(
        limited,
        extractor=DrawingExtractor,
        embedder=model,
        text_embedder=model,
        page_embedder=model,
        store=indexed[2],
    ) as rag:
        found = rag.find("harbor", EVERYTHING)
        Image.new("RGB", (60, 60), "green").save(tmp_path / "shot.png")
        rag.find_picture(tmp_path / "shot.png", EVERYTHING)
    assert found.hits[0].page == 4
    assert {lane for lane, state in found.lanes.items() if state == "on"} <= set(LANES) - set(learned)
    assert found.rankings.keys() <= set(LANES) - set(learned)


def test_model_that_is_down_turns_the_lane_off_and_words_go_on(indexed: Indexed) -> None:
    broken = FakePageEmbedder()
    with opened(indexed[0], broken, indexed[2]) as rag:
        assert rag.lanes()[LANE] == "on"
        broken.breaks = EmbedderDown("no server answers.", "start it")
        found = rag.find("harbor", EVERYTHING)
        assert found.lanes[LANE] == "off: no server answers (fix: start it)"
        assert found.hits[0].page == 4


def test_doctor_embeds_a_picture_and_says_how_much_space_a_page_takes(indexed: Indexed) -> None:
    with opened(*indexed, floor=None) as rag:
        found = {check.name: check for check in rag.doctor()}
        stored = {row.name: row.count for row in rag.list_stored_data()}
    assert found["page images"].status == "ok"
    assert "64 vectors of 12 dimensions for a picture; at most 1 KB a page" in found["page images"].detail
    assert found["store of page images"].status == "ok"
    assert "MAGPIE_PAGE_IMAGES__FLOOR" in found["page images alone"].fix
    assert stored["page images"] == len(PAGES)
    with opened(indexed[0], None, indexed[2]) as rag:
        [off] = [check for check in rag.doctor() if check.name == "page images"]
    assert (off.status, "MAGPIE_PAGE_IMAGES__MODEL" in off.detail) == ("off", True)


def test_model_leaves_the_gpu_while_an_answer_is_written(indexed: Indexed) -> None:
    embedder = FakePageEmbedder()
    shared = settings(indexed[0]).model_copy(update={"embed": EmbedSettings(offload=True)})
    catalog = Catalog(indexed[0])
    with (
        closing(catalog),
        closing(open_indexes(shared, catalog, 1, NoEmbedder(), None, indexed[2], embedder)) as indexes,
    ):
        assert indexes.pages is not None
        assert indexes.pages.identity() == embedder.identity
        offload = indexes.pages.offload
        assert offload is not None
        assert offload is indexes.clip.offload
        offload.acquire()
        assert embedder.moves == ["leave"]
        offload.release()
    assert embedder.moves == ["leave", "back"]


def test_forgotten_page_leaves_the_disk(tmp_path: Path) -> None:
    drawn_file(tmp_path / "kept.pdf", [DrawnPage([("red", "circle")])], seed=1)
    drawn_file(tmp_path / "removed.pdf", [DrawnPage([("cyan", "star"), ("pink", "cross")])], seed=2)
    data = tmp_path / "data"
    with opened(data, FakePageEmbedder(), None) as rag:
        rag.index([tmp_path / "kept.pdf", tmp_path / "removed.pdf"])
        before = stored_vectors(data)
        assert all(is_on_disk(data, vectors) for vectors in before)
        rag.forget(["removed.pdf"])
        [kept] = stored_vectors(data)
        [removed] = set(before) - {kept}
        assert LANE not in rag.find("cyan", EVERYTHING).rankings or len(rag.find("cyan", EVERYTHING).hits) == 1
    assert is_on_disk(data, kept)
    assert not is_on_disk(data, removed)


def stored_vectors(data: Path) -> list[bytes]:
    with sqlite3.connect(data / "catalog.db") as connection:
        rows = connection.execute("SELECT vectors FROM page_tokens ORDER BY chunk_id").fetchall()
    connection.close()
    return [bytes(row[0]) for row in rows]


def is_on_disk(data: Path, vectors: bytes) -> bool:
    """Return whether a part of these vectors is in any file of a data folder."""
    part = vectors[len(vectors) // 3 :][:200]
    return any(part in path.read_bytes() for path in data.rglob("*") if path.is_file())


def test_another_model_embeds_pages_again_and_the_old_vectors_are_deleted(tmp_path: Path) -> None:
    drawn_file(tmp_path / "a.pdf", PAGES)
    data, store = tmp_path / "data", FakeStore()
    with opened(data, FakePageEmbedder(), store) as rag:
        rag.index([tmp_path / "a.pdf"])
        before = stored_vectors(data)
    drawn_file(tmp_path / "b.pdf", PAGES[:1], seed=5)
    with opened(data, FakePageEmbedder("fake-pages-2", max_bytes=1 << 10), store) as rag:
        rag.index([tmp_path / "b.pdf"])
        assert rag.find("green", EVERYTHING).hits[0].page == 2
    with sqlite3.connect(data / "catalog.db") as connection:
        rows = connection.execute("SELECT embedder, COUNT(*) FROM page_tokens GROUP BY embedder").fetchall()
        vectors = connection.execute("SELECT DISTINCT embedder FROM chunk_vector").fetchall()
    connection.close()
    assert rows == [("fake-pages-2", 5)]
    assert set(store.rows) == {"fake-pages-2"}
    assert vectors == [("fake-pages-2",)]
    assert not is_on_disk(data, before[1])


def test_picture_that_cannot_be_decoded_gets_no_vectors_and_the_others_do(tmp_path: Path) -> None:
    class OneIsBroken(FakePageEmbedder):
        def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
            found = super().embed_pages(pictures)
            return [None, *found[1:]]

    drawn_file(tmp_path / "a.pdf", PAGES)
    with opened(tmp_path / "data", OneIsBroken(), FakeStore()) as rag:
        rag.index([tmp_path / "a.pdf"])
        assert rag.find("green", EVERYTHING).hits[0].page == 2
    assert len(stored_vectors(tmp_path / "data")) == len(PAGES) - 1


def test_reranker_that_reads_images_gets_those_of_the_scope(indexed: Indexed) -> None:
    class ByColor(FakeReranker):
        """Satisfies ImageReranker: prefers green."""

        def score_images(self, question: str, pictures: Sequence[bytes]) -> list[float]:
            self.calls.append((question, []))
            tokens = [page for page in FakePageEmbedder().embed_pages(pictures) if page is not None]
            assert len(tokens) == len(pictures) == len(PAGES)
            return [score.score for score in score_pages(FakePageEmbedder().embed_question("green"), tokens)]

    reranker = ByColor()
    changed = settings(indexed[0]).model_copy(update={"rerank": RerankSettings(images=True, budget_ms=30_000)})
    with open_rag(
        changed,
        extractor=DrawingExtractor,
        embedder=NoEmbedder(),
        page_embedder=indexed[1],
        store=indexed[2],
        reranker=reranker,
    ) as rag:
        found = rag.find("the red one", EVERYTHING)
        assert (found.rankings[LANE][0][1], found.hits[0].page) == (1, 2)
        rag.find("the red one", Scope.of("C-other"))
    assert len(reranker.calls) == 1
