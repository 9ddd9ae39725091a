"""OCR in every script: RapidOCR, and Tesseract for the lines in scripts that RapidOCR's model does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rag.adapters.rapidocr import Picture, RapidOcr, Reading, ReadLine, open_rapidocr
from rag.adapters.rapidocr_turns import turn_picture
from rag.adapters.tesseract import BLOCK, Detected, ScoredLine, Tesseract
from rag.model.extraction import Box, Line, Note, Recognition
from rag.scripts import (
    GREEK,
    SCRIPTS,
    VIETNAMESE,
    Script,
    count_scripts,
    installed_models,
    models_for,
    package_of,
    tesseract_program,
)

if TYPE_CHECKING:  # not imported in the extraction process, because ports imports SQLAlchemy
    from rag.ports import Ocr

_OSD, _LATIN = "osd", "eng"

_MIN_UNREAD, _MIN_LENGTH = 0.25, 5.0
"""Lines that RapidOCR could not read are looked at if they are a larger share of the length of all lines and one is
longer than 5 heights: shorter ones are often signs, logos and textures."""

_SURE, _ACCEPTED, _DETECTED = 0.82, 0.78, 0.65
"""Tesseract's mean confidence from which no other script is tried, from which a script is taken, and from which it is
taken if script detection names it."""

_MIN_DETECTED = 1.5
_MIXED = 1.5
"""Two thirds of the letters at least are in the script that a line is in."""
_KEPT = 0.9
"""RapidOCR's confidence from which a line stays on a page in another script, where Tesseract read nothing."""

_SAMPLE_LINES = 4
_LINE_HEIGHT, _MAX_ENLARGED, _MAX_SIDE = 44, 2.5, 12_000
"""Height in pixels that Tesseract reads well; how much a picture is enlarged, and to which long side at most."""

_VIETNAMESE, _VIETNAMESE_SHARE = re.compile("[ơưƠƯ]"), 0.02
"""Letters of no other language that the model does know, and the share of words with one of them in Vietnamese."""
_LATIN_WORD = re.compile("[A-Za-z]{3,}")
_GREEK_WORD = re.compile("[α-ωά-ώ]{2,}")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_UNKNOWN = Note(
    "Some text was not recognized: it is handwritten, blurred, or in a script that needs a package such as"
    " tesseract-ocr-rus.",
    lost=True,
)
_UNKNOWN_WITHOUT = Note(
    "Some text was not recognized, probably because of its script: install tesseract-ocr, tesseract-ocr-osd and the"
    " package of its language, such as tesseract-ocr-rus.",
    lost=True,
)


class _Result(NamedTuple):
    script: Script
    lines: list[ScoredLine]
    confidence: float


def open_ocr(threads: int) -> Ocr:
    """Load the models of RapidOCR and look for Tesseract. Raise OperatorMustAct if a model is missing."""
    program = tesseract_program()
    installed = installed_models(program) if program else frozenset()
    tesseract = Tesseract(program, threads) if program and installed else None  # without models, it reads nothing
    return ScriptOcr(open_rapidocr(threads), tesseract, installed)


class ScriptOcr:
    """Implements ports.Ocr. `tesseract` is None where it is not installed; `installed` are the names of its models."""

    def __init__(self, rapidocr: RapidOcr, tesseract: Tesseract | None, installed: frozenset[str]) -> None:
        self._rapidocr = rapidocr
        self._tesseract = tesseract
        self._installed = installed

    def recognize(self, picture: Path) -> Recognition:
        from PIL import Image

        with Image.open(picture) as image:
            pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        reading = self._rapidocr.read(pixels)
        own = _own_script(reading.lines)
        if own is None and not _has_unread(reading.lines):
            return Recognition(_sorted(_read_lines(reading)), reading.turn)
        return self._by_script(reading, own, picture.parent)

    def _by_script(self, reading: Reading, own: Script | None, folder: Path) -> Recognition:
        """Return the lines as Tesseract reads them, if it has a model that does; else a note says what is missing."""
        detected = Detected(own, 0.0, 0, 0.0)
        if own is None and self._tesseract is not None and _OSD in self._installed:
            with _saved(_enlarged(reading), folder) as (path, _):
                detected = self._tesseract.detect(path)
            if detected.turn and detected.turn_confidence >= _MIN_DETECTED:
                reading = self._turned(reading, detected.turn)
        result = self._read(reading, detected, own, folder)
        if result is None:
            # Lines that are recognized with less confidence are probably in the unknown script too.
            lines = _read_lines(reading, _KEPT if own is None else 0.0)
            return Recognition(_sorted(lines), reading.turn, self._notes(detected, own))
        lines = _merge(reading.lines, result.lines, is_latin=result.script is VIETNAMESE)
        return Recognition(_sorted(lines), reading.turn)

    def _turned(self, reading: Reading, turn: int) -> Reading:
        again = self._rapidocr.read(turn_picture(reading.picture, turn))
        return Reading(again.lines, again.picture, (reading.turn + turn + again.turn) % 360)

    def _read(self, reading: Reading, detected: Detected, own: Script | None, folder: Path) -> _Result | None:
        """Return the page in the script that Tesseract reads best in the longest lines that RapidOCR can't read."""
        if self._tesseract is None:
            return None
        readable = [script for script in SCRIPTS if models_for(script, self._installed)]
        likely = [one for one in (own, detected.script) if one is not None and models_for(one, self._installed)]
        has_latin = any(one.confidence >= _SURE and _LATIN_WORD.search(one.line.text) for one in reading.lines)
        best: _Result | None = None
        with _saved(_sample(reading), folder) as (path, size):
            for script in likely if own is not None else dict.fromkeys([*likely, *readable]):
                found = self._read_in(script, path, size, BLOCK, has_latin=has_latin)
                if best is None or found.confidence > best.confidence:
                    best = found
                if found.confidence >= _SURE:
                    break
        if best is None or best.confidence < (_DETECTED if best.script in likely else _ACCEPTED):
            return None
        with _saved(_enlarged(reading), folder) as (path, size):
            return self._read_in(best.script, path, size, has_latin=has_latin)

    def _read_in(self, script: Script, path: Path, size: tuple[int, int], *mode: str, has_latin: bool) -> _Result:
        assert self._tesseract is not None
        models = models_for(script, self._installed)
        if has_latin and _LATIN in self._installed:
            models.append(_LATIN)
        lines = self._tesseract.read(path, size, models, *mode)
        text = "".join(one.line.text for one in lines)
        letters = sum(letter.isalpha() for letter in text)
        share = count_scripts(text).get(script.name, 0) / letters if letters else 0.0
        weight = sum(len(one.line.text) for one in lines)
        mean = sum(len(one.line.text) * one.confidence for one in lines) / weight if weight else 0.0
        return _Result(script, lines, mean if script is VIETNAMESE else mean * min(1.0, _MIXED * share))

    def _notes(self, detected: Detected, own: Script | None) -> tuple[Note, ...]:
        if own is not None:
            return (Note(f"Text in {own.name} was only partly recognized: install {package_of(own)}.", lost=True),)
        script = detected.script if detected.confidence >= _MIN_DETECTED else None
        if script is not None and not models_for(script, self._installed):
            return (Note(f"Text in {script.name} was not recognized: install {package_of(script)}.", lost=True),)
        return (_UNKNOWN if _OSD in self._installed else _UNKNOWN_WITHOUT,)


def _read_lines(reading: Reading, min_confidence: float = 0.0) -> list[Line]:
    return [one.line for one in reading.lines if one.is_read and one.confidence >= min_confidence]


def _sorted(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(sorted((line for line in lines if line.words), key=lambda line: (line.box.y0, line.box.x0)))


def _own_script(lines: Sequence[ReadLine]) -> Script | None:
    """Return Greek or Vietnamese if the text is in it: RapidOCR reads these with letters left out."""
    texts = [one.line.text for one in lines if one.is_read]
    words = [word for text in texts for word in text.split()]
    if sum(bool(_VIETNAMESE.search(word)) for word in words) > _VIETNAMESE_SHARE * len(words):
        return VIETNAMESE
    greek = sum(len(word) for text in texts for word in _GREEK_WORD.findall(text))
    return GREEK if greek > sum(letter.isalpha() for text in texts for letter in text) / 2 else None


def _has_unread(lines: Sequence[ReadLine]) -> bool:
    unread = [one.aspect for one in lines if not one.is_read]
    return max(unread, default=0.0) >= _MIN_LENGTH and sum(unread) >= _MIN_UNREAD * sum(one.aspect for one in lines)


def _merge(lines: Sequence[ReadLine], found: Sequence[ScoredLine], *, is_latin: bool) -> list[Line]:
    """Return Tesseract's lines, and RapidOCR's where Tesseract read nothing, or where they have ideographs."""
    kept = [
        one.line
        for one in lines
        if one.is_read and one.confidence >= _KEPT and (_IDEOGRAPH.search(one.line.text) or one.line.turn)
    ]
    sure = [
        one.line
        for one in found
        if one.confidence >= _DETECTED and not any(_are_same(one.line.box, line.box) for line in kept)
    ]
    rest = [
        one.line
        for one in lines
        if one.is_read
        and (one.confidence >= _KEPT or is_latin)
        and one.line not in kept
        and not any(_are_same(one.line.box, line.box) for line in sure)
    ]
    return [*kept, *sure, *rest]


def _are_same(a: Box, b: Box) -> bool:
    return a.intersection(b) >= 0.4 * min(a.area, b.area)


def _pixels(box: Box, picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    rows = slice(int(box.y0 * height), max(int(box.y0 * height) + 1, round(box.y1 * height)))
    columns = slice(int(box.x0 * width), max(int(box.x0 * width) + 1, round(box.x1 * width)))
    return picture[rows, columns]


def _sample(reading: Reading) -> Picture:
    """Return the longest lines that were not read, below each other; without any, the longest lines."""
    import cv2

    candidates = [one for one in reading.lines if not one.is_read] or list(reading.lines)
    longest = sorted(candidates, key=lambda one: one.aspect)[-_SAMPLE_LINES:]
    parts = []
    for part in (_pixels(one.line.box, reading.picture) for one in longest if not one.line.turn):
        scale = _LINE_HEIGHT / part.shape[0]
        scaled = cv2.resize(part, (max(1, round(part.shape[1] * scale)), _LINE_HEIGHT), interpolation=cv2.INTER_CUBIC)
        parts.append(np.pad(scaled, ((12, 12), (24, 24), (0, 0)), mode="edge"))
    if not parts:
        return reading.picture
    width = max(part.shape[1] for part in parts)
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), mode="edge") for part in parts]
    return np.ascontiguousarray(np.concatenate(padded))


def _enlarged(reading: Reading) -> Picture:
    """Return the picture at a size at which its lines are high enough for Tesseract."""
    import cv2

    height, width = reading.picture.shape[:2]
    heights = sorted((one.line.box.y1 - one.line.box.y0) * height for one in reading.lines)
    middle = heights[len(heights) // 2] if heights else _LINE_HEIGHT
    scale = min(_MAX_ENLARGED, _LINE_HEIGHT / max(1.0, middle), _MAX_SIDE / max(width, height))
    if 0.8 < scale < 1.2:
        return reading.picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(reading.picture, size, interpolation=method), dtype=np.uint8)


@contextmanager
def _saved(picture: Picture, folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the path of a file with the picture, deleted afterwards, and its width and height."""
    from PIL import Image

    path = folder / "script.bmp"
    Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1])).save(path, "BMP")
    try:
        yield path, (picture.shape[1], picture.shape[0])
    finally:
        path.unlink()
