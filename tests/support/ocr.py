"""An Ocr that sees ink but cannot read: each band of dark rows is a line of one word, "ink".

The reading process imports it by its dotted path. The other factories misbehave on a picture whose ink is red:
`open_aborting` ends the process, `open_hanging` never answers, `open_hungry` eats memory, `open_raising` raises,
`open_lying` says something that is no line of a page, `open_broken` cannot be opened at all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from rag.model import Box, Line, Word
from rag.ports import Ocr

_DARK = 128


class InkOcr:
    """Satisfies ports.Ocr; `on_red` is called first when there is red ink in the picture."""

    def __init__(self, on_red: Callable[[], None] | None = None) -> None:
        self._on_red = on_red

    def recognize(self, picture: Path) -> list[Line]:
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
        return lines


def open_ink(threads: int) -> Ocr:
    return InkOcr()


def open_aborting(threads: int) -> Ocr:
    return InkOcr(os.abort)


def open_hanging(threads: int) -> Ocr:
    def hang() -> None:
        threading.Event().wait()

    return InkOcr(hang)


def open_hungry(threads: int) -> Ocr:
    def eat() -> None:
        eaten = []
        while True:
            eaten.append(np.ones(1 << 26))

    return InkOcr(eat)


def open_raising(threads: int) -> Ocr:
    def fail() -> None:
        raise ValueError("red is not my colour")

    return InkOcr(fail)


class _LyingOcr(InkOcr):
    def recognize(self, picture: Path) -> list[Line]:
        return [Line((Word("far", Box(0.5, 0.5, 7.0, 0.6)),), Box(0.5, 0.5, 7.0, 0.6), ocr=True)]


def open_lying(threads: int) -> Ocr:
    return _LyingOcr()


def open_broken(threads: int) -> Ocr:
    raise FileNotFoundError("the model is not there")
