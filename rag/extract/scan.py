"""Blocks of a page: layout regions completed with ruled tables and figures found in the page's picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.extract.geometry import (
    PlacedWord,
    Region,
    bounding_box,
    build_blocks,
    contains_center,
    insert_in_reading_order,
    words_of_lines,
)
from rag.extract.layout import pixel_figures
from rag.extract.layout.analysis import Layout
from rag.extract.layout.figures import figure_boxes
from rag.extract.layout.frames import find_frames
from rag.extract.layout.page_lists import as_list
from rag.extract.layout.reading_order import order_right_to_left, split_columns, text_blocks
from rag.extract.layout.ruled_tables import find_ruled_tables, merge_ruled_tables
from rag.extract.layout.vertical_text import split_vertical
from rag.extract.turned_text import add_turned_lines
from rag.model.extraction import Block, BlockKind, Box, Line

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class PageGraphics:
    """What a PDF draws besides words: embedded pictures, paths, and the paths that are not rectangles (`shapes`)."""

    pictures: Sequence[Box] = ()
    paths: Sequence[Box] = ()
    shapes: Sequence[Box] = ()


def page_blocks(
    image: Image, words: Sequence[PlacedWord], regions: Sequence[Region], graphics: PageGraphics
) -> list[Block]:
    """Return blocks in reading order: the layout's regions, and tables and figures found in the picture.

    Every word is in one block.
    """
    boxes = [placed.word.box for placed in words]
    vertical, horizontal = split_vertical(words)
    # The layout model takes the columns of vertical text for those of a table.
    regions = [region for region in regions if not _is_vertical(region, vertical)]
    regions = merge_ruled_tables(regions, find_ruled_tables(image, boxes))
    without_figures = [region for region in regions if region.kind is not BlockKind.FIGURE]
    blocks = build_blocks([*without_figures, *_figures(image, words, regions, graphics)], horizontal)
    flow = [as_list(part) for block in blocks if block.kind is not BlockKind.FIGURE for part in split_columns(block)]
    flow = order_right_to_left(insert_in_reading_order(flow, vertical) if flow else vertical)
    return insert_in_reading_order(flow, (block for block in blocks if block.kind is BlockKind.FIGURE))


def _is_vertical(region: Region, vertical: Sequence[Block]) -> bool:
    return region.kind is not BlockKind.FIGURE and any(
        block.box.covers(region.box) > 0.5 or contains_center(region.box, line.box)
        for block in vertical
        for line in block.lines
    )


def picture_blocks(image: Image, lines: Sequence[Line], layout: Layout | None) -> list[Block]:
    """Return the blocks of a page that is a picture, in reading order; `lines` are its recognized lines."""
    turned = [line for line in lines if line.turn]
    blocks = _upright_blocks(image, [line for line in lines if not line.turn], layout)
    return add_turned_lines(image, blocks, turned) if turned else blocks


def _upright_blocks(image: Image, lines: Sequence[Line], layout: Layout | None) -> list[Block]:
    words = words_of_lines(lines)
    regions = layout.regions_of_picture(image, lines) if layout is not None and lines else []
    if any(region.kind is not BlockKind.FIGURE for region in regions):
        return page_blocks(image, words, regions, PageGraphics())
    # Without a layout, lines inside figures belong to the figures; the others are split along white gaps.
    blocks = build_blocks(_figures(image, words, regions, PageGraphics()), words)
    figures = [block for block in blocks if block.kind is BlockKind.FIGURE]
    figure_words = {word for block in figures for line in block.lines for word in line.words}
    outside = [line for line in lines if not any(word in figure_words for word in line.words)]
    return insert_in_reading_order(text_blocks(outside), figures)


def _figures(
    image: Image, words: Sequence[PlacedWord], regions: Sequence[Region], graphics: PageGraphics
) -> list[Region]:
    def boxes(*kinds: BlockKind) -> list[Box]:
        return [region.box for region in regions if region.kind in kinds]

    runs: dict[int, list[Box]] = {}
    for placed in words:
        runs.setdefault(placed.run, []).append(placed.word.box)
    lines = [(bounding_box(run), len(run)) for run in runs.values()]
    figures = figure_boxes(
        layout=boxes(BlockKind.FIGURE),
        pictures=graphics.pictures,
        inked=pixel_figures.find_figures(image, pixel_figures.split_text(lines, regions)),
        paths=graphics.paths,
        shapes=graphics.shapes,
        words=[placed.word.box for placed in words],
        body_lines=[box for box, count in lines if count > pixel_figures.MAX_LABEL_WORDS],
        tables=boxes(BlockKind.TABLE),
        # In a PDF with a text layer, the frames are among its paths.
        frames=find_frames(image, [box for box, _ in lines]) if graphics == PageGraphics() else [],
        texts=boxes(*(kind for kind in BlockKind if kind not in (BlockKind.FIGURE, BlockKind.TABLE))),
    )
    return [Region(BlockKind.FIGURE, box) for box in figures]
