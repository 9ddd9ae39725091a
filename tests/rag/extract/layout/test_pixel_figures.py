"""Tests of `pixel_figures` and `ruled_tables` with generated pictures."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from rag.extract.geometry import Region
from rag.extract.layout.pixel_figures import TextMask, find_figures, split_text
from rag.extract.layout.ruled_tables import find_ruled_tables, merge_ruled_tables
from rag.model.extraction import BlockKind, Box

NO_TEXT = TextMask((), ())


def blank_page(color: str = "white") -> Image.Image:
    return Image.new("RGB", (800, 1000), color)


def photograph(width: int, height: int, seed: int = 1) -> Image.Image:
    """Return random pixels, which have edges everywhere like a photograph."""
    return Image.frombytes("L", (width, height), random.Random(seed).randbytes(width * height)).convert("RGB")


def bars(image: Image.Image, left: int, bottom: int) -> Box:
    """Draw a bar chart with axes and return its box."""
    pen = ImageDraw.Draw(image)
    for number, height in enumerate((60, 140, 200, 90, 170)):
        pen.rectangle((left + 20 + 60 * number, bottom - height, left + 55 + 60 * number, bottom), fill="navy")
    pen.line((left, bottom, left + 320, bottom), fill="black", width=2)
    pen.line((left, bottom - 220, left, bottom), fill="black", width=2)
    return Box(left / 800, (bottom - 220) / 1000, (left + 320) / 800, bottom / 1000)


def overlap_ratio(a: Box, b: Box) -> float:
    return a.intersection(b) / (a.area + b.area - a.intersection(b))


@pytest.mark.parametrize("color", ["white", "beige", "navy"])
def test_finds_a_photograph_on_any_background(color: str) -> None:
    image = blank_page(color)
    image.paste(photograph(300, 200), (400, 500))
    [box] = find_figures(image, NO_TEXT)
    assert overlap_ratio(box, Box(0.5, 0.5, 0.875, 0.7)) > 0.9


def test_finds_a_chart_with_its_labels_as_one_figure() -> None:
    image = blank_page()
    chart = bars(image, 200, 600)
    years = [Box(x, 0.61, x + 0.05, 0.625) for x in (0.28, 0.35, 0.43)]
    ImageDraw.Draw(image).text((225, 610), "2012 2013 2014", fill="black")
    [box] = find_figures(image, TextMask((), years))
    assert overlap_ratio(box, chart.union(years[0]).union(years[-1])) > 0.9


def test_body_text_is_not_part_of_a_figure() -> None:
    image = blank_page()
    pen = ImageDraw.Draw(image)
    lines = [Box(0.1, 0.1 + 0.03 * row, 0.9, 0.12 + 0.03 * row) for row in range(12)]
    for line in lines:
        pen.text((80, line.y0 * 1000), "Some words of a paragraph that goes on and on over the page", fill="black")
    chart = bars(image, 200, 700)
    [box] = find_figures(image, TextMask(lines, ()))
    assert overlap_ratio(box, chart) > 0.9


def test_colored_panel_with_text_is_not_a_figure() -> None:
    image = blank_page()
    ImageDraw.Draw(image).rectangle((100, 100, 700, 400), fill="lightblue")
    assert find_figures(image, TextMask([Box(0.15, 0.15, 0.8, 0.35)], ())) == []


def test_photographs_that_touch_at_a_corner_are_two_figures() -> None:
    image = blank_page()
    image.paste(photograph(350, 250), (50, 100))
    image.paste(photograph(300, 250, 2), (400, 350))
    first, second = sorted(find_figures(image, NO_TEXT))
    assert overlap_ratio(first, Box(50 / 800, 0.1, 0.5, 0.35)) > 0.9
    assert overlap_ratio(second, Box(0.5, 0.35, 700 / 800, 0.6)) > 0.9


def test_photographs_side_by_side_are_two_figures_and_bars_are_one() -> None:
    image = blank_page()
    image.paste(photograph(300, 300), (90, 100))
    image.paste(photograph(300, 300, 2), (400, 100))
    bars(image, 100, 800)
    assert len(find_figures(image, NO_TEXT)) == 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 790)] * 4), max_size=6), st.integers(1, 3000), st.integers(1, 3000))
def test_boxes_are_on_the_page_for_any_drawing(drawn: list[tuple[int, int, int, int]], width: int, height: int) -> None:
    image = Image.new("RGB", (width, height), "white")
    for number, (x, y, w, h) in enumerate(drawn):
        image.paste(photograph(w + 1, h + 1, number), (x, y))
    for box in find_figures(image, NO_TEXT):
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1
    assert all(0 <= region.box.x0 < region.box.x1 <= 1 for region in find_ruled_tables(image, []))


def test_short_lines_outside_body_text_are_labels() -> None:
    long, last = Box(0.1, 0.1, 0.9, 0.12), Box(0.1, 0.13, 0.2, 0.15)
    label, page = Box(0.5, 0.5, 0.6, 0.52), Box(0.4, 0.95, 0.5, 0.97)
    regions = [Region(BlockKind.TEXT, Box(0.1, 0.1, 0.9, 0.15)), Region(BlockKind.FOOTER, page)]
    text = split_text([(long, 12), (last, 1), (label, 2), (page, 1)], regions)
    assert text.labels == [label]


def ruled_table_page(
    rows: int, columns: int, ink: str = "black", color: str = "white"
) -> tuple[Image.Image, Box, list[Box]]:
    """Return a page with a ruled table of 120 x 60 pixel cells, the box of the table, and the boxes of its words."""
    image = blank_page(color)
    pen = ImageDraw.Draw(image)
    right, bottom = 100 + 120 * columns, 200 + 60 * rows
    for row in range(rows + 1):
        pen.line((100, 200 + 60 * row, right, 200 + 60 * row), fill=ink, width=2)
    for column in range(columns + 1):
        pen.line((100 + 120 * column, 200, 100 + 120 * column, bottom), fill=ink, width=2)
    words = []
    for row in range(rows):
        for column in range(columns):
            x, y = 130 + 120 * column, 220 + 60 * row
            pen.text((x, y), "cell", fill=ink)
            words.append(Box(x / 800, y / 1000, (x + 30) / 800, (y + 14) / 1000))
    return image, Box(100 / 800, 0.2, right / 800, bottom / 1000), words


@pytest.mark.parametrize(("ink", "color"), [("black", "white"), ("silver", "white"), ("white", "navy")])
def test_finds_a_ruled_table_with_its_rows_and_columns(ink: str, color: str) -> None:
    image, table, words = ruled_table_page(4, 3, ink, color)
    [region] = find_ruled_tables(image, words)
    assert overlap_ratio(region.box, table) > 0.93
    assert region.rows == pytest.approx([0.26, 0.32, 0.38], abs=0.004)
    assert region.columns == pytest.approx([220 / 800, 340 / 800], abs=0.005)


def test_grid_without_words_and_frame_are_not_tables() -> None:
    image, _, words = ruled_table_page(4, 3)
    assert find_ruled_tables(image, words[:3]) == []
    frame, _, word = ruled_table_page(1, 1)
    assert find_ruled_tables(frame, word) == []


def test_ruled_table_replaces_text_regions_it_covers() -> None:
    _, table, _ = ruled_table_page(4, 3)
    before, cells, after = (Region(BlockKind.TEXT, Box(0.2, y, 0.4, y + 0.05)) for y in (0.05, 0.25, 0.8))
    found = Region(BlockKind.TABLE, table, (0.3,), (0.4,))
    assert merge_ruled_tables([before, cells, after], [found]) == [before, found, after]


def test_ruled_table_does_not_replace_a_figure() -> None:
    _, table, _ = ruled_table_page(4, 3)
    seen = Region(BlockKind.FIGURE, Box(table.x0 - 0.01, table.y0 - 0.01, table.x1 + 0.01, table.y1 + 0.01))
    assert merge_ruled_tables([seen], [Region(BlockKind.TABLE, table, (0.3,), (0.4,))]) == [seen]


def test_ruled_table_replaces_the_layouts_smaller_table() -> None:
    _, table, _ = ruled_table_page(4, 3)
    tight = Region(BlockKind.TABLE, Box(table.x0 + 0.02, table.y0 + 0.02, table.x1 - 0.02, table.y1 - 0.02), (0.31,))
    found = Region(BlockKind.TABLE, table, (0.3,), (0.4,))
    assert merge_ruled_tables([tight], [found]) == [found]
    larger = Region(BlockKind.TABLE, Box(0.01, 0.1, 0.99, 0.9))
    assert merge_ruled_tables([larger], [found]) == [larger]
