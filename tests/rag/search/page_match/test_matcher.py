"""The page that a picture shows is found among all pages of a scope, however many it has."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from PIL import Image

from rag import Scope, Settings
from rag.catalog import Catalog
from rag.model.extraction import Attachments, ExtractedPage, Inspection, TextSource
from rag.search.page_match.matcher import PageMatcher
from tests.rag.search.page_match.drawn import cut, page_picture
from tests.support.absent import NoEmbedder
from tests.support.extractor import InProcess
from tests.support.migrated import open_rag
from tests.support.store import FakeStore

PAGES = 5
PART = (0.05, 0.1, 0.95, 0.55)


class ChartExtractor(InProcess):
    """Satisfies ports.Extractor for a file whose pages have charts and no words."""

    version = "charts-1"

    def inspect(self, path: Path) -> Inspection:
        return Inspection("application/pdf", PAGES, None)

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        return Attachments(())

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        yield from ()

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        for number in range(first, last + 1):
            Image.fromarray(page_picture(number, 100, words=False)).save(into / f"p{number}.jpg", quality=90)
        numbers = range(first, last + 1)
        return [ExtractedPage(number, None, 595, 842, TextSource.NONE, (), f"p{number}.jpg") for number in numbers]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts")
    (folder / "charts.pdf").write_text("charts")
    settings = Settings(data=folder / "data", answer={"model": ""}, text={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=ChartExtractor, embedder=NoEmbedder(), store=FakeStore()) as rag:
        rag.index([folder / "charts.pdf"])
    return folder / "data"


@pytest.fixture(scope="module")
def catalog(data: Path) -> Iterator[Catalog]:
    catalog = Catalog(data)
    yield catalog
    catalog.close()


@pytest.mark.parametrize("max_pages", [PAGES, PAGES - 1, 0])
@pytest.mark.parametrize("dark", [False, True])
def test_page_is_found_whether_all_are_compared_or_those_with_most_keys(
    catalog: Catalog, data: Path, tmp_path: Path, max_pages: int, dark: bool
) -> None:
    whole = page_picture(3, 130, words=False)
    cut(255 - whole if dark else whole, PART).save(tmp_path / "shown.png")
    matcher = PageMatcher(catalog, data, max_pages)
    assert [number for _, number in matcher.match(tmp_path / "shown.png", (), Scope.operator()).matches] == [3]
    assert not matcher.match(tmp_path / "shown.png", (), Scope.of("C1")).matches


def test_picture_of_no_page_is_not_found(catalog: Catalog, data: Path, tmp_path: Path) -> None:
    cut(page_picture(99, 130, words=False), PART).save(tmp_path / "other.png")
    assert not PageMatcher(catalog, data, 0).match(tmp_path / "other.png", (), Scope.operator()).matches
