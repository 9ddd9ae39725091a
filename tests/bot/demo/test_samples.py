"""The contents of the sample files, and that drawing them is deterministic."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from bot.demo.samples import SCREENSHOT, draw_samples, handbook, report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    draw_samples(folder)
    return folder


@pytest.fixture(scope="module")
def pages(folder: Path) -> Iterator[dict[str, list[Any]]]:
    with pymupdf.open(folder / handbook.NAME) as first, pymupdf.open(folder / report.NAME) as second:
        yield {"handbook": list(first), "report": list(second)}


def words(page: Any) -> list[str]:
    return str(page.get_text()).split()


def test_drawing_is_deterministic(folder: Path, tmp_path: Path) -> None:
    for path in draw_samples(tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_drawing_again_keeps_modification_times(tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in draw_samples(tmp_path)}
    assert {path: path.stat().st_mtime_ns for path in draw_samples(tmp_path)} == before


def test_documents_have_twelve_and_ten_pages(pages: dict[str, list[Any]]) -> None:
    assert [len(each) for each in pages.values()] == [12, 10]


def test_printed_labels_differ_from_page_numbers(pages: dict[str, list[Any]]) -> None:
    labels = [page.get_label() for page in pages["handbook"]]
    assert labels == ["i", "ii", *(str(number) for number in range(1, 11))]
    for page in pages["handbook"][2:7]:
        assert words(page)[-1] == page.get_label() or page.get_label() in words(page)


def test_one_page_is_a_scan_and_one_is_blank(pages: dict[str, list[Any]]) -> None:
    wordless = [page for page in pages["handbook"] if not words(page)]
    assert [page.number + 1 for page in wordless] == [8, 9]
    scan, blank = wordless
    assert len(scan.get_images()) == 1
    assert not blank.get_images()
    assert not blank.get_drawings()
    assert not [page.number for page in pages["report"] if not words(page)]


def test_other_pages_have_at_least_100_words(pages: dict[str, list[Any]]) -> None:
    for name, each in pages.items():
        for page in each[1:]:
            if words(page):
                assert len(words(page)) >= 100, (name, page.number + 1)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("handbook", ["lantern", "driftwood", "vault", "buoy", "868"]),
        ("report", ["crown", "cradle", "silica", "membrane", "kestrel", "plover", "dunlin"]),
    ],
)
def test_figure_labels_are_not_in_the_text(pages: dict[str, list[Any]], name: str, labels: list[str]) -> None:
    text = " ".join(str(page.get_text()) for each in pages.values() for page in each).lower()
    assert [label for label in labels if label in text] == []
    assert all(page.get_drawings() or page.get_images() for page in pages[name][1:4])


def test_diagram_letters_are_curves(pages: dict[str, list[Any]]) -> None:
    """The diagram has hundreds of curves, and its page has no image that could contain the letters."""
    page = pages["handbook"][3]
    assert not page.get_images()
    assert sum(len(drawing["items"]) for drawing in page.get_drawings()) > 500


def test_shapes_are_not_named_in_the_text(pages: dict[str, list[Any]]) -> None:
    text = " ".join(str(page.get_text()) for page in pages["handbook"]).lower()
    shown = "triangle triangular circle circular star green red blue yellow".split()
    assert [word for word in re.findall("[a-z]+", text) if word in shown] == []
    pixels = pages["handbook"][10].get_pixmap(dpi=40)
    colors = {pixels.pixel(x, y) for x in range(pixels.width) for y in range(pixels.height)}
    assert any(green > 130 and red < 60 and blue < 90 for red, green, blue in colors)


def test_table_contains_its_numbers(pages: dict[str, list[Any]]) -> None:
    cells = words(pages["handbook"][4])
    start = cells.index("Nine")
    assert cells[start + 1 : start + 6] == ["11", "14.5", "820", "72", "2023"]


def test_pages_have_two_columns(pages: dict[str, list[Any]]) -> None:
    for page in (pages["handbook"][2], pages["report"][6]):
        lefts = {round(block[0]) for block in page.get_text("blocks")}
        assert any(left < 80 for left in lefts)
        assert any(left > 290 for left in lefts)


def test_screenshot_shows_part_of_a_page(folder: Path) -> None:
    with Image.open(folder / SCREENSHOT) as image:
        assert image.format == "PNG"
        assert 300 < image.width < 800
        assert min(image.convert("L").tobytes()) < 60
