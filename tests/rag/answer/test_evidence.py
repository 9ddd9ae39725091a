"""Evidence pictures: the right region, highlighted, at a legible size, drawn once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rag.answer.evidence import draw_evidence, draw_page
from rag.answer.evidence_drawing import MAX_WIDTH, MIN_WIDTH
from rag.model.extraction import WHOLE_PAGE, Box, Kind
from rag.model.search import Hit
from tests.rag.answer.test_generation import hit

Pixel: TypeAlias = tuple[int, int, int]

WIDTH, HEIGHT = 1200, 1600
LINES = tuple(Box(0.1, y / 100, 0.45, (y + 1.5) / 100) for y in (20, 22, 24))
TEXT = "The pier is long\nthe crane lifts\nthe lamp turns"
REGION = Box(0.1, 0.2, 0.45, 0.255)
FIGURE = Box(0.3, 0.5, 0.8, 0.7)


@pytest.fixture
def render(tmp_path: Path) -> Path:
    """Return a white page with black bars for lines, a green figure, and a red bar at the bottom."""
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(page)
    for box in LINES:
        pen.rectangle((box.x0 * WIDTH, box.y0 * HEIGHT + 8, box.x1 * WIDTH, box.y1 * HEIGHT - 8), fill="black")
    pen.rectangle((FIGURE.x0 * WIDTH, FIGURE.y0 * HEIGHT, FIGURE.x1 * WIDTH, FIGURE.y1 * HEIGHT), fill=(0, 160, 0))
    pen.rectangle((0, HEIGHT - 80, WIDTH, HEIGHT), fill=(200, 0, 0))
    page.save(tmp_path / "page.jpg", quality=95)
    return tmp_path / "page.jpg"


@pytest.fixture
def lines(render: Path) -> Hit:
    return hit(TEXT, page=12, label="vi", box=REGION, line_boxes=LINES, page_image=render)


def drawn(found: Hit, into: Path, terms: tuple[str, ...] = ()) -> Image.Image:
    path = draw_evidence(found, into, terms)
    assert path is not None
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def near(picture: Image.Image, color: Pixel, reach: int = 40) -> int:
    """Return how many pixels have about this color."""
    apart = np.abs(np.asarray(picture, dtype=np.int16) - np.array(color, dtype=np.int16))
    return int((apart.max(axis=2) < reach).sum())


YELLOW, ORANGE = (255, 237, 134), (232, 89, 12)
PLACES: list[tuple[str, Any]] = [("name", "one.pdf"), ("name", "two.pdf"), ("page", 13), ("label", "vii")]


def test_lines_are_highlighted_and_letters_stay_black(lines: Hit, tmp_path: Path) -> None:
    picture = drawn(lines, tmp_path)
    assert MIN_WIDTH <= picture.width <= MAX_WIDTH
    assert near(picture, YELLOW, 20) > 4000
    assert near(picture, (0, 0, 0), 30) > 4000
    assert near(picture, (200, 0, 0)) == 0, "the bottom of the page is not shown"


COLUMNS = tuple(Box(x, y / 100, x + 0.35, (y + 1.5) / 100) for x in (0.1, 0.55) for y in range(10, 80, 2))
SAID = ("The crane lifts 77 tonnes of steel",)


def test_long_text_is_cropped_to_its_matched_lines(render: Path, tmp_path: Path) -> None:
    texts = [f"line number {n} about other things" for n in range(len(COLUMNS))]
    spread = texts.copy()
    texts[10:12] = ["and the crane lifts seventy-seven (77)", "tonnes of steel, no more"]
    column = hit("\n".join(texts), box=Box(0.1, 0.1, 0.9, 0.8), line_boxes=COLUMNS, page_image=render)
    whole, part = drawn(column, tmp_path), drawn(column, tmp_path, SAID)
    assert part.height < 0.5 * whole.height
    assert 3000 < near(part, (255, 225, 77), 15) < 0.3 * part.width * part.height
    spread[0], spread[-1] = "the crane lifts 77", "tonnes of steel 77 crane"
    far = hit("\n".join(spread), chunk=2, box=Box(0.1, 0.1, 0.9, 0.8), line_boxes=COLUMNS, page_image=render)
    assert drawn(far, tmp_path, SAID).height > 0.8 * whole.height


def test_matched_lines_of_tables_and_figures_are_highlighted_in_a_frame(render: Path, tmp_path: Path) -> None:
    strong = (255, 225, 77)
    for kind in (Kind.TABLE, Kind.FIGURE):
        shown = hit(TEXT, kind=kind, box=REGION, line_boxes=LINES, page_image=render)
        plain, marked = drawn(shown, tmp_path), drawn(shown, tmp_path, ("The crane lifts",))
        assert plain.size == marked.size
        assert near(plain, strong, 15) < 500 < 1000 < near(marked, strong, 15)
        assert near(marked, ORANGE) > 1000


def test_matched_lines_are_highlighted_more_strongly(lines: Hit, tmp_path: Path) -> None:
    strong, pale = (255, 225, 77), (255, 246, 196)
    both = drawn(lines, tmp_path, ("crane",))
    assert near(both, strong, 15) > 2000
    assert near(both, pale, 15) > 2000
    none = drawn(lines, tmp_path, ("submarine",))
    assert near(none, YELLOW, 15) > 4000
    assert near(none, pale, 15) < 200


@pytest.mark.parametrize("kind", [Kind.FIGURE, Kind.TABLE])
def test_figure_is_framed_and_surroundings_are_faded(kind: Kind, render: Path, tmp_path: Path) -> None:
    picture = drawn(hit("", kind=kind, box=FIGURE, page_image=render), tmp_path)
    assert near(picture, (0, 160, 0)) > 0.4 * picture.width * picture.height
    assert near(picture, ORANGE) > 2000
    assert near(picture, (200, 0, 0)) == 0


@pytest.mark.parametrize(
    ("kind", "box"), [(Kind.PAGE, WHOLE_PAGE), (Kind.FIGURE, Box(0, 0, 1, 0.9)), (Kind.TABLE, Box(0.5, 0.5, 0.5, 0.5))]
)
def test_large_regions_are_shown_as_the_whole_page(kind: Kind, box: Box, render: Path, tmp_path: Path) -> None:
    picture = drawn(hit("", kind=kind, box=box, page_image=render), tmp_path)
    assert picture.width == WIDTH
    assert picture.height > HEIGHT
    assert near(picture, (200, 0, 0)) > 50_000
    assert near(picture, ORANGE) > 5000


def test_notes_about_the_whole_page_leave_it_as_it_looks(render: Path, tmp_path: Path) -> None:
    notes = hit("Speaker notes: Marlow leads", box=WHOLE_PAGE, line_boxes=(WHOLE_PAGE,), page_image=render)
    picture = drawn(notes, tmp_path, ("Marlow leads the migration.",))
    assert near(picture, YELLOW, 20) < 1000, "color all over the page would hide what it shows"
    assert near(picture, ORANGE) > 1000, "a frame around the page"


def test_screenshot_region_is_framed_on_the_whole_page(render: Path, tmp_path: Path) -> None:
    shown = hit("words", box=FIGURE, page_image=render, line_boxes=())
    path = draw_page(shown, tmp_path)
    assert path is not None
    assert path == draw_page(shown, tmp_path)
    assert path != draw_evidence(shown, tmp_path)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    assert picture.width == WIDTH
    assert picture.height > HEIGHT
    assert near(picture, ORANGE) > 1000
    assert draw_page(replace(shown, page_image=tmp_path / "gone.jpg"), tmp_path) is None


def test_single_line_is_shown_with_context(render: Path, tmp_path: Path) -> None:
    line = Box(0.9, 0.98, 0.99, 0.995)
    picture = drawn(hit("x", box=line, line_boxes=(line,), page_image=render), tmp_path)
    assert picture.width >= MIN_WIDTH
    assert picture.height > 0.15 * HEIGHT


@pytest.mark.parametrize(("size", "width"), [((300, 400), MIN_WIDTH), ((4000, 3000), MAX_WIDTH)])
def test_picture_width_is_limited(size: tuple[int, int], width: int, tmp_path: Path) -> None:
    Image.new("RGB", size, "white").save(tmp_path / "p.jpg")
    assert drawn(hit("", kind=Kind.PAGE, page_image=tmp_path / "p.jpg"), tmp_path).width == width


def test_bar_names_the_place(lines: Hit, tmp_path: Path) -> None:
    pictures = [drawn(replace(lines, **{field: value}), tmp_path) for field, value in PLACES]
    bars = {picture.crop((0, picture.height - 44, picture.width, picture.height)).tobytes() for picture in pictures}
    assert len(bars) == len(PLACES)


@pytest.mark.parametrize(
    "name", ["Größe – Żółć.pdf", "Отчёт λ.pdf", "報告書.pdf", "a\u202eb\n\0😀.pdf", "very " * 60, ""]
)
def test_any_file_name_can_be_drawn(name: str, lines: Hit, tmp_path: Path) -> None:
    picture = drawn(replace(lines, name=name), tmp_path)
    bar = picture.crop((30, picture.height - 40, picture.width, picture.height))
    assert near(bar, (245, 247, 250)) > 100, "there are letters"
    edge = picture.crop((picture.width - 4, picture.height - 40, picture.width, picture.height))
    assert near(edge, (31, 41, 51), 12) == edge.width * edge.height, "they end before the edge"


def test_same_evidence_is_drawn_once(lines: Hit, tmp_path: Path) -> None:
    first = draw_evidence(lines, tmp_path)
    assert first is not None
    made = first.stat().st_mtime_ns
    assert draw_evidence(lines, tmp_path) == first
    assert first.stat().st_mtime_ns == made
    others = [
        draw_evidence(replace(lines, line_boxes=LINES[:1]), tmp_path),
        draw_evidence(replace(lines, chunk=2), tmp_path),
        draw_evidence(replace(lines, name="renamed.pdf"), tmp_path),
        draw_evidence(lines, tmp_path, ("crane",)),
    ]
    assert len({first, *others}) == 5
    assert not list(tmp_path.glob("*.part"))


def test_returns_none_without_a_page_picture(lines: Hit, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff half")
    for render in (None, tmp_path / "gone.jpg", damaged):
        assert draw_evidence(replace(lines, page_image=render), tmp_path) is None


SMALL = tuple(
    Box(0.1 + 0.3 * column, row / 100, 0.2 + 0.3 * column, row / 100 + 0.004)
    for column in (0, 1)
    for row in range(20, 60, 4)
)


def test_small_lines_of_a_large_page_are_drawn_again(render: Path, tmp_path: Path) -> None:
    asked: list[tuple[Box, int]] = []

    def redraw(found: Hit, saved: Image.Image, region: Box, width: int) -> Image.Image | None:
        asked.append((region, width))
        return Image.new("RGB", (width, 300), (0, 0, 160))

    texts = [f"store room {n}" for n in range(len(SMALL) - 1)] + ["valve of the fountain"]
    large = hit("\n".join(texts), kind=Kind.FIGURE, box=Box(0.05, 0.1, 0.95, 0.9), line_boxes=SMALL, page_image=render)
    path = draw_evidence(large, tmp_path, ("The valve of the fountain is shut",), redraw)
    assert path is not None
    [(region, width)] = asked
    assert region.covers(SMALL[-1]) == 1
    assert region.area < 0.05
    line = SMALL[-1].y1 - SMALL[-1].y0
    assert line * HEIGHT / ((region.x1 - region.x0) * WIDTH) * width == pytest.approx(26, abs=1)
    with Image.open(path) as picture:
        assert near(picture.convert("RGB"), (0, 0, 160)) > 10_000


def test_ordinary_pages_are_not_drawn_again(lines: Hit, tmp_path: Path) -> None:
    def redraw(found: Hit, saved: Image.Image, region: Box, width: int) -> Image.Image | None:
        raise AssertionError(region)

    assert draw_evidence(lines, tmp_path, ("crane",), redraw) is not None


def test_saved_picture_is_shown_if_the_document_cannot_be_drawn(render: Path, tmp_path: Path) -> None:
    large = hit("one", box=SMALL[0], line_boxes=SMALL[:1], page_image=render)
    assert draw_evidence(large, tmp_path, (), lambda *_: None) is not None
