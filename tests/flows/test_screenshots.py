"""Screenshots, the whole way: drawn PDFs are read, and pictures cut from them find their page and their place on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from rag import Hit, Rag, Scope, SearchResult, Settings, open_rag
from rag.extract.guarded import GuardedExtractor
from rag.ports import Extractor
from rag.settings import ReadSettings
from tests.rag.search.page_match.drawn import cut, drawn_pdf, page_picture

TEXTS, CHARTS, HIDDEN = [1, 2, 3], [11, 12], [21]
PLACE = (0.05, 0.1, 0.95, 0.55)
TEAM = Scope.of("team")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    drawn_pdf(folder / "texts.pdf", TEXTS)
    drawn_pdf(folder / "charts.pdf", CHARTS, words=False)
    drawn_pdf(folder / "hidden.pdf", HIDDEN)
    return folder


class Kept(GuardedExtractor):
    """A reader whose process outlives the search that asked for it; starting one takes seconds."""

    def close(self) -> None:
        pass


def opened(data: Path, lanes: str = "words,pixels", extractor: Callable[[], Extractor] | None = None) -> Rag:
    """Without the models of layout and recognition, which take seconds to load, unless an extractor is given."""
    read = {"workers": 1, "ocr": False, "layout": False}
    settings = Settings(data=data, answer={"model": ""}, read=read, search={"lanes": lanes})
    return open_rag(settings, extractor=extractor)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[Rag]:
    data = tmp_path_factory.mktemp("data")
    settings, ocr = ReadSettings(), "rag.adapters.rapidocr:open_ocr"
    with opened(data, extractor=lambda: GuardedExtractor(settings, ocr, 2)) as rag:
        rag.index([files / "texts.pdf", files / "charts.pdf"], "team")
        rag.index([files / "hidden.pdf"], "board")
    extractor = Kept(settings, ocr, 2)
    with opened(data, extractor=lambda: extractor) as rag:
        yield rag
    GuardedExtractor.close(extractor)


@pytest.fixture
def ask(rag: Rag, tmp_path: Path) -> Callable[..., SearchResult]:
    def ask(picture: Image.Image, scope: Scope = TEAM, kind: str = "png", quality: int = 75) -> SearchResult:
        path = tmp_path / f"shot.{kind}"
        picture.save(path, quality=quality)
        return rag.find_picture(path, scope)

    return ask


def shot(seed: int, place: tuple[float, float, float, float] = PLACE, dpi: int = 120) -> Image.Image:
    return cut(page_picture(seed, dpi, words=seed not in CHARTS), place)


def is_proved(found: SearchResult, name: str, page: int) -> Hit:
    assert found.found
    assert found.confidence >= 0.5
    first = found.hits[0]
    assert (first.name, first.page) == (name, page)
    assert first.lanes["pixels"] == 1
    assert "of the picture agrees" in first.why
    return first


def test_indexing_waits_for_the_fingerprints(rag: Rag) -> None:
    status = rag.status()
    assert status.lanes["pixels"] == "on"
    assert status.waiting_for_fingerprints == 0


@pytest.mark.parametrize(("seed", "name", "page"), [(2, "texts.pdf", 2), (12, "charts.pdf", 2)])
def test_a_part_of_a_page_is_found_with_its_place(
    ask: Callable[..., SearchResult], seed: int, name: str, page: int
) -> None:
    found = ask(shot(seed))
    hit = is_proved(found, name, page)
    assert hit.box == pytest.approx(PLACE, abs=0.02)
    assert found.stage_ms["pixels"] > 0


LOOKS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": ImageOps.invert,
    "half": lambda image: image.crop((0, 0, image.width, image.height // 2)),
    "small": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "tilted": lambda image: image.rotate(2, expand=True, fillcolor=90, resample=Image.Resampling.BICUBIC),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "paler": lambda image: image.point(lambda value: 60 + value * 0.7),
}


@pytest.mark.parametrize("look", LOOKS)
def test_however_it_is_shown(ask: Callable[..., SearchResult], look: str) -> None:
    is_proved(ask(LOOKS[look](shot(11))), "charts.pdf", 1)


def test_badly_compressed(ask: Callable[..., SearchResult]) -> None:
    is_proved(ask(shot(3), kind="jpg", quality=30), "texts.pdf", 3)


def test_the_whole_page_is_found_as_a_whole(ask: Callable[..., SearchResult]) -> None:
    hit = is_proved(ask(shot(11, (0, 0, 1, 1), 60)), "charts.pdf", 1)
    assert hit.box == pytest.approx((0, 0, 1, 1), abs=0.02)


# ---------------------------------------------------------------- what is not there


@pytest.mark.parametrize("words", [True, False])
def test_a_page_of_no_file_is_declined(ask: Callable[..., SearchResult], words: bool) -> None:
    found = ask(cut(page_picture(99, 120, words), PLACE))
    assert not found.found
    assert found.confidence < 0.5
    assert found.why
    assert not any(hit.why for hit in found.hits)


def test_a_page_outside_the_scope_never_appears(ask: Callable[..., SearchResult]) -> None:
    inside = ask(shot(21), Scope.of("board"))
    is_proved(inside, "hidden.pdf", 1)
    outside = ask(shot(21), TEAM)
    assert not outside.found
    assert "hidden.pdf" not in {hit.name for hit in outside.hits}
    assert not outside.rankings["pixels"]


def test_with_the_lane_off_nothing_is_made_or_said(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data", "words") as rag:
        rag.index([files / "charts.pdf"])
        shot(11).save(tmp_path / "shot.png")
        found = rag.find_picture(tmp_path / "shot.png", Scope.operator())
        assert found.lanes["pixels"] == "off: not in search.lanes"
        assert not found.found
        assert rag.status().waiting_for_fingerprints == 0
    assert fingerprints(tmp_path / "data") == 0


# ---------------------------------------------------------------- what changes


def fingerprints(data: Path) -> int:
    with sqlite3.connect(data / "catalog.db") as connection:
        return int(connection.execute("select count(*) from fingerprint").fetchone()[0])


def test_fingerprints_come_later_where_there_were_none_and_go_with_the_document(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data", "words") as rag:
        rag.index([files / "charts.pdf"])
    shot(12).save(tmp_path / "shot.png")
    with opened(tmp_path / "data") as rag:
        assert rag.status().waiting_for_fingerprints == 2
        rag.index([files / "charts.pdf"])
        assert rag.status().waiting_for_fingerprints == 0
        assert fingerprints(tmp_path / "data") == 2
        is_proved(rag.find_picture(tmp_path / "shot.png", Scope.operator()), "charts.pdf", 2)
        rag.forget(["charts.pdf"])
        assert fingerprints(tmp_path / "data") == 0
        assert not rag.find_picture(tmp_path / "shot.png", Scope.operator()).found


def test_fingerprints_of_another_method_are_made_again(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data") as rag:
        rag.index([files / "charts.pdf"])
    with sqlite3.connect(tmp_path / "data" / "catalog.db") as connection:
        connection.execute("update fingerprint set method = 0, keypoints = x''")
    with opened(tmp_path / "data") as rag:
        assert rag.status().waiting_for_fingerprints == 2
        rag.index([files / "charts.pdf"])
        shot(11).save(tmp_path / "shot.png")
        is_proved(rag.find_picture(tmp_path / "shot.png", Scope.operator()), "charts.pdf", 1)


def test_a_page_goes_before_a_picture_of_it_that_was_shared(tmp_path: Path, files: Path) -> None:
    pasted = tmp_path / "pasted.png"
    shot(11).save(pasted)
    with opened(tmp_path / "data") as rag:
        rag.index([pasted, files / "charts.pdf"])
        found = rag.find_picture(pasted, Scope.operator())
        is_proved(found, "charts.pdf", 1)
        assert [(hit.name, bool(hit.why)) for hit in found.hits[:2]] == [("charts.pdf", True), ("pasted.png", True)]


def test_a_picture_that_was_forgotten_from_the_disk_is_no_error(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data") as rag:
        rag.index([files / "charts.pdf"])
        for picture in (tmp_path / "data" / "pictures").rglob("*.jpg"):
            picture.unlink()
        shot(11).save(tmp_path / "shot.png")
        assert not rag.find_picture(tmp_path / "shot.png", Scope.operator()).found


def test_a_blank_picture_is_declined(ask: Callable[..., SearchResult]) -> None:
    found = ask(Image.fromarray(np.full((300, 400), 255, np.uint8)))
    assert not found.found
