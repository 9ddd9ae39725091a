"""The import of PyMuPDF, in a new process, where nothing has imported it before."""

from __future__ import annotations

import subprocess
import sys

LIBRARY = """
import sys

from rag.extract.mupdf import load_pymupdf

pymupdf = load_pymupdf()
with pymupdf.open() as document:
    document.new_page().insert_text((72, 72), "harbor")
    print(document[0].get_text().strip(), pymupdf is load_pymupdf())
print([name for name in ("onnxruntime", "pymupdf.layout", "pymupdf4llm") if name in sys.modules])
"""

SESSIONS = """
import onnxruntime

created = []

class Session(onnxruntime.InferenceSession):
    def __init__(self, *arguments, **options):
        created.append(self)
        super().__init__(*arguments, **options)

onnxruntime.InferenceSession = Session

from rag.extract.layout.analysis import open_layout
from rag.extract.mupdf import load_pymupdf

for number in (1, 2):
    layout, problem = open_layout(load_pymupdf(), 1)
    print(problem, layout.model.session in created, len(created) / number)
"""


def output(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_library_is_loaded_without_unused_packages() -> None:
    assert output(LIBRARY) == ["harbor True", "[]"]


def test_only_our_own_layout_model_is_loaded() -> None:
    first, second = output(SESSIONS)
    assert first == second, "the first layout model brought sessions that are not its own"
    assert first.startswith(" True ")
