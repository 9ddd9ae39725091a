"""Contract of extractors: the fake one for plain text, and GuardedExtractor with PyMuPDF."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pymupdf
import pytest

from rag.errors import Unreadable
from rag.extract.guarded import GuardedExtractor
from rag.ports import Extractor
from rag.setting_groups import ReadSettings
from tests.support.extractor import TextExtractor


class ExtractorCase(NamedTuple):
    """An extractor, how to write a file for it, and bytes that it can't extract."""

    open: Callable[[], Extractor]
    write: Callable[[Path, list[str]], None]
    unreadable: bytes


def write_text(path: Path, pages: list[str]) -> None:
    path.write_text("\f".join(pages))


def write_pdf(path: Path, pages: list[str]) -> None:
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 90), text)
        document.save(path)


CASES = {
    "fake": ExtractorCase(TextExtractor, write_text, b"!unreadable"),
    "guarded": ExtractorCase(
        lambda: GuardedExtractor(ReadSettings(ocr=False, render_px=400), None), write_pdf, b"%PDF-1.7 and no more"
    ),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> ExtractorCase:
    return CASES[request.param]


@pytest.fixture(scope="module")
def extractor(case: ExtractorCase) -> Iterator[Extractor]:
    extractor = case.open()
    yield extractor
    extractor.close()


@pytest.fixture
def path(case: ExtractorCase, tmp_path: Path) -> Path:
    path = tmp_path / "file"
    case.write(path, [f"These are the words of page {number}" for number in range(1, 6)])
    return path


def test_layout_analysis_works_or_is_not_used(extractor: Extractor) -> None:
    assert extractor.load_models() == ""


def test_range_has_its_own_page_numbers_and_pictures(extractor: Extractor, path: Path, tmp_path: Path) -> None:
    assert extractor.inspect(path).page_count == 5
    pages = extractor.extract(path, 2, 4, tmp_path)
    assert [page.number for page in pages] == [2, 3, 4]
    for page in pages:
        assert page.error is None
        assert f"page {page.number}" in " ".join(block.text for block in page.blocks)
        assert page.render is not None
        assert (tmp_path / page.render).is_file()


def test_boxes_are_fractions_of_the_page(extractor: Extractor, path: Path, tmp_path: Path) -> None:
    for page in extractor.extract(path, 1, 5, tmp_path):
        boxes = [box for block in page.blocks for line in block.lines for box in (block.box, line.box)]
        assert boxes
        for box in boxes:
            assert 0 <= box.x0 <= box.x1 <= 1
            assert 0 <= box.y0 <= box.y1 <= 1


def test_unreadable_file_has_a_reason_and_the_next_file_is_extracted(
    case: ExtractorCase, extractor: Extractor, path: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(case.unreadable)
    with pytest.raises(Unreadable) as raised:
        extractor.inspect(damaged)
    assert raised.value.hint
    assert len(extractor.extract(path, 5, 5, tmp_path)) == 1


def test_version_is_stable(case: ExtractorCase, extractor: Extractor) -> None:
    assert extractor.version
    assert extractor.version == case.open().version
