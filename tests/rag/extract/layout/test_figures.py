"""Which rectangles are figures."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rag.extract.geometry import clamped
from rag.extract.layout.figures import AT_MOST, background, clusters, figure_boxes, merged
from rag.model import Box

PHOTO = Box(0.2, 0.2, 0.6, 0.5)


def found(
    layout: Sequence[Box] = (),
    pictures: Sequence[Box] = (),
    paths: Sequence[Box] = (),
    shapes: Sequence[Box] = (),
    words: Sequence[Box] = (),
    tables: Sequence[Box] = (),
    texts: Sequence[Box] = (),
    inked: Sequence[Box] = (),
    running: Sequence[Box] = (),
) -> list[Box]:
    return figure_boxes(
        layout=layout,
        pictures=pictures,
        inked=inked,
        paths=paths,
        shapes=shapes,
        words=words,
        running=running,
        tables=tables,
        texts=texts,
    )


def grid(box: Box, columns: int, rows: int) -> list[Box]:
    """A box cut into small ones, as drawn shapes that nearly touch."""
    width, height = (box.x1 - box.x0) / columns, (box.y1 - box.y0) / rows
    return [
        Box(box.x0 + x * width, box.y0 + y * height, box.x0 + (x + 0.95) * width, box.y0 + (y + 0.95) * height)
        for x in range(columns)
        for y in range(rows)
    ]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    return clamped(*(draw(st.floats(0, 1, width=32)) for _ in range(4)))


@given(st.lists(boxes(), max_size=15))
def test_merged_boxes_cover_all_and_leave_none_over_another(given: list[Box]) -> None:
    made = merged(given)
    assert len(made) <= len(given)
    for box in given:
        assert any(other.union(box) == other for other in made)
    for index, box in enumerate(made):
        for other in made[index + 1 :]:
            assert box.intersection(other) <= 0.5 * min(box.area, other.area)


@given(st.lists(boxes(), max_size=15))
def test_clusters_count_every_box_once(given: list[Box]) -> None:
    made = clusters(given)
    assert sum(count for _, count in made) == len(given)
    for box in given:
        assert any(other.union(box) == other for other, _ in made)


@given(
    st.lists(boxes(), max_size=8),
    st.lists(boxes(), max_size=20),
    st.lists(boxes(), max_size=20),
    st.lists(boxes(), max_size=4),
)
def test_figures_are_few_and_lie_on_the_page(
    layout: list[Box], pictures: list[Box], paths: list[Box], tables: list[Box]
) -> None:
    made = found(layout, pictures, paths, tables=tables)
    assert len(made) <= AT_MOST
    assert made == sorted(made, key=lambda box: (box.y0, box.x0))
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in made)


def test_a_photo_is_a_figure_and_an_icon_is_not() -> None:
    icon = Box(0.9, 0.9, 0.95, 0.93)
    assert found(pictures=[PHOTO, icon]) == [PHOTO]


def test_a_picture_that_fills_the_page_is_its_ground() -> None:
    ground = Box(0, 0, 1, 0.99)
    assert found(pictures=[ground]) == []
    assert background([PHOTO, ground])
    assert not background([PHOTO])


def test_strips_and_tiles_of_one_picture_are_put_together() -> None:
    strips = [Box(0.2, 0.2 + 0.03 * row, 0.6, 0.23 + 0.03 * row) for row in range(10)]
    [whole] = found(pictures=strips)
    assert whole.covers(PHOTO) > 0.99
    tiles = [Box(0.2, 0.2, 0.4, 0.5), Box(0.4, 0.2, 0.6, 0.5), Box(0.2, 0.5, 0.6, 0.7)]
    assert found(pictures=tiles) == [Box(0.2, 0.2, 0.6, 0.7)]


def test_a_drawing_is_a_figure_but_not_a_panel_behind_text() -> None:
    shapes = grid(PHOTO, 6, 4)
    [drawing] = found(paths=shapes)
    assert PHOTO.covers(drawing) > 0.99
    lines = [Box(0.2, 0.2 + 0.03 * row, 0.6, 0.22 + 0.03 * row) for row in range(10)]
    assert found(paths=shapes, words=lines) == []
    assert found(paths=shapes, texts=[PHOTO]) == []
    assert found(paths=[PHOTO]) == []


def test_the_rules_of_a_table_are_no_figure() -> None:
    table = Box(0.19, 0.19, 0.61, 0.51)
    assert found(paths=grid(PHOTO, 6, 4), tables=[table]) == []
    assert found(pictures=[PHOTO], tables=[table]) == []


def test_a_layouts_picture_grows_over_what_it_cuts() -> None:
    row = [Box(0.1 + 0.2 * index, 0.4, 0.29 + 0.2 * index, 0.5) for index in range(4)]
    [whole] = found(layout=[Box(0.1, 0.4, 0.8, 0.5)], pictures=row)
    assert whole == Box(0.1, 0.4, row[-1].x1, 0.5)


def test_a_map_of_many_paths_takes_no_time() -> None:
    dots = [Box(x / 300, y / 300, x / 300 + 0.4, y / 300 + 0.4) for x in range(150) for y in range(150)]
    start = time.thread_time()
    assert len(clusters(dots)) == 1
    assert time.thread_time() - start < 10


def test_one_path_is_a_panel_unless_it_is_a_shape() -> None:
    assert found(paths=[PHOTO]) == []
    assert found(paths=[PHOTO], shapes=[PHOTO]) == [PHOTO]


def test_figures_that_stand_close_are_a_figure_together_too() -> None:
    photos = [Box(x, y, x + 0.19, y + 0.19) for x in (0.2, 0.4) for y in (0.2, 0.4)]
    assert set(found(pictures=photos)) == {*photos, photos[0].union(photos[-1])}
    assert len(found(pictures=[Box(0.1, 0.1, 0.3, 0.3), Box(0.7, 0.1, 0.9, 0.3), Box(0.4, 0.7, 0.6, 0.9)])) == 3


def test_the_layouts_picture_gives_way_to_the_ink_beside_running_text() -> None:
    both, chart = Box(0.05, 0.2, 0.95, 0.7), Box(0.5, 0.25, 0.9, 0.65)
    paragraph = [Box(0.06, 0.3 + 0.05 * row, 0.45, 0.33 + 0.05 * row) for row in range(6)]
    assert found(layout=[both], inked=[chart], running=paragraph, words=paragraph) == [chart]
    assert found(layout=[both], running=paragraph, words=paragraph) == [both]


def test_a_line_of_large_type_is_no_picture() -> None:
    title = Box(0.1, 0.1, 0.9, 0.2)
    assert found(layout=[title], words=[Box(0.12, 0.11, 0.5, 0.19), Box(0.52, 0.11, 0.88, 0.19)]) == []
