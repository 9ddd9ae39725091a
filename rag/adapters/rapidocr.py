"""The port Ocr by RapidOCR: PP-OCRv6 on onnxruntime, with the models inside its wheel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import OperatorMustAct
from rag.model import Box, Line, Word

if TYPE_CHECKING:  # the reading process has no use for what ports imports
    from rag.ports import Ocr

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNISER = "PP-OCRv6_rec_small.onnx"

_DETECT_SIDE = 960
"""Pixels of the long side the detector sees. Lines are cut from the whole picture and recognised at its size."""

_SURE = 0.5
"""Recognition confidence below which a line is taken for no text."""


def open_ocr(threads: int) -> Ocr:
    """Load the models; nothing is downloaded. Raise OperatorMustAct when they are not where the wheel puts them."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    missing = [name for name in (_DETECTOR, _RECOGNISER) if not (models / name).is_file()]
    if missing:
        raise OperatorMustAct(f"RapidOCR came without its model {missing[0]}.", "Install rapidocr 3.10 again.")
    engine = rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            # Upside-down lines are rare, and each line would be asked.
            "Global.use_cls": False,
            "Global.text_score": _SURE,
            # Pictures come at the size they are to be read at.
            "Global.max_side_len": 4000,
            # Named outright: a model that is only known by version is looked up, and perhaps downloaded.
            "Det.model_path": str(models / _DETECTOR),
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            "Rec.model_path": str(models / _RECOGNISER),
            # A batch is padded to its longest line: one by one is a fifth faster on a processor.
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": threads,
        }
    )
    return RapidOcr(engine)


class RapidOcr:
    """Satisfies ports.Ocr; `engine` is a rapidocr.RapidOCR."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def read(self, picture: Path) -> list[Line]:
        found = self._engine(str(picture), return_word_box=True)
        if found.txts is None or found.img is None:
            return []
        height, width = found.img.shape[:2]
        pieces: Sequence[Any] = found.word_results or ()
        if len(pieces) != len(found.txts):  # the library leaves out lines it could not place
            pieces = [()] * len(found.txts)

        def boxed(corners: Any) -> Box:
            x, y = zip(*corners, strict=True)
            return Box(
                *(min(max(float(v), 0.0), 1.0) for v in (min(x) / width, min(y) / height)),
                *(min(max(float(v), 0.0), 1.0) for v in (max(x) / width, max(y) / height)),
            )

        lines = []
        for text, corners, parts in zip(found.txts, found.boxes, pieces, strict=True):
            box = boxed(corners)
            words = _words(text, box, [(part, boxed(quad)) for part, _, quad in parts])
            if words:
                lines.append(Line(words, box, ocr=True))
        return sorted(lines, key=lambda line: (line.box.y0, line.box.x0))


def _words(text: str, line: Box, pieces: Sequence[tuple[str, Box]]) -> tuple[Word, ...]:
    """The line's words, parted at spaces. The library parts at wide gaps and between Chinese letters, too."""
    words = []
    left = list(pieces)
    start = 0
    for token in text.split():
        own: list[tuple[str, Box]] = []
        while left and len("".join(part for part, _ in own)) < len(token):
            own.append(left.pop(0))
        start = text.index(token, start)
        if "".join(part for part, _ in own) == token:
            box = own[0][1]
            for _, other in own[1:]:
                box = box.union(other)
        else:
            box = _share(line, start / len(text), (start + len(token)) / len(text))
        words.append(Word(token, box))
        start += len(token)
    return tuple(words)


def _share(line: Box, start: float, end: float) -> Box:
    """A part of a line by its share of the letters."""
    width = line.x1 - line.x0
    return Box(line.x0 + start * width, line.y0, line.x0 + end * width, line.y1)
