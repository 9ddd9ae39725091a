"""The projection from text vectors to CLIP's: learned from pairs, saved with both identities, used if it fits."""

from __future__ import annotations

import logging
import random
from contextlib import closing
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from rag import Rag, Scope, Settings
from rag.build import open_indexes
from rag.catalog import Catalog
from rag.errors import EmbedderFailed, UserCanFix
from rag.ports import Embedder, Vector
from rag.vectors.projection import MIN_PAIRS, Projection, choose_texts, load, path_of, train
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeTextEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.tiny_clip import TINY
from tests.support.tiny_clip.shapes import COLORS, SHAPES

EVERYTHING = Scope.operator()


def pairs(count: int, seed: int = 0) -> tuple[list[Vector], list[Vector]]:
    """Return points of one space and the same points rotated into a larger space, moved and with noise."""
    chance = np.random.default_rng(seed)
    turn = np.random.default_rng(7).normal(size=(16, 24))
    given = chance.normal(size=(count, 16))
    wanted = given @ turn + 3 + 0.1 * chance.normal(size=(count, 24))
    return _rows(given), _rows(wanted)


def _rows(values: np.ndarray) -> list[Vector]:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return list(unit.astype(np.float32))


def test_projection_predicts_held_out_pairs_far_better_than_their_mean(tmp_path: Path) -> None:
    trained = train(tmp_path, "text-1", "clip-1", *pairs(400))
    assert (trained.pairs, trained.held_out) == (400, 80)
    assert trained.after > 0.9 > trained.before + 0.1
    assert trained.right > 0.5
    found = load(tmp_path, "text-1", "clip-1")
    assert isinstance(found, Projection)
    given, wanted = pairs(50, seed=1)
    made = found.apply(given)
    assert np.mean([a @ b for a, b in zip(made, wanted, strict=True)]) > 0.9
    assert all(np.linalg.norm(row) == pytest.approx(1, abs=1e-5) for row in made)


def test_train_refuses_too_few_pairs(tmp_path: Path) -> None:
    with pytest.raises(UserCanFix, match=f"{MIN_PAIRS} are needed"):
        train(tmp_path, "text-1", "clip-1", *pairs(MIN_PAIRS - 1))
    assert not (tmp_path / "projections").exists()


def test_load_says_why_no_projection_fits(tmp_path: Path) -> None:
    assert str(load(tmp_path, "text-1", "clip-1")).startswith("no projection was trained")
    train(tmp_path, "text-1", "clip-1", *pairs(MIN_PAIRS))
    stale = load(tmp_path, "text-2", "clip-1")
    assert isinstance(stale, str)
    assert "trained for other embedders (text-1 to clip-1)" in stale
    path_of(tmp_path, "text-1", "clip-1").rename(path_of(tmp_path, "text-2", "clip-1"))
    assert "trained for other embedders" in str(load(tmp_path, "text-2", "clip-1"))
    path_of(tmp_path, "text-2", "clip-1").write_bytes(b"PK but no more")
    assert "cannot be read" in str(load(tmp_path, "text-2", "clip-1"))


def test_chosen_texts_do_not_depend_on_their_order() -> None:
    assert choose_texts(["b", "a ", "", "a"]) == choose_texts(["a", "b"])


# ------------------------------------------------------------ with the tiny CLIP


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a document that names shapes in many ways, and pages that show a shape without text."""
    data, shared = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("shared")
    chance = random.Random(3)
    with pymupdf.open() as document:
        for _ in range(8):
            page = document.new_page()
            for line in range(36):
                said = f"{chance.choice(WAYS)} {chance.choice(list(COLORS))} {chance.choice(list(SHAPES))}"
                page.insert_text((60, 60 + 20 * line), f"{said}.", fontsize=10)
        document.save(shared / "words.pdf")
    with pymupdf.open() as document:
        for color in ((0.84, 0.16, 0.16), (0.16, 0.62, 0.24), (0.15, 0.33, 0.82)):
            document.new_page().draw_circle((300, 480), 100, color=None, fill=color)
        document.save(shared / "drawn.pdf")
    with opened(data) as rag:
        rag.index([shared])
    return data


WAYS = ("a", "the", "one", "this", "a large", "a small", "picture of a", "drawing of a", "photo of the")


def settings(data: Path, side: str) -> Settings:
    embed = TINY.model_copy(update={"query_side": side})
    return Settings(
        data=data,
        embed=embed,
        answer={"model": ""},
        read={"workers": 1, "ocr": False, "layout": False},
        search={"lanes": "clip-picture"},
    )


def opened(data: Path, side: str = "clip", text: str = "fake-text-1", clip: Embedder | None = None) -> Rag:
    return open_rag(settings(data, side), embedder=clip, text_embedder=FakeTextEmbedder(text))


@pytest.fixture(scope="module")
def trained(data: Path) -> Path:
    with opened(data) as rag:
        made = rag.train_projection()
    assert made.pairs >= MIN_PAIRS
    assert made.after > made.before + 0.1
    assert made.right > 10 / made.held_out  # by chance: 1 / held_out
    return data


def test_finds_pictures_through_the_projection(trained: Path) -> None:
    with opened(trained, "projection") as rag:
        for page, color in enumerate(("red", "green", "blue"), 1):
            hit = rag.find(f"{color} circle", EVERYTHING).hits[0]
            assert (hit.name, hit.page) == ("drawn.pdf", page)


def test_projected_query_differs_from_the_text_towers(trained: Path) -> None:
    queries = []
    with closing(Catalog(trained)) as catalog:
        for side in ("projection", "clip"):
            indexes = open_indexes(settings(trained, side), catalog, 1, None, FakeTextEmbedder(), None)
            with closing(indexes):
                assert indexes.clip.identity() is not None
                queries += indexes.clip.embed_query("red circle")
    projected, own = queries
    assert 0.3 < float(projected @ own) < 0.9999


def test_projection_of_other_embedders_is_reported_and_not_used(
    trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(trained, "projection", text="fake-text-2") as rag, caplog.at_level(logging.WARNING, "magpie"):
        for _ in range(2):
            assert rag.find("green circle", EVERYTHING).hits[0].page == 2
        check = {check.name: check for check in rag.doctor()}["projection"]
    said = [record.getMessage() for record in caplog.records if "projection" in record.getMessage()]
    assert len(said) == 1
    assert "trained for other embedders" in said[0]
    assert check.status == "warn"
    assert check.fix.startswith("magpie train-projection")


def test_training_needs_both_embedders(tmp_path: Path) -> None:
    with (
        open_rag(Settings(data=tmp_path, embed=TINY, answer={"model": ""}), extractor=TextExtractor) as rag,
        pytest.raises(EmbedderFailed, match="the text embedder is off: no text embedder is set"),
    ):
        rag.train_projection()
    with opened(tmp_path, clip=NoEmbedder()) as rag, pytest.raises(EmbedderFailed, match="CLIP is off"):
        rag.train_projection()


def test_training_refuses_an_index_with_few_texts(tmp_path: Path) -> None:
    with opened(tmp_path) as rag, pytest.raises(UserCanFix, match="There are 0 different texts"):
        rag.train_projection()
