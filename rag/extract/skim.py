"""The words that are seen on a PDF page, found fast: word by word instead of glyph by glyph, without layout and OCR.

A word is hidden or not by the same rule as for an extraction: whether the page's picture changes without its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import PlacedWord, bounding_box
from rag.extract.ocr import is_garbled
from rag.extract.page_picture import PagePicture
from rag.extract.page_words import displayed_text
from rag.extract.text_layer import UNMAPPED
from rag.extract.visibility import MIN_RELATIVE_SIZE, MIN_SIZE, InkCounter
from rag.model.extraction import Block, BlockKind, Box, Line, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.extract.page_picture import Mask, Rows

SCALE = 1.0
"""Pixels per point of the picture in which words are looked for. A larger one takes longer and shows a little more of
the smallest print."""

_CORE = (0.42, 0.78)
"""Top and bottom of the letters' core, as shares of the height of a word's box: below the top of an x and above the
baseline in any font."""

_BANDS = 3
_MIN_BANDS = 2
"""Parts of a core from top to bottom, and how many must have ink: a line through hidden words has it in one."""

_MIN_SEEN = 0.75
"""Share of a word's parts that must be seen. There is one for each letter, all of the same width."""

_MAX_SHARED = 0.05
"""Share of its core that a word may have in common with others. With more of it, what is seen may be theirs."""

_MIN_TURNED, _TURNED = 6, 1.5
"""A word of so many letters that is so much higher than wide is turned."""

_DIGITS = 4
"""Of a box in fractions of the page, as the catalog stores it; more take longer to send."""


def skim_words(pymupdf: Any, page: Any) -> list[PlacedWord] | None:
    """Return the words that are seen on a page, in the file's order; none if they are garbled.

    Return None if some are turned, or lie over each other: glyphs have to be looked at then.
    """
    import numpy as np

    flags = pymupdf.TEXTFLAGS_WORDS & ~pymupdf.TEXT_PRESERVE_LIGATURES & ~pymupdf.TEXT_MEDIABOX_CLIP
    layer = page.get_text("words", flags=flags, clip=pymupdf.INFINITE_RECT())
    if not layer or is_garbled([word[4] for word in layer]):
        return []
    rects = np.array([word[:4] for word in layer], dtype=float)
    lengths = np.array([len(word[4]) for word in layer])
    widths, heights = (rects[:, 2:] - rects[:, :2]).T
    if page.rotation or not np.isfinite(rects).all() or ((lengths >= _MIN_TURNED) & (heights > _TURNED * widths)).any():
        return None
    picture = PagePicture(pymupdf, page, SCALE)
    others = [rect for kind, rect, *_ in page.get_bboxlog() if "text" not in kind]
    boxes = picture.pixels(rects)
    cores = _cores(boxes)
    is_seen = heights >= min(MIN_SIZE, MIN_RELATIVE_SIZE * max(page.rect.width, page.rect.height))
    ink = InkCounter(picture.text_ink(cores, np.array(others, dtype=float).reshape(-1, 4)))
    is_seen &= _are_inked(cores, lengths, ink)
    if _are_shared(cores, is_seen):
        return None
    size = np.array([ink.shape[1], ink.shape[0]] * 2)
    return _placed(layer, (boxes / size).clip(0, 1).round(_DIGITS).tolist(), is_seen.tolist())


def skim_blocks(words: Sequence[PlacedWord]) -> tuple[Block, ...]:
    """Return words in lines and blocks as the file has them."""
    blocks = []
    for _, block in groupby(words, key=attrgetter("block")):
        lines = []
        for _, run in groupby(block, key=attrgetter("run")):
            line = tuple(placed.word for placed in run)
            lines.append(Line(line, bounding_box(word.box for word in line)))
        blocks.append(Block(BlockKind.TEXT, bounding_box(line.box for line in lines), tuple(lines)))
    return tuple(blocks)


def _cores(boxes: Rows) -> Rows:
    import numpy as np

    top, height = boxes[:, 1], boxes[:, 3] - boxes[:, 1]
    return np.stack([boxes[:, 0], top + _CORE[0] * height, boxes[:, 2], top + _CORE[1] * height], axis=1)


def _are_inked(cores: Rows, lengths: NDArray[np.int64], ink: InkCounter) -> Mask:
    """Return for each word whether there is ink in most of its parts, and its middle is on the page."""
    import numpy as np

    starts = np.cumsum([0, *lengths[:-1]])
    numbers = np.repeat(np.arange(len(cores)), lengths)
    places = np.arange(len(numbers)) - starts[numbers]
    widths = ((cores[:, 2] - cores[:, 0]) / lengths)[numbers]
    left = cores[numbers, 0] + places * widths
    edges = np.linspace(cores[:, 1], cores[:, 3], _BANDS + 1)[:, numbers]
    bands = np.sum(
        [ink.has_ink(np.stack([left, edges[band], left + widths, edges[band + 1]], axis=1)) for band in range(_BANDS)],
        axis=0,
    )
    parts = np.add.reduceat((bands >= _MIN_BANDS).astype(np.int64), starts)
    middles = (cores[:, :2] + cores[:, 2:]) / 2
    on_page = ((middles >= 0) & (middles <= (ink.shape[1], ink.shape[0]))).all(axis=1)
    inked: Mask = on_page & (parts >= _MIN_SEEN * lengths)
    return inked


def _are_shared(cores: Rows, is_seen: Mask) -> bool:
    """Return whether a word that seems to be seen shares its core with any other word of the page."""
    import numpy as np

    order = cores[:, 1].argsort()
    x0, y0, x1, y1 = cores[order].T
    is_seen, sizes = is_seen[order], _MAX_SHARED * (x1 - x0) * (y1 - y0)
    for step in range(1, len(order)):  # from the top to the bottom, each with those after it that begin above its end
        if (y1[:-step] <= y0[step:]).all():
            return False
        heights = np.minimum(y1[:-step], y1[step:]) - y0[step:]
        shared = heights * (np.minimum(x1[:-step], x1[step:]) - np.maximum(x0[:-step], x0[step:])).clip(0)
        if ((is_seen[:-step] & (shared > sizes[:-step])) | (is_seen[step:] & (shared > sizes[step:]))).any():
            return True
    return False


def _placed(
    layer: Sequence[tuple[Any, ...]], boxes: Sequence[Sequence[float]], are_seen: Sequence[bool]
) -> list[PlacedWord]:
    placed = []
    for (*_, text, block, line, _number), box, is_seen in zip(layer, boxes, are_seen, strict=True):
        if is_seen and UNMAPPED not in text and (clean := displayed_text(text)):
            placed.append(PlacedWord(Word(clean, Box(*box)), (block << 20) + line, block))
    return placed
