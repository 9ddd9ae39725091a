"""Token vectors of a page in little space."""

from __future__ import annotations

import numpy as np
import pytest

from rag.adapters.page_tokens import TokenGrid, compress

SEED = 7


def random_grid(rows: int, columns: int, dim: int = 128, *, is_placed: bool = True) -> TokenGrid:
    vectors = np.random.default_rng(SEED).normal(size=(rows, columns, dim)).astype(np.float32)
    return TokenGrid(vectors / np.linalg.norm(vectors, axis=2, keepdims=True), is_placed)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_few_tokens_are_kept_within_a_hundredth() -> None:
    grid = random_grid(4, 5)
    tokens = compress([grid], 64 << 10)
    assert tokens.vectors.shape == (20, 128)
    cosines = (unit(tokens.vectors.astype(np.float32)) * grid.vectors.reshape(20, 128)).sum(axis=1)
    assert cosines.min() > 0.999
    assert tokens.boxes[0].tolist() == [0, 0, 51, 64]
    assert tokens.boxes[-1].tolist() == [204, 191, 255, 255]


@pytest.mark.parametrize(
    ("rows", "columns"), [(27, 27), (32, 24), (1, 768), (40, 32), (96, 96)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("kilobytes", [4, 16, 64])
def test_page_takes_at_most_its_space_with_its_mean(rows: int, columns: int, kilobytes: int) -> None:
    tokens = compress([random_grid(rows, columns)], kilobytes << 10)
    mean = 2 * 128
    assert tokens.vectors.nbytes + tokens.boxes.nbytes + mean <= kilobytes << 10
    assert len(tokens.vectors) == len(tokens.boxes) > 1


def test_neighbors_in_a_line_are_averaged_first() -> None:
    grid = random_grid(27, 27)
    tokens = compress([grid], 64 << 10)
    assert len(tokens.vectors) == 27 * 14
    first = unit(tokens.vectors[:1].astype(np.float32))[0]
    assert first @ unit(grid.vectors[0, :2].sum(axis=0, keepdims=True))[0] > 0.999
    assert tokens.boxes[13].tolist() == [round(26 * 255 / 27), 0, 255, round(255 / 27)]


def test_tokens_without_a_place_describe_the_whole_page() -> None:
    tokens = compress([random_grid(1, 900, is_placed=False)], 64 << 10)
    assert len(tokens.vectors) == 450
    assert (tokens.boxes == [0, 0, 255, 255]).all()


def test_several_grids_share_the_space() -> None:
    tokens = compress([random_grid(32, 24), random_grid(8, 8)], 64 << 10)
    assert len(tokens.vectors) == 32 * 12 + 8 * 4
