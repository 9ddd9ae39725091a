"""A page that is a picture: recognised words, laid out as a reader sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.model import Block, BlockKind, Line
from rag.read import figures, ink
from rag.read.flow import flowing_blocks
from rag.read.layout import Layout
from rag.read.words import Region, blocks_of, placed_among, placed_lines

if TYPE_CHECKING:
    from PIL.Image import Image


def blocks_of_picture(image: Image, lines: Sequence[Line], layout: Layout | None) -> list[Block]:
    """Blocks in reading order of all the page's lines, and of the figures among them."""
    regions = layout.regions_of_picture(image, lines) if layout is not None and lines else []
    boxes = {kind: [region.box for region in regions if region.kind is kind] for kind in BlockKind}
    drawn = figures.figure_boxes(
        layout=boxes[BlockKind.FIGURE],
        pictures=ink.figures_in(image, [(line.box, len(line.words)) for line in lines]),
        paths=[],
        shapes=[],
        words=[word.box for line in lines for word in line.words],
        tables=boxes[BlockKind.TABLE],
        texts=[],
    )
    pictured = [Region(BlockKind.FIGURE, box) for box in drawn]
    running = [region for region in regions if region.kind is not BlockKind.FIGURE]
    if not running:
        return _flowing(lines, pictured)
    found = blocks_of([*running, *pictured], placed_lines(lines))
    flow = [block for block in found if block.kind is not BlockKind.FIGURE]
    return placed_among(flow, (block for block in found if block.kind is BlockKind.FIGURE))


def _flowing(lines: Sequence[Line], pictured: Sequence[Region]) -> list[Block]:
    """Without a layout: what lies in figures is theirs, the rest is cut along white gaps."""
    found = [block for block in blocks_of(pictured, placed_lines(lines)) if block.kind is BlockKind.FIGURE]
    inside = {word for block in found for line in block.lines for word in line.words}
    rest = [line for line in lines if not any(word in inside for word in line.words)]
    return placed_among(flowing_blocks(rest), found)
