"""Recognition of one script with Tesseract, run as a child process on a picture of pixels."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from rag.model.extraction import Box, Line, Word
from rag.sandbox import child_environment
from rag.scripts import SCRIPTS, Script

_SECONDS = 30
"""Time limit for one picture; a page of dense text takes 3 to 8 s."""

_WORD_LEVEL = "5"

AUTO, BLOCK = "3", "6"
"""Page segmentation modes: find columns and blocks; one block of lines."""

_OUTPUTS = ("-c", "tessedit_create_tsv=1", "-c", "tessedit_create_txt=1")
"""Not their configuration files: a folder of downloaded models has none."""

_SCRIPT = re.compile(r"Script: (\w+)\s+Script confidence: ([\d.]+)")
_ROTATE = re.compile(r"Rotate: (\d+)\s+Orientation confidence: ([\d.]+)")


class Detected(NamedTuple):
    """The script that Tesseract detects (None: Latin, Chinese, Japanese, or unknown), and how the picture is turned.

    `turn`: degrees clockwise. Confidences start at 0; from 1.5 on, the results are usually right.
    """

    script: Script | None
    confidence: float
    turn: int
    turn_confidence: float


class ScoredLine(NamedTuple):
    """A line with the mean confidence of its words, 0 to 1."""

    line: Line
    confidence: float


class Tesseract:
    """Runs `program`, an absolute path, with at most `threads` threads."""

    def __init__(self, program: str, threads: int) -> None:
        self._program = program
        self._threads = threads

    def detect(self, picture: Path) -> Detected:
        """Return script and orientation of a picture. The model `osd` must be installed."""
        output = self._run(picture, "--psm", "0", "-c", "min_characters_to_try=5")
        script, turn = _SCRIPT.search(output), _ROTATE.search(output)
        known = next((one for one in SCRIPTS if script and script[1] in one.detected), None)
        return Detected(
            known, float(script[2]) if script else 0.0, int(turn[1]) % 360 if turn else 0, float(turn[2]) if turn else 0
        )

    def read(self, picture: Path, size: tuple[int, int], models: Sequence[str], mode: str = AUTO) -> list[ScoredLine]:
        """Return the lines of a picture of this width and height; [] if Tesseract fails or takes too long."""
        base = picture.with_suffix(".read")
        table, plain = Path(f"{base}.tsv"), Path(f"{base}.txt")
        try:
            self._run(picture, "-l", "+".join(models), "--psm", mode, *_OUTPUTS, output=str(base))
            if not table.is_file() or not plain.is_file():
                return []
            rows = table.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
            texts = [line for line in plain.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        finally:
            table.unlink(missing_ok=True)
            plain.unlink(missing_ok=True)
        lines: dict[tuple[str, ...], list[tuple[Word, float]]] = {}
        for row in rows:
            level, *place, _, left, top, width, height, confidence, text = row.split("\t", 11)
            if level == _WORD_LEVEL and text.strip():
                corners = (int(left), int(top), int(left) + int(width), int(top) + int(height))
                word = Word(text.strip(), _box(corners, size))
                lines.setdefault(tuple(place), []).append((word, float(confidence) / 100))
        spelled = {"".join(text.split()): text for text in texts}
        return [_line(words, spelled) for words in lines.values()]

    def _run(self, picture: Path, *options: str, output: str = "stdout") -> str:
        try:
            found = subprocess.run(
                [self._program, str(picture), output, *options],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                env=child_environment({"OMP_THREAD_LIMIT": str(self._threads), "LC_ALL": "C.UTF-8"}),
                cwd=picture.parent,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return ""
        return found.stdout.decode("utf-8", "replace")


def _box(corners: tuple[int, int, int, int], size: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = corners
    width, height = size
    return Box(*(min(max(value, 0.0), 1.0) for value in (x0 / width, y0 / height, x1 / width, y1 / height)))


def _line(pieces: Sequence[tuple[Word, float]], spelled: Mapping[str, str]) -> ScoredLine:
    """Return a line of words. `spelled` has the lines with their spaces by their letters.

    In Thai, Korean and other scripts, Tesseract's table has syllables instead of words.
    """
    words = [word for word, _ in pieces]
    words = _spaced(words, spelled.get("".join(word.text for word in words), "").split()) or words
    letters = sum(len(word.text) for word, _ in pieces)
    confidence = sum(len(word.text) * score for word, score in pieces) / letters
    return ScoredLine(Line(tuple(words), _around(words), ocr=True), confidence)


def _around(words: Sequence[Word]) -> Box:
    return reduce(Box.union, (word.box for word in words))


def _spaced(pieces: Sequence[Word], texts: Sequence[str]) -> list[Word]:
    """Return words with these texts, each with the box around its pieces; [] if a piece is in two words."""
    starts = {0, *accumulate(len(piece.text) for piece in pieces)}
    ends = list(accumulate(len(text) for text in texts))
    if not starts.issuperset(ends):
        return []
    index = {start: number for number, start in enumerate(sorted(starts))}
    return [
        Word(text, _around(pieces[index[end - len(text)] : index[end]])) for text, end in zip(texts, ends, strict=True)
    ]
