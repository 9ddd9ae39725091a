"""Which lines of a region say what an answer says: those that are marked in its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer.numbers import numerals, plain
from rag.model import Box, Hit, Word
from rag.text import STOP_WORDS, split_words

_STEM = 6
_LEAST, _SHARE = 0.5, 0.5
"""What a line must share with a sentence at all, and as a share of what its best line does."""

_NUMBER = 2.0
"""What a number counts beside a word: it is what most answers turn on."""


def lines_that_say(lines: Sequence[str], said: Sequence[str]) -> list[bool]:
    """Of each line whether it says what one of these sentences does. A word counts the less, the more lines have it."""
    of_lines = [_words(line) for line in lines]
    marked = [False] * len(lines)
    for sentence in said:
        wanted = _words(sentence)
        weight = {
            word: (_NUMBER if word[0] == "#" else 1.0) / count
            for word in wanted
            if (count := sum(word in line for line in of_lines))
        }
        scores = [sum(weight[word] for word in line if word in weight) for line in of_lines]
        best = max(scores, default=0.0)
        for index, score in enumerate(scores):
            if best >= _LEAST and score >= _SHARE * best:
                marked[index] = True
    # What stands between two lines of a sentence belongs to it.
    return [mark or (0 < n < len(marked) - 1 and marked[n - 1] and marked[n + 1]) for n, mark in enumerate(marked)]


def _words(text: str) -> set[str]:
    text = plain(text)
    found = {f"#{value}" for one in numerals(text) for reading in one.readings for value in reading}
    for piece in split_words(text.casefold()):
        if not piece.isdigit() and len(piece) > 2 and piece not in STOP_WORDS:
            found.add(piece[:_STEM])
    return found


def with_lines(hit: Hit, words: Sequence[Word]) -> Hit:
    """A hit of a whole page with the lines of the page's words as its text and marks; otherwise as it is."""
    if hit.marks or not words:
        return hit
    lines: list[list[Word]] = []
    for word in words:
        if lines and _goes_on(lines[-1][-1].box, word.box):
            lines[-1].append(word)
        else:
            lines.append([word])
    text = "\n".join(" ".join(word.text for word in line) for line in lines)
    return replace(hit, text=text, marks=tuple(_around([word.box for word in line]) for line in lines))


def _goes_on(before: Box, box: Box) -> bool:
    """Whether a word stands in the same line as the one before it: further right, at about the same height."""
    return before.y0 < (box.y0 + box.y1) / 2 < before.y1 and box.x0 >= before.x0


def _around(boxes: Sequence[Box]) -> Box:
    box = boxes[0]
    for other in boxes[1:]:
        box = box.union(other)
    return box
