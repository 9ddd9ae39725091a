"""Contract of Ocr implementations: lines from top to bottom, boxes on the ink, nothing on a blank picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from rag.adapters.ocr import open_ocr
from rag.model.extraction import Box
from rag.ports import Ocr
from tests.support.ocr import open_ink

WIDTH, HEIGHT = 800, 400
ROWS = {"Invoice total 1,250 EUR": 60, "Green triangle": 180, "due in March": 300}


@pytest.fixture(scope="module", params=["fake", "rapidocr"])
def ocr(request: pytest.FixtureRequest) -> Ocr:
    return open_ink(1) if request.param == "fake" else open_ocr(1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    for text, y in ROWS.items():
        draw.text((100, y), text, fill="black", font=ImageFont.load_default(size=36))
    path = tmp_path / "rows.png"
    image.save(path)
    return path


def test_lines_are_ordered_from_top_to_bottom_and_have_words(ocr: Ocr, picture: Path) -> None:
    lines = ocr.recognize(picture).lines
    # The fake finds small marks between rows (a dot, a comma); only one tall line per row is required.
    tall = [line for line in lines if line.box.y1 - line.box.y0 > 0.04]
    assert len(tall) == len(ROWS)
    assert [line.box.y0 for line in lines] == sorted(line.box.y0 for line in lines)
    assert all(line.words and line.ocr and all(word.text.strip() for word in line.words) for line in lines)


def test_boxes_are_fractions_and_match_the_ink(ocr: Ocr, picture: Path) -> None:
    lines = [line for line in ocr.recognize(picture).lines if line.box.y1 - line.box.y0 > 0.04]
    for line, y in zip(lines, ROWS.values(), strict=True):
        assert 0 <= line.box.x0 < line.box.x1 <= 1
        assert 0 <= line.box.y0 < line.box.y1 <= 1
        assert abs(line.box.x0 * WIDTH - 100) < 20
        assert y - 12 < line.box.y0 * HEIGHT < line.box.y1 * HEIGHT < y + 60
        for word in line.words:
            assert line.box.covers(word.box) > 0.9


def test_blank_picture_has_no_lines(ocr: Ocr, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("RGB", (WIDTH, HEIGHT), "white").save(path)
    assert ocr.recognize(path).lines == ()


def test_rapidocr_recognizes_words_and_their_positions(picture: Path) -> None:
    lines = open_ocr(1).recognize(picture).lines
    assert [line.text for line in lines] == list(ROWS)
    font = ImageFont.load_default(size=36)
    for line, (text, y) in zip(lines, ROWS.items(), strict=True):
        x = 100.0
        for word in line.words:
            drawn = Box(x / WIDTH, y / HEIGHT, (x + font.getlength(word.text)) / WIDTH, (y + 50) / HEIGHT)
            shared = min(drawn.x1, word.box.x1) - max(drawn.x0, word.box.x0)
            assert shared > 0.7 * (drawn.x1 - drawn.x0), (text, word)
            x += font.getlength(word.text + " ")


def test_rapidocr_recognizes_slightly_rotated_text(tmp_path: Path) -> None:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(image).text((150, 150), "slightly crooked scan", fill="black", font=ImageFont.load_default(size=36))
    path = tmp_path / "crooked.png"
    image.rotate(4, fillcolor="white").save(path)
    lines = open_ocr(1).recognize(path).lines
    assert " ".join(line.text for line in lines) == "slightly crooked scan"
    assert all(0 <= value <= 1 for line in lines for word in line.words for value in word.box)
