"""Reading of pictures with RapidOCR: PP-OCRv6 on onnxruntime, with the models that its package contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.adapters.rapidocr_tiles import (
    READABLE_SIDE,
    Crop,
    cut,
    find_small_print,
    merge_small_print,
    shrink,
    small_print_tiles,
)
from rag.adapters.rapidocr_turns import ReadText, Turner, turn_picture
from rag.errors import OperatorMustAct
from rag.model.extraction import Box, Line, Word

Picture: TypeAlias = NDArray[np.uint8]
"""Rows, columns, and blue, green, red."""

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNIZER = "PP-OCRv6_rec_small.onnx"
_CLASSIFIER = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"

_DETECT_SIDE = 960
"""Pixels of the long side that the detector gets. Lines are cut from the picture in full size and recognized."""

_MAX_SIDE = 100_000
"""The library would shrink a larger picture; ours already have the size at which they are recognized."""

_MIN_CONFIDENCE = 0.5
"""A line that is recognized with less confidence is not read."""

_MIN_LETTERS, _MIN_ASPECT = 0.65, 2.0
"""Letters per square of a line's height, and the width of a line in heights from which they count. Lines in scripts
that the model knows have 0.9 (letterspaced capitals) to 2.5, in scripts that it leaves out 0 to 0.6."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line with the confidence of the model, 0 to 1, and its length in heights.

    `is_read`: the model knows the letters of the line. Boxes are fractions of the picture.
    """

    line: Line
    confidence: float
    aspect: float
    is_read: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """The lines of a picture, and the picture as it was read: scaled down, and turned clockwise by `turn` degrees."""

    lines: tuple[ReadLine, ...]
    picture: Picture
    turn: int


def open_rapidocr(threads: int) -> RapidOcr:
    """Load the models; nothing is downloaded. Raise OperatorMustAct if the installed package lacks them."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    missing = [name for name in (_DETECTOR, _RECOGNIZER, _CLASSIFIER) if not (models / name).is_file()]
    if missing:
        raise OperatorMustAct(
            f"RapidOCR's model {missing[0]} is missing.",
            "Install rapidocr 3.10 again.",
        )
    engine = rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": _MAX_SIDE,
            "Global.return_word_box": True,
            # With only a version, RapidOCR would look for the model and might download it.
            "Det.model_path": str(models / _DETECTOR),
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            "Cls.model_path": str(models / _CLASSIFIER),
            "Rec.model_path": str(models / _RECOGNIZER),
            # A batch is padded to its longest line; one by one is 20 % faster on a CPU.
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": threads,
        }
    )
    return RapidOcr(engine)


class RapidOcr:
    """Reads lines of text; `engine` is a rapidocr.RapidOCR."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._turner = Turner(self._are_upside_down, self._recognize)

    def read(self, picture: Picture) -> Reading:
        """Return the lines of a picture of any size and of any of the four orientations."""
        small_print = find_small_print(picture)
        picture, cells = shrink(picture, small_print.side), small_print.cells
        base = shrink(picture, READABLE_SIDE)
        crops = self._detect(base)
        if turn := self._turner.picture_turn(crops):
            picture, base, cells = (turn_picture(one, turn) for one in (picture, base, cells))
            crops = self._detect(base)
        if base.shape != picture.shape:
            crops = [crop.scaled(picture.shape[1] / base.shape[1], picture.shape[0] / base.shape[0]) for crop in crops]
            tiles = [(tile, self._detect(cut(picture, tile))) for tile in small_print_tiles(picture, cells)]
            crops = merge_small_print(picture, crops, tiles)
        crops = self._turner.upright(crops)
        read = self._turner.second_look(crops, self._recognize([crop.image for crop in crops]))
        height, width = picture.shape[:2]
        lines = [self._line(crop, text, width, height) for crop, text in read]
        return Reading(tuple(lines), picture, turn)

    def _detect(self, picture: Picture) -> list[Crop]:
        """Return the lines that the detector finds, in pixels of this picture."""
        from rapidocr.main import RapidOCRError
        from rapidocr.utils.process_img import map_boxes_to_original, map_img_to_original

        prepared, operations = self._engine.preprocess_img(picture)
        try:
            images, found = self._engine.detect_and_crop(prepared, operations)
        except RapidOCRError:  # the picture has no text
            return []
        quads = map_boxes_to_original(found.boxes, operations, *picture.shape[:2])
        ratios = operations["preprocess"]
        images = map_img_to_original(images, ratios["ratio_h"], ratios["ratio_w"])
        return [Crop(quad, image) for quad, image in zip(quads, images, strict=True) if image.size]

    def _recognize(self, images: Sequence[Picture]) -> list[ReadText]:
        if not images:
            return []
        found = self._engine.recognize_txt([np.ascontiguousarray(image) for image in images])
        return [ReadText(*one) for one in zip(found.txts, map(float, found.scores), found.word_results, strict=True)]

    def _are_upside_down(self, images: Sequence[Picture]) -> list[float]:
        """Return the classifier's confidence, 0 to 1, that each line is upside down."""
        if not images:
            return []
        classify = self._engine._load_cls_model()  # the public call would classify every line of a page
        found = classify([np.ascontiguousarray(image) for image in images])
        return [float(score) if "180" in label else 1 - float(score) for label, score in found.cls_res]

    def _line(self, crop: Crop, read: ReadText, width: int, height: int) -> ReadLine:
        text, confidence, letters = read

        def to_box(corners: Any) -> Box:
            x, y = zip(*corners, strict=True)
            return Box(
                *(min(max(float(v), 0.0), 1.0) for v in (min(x) / width, min(y) / height)),
                *(min(max(float(v), 0.0), 1.0) for v in (max(x) / width, max(y) / height)),
            )

        box = to_box(crop.quad)
        pieces = [(part, to_box(crop.placed(quad))) for part, quad in self._pieces(crop, text, letters)]
        line = Line(_words(text, box, pieces, crop.turn), box, ocr=True, turn=crop.turn)
        aspect = crop.image.shape[1] / crop.image.shape[0]
        count = sum(not letter.isspace() for letter in text)
        has_letters = aspect < _MIN_ASPECT or count >= _MIN_LETTERS * aspect
        return ReadLine(line, confidence, aspect, bool(count) and confidence >= _MIN_CONFIDENCE and has_letters)

    def _pieces(self, crop: Crop, text: str, letters: Any) -> list[tuple[str, Any]]:
        """Return parts of a line and their corners in pixels, as the library places them."""
        from rapidocr.ch_ppocr_rec.typings import TextRecOutput

        if not text.strip() or not letters:
            return []
        read = TextRecOutput(imgs=[crop.image], txts=(text,), scores=(1.0,), word_results=(letters,))
        found = self._engine.calc_word_boxes([crop.image], np.array([crop.quad]), read)
        return [(part, quad) for line in found for part, _, quad in line]


def _words(text: str, line: Box, pieces: Sequence[tuple[str, Box]], turn: int) -> tuple[Word, ...]:
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
            box = _part_of_line(line, start / len(text), (start + len(token)) / len(text), turn)
        words.append(Word(token, box))
        start += len(token)
    return tuple(words)


def _part_of_line(line: Box, start: float, end: float, turn: int) -> Box:
    """Return the part of a line between two shares of its letters, in the direction in which it is read."""
    if turn in (90, 180):  # read upwards, or from right to left
        start, end = 1 - end, 1 - start
    width, height = line.x1 - line.x0, line.y1 - line.y0
    if turn in (90, 270):
        return Box(line.x0, line.y0 + start * height, line.x1, line.y0 + end * height)
    return Box(line.x0 + start * width, line.y0, line.x0 + end * width, line.y1)
