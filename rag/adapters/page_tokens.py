"""Make the token vectors of a page image fit into a given space: average neighbors, and round to 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.ports import PageTokens

_EDGE = 255
_BOX_BYTES = 4
_MEAN_BYTES = 2
"""Bytes of each dimension of a page's mean vector, which is stored as float16."""

_BLOCKS = tuple((rows, columns) for rows in range(1, 33) for columns in (rows, rows + 1))
"""Sizes of blocks that are averaged. A line of text runs across columns, so they are joined before rows."""


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """Token vectors by row and column of a page, shape (rows, columns, dim).

    `is_placed`: whether the rows and columns are those of the page. If not, each vector describes the whole page.
    """

    vectors: NDArray[np.float32]
    is_placed: bool = True


def compress(grids: Sequence[TokenGrid], max_bytes: int) -> PageTokens:
    """Return the vectors of all grids in at most `max_bytes`, together with their mean."""
    dim = grids[0].vectors.shape[2]
    limit = max(1, (max_bytes - _MEAN_BYTES * dim) // (dim + _BOX_BYTES))
    for rows, columns in _BLOCKS:
        count = sum(-(-grid.vectors.shape[0] // rows) * -(-grid.vectors.shape[1] // columns) for grid in grids)
        if count <= limit:
            break
    parts = [_average(grid, rows, columns) for grid in grids]
    vectors = np.concatenate([vectors for vectors, _ in parts])[:limit]
    boxes = np.concatenate([boxes for _, boxes in parts])[:limit]
    return PageTokens(_rounded(vectors), boxes)


def _average(grid: TokenGrid, rows: int, columns: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the sums of blocks of so many rows and columns, and their boxes. A sum has the direction of the mean."""
    height, width, dim = grid.vectors.shape
    tops, lefts = np.arange(0, height, rows), np.arange(0, width, columns)
    sums = np.add.reduceat(np.add.reduceat(grid.vectors, tops, axis=0), lefts, axis=1)
    boxes = np.zeros((len(tops), len(lefts), _BOX_BYTES), np.uint8)
    if grid.is_placed:
        boxes[..., 0] = _share(lefts, width)[None]
        boxes[..., 1] = _share(tops, height)[:, None]
        boxes[..., 2] = _share(np.minimum(lefts + columns, width), width)[None]
        boxes[..., 3] = _share(np.minimum(tops + rows, height), height)[:, None]
    else:
        boxes[..., 2:] = _EDGE
    return sums.reshape(-1, dim), boxes.reshape(-1, _BOX_BYTES)


def _share(values: NDArray[Any], whole: int) -> NDArray[np.uint8]:
    return np.asarray(np.round(values * _EDGE / whole), np.uint8)


def _rounded(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return the rows with their largest value at 127. Only their direction counts."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.asarray(np.round(vectors * (127 / np.maximum(largest, 1e-12))), np.int8)
