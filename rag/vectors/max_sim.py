"""Late interaction: score pages by the token of each that is nearest to each token of a query (MaxSim)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.model.extraction import WHOLE_PAGE, Box
from rag.ports import PageTokens, Vector

_PAGES_AT_ONCE = 50
"""Pages compared in one multiplication: 25 MB as float32."""

_MATCHED = 0.75
"""A part of a page belongs to the region if its score is at least this fraction of the best one."""

_EDGE = 255
"""The highest value of `PageTokens.boxes`."""


@dataclass(frozen=True, slots=True)
class PageScore:
    """The mean, -1 to 1, of the cosines of each query token to its nearest token on a page.

    `cosines` has a row for each part of the page, whose places are `boxes`, and a column for each token of the query.
    """

    score: float
    cosines: NDArray[np.float32]
    boxes: NDArray[np.uint8]

    @property
    def region(self) -> Box:
        """Return the part of the page that matches best."""
        return _matched_region(self.cosines, self.boxes)


def unit_rows(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the rows scaled to length 1. A row of zeros stays as it is."""
    rows = vectors.astype(np.float32)
    rows /= _lengths(rows)[:, None]
    return rows


def _lengths(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of each row, and a very small one for a row of zeros."""
    return np.asarray(np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1e-6), np.float32)


def mean_vector(rows: NDArray[np.float32]) -> Vector:
    """Return the mean of unit rows as a vector of length 1, by which the first stage finds pages."""
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0 else np.eye(1, len(mean))[0], np.float32)


def score_pages(query: NDArray[np.float32], pages: Sequence[PageTokens]) -> list[PageScore]:
    """Return the score of each page for the tokens of a query, unit rows of shape (m, dim)."""
    found: list[PageScore] = []
    for start in range(0, len(pages), _PAGES_AT_ONCE):
        part = pages[start : start + _PAGES_AT_ONCE]
        rows = np.concatenate([page.vectors for page in part]).astype(np.float32)
        cosines = (rows @ query.T) / _lengths(rows)[:, None]
        ends = np.cumsum([len(page.vectors) for page in part])
        for page, of_page in zip(part, np.split(cosines, ends[:-1]), strict=True):
            found.append(PageScore(float(of_page.max(axis=0).mean()), of_page, page.boxes))
    return found


def _matched_region(cosines: NDArray[np.float32], boxes: NDArray[np.uint8]) -> Box:
    """Return the box around the parts of a page that match best, together with the best one.

    A token that is about as near to all parts, such as that of a common word, says nothing about the place.
    """
    matches = (cosines - cosines.mean(axis=0)).max(axis=1)
    best = int(matches.argmax())
    chosen = boxes[(matches >= _MATCHED * matches[best]) | (np.arange(len(boxes)) == best)].astype(int)
    region = boxes[best].astype(int)
    while True:  # parts elsewhere on the page are not included: only those that touch the region
        touching = (
            (chosen[:, 0] <= region[2] + 1)
            & (chosen[:, 2] + 1 >= region[0])
            & (chosen[:, 1] <= region[3] + 1)
            & (chosen[:, 3] + 1 >= region[1])
        )
        near = chosen[touching]
        grown = np.concatenate([near[:, :2].min(axis=0), near[:, 2:].max(axis=0)])
        if (grown == region).all():
            break
        region = grown
    x0, y0, x1, y1 = (float(value) / _EDGE for value in region)
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else WHOLE_PAGE
