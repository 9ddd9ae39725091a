"""Parts cut from pages of drawn PDFs find their page and their region, with the real extractor and OCR."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from rag import Hit, Rag, Scope, SearchResult, Settings
from rag.errors import ExtractorStopped
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import ExtractedPage
from rag.ports import Extractor
from rag.setting_groups import ReadSettings
from tests.rag.search.page_match.drawn import cut, drawn_pdf, page_picture
from tests.support.migrated import open_rag

TEXTS, CHARTS, HIDDEN = [1, 2, 3], [11, 12], [21]
REGION = (0.05, 0.1, 0.95, 0.55)
TEAM = Scope.of("team")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    drawn_pdf(folder / "texts.pdf", TEXTS)
    drawn_pdf(folder / "charts.pdf", CHARTS, words=False)
    drawn_pdf(folder / "hidden.pdf", HIDDEN)
    return folder


class SharedExtractor(GuardedExtractor):
    """Keeps its process between searches, because starting one takes seconds."""

    def close(self) -> None:
        pass


def opened(data: Path, lanes: str = "words,pixels", extractor: Callable[[], Extractor] | None = None) -> Rag:
    """Open an engine. The default extractor has no layout and OCR models, which take seconds to load."""
    read = {"workers": 1, "ocr": False, "layout": False}
    settings = Settings(data=data, answer={"model": ""}, read=read, search={"lanes": lanes})
    return open_rag(settings, extractor=extractor)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[Rag]:
    data = tmp_path_factory.mktemp("data")
    settings, ocr = ReadSettings(), "rag.adapters.ocr:open_ocr"
    with opened(data, extractor=lambda: GuardedExtractor(settings, ocr, 2)) as rag:
        rag.index([files / "texts.pdf", files / "charts.pdf"], "team")
        rag.index([files / "hidden.pdf"], "board")
    extractor = SharedExtractor(settings, ocr, 2)
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


def shot(seed: int, region: tuple[float, float, float, float] = REGION, dpi: int = 120) -> Image.Image:
    return cut(page_picture(seed, dpi, words=seed not in CHARTS), region)


def assert_verified(found: SearchResult, name: str, page: int) -> Hit:
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
def test_part_of_a_page_is_found_with_its_region(
    ask: Callable[..., SearchResult], seed: int, name: str, page: int
) -> None:
    found = ask(shot(seed))
    hit = assert_verified(found, name, page)
    assert hit.box == pytest.approx(REGION, abs=0.02)
    assert found.stage_ms["pixels"] > 0


def test_part_of_a_tall_screenshot_finds_its_page(ask: Callable[..., SearchResult]) -> None:
    part = shot(2)
    tall = Image.new("RGB", (part.width, part.width * 9), "white")
    tall.paste(part, (0, part.width * 2 + 200))
    found = ask(tall)
    assert found.found
    assert (found.hits[0].name, found.hits[0].page) == ("texts.pdf", 2)


def test_turned_screenshot_finds_its_page(ask: Callable[..., SearchResult]) -> None:
    assert_verified(ask(shot(2).rotate(90, expand=True)), "texts.pdf", 2)


TRANSFORMS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": ImageOps.invert,
    "half": lambda image: image.crop((0, 0, image.width, image.height // 2)),
    "small": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "tilted": lambda image: image.rotate(2, expand=True, fillcolor=90, resample=Image.Resampling.BICUBIC),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "paler": lambda image: image.point(lambda value: 60 + value * 0.7),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transformed_screenshot_is_found(ask: Callable[..., SearchResult], transform: str) -> None:
    assert_verified(ask(TRANSFORMS[transform](shot(11))), "charts.pdf", 1)


def test_compressed_screenshot_is_found(ask: Callable[..., SearchResult]) -> None:
    assert_verified(ask(shot(3), kind="jpg", quality=30), "texts.pdf", 3)


def test_whole_page_is_found_with_a_full_region(ask: Callable[..., SearchResult]) -> None:
    hit = assert_verified(ask(shot(11, (0, 0, 1, 1), 60)), "charts.pdf", 1)
    assert hit.box == pytest.approx((0, 0, 1, 1), abs=0.02)


class EndlessReader(GuardedExtractor):
    """Draws pictures, but never finishes reading their words."""

    def __init__(self) -> None:
        super().__init__(ReadSettings(layout=False, ocr=False), None)
        self._ended = threading.Event()

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        assert self._ended.wait(30), "the search waited for the words"
        raise ExtractorStopped("It was closed.")

    def close(self) -> None:
        self._ended.set()
        super().close()


@pytest.fixture
def without_words(tmp_path: Path, files: Path) -> Iterator[Rag]:
    with opened(tmp_path / "data") as rag:
        rag.index([files / "charts.pdf", files / "texts.pdf"])
    with opened(tmp_path / "data", extractor=EndlessReader) as rag:
        yield rag


def test_words_are_not_waited_for_if_the_pixels_suffice(without_words: Rag, tmp_path: Path) -> None:
    shot(11).save(tmp_path / "shot.png")
    found = without_words.find_picture(tmp_path / "shot.png", Scope.operator())
    hit = assert_verified(found, "charts.pdf", 1)
    assert hit.box == pytest.approx(REGION, abs=0.02)
    assert found.lanes["words"] == "on"  # it could have been used
    answer = without_words.ask("Which page is this?", Scope.operator(), [tmp_path / "shot.png"])
    assert (answer.found.hits[0].name, answer.found.hits[0].page) == ("charts.pdf", 1)


# ---------------------------------------------------------------- not found


@pytest.mark.parametrize("words", [True, False])
def test_unknown_page_is_not_found(ask: Callable[..., SearchResult], words: bool) -> None:
    found = ask(cut(page_picture(99, 120, words), REGION))
    assert not found.found
    assert found.confidence < 0.5
    assert found.why
    assert not any(hit.why for hit in found.hits)


def test_page_outside_the_scope_is_not_found(ask: Callable[..., SearchResult]) -> None:
    in_scope = ask(shot(21), Scope.of("board"))
    assert_verified(in_scope, "hidden.pdf", 1)
    out_of_scope = ask(shot(21), TEAM)
    assert not out_of_scope.found
    assert "hidden.pdf" not in {hit.name for hit in out_of_scope.hits}
    assert not out_of_scope.rankings["pixels"]


def test_fingerprints_are_not_computed_if_the_lane_is_off(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data", "words") as rag:
        rag.index([files / "charts.pdf"])
        shot(11).save(tmp_path / "shot.png")
        found = rag.find_picture(tmp_path / "shot.png", Scope.operator())
        assert found.lanes["pixels"] == "off: not in search.lanes"
        assert not found.found
        assert rag.status().waiting_for_fingerprints == 0
    assert fingerprints(tmp_path / "data") == 0


# ---------------------------------------------------------------- changes


def fingerprints(data: Path) -> int:
    with sqlite3.connect(data / "catalog.db") as connection:
        return int(connection.execute("select count(*) from fingerprint").fetchone()[0])


def test_missing_fingerprints_are_made_for_a_search_and_added_later(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data", "words") as rag:
        rag.index([files / "charts.pdf"])
    shot(12).save(tmp_path / "shot.png")
    with opened(tmp_path / "data") as rag:
        assert_verified(rag.find_picture(tmp_path / "shot.png", Scope.operator()), "charts.pdf", 2)
        assert not rag.find_picture(tmp_path / "shot.png", Scope.of("board")).rankings["pixels"]
        assert rag.status().waiting_for_fingerprints == 2
        rag.index([files / "charts.pdf"])
        assert rag.status().waiting_for_fingerprints == 0
        assert fingerprints(tmp_path / "data") == 2
        assert_verified(rag.find_picture(tmp_path / "shot.png", Scope.operator()), "charts.pdf", 2)
        rag.forget(["charts.pdf"])
        assert fingerprints(tmp_path / "data") == 0
        assert not rag.find_picture(tmp_path / "shot.png", Scope.operator()).found


def test_fingerprints_of_an_old_method_are_computed_again(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data") as rag:
        rag.index([files / "charts.pdf"])
    with sqlite3.connect(tmp_path / "data" / "catalog.db") as connection:
        connection.execute("update fingerprint set method = 0, keypoints = x''")
    with opened(tmp_path / "data") as rag:
        assert rag.status().waiting_for_fingerprints == 2
        rag.index([files / "charts.pdf"])
        shot(11).save(tmp_path / "shot.png")
        assert_verified(rag.find_picture(tmp_path / "shot.png", Scope.operator()), "charts.pdf", 1)


def test_page_ranks_before_a_shared_picture_of_it(tmp_path: Path, files: Path) -> None:
    pasted = tmp_path / "pasted.png"
    shot(11).save(pasted)
    with opened(tmp_path / "data") as rag:
        rag.index([pasted, files / "charts.pdf"])
        found = rag.find_picture(pasted, Scope.operator())
        assert_verified(found, "charts.pdf", 1)
        assert [(hit.name, bool(hit.why)) for hit in found.hits[:2]] == [("charts.pdf", True), ("pasted.png", True)]


def test_missing_page_picture_is_not_an_error(tmp_path: Path, files: Path) -> None:
    with opened(tmp_path / "data") as rag:
        rag.index([files / "charts.pdf"])
        for picture in (tmp_path / "data" / "pictures").rglob("*.jpg"):
            picture.unlink()
        shot(11).save(tmp_path / "shot.png")
        assert not rag.find_picture(tmp_path / "shot.png", Scope.operator()).found


def test_blank_picture_is_not_found(ask: Callable[..., SearchResult]) -> None:
    found = ask(Image.fromarray(np.full((300, 400), 255, np.uint8)))
    assert not found.found
