"""Compare words that may have typing errors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from rag.analysis.stop_words import stop_words

_MIN_LETTERS, _MIN_LONG = 4, 8
"""Letters of a word that may have one typing error, and of one that may have two."""

_MIN_STOP_WORD, _MIN_LONG_STOP_WORD = 3, 5
"""Letters of a stop word in which neighbors change places, and of one that misses a letter."""

_OTHER_WORDS = frozenset(
    "amy aws bellow bene bing blow booth bout cold dong dose fro form heir hose hwy ist lal lease mya moore nay ont rae"
    " saw seh somme sown though three tis trough won".split()
)
"""Words, names and abbreviations that look like a stop word with a typing error."""


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
    if not _may_be_meant(typed, word, limit):
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


def _may_be_meant(typed: str, word: str, limit: int) -> bool:
    """Return whether few enough letters are missing or superfluous, which takes a tenth of the time."""
    if abs(len(typed) - len(word)) > limit:
        return False
    missing = word
    for letter in typed:
        missing = missing.replace(letter, "", 1)
    superfluous = len(typed) - len(word) + len(missing)
    return max(len(missing), superfluous) <= limit


@cache
def misspelled_stop_words() -> dict[str, str]:
    """Return {typing error: the English stop word that is meant}, without errors that are another word."""
    words = stop_words("en")
    meant = {error: word for word in sorted(words) for error in _usual_errors(word)}
    return {error: word for error, word in meant.items() if error not in words and error not in _OTHER_WORDS}


def _usual_errors(word: str) -> Iterator[str]:
    """Yield a word as it is often mistyped: "teh", "wich", "whatt", "abuot"."""
    places = range(len(word))
    if len(word) >= _MIN_STOP_WORD:
        yield from (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places[:-1])
    if len(word) > _MIN_STOP_WORD:
        yield from (word[:at] + word[at] + word[at:] for at in places)
        if word.startswith("wh"):
            yield "w" + word[2:]
    if len(word) >= _MIN_LONG_STOP_WORD:
        yield from (word[:at] + word[at + 1 :] for at in places)
