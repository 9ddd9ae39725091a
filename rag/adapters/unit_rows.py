"""What every embedder makes of a library's output: unit rows, and one line of what it said when it failed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import EmbedderFailed
from rag.ports import Vector


def unit_rows(found: NDArray[Any], fix: str) -> list[Vector]:
    """Rows of any length as rows of length one. Made so in float32: half precision is off by a thousandth.

    Raise EmbedderFailed with this remedy for a row that has no direction.
    """
    rows = np.asarray(found, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(rows).all() or not lengths.all():
        raise EmbedderFailed("The embedder gave a vector that is none: no numbers, or nothing but zeros.", fix)
    return [np.ascontiguousarray(row) for row in rows / lengths]


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
