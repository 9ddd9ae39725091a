"""Tests of the extraction process in a container and on a kernel without Landlock."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rag.extract.convert.libreoffice import office_program
from rag.sandbox import confinement_gap
from tests.rag.extract import office_files, papers

ROOT = Path(__file__).parents[3]
on_x86 = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the container filter supports only x86_64"
)
confined = pytest.mark.skipif(confinement_gap() is not None, reason=f"cannot confine here: {confinement_gap()}")
needs_office = pytest.mark.skipif(office_program("") is None, reason="LibreOffice is not installed")

_EXTRACT = """
import sys
from pathlib import Path
from rag.errors import Unreadable
from rag.extract.guarded import GuardedExtractor
from rag.setting_groups import ReadSettings
extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
try:
    for name in sys.argv[2:]:
        try:
            extractor.inspect(Path(name))
            page = extractor.extract(Path(name), 1, 1, Path(sys.argv[1]))[0]
            print(" ".join(block.text for block in page.blocks))
        except Unreadable as error:
            print(error, error.hint)
finally:
    extractor.close()
"""


def extract_in(container: str, into: Path, *files: Path) -> list[str]:
    """Return one line per file: the text of its first page, or the reason why it is refused."""
    command = [sys.executable, "-m", "tests.rag.sandbox.container", container, sys.executable, "-c", _EXTRACT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [*command, str(into), *map(str, files)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def pdf(folder: Path) -> Path:
    document = papers.new()
    papers.text_page(document, "Words of a PDF")
    return papers.save(document, folder / "a.pdf")


@on_x86
@confined
@needs_office
def test_extracts_and_converts_without_namespaces(tmp_path: Path, into: Path) -> None:
    word = office_files.docx(tmp_path / "b.docx", ["Words of a document"])
    read, converted = extract_in("engine", into, pdf(tmp_path), word)
    assert "Words of a PDF" in read
    assert converted == "Words of a document"


@on_x86
@needs_office
def test_reads_only_the_text_of_office_documents_without_landlock(tmp_path: Path, into: Path) -> None:
    word = office_files.docx(tmp_path / "b.docx", ["Words of a document"])
    read, text = extract_in("old-kernel", into, pdf(tmp_path), word)
    assert "Words of a PDF" in read
    assert "Words of a document" in text
