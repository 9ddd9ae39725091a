"""Frames around figures are found in the pixels of a page; boxes around text are not."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from rag.extract.layout.figures import figure_boxes
from rag.extract.layout.frames import find_frames
from rag.extract.scan import PageGraphics, page_blocks
from rag.model.extraction import BlockKind, Box

FRAME = (100, 150, 420, 450)
BOX = Box(100 / 800, 150 / 600, 420 / 800, 450 / 600)


def slide(
    *frames: tuple[int, int, int, int], color: str = "gray", tilted: int = 0
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (800, 600), "white")
    draw = ImageDraw.Draw(image)
    for left, top, right, bottom in frames:
        draw.polygon([(left, top), (right, top + tilted), (right, bottom + tilted), (left, bottom)], outline=color)
    return image, draw


def icons(draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
    for n in range(6):
        draw.rectangle((left + 20, top + 20 + 45 * n, left + 45, top + 45 + 45 * n), outline="gray")
        draw.line((left + 60, top + 30 + 45 * n, left + 200, top + 45 + 45 * n), fill="silver")


@pytest.mark.parametrize(("color", "tilted"), [("gray", 0), ("silver", 0), ("black", 1)])
def test_frame_around_a_screenshot_is_found(color: str, tilted: int) -> None:
    image, draw = slide(FRAME, color=color, tilted=tilted)
    icons(draw, 100, 150)
    [found] = find_frames(image, [])
    assert min(found.covers(BOX), BOX.covers(found)) > 0.95


def test_box_around_text_an_empty_box_and_an_open_one_are_no_frames() -> None:
    lines = [Box(0.15, 0.27 + 0.04 * n, 0.5, 0.3 + 0.04 * n) for n in range(11)]
    image, draw = slide(FRAME)
    for box in lines:
        draw.text((box.x0 * 800, box.y0 * 600), "The pilot waits for high tide at the gate", fill="black")
    assert find_frames(image, lines) == []
    assert find_frames(slide(FRAME)[0], []) == []
    image, draw = slide()
    draw.line((100, 150, 420, 150, 420, 450), fill="gray")
    icons(draw, 100, 150)
    assert find_frames(image, []) == []


def test_frames_of_a_picture_page_are_figures_and_those_of_known_figures_are_not_repeated() -> None:
    image, draw = slide(FRAME, (440, 150, 760, 450))
    icons(draw, 100, 150)
    icons(draw, 440, 150)
    figures = [block.box for block in page_blocks(image, [], [], PageGraphics()) if block.kind is BlockKind.FIGURE]
    assert any(min(box.covers(BOX), BOX.covers(box)) > 0.9 for box in figures)
    nothing = {"pictures": (), "inked": (), "paths": (), "shapes": (), "words": (), "texts": (), "body_lines": ()}
    inside = Box(0.2, 0.3, 0.4, 0.6)
    assert figure_boxes(layout=[BOX], tables=[], frames=[BOX, inside], **nothing) == [BOX, inside]
    assert figure_boxes(layout=[], tables=[], frames=[BOX, inside], **nothing) == [BOX]
    assert figure_boxes(layout=[], tables=[BOX], frames=[BOX], **nothing) == []
