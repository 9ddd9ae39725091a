"""The import of PyMuPDF."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_UNUSED = ("pymupdf.layout", "pymupdf4llm")
"""Optional packages that `pymupdf` imports when they are installed."""

_LOADING = threading.Lock()


def load_pymupdf() -> Any:
    """Import `pymupdf` without its messages and without the packages that Magpie does not use.

    With them, the import takes 0.7 s of processor time instead of 0.1 and 100 MB more, because it loads a layout model
    for `page.get_layout()`. Magpie loads that model itself (`rag.extract.layout.analysis`).
    """
    with _LOADING:
        if "pymupdf" not in sys.modules:
            with _not_installed(_UNUSED):
                import pymupdf
            # A later import of pymupdf.layout loads the model unless a function is set.
            pymupdf._get_layout = _find_nothing
        import pymupdf
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf


@contextmanager
def _not_installed(packages: tuple[str, ...]) -> Iterator[None]:
    """Let imports of these packages raise ImportError during the `with` block."""
    absent = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is what the import system looks for
    try:
        yield
    finally:
        for package in absent:
            del sys.modules[package]


def _find_nothing(*_page: Any, **_options: Any) -> None:
    """Replace the function behind `page.get_layout()`, which Magpie does not use."""
