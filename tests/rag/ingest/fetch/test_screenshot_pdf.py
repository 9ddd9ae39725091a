"""A screenshot as a PDF: tiles between lines, words where they stand, the same bytes each time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pymupdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from rag.ingest.fetch.screenshot_pdf import HEIGHT, WIDTH, Seen, cuts, write_pdf

WORDS = [
    Seen("Gateway", 100, 100, 200, 130),
    Seen("шлюз", 100, 200, 180, 230),
    Seen("端口", 100, 300, 160, 330),
    Seen("naïve", 100, HEIGHT + 50, 180, HEIGHT + 80),
]


@example(4741.0, [(1540.447063250043, 60.0)], 3)
@given(
    st.floats(1, 20_000), st.lists(st.tuples(st.floats(0, 20_000), st.floats(4, 60)), max_size=60), st.integers(1, 12)
)
def test_tiles_follow_one_another_and_cut_no_word_that_can_be_spared(
    height: float, lines: list[tuple[float, float]], most: int
) -> None:
    words = [Seen("word", 0, y, 50, y + tall) for y, tall in lines]
    tiles = cuts(height, words, most)
    assert tiles[0][0] == 0
    assert len(tiles) <= most
    assert all(0 < bottom - top <= HEIGHT for top, bottom in tiles)
    assert all(one[1] == other[0] for one, other in pairwise(tiles))
    assert tiles[-1][1] == height or len(tiles) == most
    for _, bottom in tiles[:-1]:
        crossed = [word for word in words if word.y0 < bottom < word.y1]
        assert not crossed or any(word.y0 < bottom - 0.2 * HEIGHT + 200 for word in words)


def test_a_line_at_the_cut_goes_to_the_next_tile() -> None:
    line = Seen("word", 0, HEIGHT - 10, 50, HEIGHT + 10)
    assert cuts(2.0 * HEIGHT, [line], 5)[0] == (0, HEIGHT - 10)


def test_words_of_any_script_are_found_where_they_stand(tmp_path: Path) -> None:
    shot = Image.new("RGB", (WIDTH, HEIGHT + 400), "white")
    assert write_pdf(shot, WORDS, "A title", 5, tmp_path / "page.pdf") == 2
    with pymupdf.open(tmp_path / "page.pdf") as document:
        assert document.metadata["title"] == "A title"
        first = {row[4]: row[:4] for row in document[0].get_text("words")}
        assert set(first) == {"Gateway", "шлюз", "端口"}
        assert document[1].get_text().split() == ["naïve"]
        for word in WORDS[:3]:
            x0, y0, x1, y1 = (side / 0.75 for side in first[word.text])
            assert (x0, x1) == pytest.approx((word.x0, word.x1), abs=40)
            assert word.y0 - 8 <= (y0 + y1) / 2 <= word.y1 + 8
        # Nobody sees them twice: the picture is white.
        assert document[0].get_pixmap().color_count() == 1


def test_the_same_page_makes_the_same_bytes(tmp_path: Path) -> None:
    shot = Image.new("RGB", (WIDTH, 500), "white")
    for name in ("one.pdf", "two.pdf"):
        write_pdf(shot, WORDS[:3], "A title", 5, tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
