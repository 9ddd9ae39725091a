"""Helpers of all embedders: vectors of length 1, and the first line of an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import EmbedderFailed
from rag.ports import Vector


def unit_rows(found: NDArray[Any], fix: str) -> list[Vector]:
    """Return the rows scaled to length 1, in float32, because half precision is off by about 0.001.

    Raise EmbedderFailed, with `fix` as the remedy, for a row of zeros or with a value that is not finite.
    """
    rows = np.asarray(found, dtype=np.float32)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not np.isfinite(rows).all() or not largest.all():
        raise EmbedderFailed("The embedder returned an invalid vector: all zeros, or not finite.", fix)
    rows = rows / largest  # the squares of very small values would be 0
    return [np.ascontiguousarray(row) for row in rows / np.linalg.norm(rows, axis=1, keepdims=True)]


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, at most 200 characters; its type if it has no message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
