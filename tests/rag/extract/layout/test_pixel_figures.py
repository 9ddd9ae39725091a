"""Figures by their ink and tables by their rules, on pictures drawn here."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from rag.extract.geometry import Region
from rag.extract.layout.pixel_figures import Text, figures_in, parted
from rag.extract.layout.ruled_tables import ruled_tables, with_ruled
from rag.model import BlockKind, Box

NOTHING = Text((), ())


def paper(colour: str = "white") -> Image.Image:
    return Image.new("RGB", (800, 1000), colour)


def photograph(width: int, height: int, seed: int = 1) -> Image.Image:
    """Something with edges everywhere."""
    return Image.frombytes("L", (width, height), random.Random(seed).randbytes(width * height)).convert("RGB")


def bars(image: Image.Image, left: int, bottom: int) -> Box:
    """A bar chart with axes."""
    pen = ImageDraw.Draw(image)
    for number, height in enumerate((60, 140, 200, 90, 170)):
        pen.rectangle((left + 20 + 60 * number, bottom - height, left + 55 + 60 * number, bottom), fill="navy")
    pen.line((left, bottom, left + 320, bottom), fill="black", width=2)
    pen.line((left, bottom - 220, left, bottom), fill="black", width=2)
    return Box(left / 800, (bottom - 220) / 1000, (left + 320) / 800, bottom / 1000)


def same(a: Box, b: Box) -> float:
    return a.intersection(b) / (a.area + b.area - a.intersection(b))


@pytest.mark.parametrize("colour", ["white", "beige", "navy"])
def test_a_photograph_is_found_on_any_paper(colour: str) -> None:
    image = paper(colour)
    image.paste(photograph(300, 200), (400, 500))
    [box] = figures_in(image, NOTHING)
    assert same(box, Box(0.5, 0.5, 0.875, 0.7)) > 0.9


def test_a_chart_is_one_figure_with_its_labels() -> None:
    image = paper()
    chart = bars(image, 200, 600)
    years = [Box(x, 0.61, x + 0.05, 0.625) for x in (0.28, 0.35, 0.43)]
    ImageDraw.Draw(image).text((225, 610), "2012 2013 2014", fill="black")
    [box] = figures_in(image, Text((), years))
    assert same(box, chart.union(years[0]).union(years[-1])) > 0.9


def test_running_text_is_no_figure_and_joins_none() -> None:
    image = paper()
    pen = ImageDraw.Draw(image)
    lines = [Box(0.1, 0.1 + 0.03 * row, 0.9, 0.12 + 0.03 * row) for row in range(12)]
    for line in lines:
        pen.text((80, line.y0 * 1000), "Some words of a paragraph that goes on and on over the page", fill="black")
    chart = bars(image, 200, 700)
    [box] = figures_in(image, Text(lines, ()))
    assert same(box, chart) > 0.9


def test_a_coloured_panel_with_text_is_no_figure() -> None:
    image = paper()
    ImageDraw.Draw(image).rectangle((100, 100, 700, 400), fill="lightblue")
    assert figures_in(image, Text([Box(0.15, 0.15, 0.8, 0.35)], ())) == []


def test_photographs_that_touch_at_a_corner_are_two() -> None:
    image = paper()
    image.paste(photograph(350, 250), (50, 100))
    image.paste(photograph(300, 250, 2), (400, 350))
    first, second = sorted(figures_in(image, NOTHING))
    assert same(first, Box(50 / 800, 0.1, 0.5, 0.35)) > 0.9
    assert same(second, Box(0.5, 0.35, 700 / 800, 0.6)) > 0.9


def test_photographs_side_by_side_are_two_and_bars_are_one() -> None:
    image = paper()
    image.paste(photograph(300, 300), (90, 100))
    image.paste(photograph(300, 300, 2), (400, 100))
    bars(image, 100, 800)
    assert len(figures_in(image, NOTHING)) == 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 790)] * 4), max_size=6), st.integers(1, 3000), st.integers(1, 3000))
def test_whatever_is_drawn_boxes_lie_on_the_page(
    drawn: list[tuple[int, int, int, int]], width: int, height: int
) -> None:
    image = Image.new("RGB", (width, height), "white")
    for number, (x, y, w, h) in enumerate(drawn):
        image.paste(photograph(w + 1, h + 1, number), (x, y))
    for box in figures_in(image, NOTHING):
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1
    assert all(0 <= region.box.x0 < region.box.x1 <= 1 for region in ruled_tables(image, []))


def test_short_lines_outside_running_text_are_labels() -> None:
    long, last = Box(0.1, 0.1, 0.9, 0.12), Box(0.1, 0.13, 0.2, 0.15)
    label, page = Box(0.5, 0.5, 0.6, 0.52), Box(0.4, 0.95, 0.5, 0.97)
    regions = [Region(BlockKind.TEXT, Box(0.1, 0.1, 0.9, 0.15)), Region(BlockKind.FOOTER, page)]
    text = parted([(long, 12), (last, 1), (label, 2), (page, 1)], regions)
    assert text.labels == [label]


def ruled(rows: int, columns: int, ink: str = "black", colour: str = "white") -> tuple[Image.Image, Box, list[Box]]:
    """A ruled table of cells 120 x 60, with a word in each; the page, the table, and the words."""
    image = paper(colour)
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


@pytest.mark.parametrize(("ink", "colour"), [("black", "white"), ("silver", "white"), ("white", "navy")])
def test_a_ruled_table_is_found_with_its_rows_and_columns(ink: str, colour: str) -> None:
    image, table, words = ruled(4, 3, ink, colour)
    [region] = ruled_tables(image, words)
    assert same(region.box, table) > 0.93
    assert region.rows == pytest.approx([0.26, 0.32, 0.38], abs=0.004)
    assert region.columns == pytest.approx([220 / 800, 340 / 800], abs=0.005)


def test_a_grid_without_words_and_a_frame_are_no_tables() -> None:
    image, _, words = ruled(4, 3)
    assert ruled_tables(image, words[:3]) == []
    frame, _, word = ruled(1, 1)
    assert ruled_tables(frame, word) == []


def test_a_ruled_table_takes_the_place_of_the_text_the_layout_saw_there() -> None:
    _, table, _ = ruled(4, 3)
    before, cells, after = (Region(BlockKind.TEXT, Box(0.2, y, 0.4, y + 0.05)) for y in (0.05, 0.25, 0.8))
    found = Region(BlockKind.TABLE, table, (0.3,), (0.4,))
    assert with_ruled([before, cells, after], [found]) == [before, found, after]


def test_what_the_layout_saw_as_a_figure_stays() -> None:
    _, table, _ = ruled(4, 3)
    seen = Region(BlockKind.FIGURE, Box(table.x0 - 0.01, table.y0 - 0.01, table.x1 + 0.01, table.y1 + 0.01))
    assert with_ruled([seen], [Region(BlockKind.TABLE, table, (0.3,), (0.4,))]) == [seen]


def test_a_table_the_layout_saw_too_has_the_rules_cells() -> None:
    _, table, _ = ruled(4, 3)
    tight = Region(BlockKind.TABLE, Box(table.x0 + 0.02, table.y0 + 0.02, table.x1 - 0.02, table.y1 - 0.02), (0.31,))
    found = Region(BlockKind.TABLE, table, (0.3,), (0.4,))
    assert with_ruled([tight], [found]) == [found]
    larger = Region(BlockKind.TABLE, Box(0.01, 0.1, 0.99, 0.9))
    assert with_ruled([larger], [found]) == [larger]
