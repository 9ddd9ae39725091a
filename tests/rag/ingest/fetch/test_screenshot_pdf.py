"""Tests of the conversion of screenshots to PDF."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pymupdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from rag.ingest.fetch.screenshot_pdf import HEIGHT, WIDTH, ScreenWord, Tile, split_into_tiles, write_screenshot_pdf

WORDS = [
    ScreenWord("Gateway", 100, 100, 200, 130),
    ScreenWord("шлюз", 100, 200, 180, 230),
    ScreenWord("端口", 100, 300, 160, 330),
    ScreenWord("naïve", 100, HEIGHT + 50, 180, HEIGHT + 80),
]


def write(shot: Image.Image, words: list[ScreenWord], path: Path) -> int:
    tiles = [
        Tile(top, bottom, shot.crop((0, round(top), WIDTH, round(bottom))), [w for w in words if top <= w.y0 < bottom])
        for top, bottom in split_into_tiles(shot.height, words, 5)
    ]
    return write_screenshot_pdf(tiles, [], "A title", path)


@example(4741.0, [(1540.447063250043, 60.0)], 3)
@given(
    st.floats(1, 20_000), st.lists(st.tuples(st.floats(0, 20_000), st.floats(4, 60)), max_size=60), st.integers(1, 12)
)
def test_tiles_are_adjacent_and_avoid_cutting_words(
    height: float, lines: list[tuple[float, float]], max_tiles: int
) -> None:
    words = [ScreenWord("word", 0, y, 50, y + line_height) for y, line_height in lines]
    tiles = split_into_tiles(height, words, max_tiles)
    assert tiles[0][0] == 0
    assert len(tiles) <= max_tiles
    assert all(0 < bottom - top <= HEIGHT for top, bottom in tiles)
    assert all(tile[1] == following[0] for tile, following in pairwise(tiles))
    assert tiles[-1][1] == height or len(tiles) == max_tiles
    for _, bottom in tiles[:-1]:
        crossed = [word for word in words if word.y0 < bottom < word.y1]
        assert not crossed or any(word.y0 < bottom - 0.2 * HEIGHT + 200 for word in words)


def test_line_at_the_cut_goes_to_the_next_tile() -> None:
    line = ScreenWord("word", 0, HEIGHT - 10, 50, HEIGHT + 10)
    assert split_into_tiles(2.0 * HEIGHT, [line], 5)[0] == (0, HEIGHT - 10)


def test_words_of_every_script_have_their_positions(tmp_path: Path) -> None:
    shot = Image.new("RGB", (WIDTH, HEIGHT + 400), "white")
    assert write(shot, WORDS, tmp_path / "page.pdf") == 2
    with pymupdf.open(tmp_path / "page.pdf") as document:
        assert document.metadata["title"] == "A title"
        first = {row[4]: row[:4] for row in document[0].get_text("words")}
        assert set(first) == {"Gateway", "шлюз", "端口"}
        assert document[1].get_text().split() == ["naïve"]
        for word in WORDS[:3]:
            x0, y0, x1, y1 = (side / 0.75 for side in first[word.text])
            assert (x0, x1) == pytest.approx((word.x0, word.x1), abs=40)
            assert word.y0 - 8 <= (y0 + y1) / 2 <= word.y1 + 8
        # The words are invisible: the picture is white.
        assert document[0].get_pixmap().color_count() == 1


def test_same_page_gives_the_same_bytes(tmp_path: Path) -> None:
    shot = Image.new("RGB", (WIDTH, 500), "white")
    for name in ("one.pdf", "two.pdf"):
        write(shot, WORDS[:3], tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
