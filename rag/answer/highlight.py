"""Find the lines of a region that support the answer's sentences, to mark them in the evidence picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise

from rag.analysis.content import content_tokens, language_of
from rag.answer.numbers import find_numerals, normalize_text
from rag.model.extraction import Box, Word
from rag.model.search import Hit
from rag.text import broken_words

_MIN_SCORE, _MIN_SHARE = 0.5, 0.5
"""A line is marked if its score is at least this, and at least this share of the best line's score."""

_NUMBER_WEIGHT = 2.0
"""Weight of a number, relative to a word: most answers are about one."""


def match_lines(lines: Sequence[str], sentences: Sequence[str]) -> list[bool]:
    """Return for each line whether it supports one of the sentences.

    A line is scored by the words and numbers it shares with a sentence; each counts less the more lines have it.
    """
    language = language_of("\n".join(lines))
    line_terms = [_terms(line, language) for line in lines]
    for number, pair in enumerate(pairwise(lines)):
        for _, word in broken_words("\n".join(pair)):
            for terms in line_terms[number : number + 2]:
                terms |= _terms(word, language)
    matched = [False] * len(lines)
    for sentence in sentences:
        weights = {
            term: (_NUMBER_WEIGHT if term[0] == "#" else 1.0) / count
            for term in _terms(sentence, language)
            if (count := sum(term in line for line in line_terms))
        }
        scores = [sum(weights[term] for term in line if term in weights) for line in line_terms]
        best = max(scores, default=0.0)
        for index, score in enumerate(scores):
            if best >= _MIN_SCORE and score >= _MIN_SHARE * best:
                matched[index] = True
    # A line between two matched lines belongs to the same sentence.
    last = len(matched) - 1
    return [is_match or (0 < n < last and matched[n - 1] and matched[n + 1]) for n, is_match in enumerate(matched)]


def _terms(text: str, language: str) -> set[str]:
    """Return the tokens of a text's words, and its numbers as "#40"."""
    text = normalize_text(text)
    numbers = {f"#{value}" for numeral in find_numerals(text) for reading in numeral.readings for value in reading}
    words = content_tokens(text, language)
    return numbers | {word for word in words if not word.isdigit() and (len(word) > 2 or not word.isascii())}


def with_line_boxes(hit: Hit, page_words: Sequence[Word]) -> Hit:
    """Return a hit without line boxes with the lines of its page as text and boxes; any other hit unchanged."""
    if hit.line_boxes or not page_words:
        return hit
    lines: list[list[Word]] = []
    for word in page_words:
        if lines and _is_same_line(lines[-1][-1].box, word.box):
            lines[-1].append(word)
        else:
            lines.append([word])
    text = "\n".join(" ".join(word.text for word in line) for line in lines)
    return replace(hit, text=text, line_boxes=tuple(_bounding_box([word.box for word in line]) for line in lines))


def _is_same_line(before: Box, box: Box) -> bool:
    """Return whether a word continues the line of the word before: further right, at about the same height."""
    return before.y0 < (box.y0 + box.y1) / 2 < before.y1 and box.x0 >= before.x0


def _bounding_box(boxes: Sequence[Box]) -> Box:
    return reduce(Box.union, boxes)
