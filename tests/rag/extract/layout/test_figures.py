"""Tests of `rag.extract.layout.figures`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rag.extract.geometry import clamped_box
from rag.extract.layout.figures import MAX_FIGURES, cluster_boxes, figure_boxes, has_background, merge_overlapping
from rag.model.extraction import Box

PHOTO = Box(0.2, 0.2, 0.6, 0.5)


def figures(
    layout: Sequence[Box] = (),
    pictures: Sequence[Box] = (),
    paths: Sequence[Box] = (),
    shapes: Sequence[Box] = (),
    words: Sequence[Box] = (),
    tables: Sequence[Box] = (),
    texts: Sequence[Box] = (),
    inked: Sequence[Box] = (),
    body_lines: Sequence[Box] = (),
) -> list[Box]:
    return figure_boxes(
        layout=layout,
        pictures=pictures,
        inked=inked,
        paths=paths,
        shapes=shapes,
        words=words,
        body_lines=body_lines,
        tables=tables,
        texts=texts,
    )


def grid(box: Box, columns: int, rows: int) -> list[Box]:
    """Return small boxes that nearly touch and fill the box."""
    width, height = (box.x1 - box.x0) / columns, (box.y1 - box.y0) / rows
    return [
        Box(box.x0 + x * width, box.y0 + y * height, box.x0 + (x + 0.95) * width, box.y0 + (y + 0.95) * height)
        for x in range(columns)
        for y in range(rows)
    ]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    return clamped_box(*(draw(st.floats(0, 1, width=32)) for _ in range(4)))


@given(st.lists(boxes(), max_size=15))
def test_merge_overlapping_covers_all_boxes_and_leaves_no_overlap(given: list[Box]) -> None:
    result = merge_overlapping(given)
    assert len(result) <= len(given)
    for box in given:
        assert any(other.union(box) == other for other in result)
    for index, box in enumerate(result):
        for other in result[index + 1 :]:
            assert box.intersection(other) <= 0.5 * min(box.area, other.area)


@given(st.lists(boxes(), max_size=15))
def test_cluster_boxes_counts_every_box_once(given: list[Box]) -> None:
    result = cluster_boxes(given)
    assert sum(count for _, count in result) == len(given)
    for box in given:
        assert any(other.union(box) == other for other, _ in result)


@given(
    st.lists(boxes(), max_size=8),
    st.lists(boxes(), max_size=20),
    st.lists(boxes(), max_size=20),
    st.lists(boxes(), max_size=4),
)
def test_figure_boxes_returns_few_boxes_on_the_page(
    layout: list[Box], pictures: list[Box], paths: list[Box], tables: list[Box]
) -> None:
    result = figures(layout, pictures, paths, tables=tables)
    assert len(result) <= MAX_FIGURES
    assert result == sorted(result, key=lambda box: (box.y0, box.x0))
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in result)


def test_photo_is_a_figure_and_icon_is_not() -> None:
    icon = Box(0.9, 0.9, 0.95, 0.93)
    assert figures(pictures=[PHOTO, icon]) == [PHOTO]


def test_picture_that_fills_the_page_is_a_background() -> None:
    background = Box(0, 0, 1, 0.99)
    assert figures(pictures=[background]) == []
    assert has_background([PHOTO, background])
    assert not has_background([PHOTO])


def test_labels_scattered_over_a_chart_are_not_the_text_of_a_panel() -> None:
    labels = [Box(0.25, 0.25 + 0.1 * row, 0.35, 0.27 + 0.1 * row) for row in range(4)]
    assert figures(inked=[PHOTO], texts=[PHOTO], words=labels) == [PHOTO]
    lines = [Box(0.2, 0.2 + 0.03 * row, 0.6, 0.22 + 0.03 * row) for row in range(10)]
    assert figures(inked=[PHOTO], texts=[PHOTO], words=lines) == []


def test_strips_and_tiles_of_one_picture_are_joined() -> None:
    strips = [Box(0.2, 0.2 + 0.03 * row, 0.6, 0.23 + 0.03 * row) for row in range(10)]
    [whole] = figures(pictures=strips)
    assert whole.covers(PHOTO) > 0.99
    tiles = [Box(0.2, 0.2, 0.4, 0.5), Box(0.4, 0.2, 0.6, 0.5), Box(0.2, 0.5, 0.6, 0.7)]
    assert figures(pictures=tiles) == [Box(0.2, 0.2, 0.6, 0.7)]


def test_drawing_is_a_figure_and_panel_behind_text_is_not() -> None:
    shapes = grid(PHOTO, 6, 4)
    [drawing] = figures(paths=shapes)
    assert PHOTO.covers(drawing) > 0.99
    lines = [Box(0.2, 0.2 + 0.03 * row, 0.6, 0.22 + 0.03 * row) for row in range(10)]
    assert figures(paths=shapes, words=lines) == []
    assert figures(paths=shapes, texts=[PHOTO]) == []
    assert figures(paths=[PHOTO]) == []


def test_ruled_lines_of_a_table_are_not_a_figure() -> None:
    table = Box(0.19, 0.19, 0.61, 0.51)
    assert figures(paths=grid(PHOTO, 6, 4), tables=[table]) == []
    assert figures(pictures=[PHOTO], tables=[table]) == []


def test_layout_picture_is_extended_by_drawings_it_overlaps() -> None:
    row = [Box(0.1 + 0.2 * index, 0.4, 0.29 + 0.2 * index, 0.5) for index in range(4)]
    [whole] = figures(layout=[Box(0.1, 0.4, 0.8, 0.5)], pictures=row)
    assert whole == Box(0.1, 0.4, row[-1].x1, 0.5)


def test_cluster_boxes_is_fast_with_many_paths() -> None:
    dots = [Box(x / 300, y / 300, x / 300 + 0.4, y / 300 + 0.4) for x in range(150) for y in range(150)]
    start = time.thread_time()
    assert len(cluster_boxes(dots)) == 1
    assert time.thread_time() - start < 10


def test_single_path_is_a_figure_only_if_it_is_a_shape() -> None:
    assert figures(paths=[PHOTO]) == []
    assert figures(paths=[PHOTO], shapes=[PHOTO]) == [PHOTO]


def test_close_figures_are_also_one_figure_together() -> None:
    photos = [Box(x, y, x + 0.19, y + 0.19) for x in (0.2, 0.4) for y in (0.2, 0.4)]
    assert set(figures(pictures=photos)) == {*photos, photos[0].union(photos[-1])}
    assert len(figures(pictures=[Box(0.1, 0.1, 0.3, 0.3), Box(0.7, 0.1, 0.9, 0.3), Box(0.4, 0.7, 0.6, 0.9)])) == 3


def test_layout_picture_with_body_text_is_replaced_by_its_inked_figure() -> None:
    both, chart = Box(0.05, 0.2, 0.95, 0.7), Box(0.5, 0.25, 0.9, 0.65)
    paragraph = [Box(0.06, 0.3 + 0.05 * row, 0.45, 0.33 + 0.05 * row) for row in range(6)]
    assert figures(layout=[both], inked=[chart], body_lines=paragraph, words=paragraph) == [chart]
    assert figures(layout=[both], body_lines=paragraph, words=paragraph) == [both]


def test_line_of_large_type_is_not_a_figure() -> None:
    title = Box(0.1, 0.1, 0.9, 0.2)
    assert figures(layout=[title], words=[Box(0.12, 0.11, 0.5, 0.19), Box(0.52, 0.11, 0.88, 0.19)]) == []
