from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.extract.guarded import GuardedReader
from rag.settings import ReadSettings

ROOT = str(Path(__file__).parents[3])
"""Where `tests` lies. The child imports the fakes by what this process can import."""

if ROOT not in sys.path:
    sys.path.append(ROOT)


@pytest.fixture(scope="session")
def ink_reader() -> Iterator[GuardedReader]:
    """With layout, and with the Ocr that sees ink but cannot read."""
    reader = GuardedReader(ReadSettings(render_px=800), "tests.support.ocr:open_ink")
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def reader() -> Iterator[GuardedReader]:
    """The real thing."""
    reader = GuardedReader(ReadSettings(render_px=1000), "rag.adapters.rapidocr:open_ocr")
    yield reader
    reader.close()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder
