"""The map from text vectors to CLIP's: learned from pairs, kept with both identities, used when it fits."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from rag import Rag, Scope, Settings, open_rag
from rag.errors import EmbedderFailed, UserCanFix
from rag.ports import Embedder, Vector
from rag.vectors.projection import LEAST, Projection, chosen, load, path_of, train
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeTextEmbedder
from tests.support.reader import TextReader
from tests.support.tiny_clip import TINY
from tests.support.tiny_clip.shapes import COLOURS, SHAPES

EVERYTHING = Scope.operator()


def pairs(count: int, seed: int = 0) -> tuple[list[Vector], list[Vector]]:
    """Points of one space and, turned, moved and with some noise, of a larger one."""
    chance = np.random.default_rng(seed)
    turn = np.random.default_rng(7).normal(size=(16, 24))
    given = chance.normal(size=(count, 16))
    wanted = given @ turn + 3 + 0.1 * chance.normal(size=(count, 24))
    return _rows(given), _rows(wanted)


def _rows(values: np.ndarray) -> list[Vector]:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return list(unit.astype(np.float32))


def test_what_was_held_out_is_predicted_far_better_than_by_the_mean(tmp_path: Path) -> None:
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


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserCanFix, match=f"{LEAST} are needed"):
        train(tmp_path, "text-1", "clip-1", *pairs(LEAST - 1))
    assert not (tmp_path / "projections").exists()


def test_without_a_projection_that_fits_the_reason_is_said(tmp_path: Path) -> None:
    assert str(load(tmp_path, "text-1", "clip-1")).startswith("no projection was trained")
    train(tmp_path, "text-1", "clip-1", *pairs(LEAST))
    stale = load(tmp_path, "text-2", "clip-1")
    assert isinstance(stale, str)
    assert "trained for other embedders (text-1 to clip-1)" in stale
    path_of(tmp_path, "text-1", "clip-1").rename(path_of(tmp_path, "text-2", "clip-1"))
    assert "trained for other embedders" in str(load(tmp_path, "text-2", "clip-1"))
    path_of(tmp_path, "text-2", "clip-1").write_bytes(b"PK but no more")
    assert "cannot be read" in str(load(tmp_path, "text-2", "clip-1"))


def test_the_same_texts_are_chosen_in_any_order() -> None:
    assert chosen(["b", "a ", "", "a"]) == chosen(["a", "b"])


# ------------------------------------------------------------ with the tiny CLIP


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Minutes that speak of shapes in many ways, and pages that show a shape and do not name it."""
    data, shared = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("shared")
    chance = random.Random(3)
    with pymupdf.open() as document:
        for _ in range(8):
            page = document.new_page()
            for line in range(36):
                said = f"{chance.choice(WAYS)} {chance.choice(list(COLOURS))} {chance.choice(list(SHAPES))}"
                page.insert_text((60, 60 + 20 * line), f"{said}.", fontsize=10)
        document.save(shared / "words.pdf")
    with pymupdf.open() as document:
        for colour in ((0.84, 0.16, 0.16), (0.16, 0.62, 0.24), (0.15, 0.33, 0.82)):
            document.new_page().draw_circle((300, 480), 100, color=None, fill=colour)
        document.save(shared / "drawn.pdf")
    with opened(data) as rag:
        rag.index([shared])
    return data


WAYS = ("a", "the", "one", "this", "a large", "a small", "picture of a", "drawing of a", "photo of the")


def opened(data: Path, side: str = "clip", text: str = "fake-text-1", clip: Embedder | None = None) -> Rag:
    embed = TINY.model_copy(update={"query_side": side})
    settings = Settings(
        data=data,
        embed=embed,
        answer={"model": ""},
        read={"workers": 1, "ocr": False, "layout": False},
        search={"lanes": "clip-picture"},
    )
    return open_rag(settings, embedder=clip, text_embedder=FakeTextEmbedder(text))


@pytest.fixture(scope="module")
def trained(data: Path) -> Path:
    with opened(data) as rag:
        made = rag.train_projection()
    assert made.pairs >= LEAST
    assert made.after > made.before + 0.1
    assert made.right > 10 / made.held_out  # by chance: 1 / held_out
    return data


def test_pictures_are_found_through_the_projection(trained: Path) -> None:
    with opened(trained, "projection") as rag:
        for page, colour in enumerate(("red", "green", "blue"), 1):
            hit = rag.find(f"{colour} circle", EVERYTHING).hits[0]
            assert (hit.name, hit.page) == ("drawn.pdf", page)
        # of_text is not asked: the vectors differ from the text tower's own.
        lanes = rag._lanes
        assert lanes.clip.project is not None
        projected = lanes.clip.project("red circle")
        assert projected is not None
        lanes.clip.project = None
        own = lanes.clip.of_text("red circle")[0]
        assert 0.3 < float(projected[0] @ own) < 0.9999


def test_one_of_other_embedders_is_said_and_not_used(trained: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(trained, "projection", text="fake-text-2") as rag, caplog.at_level(logging.WARNING, "magpie"):
        for _ in range(2):
            assert rag.find("green circle", EVERYTHING).hits[0].page == 2
        check = {check.name: check for check in rag.doctor()}["projection"]
    said = [record.getMessage() for record in caplog.records if "projection" in record.getMessage()]
    assert len(said) == 1
    assert "trained for other embedders" in said[0]
    assert check.status == "warn"
    assert check.fix.startswith("magpie train-projection")


def test_both_embedders_are_needed(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, embed=TINY, answer={"model": ""})
    with (
        open_rag(settings, reader=TextReader) as rag,
        pytest.raises(EmbedderFailed, match="the text embedder is off: no text embedder is set"),
    ):
        rag.train_projection()
    with opened(tmp_path, clip=NoEmbedder()) as rag, pytest.raises(EmbedderFailed, match="CLIP is off"):
        rag.train_projection()


def test_an_index_with_few_texts_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as rag, pytest.raises(UserCanFix, match="There are 0 different texts"):
        rag.train_projection()
