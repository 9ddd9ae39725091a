"""Measure how well the tiny page model tells pages apart that have the same colors and shapes."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rag.adapters.late_interaction import LateInteractionModel
from rag.model.extraction import Box
from rag.ports import PageTokens
from rag.setting_groups import PageImageSettings
from rag.vectors.max_sim import PageScore, score_pages
from tests.support.tiny_page_model.pages import (
    Pair,
    Sheet,
    draw_sheet,
    pairs,
    question_about,
    sheet_of,
)

EACH = 100
_SIDE = 400

UNRELATED = (
    "when is the canteen open?",
    "gateway port",
    "the blue book of the council",
    "who signed the contract in March",
    "red tape",
    "a green energy plan for the harbor",
)


def measure(folder: Path, seed: int = 4711) -> Iterator[str]:
    """Yield the lines of a report about a model's folder."""
    for max_kb in (64, 4, 1):
        model = LateInteractionModel(
            PageImageSettings.model_construct(model=f"st:{folder}", device="cpu", max_kb=max_kb)
        )
        rng = random.Random(seed)
        for held_out in (False, True):
            yield f"{max_kb} KB a page, {'held out' if held_out else 'known'} pairs: {_compare(model, rng, held_out)}"


def _compare(model: LateInteractionModel, rng: random.Random, held_out: bool) -> str:
    """Return how often the right one of two pages with the same colors and shapes scores higher, and where."""
    known = pairs(held_out=False)
    right, places, scores, wrong, others = 0, 0, [], [], []
    for _ in range(EACH):
        asked, sheet, swapped = twins(rng, pairs(held_out=held_out), known)
        tokens = embed(model, [sheet, swapped], rng)
        question = model.embed_question(question_about(asked, rng))
        first, second = score_pages(question, tokens)
        right += first.score > second.score
        places += is_in_cell(first, sheet, asked)
        scores.append(first.score)
        wrong.append(second.score)
        unrelated = model.embed_question(rng.choice(UNRELATED))
        others.append(max(score.score for score in score_pages(unrelated, tokens)))
    return (
        f"right page first {right / EACH:.0%}, region in its cell {places / EACH:.0%}, "
        f"{len(tokens[0].vectors)} vectors; "
        f"score {_range(scores)}, of the wrong page {_range(wrong)}, of unrelated questions {_range(others)}"
    )


def twins(rng: random.Random, asked: list[Pair], known: list[Pair]) -> tuple[Pair, Sheet, Sheet]:
    """Return a pair, a page that shows it, and one with the same colors and shapes that does not."""
    while True:
        (color, shape), (other_color, other_shape) = rng.choice(asked), rng.choice(known)
        if color != other_color and shape != other_shape:
            shown = [(color, shape), (other_color, other_shape)]
            return (color, shape), sheet_of(rng, shown), sheet_of(rng, [(other_color, shape), (color, other_shape)])


def embed(model: LateInteractionModel, sheets: list[Sheet], rng: random.Random) -> list[PageTokens]:
    found = model.embed_pages([_png(draw_sheet(sheet, rng, _SIDE)) for sheet in sheets])
    return [tokens for tokens in found if tokens is not None]


def is_in_cell(score: PageScore, sheet: Sheet, pair: Pair) -> bool:
    """Return whether the middle of the region is in the cell of a pair."""
    [(column, row)] = [cell for cell, shown in sheet.shapes if shown == pair]
    x, y = (score.region.x0 + score.region.x1) / 2, (score.region.y0 + score.region.y1) / 2
    return Box(column / 2, row / 2, (column + 1) / 2, (row + 1) / 2).intersection(Box(x, y, x + 1e-6, y + 1e-6)) > 0


def _png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def _range(values: list[float]) -> str:
    found: NDArray[np.float64] = np.percentile(values, (5, 50, 95))
    return " / ".join(f"{value:.2f}" for value in found)
