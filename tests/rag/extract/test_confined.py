"""The reading process in a container, and on a kernel without Landlock."""

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
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the container's filter is written for x86_64"
)
confined = pytest.mark.skipif(confinement_gap() is not None, reason=f"cannot confine here: {confinement_gap()}")
needs_office = pytest.mark.skipif(office_program("") is None, reason="LibreOffice is not installed")

_READ = """
import sys
from pathlib import Path
from rag.errors import Unreadable
from rag.extract.guarded import GuardedReader
from rag.settings import ReadSettings
reader = GuardedReader(ReadSettings(layout=False, ocr=False, render_px=400), None)
try:
    for name in sys.argv[2:]:
        try:
            reader.inspect(Path(name))
            page = reader.read(Path(name), 1, 1, Path(sys.argv[1]))[0]
            print(" ".join(block.text for block in page.blocks))
        except Unreadable as error:
            print(error, error.hint)
finally:
    reader.close()
"""


def read_in(container: str, into: Path, *files: Path) -> list[str]:
    """What is read of each file's first page, or why it is not, a line each."""
    command = [sys.executable, "-m", "tests.rag.sandbox.container", container, sys.executable, "-c", _READ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(into), *map(str, files)], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def pdf(folder: Path) -> Path:
    document = papers.new()
    papers.text_page(document, "Words of a PDF")
    return papers.save(document, folder / "a.pdf")


@on_x86
@confined
@needs_office
def test_reads_and_converts_where_namespaces_are_refused(tmp_path: Path, into: Path) -> None:
    word = office_files.docx(tmp_path / "b.docx", ["Words of a document"])
    read, converted = read_in("engine", into, pdf(tmp_path), word)
    assert "Words of a PDF" in read
    assert converted == "Words of a document"


@on_x86
@needs_office
def test_refuses_office_documents_alone_where_there_is_no_landlock(tmp_path: Path, into: Path) -> None:
    word = office_files.docx(tmp_path / "b.docx", ["Words of a document"])
    read, refused = read_in("old-kernel", into, pdf(tmp_path), word)
    assert "Words of a PDF" in read
    assert "the kernel has no Landlock" in refused
    assert "Export it as a PDF" in refused
