"""Scores and regions by late interaction."""

from __future__ import annotations

import numpy as np
import pytest

from rag.model.extraction import Box
from rag.ports import PageTokens
from rag.vectors.max_sim import mean_vector, score_pages, unit_rows

AXES = np.eye(4, dtype=np.float32)


def page(cells: list[list[int]], columns: int) -> PageTokens:
    """Return a page of cells in rows of so many columns, each with the sum of these axes."""
    vectors = np.stack([127 * AXES[axes].sum(axis=0) / max(1, len(axes)) for axes in cells]).astype(np.int8)
    rows = len(cells) // columns
    boxes = [
        [column * 255 // columns, row * 255 // rows, (column + 1) * 255 // columns, (row + 1) * 255 // rows]
        for row in range(rows)
        for column in range(columns)
    ]
    return PageTokens(vectors, np.array(boxes, np.uint8))


def test_score_is_the_mean_over_the_best_part_of_each_token() -> None:
    both, one = page([[0], [1], [3], [3]], 2), page([[0], [2], [3], [3]], 2)
    scores = score_pages(AXES[:2], [both, one])
    assert [score.score for score in scores] == pytest.approx([1.0, 0.5])


def test_scores_do_not_depend_on_the_other_pages() -> None:
    rng = np.random.default_rng(3)
    boxes = np.zeros((40, 4), np.uint8)
    pages = [PageTokens(rng.integers(-127, 128, (40, 16)).astype(np.int8), boxes) for _ in range(120)]
    query = unit_rows(rng.integers(-127, 128, (9, 16)).astype(np.int8))
    together = [score.score for score in score_pages(query, pages)]
    expected = [float((unit_rows(one.vectors) @ query.T).max(axis=0).mean()) for one in pages]
    assert together == pytest.approx(expected, abs=1e-5)


def test_region_is_around_the_parts_that_match_and_touch() -> None:
    cells: list[list[int]] = [[3]] * 16
    cells[5], cells[6] = [0], [0]
    cells[15] = [0]  # matches too, but elsewhere
    region = score_pages(AXES[:1], [page(cells, 4)])[0].region
    assert region.x0 == pytest.approx(0.25, abs=0.01)
    assert region.x1 == pytest.approx(0.75, abs=0.01)
    assert (region.y0, region.y1) == pytest.approx((0.25, 0.5), abs=0.01)


def test_token_that_is_near_everywhere_says_nothing_about_the_place() -> None:
    cells: list[list[int]] = [[3]] * 4
    cells[2] = [0, 3]
    region = score_pages(AXES[[3, 0]], [page(cells, 2)])[0].region
    assert (region.x0, region.y1) == (0.0, 1.0)
    assert (region.y0, region.x1) == pytest.approx((0.5, 0.5), abs=0.01)


def test_tokens_without_places_give_the_whole_page() -> None:
    vectors = (127 * AXES).astype(np.int8)
    whole = PageTokens(vectors, np.array([[0, 0, 255, 255]] * 4, np.uint8))
    assert score_pages(AXES[:1], [whole])[0].region == Box(0.0, 0.0, 1.0, 1.0)


def test_mean_vector_has_length_one_even_if_the_rows_cancel_out() -> None:
    assert np.linalg.norm(mean_vector(AXES[:2])) == pytest.approx(1.0)
    assert np.linalg.norm(mean_vector(np.stack([AXES[0], -AXES[0]]))) == pytest.approx(1.0)
