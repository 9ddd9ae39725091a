"""OCR with RapidOCR: PP-OCRv6 on onnxruntime, with the models that its package contains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import OperatorMustAct
from rag.model import Box, Line, Word

if TYPE_CHECKING:  # not imported in the extraction process, because ports imports NumPy and SQLAlchemy
    from rag.ports import Ocr

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNIZER = "PP-OCRv6_rec_small.onnx"

_DETECT_SIDE = 960
"""Pixels of the long side that the detector gets. Lines are cut from the picture in full size and recognized."""

_MIN_CONFIDENCE = 0.5
"""Lines that are recognized with less confidence are ignored."""


def open_ocr(threads: int) -> Ocr:
    """Load the models; nothing is downloaded. Raise OperatorMustAct if the installed package lacks them."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    missing = [name for name in (_DETECTOR, _RECOGNIZER) if not (models / name).is_file()]
    if missing:
        raise OperatorMustAct(
            f"RapidOCR's model {missing[0]} is missing.",
            "Install rapidocr 3.10 again.",
        )
    engine = rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            # Upside-down lines are rare, and the classifier would run on each line.
            "Global.use_cls": False,
            "Global.text_score": _MIN_CONFIDENCE,
            # Pictures already have the size at which they are recognized.
            "Global.max_side_len": 4000,
            # With only a version, RapidOCR would look for the model and might download it.
            "Det.model_path": str(models / _DETECTOR),
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            "Rec.model_path": str(models / _RECOGNIZER),
            # A batch is padded to its longest line; one by one is 20 % faster on a CPU.
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": threads,
        }
    )
    return RapidOcr(engine)


class RapidOcr:
    """Implements ports.Ocr; `engine` is a rapidocr.RapidOCR."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def recognize(self, picture: Path) -> list[Line]:
        found = self._engine(str(picture), return_word_box=True)
        if found.txts is None or found.img is None:
            return []
        height, width = found.img.shape[:2]
        pieces: Sequence[Any] = found.word_results or ()
        if len(pieces) != len(found.txts):  # the library omits lines that it could not place
            pieces = [()] * len(found.txts)

        def to_box(corners: Any) -> Box:
            x, y = zip(*corners, strict=True)
            return Box(
                *(min(max(float(v), 0.0), 1.0) for v in (min(x) / width, min(y) / height)),
                *(min(max(float(v), 0.0), 1.0) for v in (max(x) / width, max(y) / height)),
            )

        lines = []
        for text, corners, parts in zip(found.txts, found.boxes, pieces, strict=True):
            box = to_box(corners)
            words = _words(text, box, [(part, to_box(quad)) for part, _, quad in parts])
            if words:
                lines.append(Line(words, box, ocr=True))
        return sorted(lines, key=lambda line: (line.box.y0, line.box.x0))


def _words(text: str, line: Box, pieces: Sequence[tuple[str, Box]]) -> tuple[Word, ...]:
    """Return the line's words, split at spaces. The library also splits at wide gaps and between Chinese letters."""
    words = []
    remaining = list(pieces)
    start = 0
    for token in text.split():
        own: list[tuple[str, Box]] = []
        while remaining and len("".join(part for part, _ in own)) < len(token):
            own.append(remaining.pop(0))
        start = text.index(token, start)
        if "".join(part for part, _ in own) == token:
            box = own[0][1]
            for _, other in own[1:]:
                box = box.union(other)
        else:
            box = _part_of_line(line, start / len(text), (start + len(token)) / len(text))
        words.append(Word(token, box))
        start += len(token)
    return tuple(words)


def _part_of_line(line: Box, start: float, end: float) -> Box:
    """Return the part of a line between two shares of its letters."""
    width = line.x1 - line.x0
    return Box(line.x0 + start * width, line.y0, line.x0 + end * width, line.y1)
