"""Search for pictures with real parts only: PyMuPDF, OCR, the tiny CLIP, Chroma, SQLite."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from rag import Rag, Scope, Settings
from rag.model.extraction import Kind
from tests.support.migrated import open_rag
from tests.support.tiny_clip import TINY

EVERYTHING = Scope.operator()
NAMES = {"green": (0.16, 0.62, 0.24), "red": (0.84, 0.16, 0.16), "blue": (0.15, 0.33, 0.82)}
PROSE = (
    "The committee met in the long room and spoke about the budget of the coming year. "
    "Nothing was decided about the roof, which leaks, or about the boats, which do not. "
) * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two PDFs: minutes with drawn shapes on three pages, which the text does not mention, and plain prose."""
    folder = tmp_path_factory.mktemp("shared")
    with pymupdf.open() as document:
        for color in (None, "red", None, "green", "blue"):
            page = document.new_page()
            page.insert_textbox((60, 60, 535, 300), PROSE, fontsize=11)
            if color == "green":
                page.draw_polyline([(300, 380), (420, 580), (180, 580)], color=None, fill=NAMES[color], closePath=True)
            elif color:
                page.draw_circle((300, 480), 100, color=None, fill=NAMES[color])
        document.save(folder / "minutes.pdf")
    with pymupdf.open() as document:
        for number in range(3):
            document.new_page().insert_textbox((60, 60, 535, 700), f"Part {number}. {PROSE}", fontsize=12)
        document.save(folder / "prose.pdf")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    data = tmp_path_factory.mktemp("data")
    with opened(data) as rag:
        assert [outcome.state for outcome in rag.index([folder])] == ["new", "new"]
        assert rag.status().waiting_for_vectors == 0
    return data


def opened(data: Path, lanes: str = "words,clip-picture,clip-text", layout: str = "split") -> Rag:
    return open_rag(
        Settings(
            data=data,
            embed=TINY,
            answer={"model": ""},
            read={"workers": 1},
            search={"lanes": lanes},
            store={"layout": layout},
        )
    )


@pytest.fixture(scope="module")
def rag(data: Path) -> Iterator[Rag]:
    with opened(data) as rag:
        yield rag


def test_figure_is_found_by_what_it_shows(rag: Rag) -> None:
    found = rag.find("green triangle", EVERYTHING)
    assert found.found
    assert (found.hits[0].name, found.hits[0].page, found.hits[0].kind) == ("minutes.pdf", 4, Kind.FIGURE)
    assert found.hits[0].lanes["clip-picture"] == 1


def test_figure_is_not_found_if_the_lane_is_off(data: Path) -> None:
    with opened(data, lanes="words") as rag:
        found = rag.find("green triangle", EVERYTHING)
        assert not found.found
        assert found.hits == ()
        assert found.lanes["clip-picture"] == "off: not in search.lanes"


def test_figure_region_is_where_it_was_drawn(rag: Rag) -> None:
    box = rag.find("green triangle", EVERYTHING).hits[0].box
    assert box.x0 == pytest.approx(180 / 595, abs=0.03)
    assert box.y0 == pytest.approx(380 / 842, abs=0.03)
    assert box.x1 == pytest.approx(420 / 595, abs=0.03)
    assert box.y1 == pytest.approx(580 / 842, abs=0.03)


def test_evidence_is_drawn_for_a_cited_figure(rag: Rag) -> None:
    answer = rag.ask("green triangle", EVERYTHING)
    assert answer.cited[0].hit.page == 4
    with Image.open(answer.evidence[0]) as image:
        rows = np.asarray(image.convert("RGB"), dtype=int)
    red, green, blue = rows[..., 0], rows[..., 1], rows[..., 2]
    assert np.count_nonzero((green > red + 60) & (green > blue + 60)) > 2000


def test_screenshot_without_text_finds_its_page_by_vector(rag: Rag, folder: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    with pymupdf.open(folder / "minutes.pdf") as document:
        document[3].get_pixmap(dpi=80, clip=(170, 370, 430, 590)).save(shot)
    found = rag.find_picture(shot, EVERYTHING)
    assert (found.hits[0].name, found.hits[0].page) == ("minutes.pdf", 4)
    assert found.found


def test_single_collection_finds_the_same(data: Path, folder: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "data", layout="single") as rag:
        rag.index([folder])
        assert rag.find("green triangle", EVERYTHING).hits[0].page == 4
        assert rag.find("red circle", EVERYTHING).hits[0].page == 2


def test_doctor_has_no_failed_check(rag: Rag) -> None:
    checks = {check.name: check for check in rag.doctor()}
    assert {name for name, check in checks.items() if check.status == "fail"} == set()
    for name in ("catalog", "reading", "picture lanes", "vector store"):
        assert checks[name].status == "ok", checks[name]
    assert checks["model"].status == "warn"
    assert checks["model"].fix
