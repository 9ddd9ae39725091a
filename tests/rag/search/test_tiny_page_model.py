"""A trained late-interaction model on pages of pictures: it finds what words cannot, and shuffled weights do not."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rag import Hit, Scope, Settings
from rag.model.extraction import Box
from tests.support.absent import NoEmbedder
from tests.support.drawn_pages import DrawingExtractor, DrawnPage, drawn_file
from tests.support.migrated import open_rag
from tests.support.store import FakeStore
from tests.support.tiny_page_model import FOLDER, TINY_PAGES
from tests.support.tiny_page_model.pages import Pair, Sheet, pairs, question_about

QUESTIONS = 20
MIN_GAIN = 0.10
LANE = "page-images"


@dataclass(frozen=True)
class Asked:
    """A question about a pair that was left out of the training."""

    question: str
    pair: Pair


def make_file(path: Path, seed: int = 5) -> tuple[list[Asked], list[Sheet]]:
    """Write a file of pages of pictures. Each has a twin with the same colors and shapes, joined in another way.

    The words on a page name the colors and shapes on it, so that words find both, and cannot tell them apart.
    """
    rng = random.Random(seed)
    drawn: list[tuple[Pair | None, DrawnPage]] = []
    while len(drawn) < 2 * QUESTIONS:
        asked, other = rng.choice(pairs(held_out=True)), rng.choice(pairs(held_out=False))
        if asked[0] != other[0] and asked[1] != other[1]:
            words = " ".join(rng.sample([*asked, *other], 4))
            drawn.append((asked, DrawnPage([asked, other], words)))
            drawn.append((None, DrawnPage([(other[0], asked[1]), (asked[0], other[1])], words)))
    rng.shuffle(drawn)
    sheets = drawn_file(path, [page for _, page in drawn], seed)
    held_out = sorted({pair for pair, _ in drawn if pair is not None})
    questions = [Asked(question_about(pair, rng), pair) for pair in held_out for _ in range(4)]
    return questions, sheets


def settings(data: Path, model: Path | None, **search: object) -> Settings:
    pages = {} if model is None else TINY_PAGES.model_dump() | {"model": f"st:{model}"}
    options = {"answer": {"model": ""}, "text": {"model": ""}, "read": {"workers": 1}, "search": search}
    return Settings(data=data, page_images=pages, **options)  # type: ignore[arg-type]


def search(folder: Path, asked: Sequence[Asked], model: Path | None, **search: object) -> list[list[Hit]]:
    data = folder / ("words" if model is None else model.name)
    with open_rag(
        settings(data, model, **search), extractor=DrawingExtractor, embedder=NoEmbedder(), store=FakeStore()
    ) as rag:
        rag.index([folder / "sheets.pdf"])
        found = [rag.find(one.question, Scope.operator()) for one in asked]
    if model is not None:
        assert all(result.lanes[LANE] == "on" for result in found)
    return [list(result.hits) for result in found]


def recall_at_1(found: Sequence[Sequence[Hit]], asked: Sequence[Asked], sheets: Sequence[Sheet]) -> float:
    """Return the share of questions whose first page shows what is asked for."""
    right = [bool(hits) and one.pair in sheets[hits[0].page - 1].pairs for hits, one in zip(found, asked, strict=True)]
    return sum(right) / len(right)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Asked], list[Sheet]]:
    folder = tmp_path_factory.mktemp("sheets")
    return folder, *make_file(folder / "sheets.pdf")


def test_page_images_find_what_words_cannot_and_shuffled_weights_do_not(
    made: tuple[Path, list[Asked], list[Sheet]],
) -> None:
    folder, asked, sheets = made
    words = recall_at_1(search(folder, asked, None), asked, sheets)
    seen = recall_at_1(search(folder, asked, FOLDER), asked, sheets)
    by_chance = recall_at_1(search(folder, asked, shuffled(folder / "shuffled")), asked, sheets)
    assert seen >= words + MIN_GAIN
    assert by_chance < words + MIN_GAIN


def test_region_is_around_what_was_asked_for(made: tuple[Path, list[Asked], list[Sheet]]) -> None:
    folder, asked, sheets = made
    inside = []
    for hits, one in zip(search(folder, asked, FOLDER, lanes="page-images"), asked, strict=True):
        shown = {pair: cell for cell, pair in sheets[hits[0].page - 1].shapes}
        if one.pair in shown:
            column, row = shown[one.pair]
            cell = Box(column / 2, row / 2, (column + 1) / 2, (row + 1) / 2)
            inside.append(hits[0].box.intersection(cell) > hits[0].box.area / 2)
    assert sum(inside) >= 0.6 * len(inside)


def test_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3 << 20


def shuffled(folder: Path) -> Path:
    """Return a copy of the model in which the values of each weight are in a random order."""
    shutil.copytree(FOLDER, folder)
    generator = torch.Generator().manual_seed(3)
    weights = {
        name: weight.flatten()[torch.randperm(weight.numel(), generator=generator)].reshape(weight.shape)
        for name, weight in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
