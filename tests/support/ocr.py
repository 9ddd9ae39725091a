"""An Ocr that returns a line with the word "ink" for each band of dark rows.

The reading process imports it by its dotted path. Other factories fail on a picture with red ink: `open_aborting`
ends the process, `open_hanging` never returns, `open_hungry` allocates memory without end, and `open_raising` raises.
`open_lying` returns a line outside the page, `open_broken` raises when it is opened, and `open_without_layout` hides
the layout model.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from rag.model.extraction import Box, Line, Recognition, Word
from rag.ports import Ocr

_DARK = 128


class InkOcr:
    """Satisfies ports.Ocr. `on_red` is called before a picture with red ink is read."""

    def __init__(self, on_red: Callable[[], None] | None = None) -> None:
        self._on_red = on_red

    def recognize(self, picture: Path) -> Recognition:
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        if self._on_red is not None and bool(((red > 200) & (green < 60) & (blue < 60)).any()):
            self._on_red()
        dark = pixels.mean(axis=2) < _DARK
        height, width = dark.shape
        lines = []
        edges = np.flatnonzero(np.diff(np.concatenate(([0], dark.any(axis=1).astype(int), [0]))))
        for top, bottom in zip(edges[::2], edges[1::2], strict=True):
            columns = np.flatnonzero(dark[top:bottom].any(axis=0))
            box = Box(columns[0] / width, top / height, (columns[-1] + 1) / width, bottom / height)
            lines.append(Line((Word("ink", box),), box, ocr=True))
        return Recognition(tuple(lines))


def open_ink(threads: int) -> Ocr:
    return InkOcr()


def open_aborting(threads: int) -> Ocr:
    return InkOcr(os.abort)


def open_hanging(threads: int) -> Ocr:
    def hang() -> None:
        threading.Event().wait()

    return InkOcr(hang)


def open_hungry(threads: int) -> Ocr:
    def allocate() -> None:
        blocks = []
        while True:
            blocks.append(np.ones(1 << 26))

    return InkOcr(allocate)


def open_raising(threads: int) -> Ocr:
    def fail() -> None:
        raise ValueError("red is not my color")

    return InkOcr(fail)


class _LyingOcr(InkOcr):
    def recognize(self, picture: Path) -> Recognition:
        return Recognition((Line((Word("far", Box(0.5, 0.5, 7.0, 0.6)),), Box(0.5, 0.5, 7.0, 0.6), ocr=True),))


def open_lying(threads: int) -> Ocr:
    return _LyingOcr()


def open_broken(threads: int) -> Ocr:
    raise FileNotFoundError("the model is not there")


def open_without_layout(threads: int) -> Ocr:
    """Return an Ocr in a process whose PyMuPDF has another layout model than the one that Magpie uses."""
    sys.modules["pymupdf.layout.onnx.BoxRFDGNN"] = ModuleType("pymupdf.layout.onnx.BoxRFDGNN")
    return InkOcr()
