"""What every reader must do: the one of plain text, and the guarded process with PyMuPDF."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pymupdf
import pytest

from rag.errors import Unreadable
from rag.extract.guarded import GuardedReader
from rag.ports import Reader
from rag.settings import ReadSettings
from tests.support.reader import TextReader


class Kind(NamedTuple):
    """A reader, and how a file for it is written and spoilt."""

    open: Callable[[], Reader]
    write: Callable[[Path, list[str]], None]
    unreadable: bytes


def write_text(path: Path, pages: list[str]) -> None:
    path.write_text("\f".join(pages))


def write_pdf(path: Path, pages: list[str]) -> None:
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 90), text)
        document.save(path)


KINDS = {
    "fake": Kind(TextReader, write_text, b"!unreadable"),
    "guarded": Kind(
        lambda: GuardedReader(ReadSettings(ocr=False, render_px=400), None), write_pdf, b"%PDF-1.7 and no more"
    ),
}


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def reader(kind: Kind) -> Iterator[Reader]:
    reader = kind.open()
    yield reader
    reader.close()


@pytest.fixture
def path(kind: Kind, tmp_path: Path) -> Path:
    path = tmp_path / "file"
    kind.write(path, [f"These are the words of page {number}" for number in range(1, 6)])
    return path


def test_a_range_is_read_with_its_own_numbers_and_pictures(reader: Reader, path: Path, tmp_path: Path) -> None:
    assert reader.inspect(path).page_count == 5
    pages = reader.read(path, 2, 4, tmp_path)
    assert [page.number for page in pages] == [2, 3, 4]
    for page in pages:
        assert page.error is None
        assert f"page {page.number}" in " ".join(block.text for block in page.blocks)
        assert page.render is not None
        assert (tmp_path / page.render).is_file()


def test_boxes_are_fractions_of_the_page(reader: Reader, path: Path, tmp_path: Path) -> None:
    for page in reader.read(path, 1, 5, tmp_path):
        boxes = [box for block in page.blocks for line in block.lines for box in (block.box, line.box)]
        assert boxes
        for box in boxes:
            assert 0 <= box.x0 <= box.x1 <= 1
            assert 0 <= box.y0 <= box.y1 <= 1


def test_what_cannot_be_read_says_why_and_the_next_file_is_read(
    kind: Kind, reader: Reader, path: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(kind.unreadable)
    with pytest.raises(Unreadable) as raised:
        reader.inspect(spoilt)
    assert raised.value.hint
    assert len(reader.read(path, 5, 5, tmp_path)) == 1


def test_the_version_names_the_way_of_reading(kind: Kind, reader: Reader) -> None:
    assert reader.version
    assert reader.version == kind.open().version
