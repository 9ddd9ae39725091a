"""Watermarks of a page: "DRAFT" across the text. They are not part of the lines that they cross."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from rag.extract.geometry import PlacedWord, bounding_box
from rag.extract.text_layer import LayerWord
from rag.model.extraction import Block, BlockKind, Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MIN_OTHER_WORDS = 8
"""A page with fewer other words has no text that a watermark could cross."""

_LARGE_SLANTED, _LARGE = 1.8, 2.5
"""Minimum font size of a watermark, slanted and upright, as a multiple of the page's median font size. Slanted text of
any size is one if it crosses other words."""

_MIN_CROSSED = 2
"""Words that a large upright watermark crosses."""


def split_watermarks(words: Sequence[LayerWord]) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words of the text, and the words of watermarks. Lines are not divided."""
    runs: dict[int, list[LayerWord]] = {}
    for word in words:
        runs.setdefault(word.run, []).append(word)
    straight = [word for word in words if not word.slanted]
    if len(straight) < _MIN_OTHER_WORDS:
        return list(words), []
    size = median(_size(word) for word in straight)
    centers = _centers(straight)
    marks = {run for run, members in runs.items() if _is_watermark(members, size, centers)}
    if sum(word.run not in marks for word in straight) < _MIN_OTHER_WORDS:
        return list(words), []
    return [word for word in words if word.run not in marks], [word for word in words if word.run in marks]


def _is_watermark(run: Sequence[LayerWord], body_size: float, centers: NDArray[np.float64]) -> bool:
    size = max(_size(word) for word in run)
    if all(word.slanted for word in run):
        return size >= _LARGE_SLANTED * body_size or _crossed(run, centers) > 0
    return size >= _LARGE * body_size and _crossed(run, centers) - len(run) >= _MIN_CROSSED


def _crossed(run: Iterable[LayerWord], centers: NDArray[np.float64]) -> int:
    """Return how many words' centers are inside the glyphs, including those of the run itself if it is not slanted."""
    import numpy as np

    inside = np.zeros(len(centers), dtype=bool)
    for x0, y0, x1, y1 in (glyph.box for word in run for glyph in word.glyphs):
        inside |= (centers[:, 0] > x0) & (centers[:, 0] < x1) & (centers[:, 1] > y0) & (centers[:, 1] < y1)
    return int(inside.sum())


def _centers(words: Sequence[LayerWord]) -> NDArray[np.float64]:
    import numpy as np

    boxes = np.array([word.box for word in words])
    centers: NDArray[np.float64] = (boxes[:, :2] + boxes[:, 2:]) / 2
    return centers


def _size(word: LayerWord) -> float:
    return max(glyph.size for glyph in word.glyphs)


def watermark_blocks(marks: Sequence[PlacedWord]) -> list[Block]:
    """Return a block for each different text of the watermarks: they repeat, like footers, and often on one page."""
    runs: dict[int, list[PlacedWord]] = {}
    for placed in marks:
        runs.setdefault(placed.run, []).append(placed)
    blocks: dict[str, Block] = {}
    for run in runs.values():
        box = bounding_box(placed.word.box for placed in run)
        line = Line(tuple(placed.word for placed in run), box)
        blocks.setdefault(line.text, Block(BlockKind.FOOTER, box, (line,)))
    return list(blocks.values())
