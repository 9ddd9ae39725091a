"""A page as its picture shows it: tables by their rules, figures by their ink; and pages that are only a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.extract.geometry import Placed, Region, around, blocks_of, placed_among, placed_lines
from rag.extract.layout import figures, pixel_figures
from rag.extract.layout.analysis import Layout
from rag.extract.layout.reading_order import flowing_blocks
from rag.extract.layout.ruled_tables import ruled_tables, with_ruled
from rag.model import Block, BlockKind, Box, Line

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Marks:
    """What a PDF puts on a page besides words: embedded pictures, drawn paths, and paths that are no rectangles."""

    pictures: Sequence[Box] = ()
    paths: Sequence[Box] = ()
    shapes: Sequence[Box] = ()


def blocks_of_page(image: Image, words: Sequence[Placed], regions: Sequence[Region], marks: Marks) -> list[Block]:
    """Blocks in reading order: the layout's regions, tables and figures that only the picture shows, all the words."""
    boxes = [placed.word.box for placed in words]
    regions = with_ruled(regions, ruled_tables(image, boxes))
    running = [region for region in regions if region.kind is not BlockKind.FIGURE]
    found = blocks_of([*running, *_figures(image, words, regions, marks)], words)
    flow = [block for block in found if block.kind is not BlockKind.FIGURE]
    return placed_among(flow, (block for block in found if block.kind is BlockKind.FIGURE))


def blocks_of_picture(image: Image, lines: Sequence[Line], layout: Layout | None) -> list[Block]:
    """The same for a page that is a picture; `lines` are what was recognised on it."""
    words = placed_lines(lines)
    regions = layout.regions_of_picture(image, lines) if layout is not None and lines else []
    if any(region.kind is not BlockKind.FIGURE for region in regions):
        return blocks_of_page(image, words, regions, Marks())
    # Without a layout: what lies in figures is theirs, the rest is cut along white gaps.
    figured = blocks_of(_figures(image, words, regions, Marks()), words)
    found = [block for block in figured if block.kind is BlockKind.FIGURE]
    inside = {word for block in found for line in block.lines for word in line.words}
    rest = [line for line in lines if not any(word in inside for word in line.words)]
    return placed_among(flowing_blocks(rest), found)


def _figures(image: Image, words: Sequence[Placed], regions: Sequence[Region], marks: Marks) -> list[Region]:
    def boxes(*kinds: BlockKind) -> list[Box]:
        return [region.box for region in regions if region.kind in kinds]

    runs: dict[int, list[Box]] = {}
    for placed in words:
        runs.setdefault(placed.run, []).append(placed.word.box)
    lines = [(around(run), len(run)) for run in runs.values()]
    solid = (BlockKind.FIGURE, BlockKind.TABLE)
    found = figures.figure_boxes(
        layout=boxes(BlockKind.FIGURE),
        pictures=marks.pictures,
        inked=pixel_figures.figures_in(image, pixel_figures.parted(lines, regions)),
        paths=marks.paths,
        shapes=marks.shapes,
        words=[placed.word.box for placed in words],
        running=[box for box, count in lines if count > pixel_figures.LABEL_WORDS],
        tables=boxes(BlockKind.TABLE),
        texts=boxes(*(kind for kind in BlockKind if kind not in solid)),
    )
    return [Region(BlockKind.FIGURE, box) for box in found]
