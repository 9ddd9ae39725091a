"""Words of pictures with RapidOCR's PP-OCR models, which lie in its wheel: nothing is downloaded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rag.model import Box, Line, Word

_LEAST_SURE = 0.5
"""Score below which a line is noise more often than words."""


def open_ocr(threads: int) -> RapidOcr:
    """OCR with so many onnxruntime threads. Loads its models, some 30 MB, when the first picture is read."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return RapidOcr(
        RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,  # lines upside down do not pay for 20 % of the time
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
    )


class RapidOcr:
    """Ocr on RapidOCR."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def read(self, picture: Path) -> list[Line]:
        from PIL import Image

        with Image.open(picture) as image:
            width, height = image.size
        found = self._engine(str(picture), return_word_box=True)
        if not found.txts:
            return []
        lines = []
        for text, corners, score, words in zip(found.txts, found.boxes, found.scores, found.word_results, strict=True):
            if score < _LEAST_SURE or not text.strip():
                continue
            box = _box(corners, width, height)
            made = tuple(
                Word(word, _box(place, width, height)) for word, _, place in words if word and place is not None
            )
            lines.append(Line(made or _by_share(text, box), box, ocr=True))
        return sorted(lines, key=lambda line: (line.box.y0, line.box.x0))


def _by_share(text: str, box: Box) -> tuple[Word, ...]:
    """Words of a line with only its own box, each as wide as its share of the letters."""
    words = []
    at, step = 0, (box.x1 - box.x0) / max(1, len(text))
    for word in text.split():
        at = text.index(word, at)
        words.append(Word(word, Box(box.x0 + at * step, box.y0, box.x0 + (at + len(word)) * step, box.y1)))
        at += len(word)
    return tuple(words)


def _box(corners: Any, width: int, height: int) -> Box:
    """The upright box around four corners, as fractions."""
    xs = [float(point[0]) for point in corners]
    ys = [float(point[1]) for point in corners]
    return Box(
        max(0.0, min(xs) / width), max(0.0, min(ys) / height), min(1.0, max(xs) / width), min(1.0, max(ys) / height)
    )
