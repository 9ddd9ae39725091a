"""Turned text: the orientation of a picture and of its lines, by a classifier and by what can be recognized."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.adapters.rapidocr_tiles import Crop

Picture: TypeAlias = NDArray[np.uint8]

_SAMPLE = 9
"""Number of lines, the longest ones, that decide on the orientation of a picture."""

_TALL = 1.5
"""A line that is higher than this multiple of its width is turned before it is recognized, as the library does."""

_UPSIDE_DOWN = 0.9
_DOUBTFUL = 0.8
"""Lines that are recognized with less confidence than this are classified, and read again when upside down."""

_MIN_GAIN = 2.0
"""How much more must be recognized in turned lines than in lines as they are, to turn the picture."""

_MIN_TURNED = 0.86
"""The lowest mean confidence of lines that are turned. Upside-down text in an unknown script has just over 0.8."""

_IDEOGRAPHS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")


def turn_picture(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return the picture turned clockwise by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(picture, -turn // 90))


def is_tall(crop: Crop) -> bool:
    """Return whether a line is vertical on the picture; its `image` is then turned counterclockwise."""
    quad = crop.quad
    width = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3]))
    height = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    return bool(height >= _TALL * width)


class ReadText(NamedTuple):
    """What the model reads in a line, its confidence, 0 to 1, and where the library places the letters."""

    text: str
    confidence: float
    letters: Any


@dataclass(frozen=True, slots=True)
class Turner:
    """Finds how pictures and lines are turned. `are_upside_down` returns its confidence, 0 to 1, for each line."""

    are_upside_down: Callable[[Sequence[Picture]], list[float]]
    recognize: Callable[[Sequence[Picture]], list[ReadText]]

    def picture_turn(self, crops: Sequence[Crop]) -> int:
        """Return the degrees clockwise by which a picture must be turned so that most of its lines are upright.

        Only when the sample seems to be turned, it is recognized twice, to be sure. 0 for vertical Chinese or Japanese.
        """
        tall = [crop for crop in crops if is_tall(crop)]
        sideways = sum(map(_length, tall)) > sum(_length(crop) for crop in crops if not is_tall(crop))
        sample = sorted(tall if sideways else (one for one in crops if not is_tall(one)), key=_length)[-_SAMPLE:]
        images = [crop.image for crop in sample]
        doubts = self.are_upside_down(images)
        if not sideways and sum(doubts) * 2 <= len(doubts):
            return 0
        as_they_are, turned = self._evidence(images), self._evidence([image[::-1, ::-1] for image in images])
        if not sideways:
            return 180 if turned.amount >= _MIN_GAIN * as_they_are.amount and turned.is_sure else 0
        best = max(as_they_are, turned, key=lambda one: one.amount)
        if not best.is_sure or (best.ideographs and self._are_columns(images)):
            return 0
        return 270 if best is as_they_are else 90

    def upright(self, crops: Sequence[Crop]) -> list[Crop]:
        """Return the lines with vertical ones turned so that they can be read, except columns of ideographs."""
        tall = [index for index, crop in enumerate(crops) if is_tall(crop)]
        turned = list(crops)
        for index, doubt in zip(tall, self.are_upside_down([crops[index].image for index in tall]), strict=True):
            crop = crops[index]
            if doubt > 0.5:
                turned[index] = replace(crop, image=crop.image[::-1, ::-1], turn=90)
            elif not self._are_columns([crop.image]):
                turned[index] = replace(crop, turn=270)
        return turned

    def second_look(self, crops: Sequence[Crop], read: Sequence[ReadText]) -> list[tuple[Crop, ReadText]]:
        """Return the lines with what was read in them; lines that are upside down are turned and read again."""
        results = list(zip(crops, read, strict=True))
        doubtful = [
            index
            for index, (crop, one) in enumerate(results)
            if one.confidence < _DOUBTFUL and not is_tall(crop) and _length(crop) >= 2 * crop.image.shape[0]
        ]
        doubts = self.are_upside_down([crops[index].image for index in doubtful])
        turned = [index for index, doubt in zip(doubtful, doubts, strict=True) if doubt >= _UPSIDE_DOWN]
        images = [crops[index].image[::-1, ::-1] for index in turned]
        for index, image, again in zip(turned, images, self.recognize(images), strict=True):
            if again.confidence >= _MIN_TURNED and _amount(again) >= _MIN_GAIN * _amount(read[index]):
                results[index] = replace(crops[index], image=image, turn=180), again
        return results

    def _evidence(self, images: Sequence[Picture]) -> _Evidence:
        read = self.recognize(images)
        total = sum(_count(one.text) for one in read)
        mean = sum(_count(one.text) * one.confidence for one in read) / total if total else 0.0
        ideographs = sum(_is_ideograph(letter) for one in read for letter in one.text)
        return _Evidence(sum(map(_amount, read)), mean >= _MIN_TURNED and total >= 2, ideographs * 2 > total)

    def _are_columns(self, images: Sequence[Picture]) -> bool:
        """Return whether vertical lines are columns of upright letters: read again with the letters side by side."""
        as_they_are = self._evidence(images)
        if not as_they_are.ideographs:
            return False
        beside = self._evidence([_side_by_side(image) for image in images])
        return beside.ideographs and beside.amount >= 0.5 * as_they_are.amount


@dataclass(frozen=True, slots=True)
class _Evidence:
    """How much was recognized: letters weighted by confidence. `ideographs`: most of the letters are ideographs."""

    amount: float
    is_sure: bool
    ideographs: bool


def _count(text: str) -> int:
    return sum(not letter.isspace() for letter in text)


def _amount(read: ReadText) -> float:
    """Return the number of letters, weighted by confidence: garbage has half the confidence of text."""
    return _count(read.text) * read.confidence**2


def _length(crop: Crop) -> float:
    return float(crop.image.shape[1])


def _is_ideograph(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_IDEOGRAPHS)


def _side_by_side(image: Picture) -> Picture:
    """Return the letters of a column, whose picture was turned counterclockwise, upright and side by side."""
    height, width = image.shape[:2]
    count = max(1, round(width / height))
    edges = [round(i * width / count) for i in range(count + 1)]
    cells = [np.rot90(image[:, left:right], -1) for left, right in pairwise(edges)]
    size = min(cell.shape[0] for cell in cells)
    return np.ascontiguousarray(np.concatenate([cell[:size] for cell in cells], axis=1))
