"""Tests of recognition on large pictures, turned pictures, and text in several orientations."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from rag.adapters.ocr import open_ocr
from rag.model.extraction import Recognition
from rag.ports import Ocr

LINES = ("The glockenspiel is tuned by the cantor", "and again before the feast of the harbour")


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return open_ocr(1)


def recognize(ocr: Ocr, image: Image.Image, folder: Path) -> Recognition:
    path = folder / "picture.bmp"
    image.save(path)
    return ocr.recognize(path)


def paper(size: tuple[int, int], lines: dict[tuple[int, int], str], font: int) -> Image.Image:
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for place, text in lines.items():
        pen.text(place, text, fill="black", font=ImageFont.load_default(size=font))
    return image


def letter() -> Image.Image:
    return paper((900, 500), {(80, 120 + 90 * row): text for row, text in enumerate(LINES)}, 34)


def test_small_letters_of_a_large_screenshot_are_read_once(ocr: Ocr, tmp_path: Path) -> None:
    """The long line crosses the edge of a tile."""
    wide = "The ledger of the mill names every berth, its depth in meters, and the harbor master who lets it in March"
    image = paper((3840, 1200), {(3300, 900): "Voucher LIME-2286", (400, 500): wide}, 15)
    found = recognize(ocr, image, tmp_path)
    assert [line.text for line in found.lines] == [wide, "Voucher LIME-2286"]
    box = found.lines[1].box
    assert abs(box.x0 * 3840 - 3300) < 12
    assert abs((box.y0 + box.y1) / 2 * 1200 - 908) < 8
    assert found.lines[0].words[-1].box.x1 <= found.lines[0].box.x1 < 0.5


def test_large_letters_beside_small_print_are_read_once(ocr: Ocr, tmp_path: Path) -> None:
    image = paper((3000, 1100), {(100, 60): "HARBOUR"}, 520)
    image.paste(paper((600, 60), {(10, 10): "berths are let in March only"}, 15), (200, 960))
    assert [line.text for line in recognize(ocr, image, tmp_path).lines] == ["HARBOUR", "berths are let in March only"]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_pictures_are_read_upright(ocr: Ocr, tmp_path: Path, turn: int) -> None:
    upright = recognize(ocr, letter(), tmp_path)
    found = recognize(ocr, letter().rotate(turn, expand=True), tmp_path)  # rotates counterclockwise
    assert found.turn == turn
    assert [line.text for line in found.lines] == list(LINES)
    for line, other in zip(found.lines, upright.lines, strict=True):
        assert all(abs(a - b) < 0.01 for a, b in zip(line.box, other.box, strict=True))


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_lines_of_an_upright_picture_are_read(ocr: Ocr, tmp_path: Path, turn: int) -> None:
    image = paper((1400, 1100), {(60, 60 + 70 * row): f"{text} {row}" for row, text in enumerate(LINES * 2)}, 34)
    image.paste(paper((620, 60), {(10, 8): "Turned note of the warden"}, 34).rotate(turn, expand=True), (500, 380))
    found = recognize(ocr, image, tmp_path)
    assert found.turn == 0
    [note] = [line for line in found.lines if line.turn]
    assert note.text == "Turned note of the warden"
    assert note.turn == turn
    middles = [((word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2) for word in note.words]
    axis, sign = {90: (1, -1), 180: (0, -1), 270: (1, 1)}[turn]
    assert [middle[axis] for middle in middles] == sorted((middle[axis] for middle in middles), reverse=sign < 0)
