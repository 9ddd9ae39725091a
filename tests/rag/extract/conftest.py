from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.extract.guarded import GuardedExtractor
from rag.setting_groups import ReadSettings

ROOT = str(Path(__file__).parents[3])
"""The folder of the package `tests`, from which the child imports the fake OCR engines."""

if ROOT not in sys.path:
    sys.path.append(ROOT)


@pytest.fixture(scope="session")
def ink_extractor() -> Iterator[GuardedExtractor]:
    """An extractor with layout analysis, and with a fake Ocr that finds lines but recognizes no words."""
    extractor = GuardedExtractor(ReadSettings(render_px=800), "tests.support.ocr:open_ink")
    yield extractor
    extractor.close()


@pytest.fixture(scope="session")
def extractor() -> Iterator[GuardedExtractor]:
    """An extractor with layout analysis and RapidOCR."""
    extractor = GuardedExtractor(ReadSettings(render_px=1000), "rag.adapters.ocr:open_ocr")
    yield extractor
    extractor.close()


@pytest.fixture(scope="session")
def reader() -> Iterator[GuardedExtractor]:
    """An extractor without layout analysis and OCR, with a low limit for pictures."""
    settings = ReadSettings(layout=False, ocr=False, render_px=800, convert_seconds=20, max_megapixels=4)
    extractor = GuardedExtractor(settings, None)
    yield extractor
    extractor.close()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder
