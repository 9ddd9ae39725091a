"""Compare words that may have typing errors."""

from __future__ import annotations

_MIN_LETTERS, _MIN_LONG = 4, 8
"""Letters of a word that may have one typing error, and of one that may have two."""


def max_errors(word: str) -> int:
    """Return how many typing errors a word may have: none in a short word or a code, up to two in a long word."""
    if len(word) < _MIN_LETTERS or not word.isalpha():
        return 0
    return 1 if len(word) < _MIN_LONG else 2


def count_errors(typed: str, word: str, limit: int) -> int:
    """Return the typing errors between two words, at most `limit` + 1.

    A letter that is missing, superfluous or another one is an error, and so are two neighbors that changed places
    (the restricted Damerau-Levenshtein distance).
    """
    if abs(len(typed) - len(word)) > limit or len(set(typed) ^ set(word)) > 2 * limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(word) + 1))
    for i, a in enumerate(typed, 1):
        row = [i]
        for j, b in enumerate(word, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == word[j - 2] and typed[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)
