"""Turn texts into the tokens of the full-text index. Questions are analyzed by the same functions."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from rag.analysis.dates import dates
from rag.analysis.languages import STEMMERS, language_for
from rag.analysis.letters import fold, normalize, with_digraphs
from rag.analysis.numbers import grouped_numbers
from rag.analysis.pieces import Piece, camel_parts, split_pieces, split_spaceless
from rag.analysis.stop_words import languages_with_stop_words, stop_words

VERSION = "1"
"""The version of the analysis. An index that another version wrote is written again."""

_MAX_STEMMED, _MAX_TOKEN = 40, 64
"""Letters up to which a word is stemmed, and characters of a token."""

_DIGIT = re.compile("[0-9]")

_CAPITALS = "^"
"""Ends the token of a word in capitals that is a stop word in small letters, such as IT, US and WHO."""

SURFACE = "="
"""Begins the token of a word that is not stemmed."""

_STEM = "~"
"""Ends the stem of a word that looks like a stop word and is none."""

_ARABIC_ARTICLE = re.compile("^[وف]?(?:ال|بال|كال|فال|لل)(?=.{3})")
_ARABIC_PREFIX = re.compile("^[وفبل](?=.{4})")
_HEBREW_PREFIX = re.compile("^(?:[ושהבלכמ])(?=.{3})|^(?:ו?ש?[הבלכמ])(?=.{3})")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text: `words` in the order of the text, and `forms`, in which other people write its words.

    A phrase is found in `words`, which are stemmed. `forms` has each word as it is not stemmed, other spellings of it,
    a code as one token, a number without its separators, and a date in one form.
    """

    words: tuple[str, ...]
    forms: tuple[str, ...]


class _Stemmers(threading.local):
    """Snowball's stemmers by language. They keep a state while they work, so every thread has its own."""

    def __init__(self) -> None:
        self._by_language: dict[str, Any] = {}

    def stem(self, word: str, language: str) -> str:
        name = STEMMERS.get(language)
        if name is None:
            return word
        if language not in self._by_language:
            import Stemmer

            self._by_language[language] = Stemmer.Stemmer(name, 0)
        return str(self._by_language[language].stemWord(word))


_stemmers = _Stemmers()


@lru_cache(maxsize=1 << 16)
def analyze_word(word: str, language: str) -> tuple[str, ...]:
    """Return the token of a word, that of the word without stemming, and those of its other spellings.

    `word` has no spaces and no punctuation; `language` is that of its text.
    """
    language = language_for(word, language)
    lowered = _lower(word, language)
    if language == "ar":
        lowered = _ARABIC_ARTICLE.sub("", fold(lowered))
    spellings = [lowered, fold(lowered), with_digraphs(lowered)]
    if language == "ar":
        spellings.append(_ARABIC_PREFIX.sub("", lowered))
    elif language == "he":
        spellings.append(_HEBREW_PREFIX.sub("", lowered))
    token, *others = dict.fromkeys(_token(spelling, language) for spelling in spellings)
    return token, surface_token(lowered), *others


def surface_token(word: str) -> str:
    """Return the token of a word that is not stemmed."""
    return SURFACE + fold(word)[:_MAX_TOKEN]


def analyze_part(part: str, language: str) -> list[tuple[str, ...]]:
    """Return the tokens of a part of a piece as `analyze_word` does: one word, or letters without spaces."""
    if part.isascii():
        return [analyze_word(part, language)]
    found: list[tuple[str, ...]] = []
    for segment in split_spaceless(part):
        found += (
            [(fold(letter), "") for letter in segment]
            if isinstance(segment, list)
            else [analyze_word(segment, language)]
        )
    return found


def _token(word: str, language: str) -> str:
    stemmed = _stemmers.stem(word, language) if len(word) <= _MAX_STEMMED and not _DIGIT.search(word) else word
    token = fold(stemmed)[:_MAX_TOKEN]
    # German "ändern" has the stem "and", which would be found everywhere in English.
    return token + _STEM if token in all_stop_words() and fold(word) not in all_stop_words() else token


def _lower(word: str, language: str) -> str:
    """Return a word in lower case. Turkish has an i with a dot and one without."""
    if language == "tr":
        word = word.replace("I", "ı").replace("İ", "i")
    return word.lower().replace("i\u0307", "i")


def analyze_code(whole: str, language: str) -> str:
    """Return the token of a code, see Piece.whole; the same as of a word if it has letters only."""
    return analyze_word(whole, language)[0] if whole.isalpha() else fold(whole)[:_MAX_TOKEN]


@cache
def all_stop_words() -> frozenset[str]:
    """Return the stop words of all languages, folded."""
    return frozenset().union(*(stop_words(language) for language in languages_with_stop_words()))


def token_in_capitals(word: str) -> str:
    """Return the token of a word in capitals that is a stop word of some language; an empty string for other words."""
    if len(word) < 2 or not word.isupper() or (folded := fold(word)) not in all_stop_words():
        return ""
    return folded + _CAPITALS


def index_tokens(text: str, language: str) -> Tokens:
    """Return the tokens to index of a text in a language of LANGUAGES."""
    text = normalize(text)
    pieces = list(split_pieces(text))
    words: list[str] = []
    forms: list[str] = []
    for number, piece in enumerate(pieces):
        for part in piece.parts:
            for token, surface, *others in analyze_part(part, language):
                words.append(token)
                forms.append(surface)
                forms += others
            forms += (analyze_word(camel, language)[0] for camel in camel_parts(part))
        if piece.whole:
            forms.append(analyze_code(piece.whole, language))
        name = piece.whole or piece.text
        if name.isupper() and (token := token_in_capitals(name)) and _is_among_small_letters(pieces, number):
            forms.append(token)
    if _DIGIT.search(text):
        forms += (number for _, _, number in grouped_numbers(text))
        forms += (form for _, _, date in dates(text) for form in date)
    return Tokens(tuple(filter(None, words)), tuple(filter(None, forms)))


def _is_among_small_letters(pieces: Sequence[Piece], number: int) -> bool:
    """Return whether the piece before or after has small letters; if not, a whole line may be in capitals."""
    return any(
        not piece.text.isupper() for piece in (*pieces[max(0, number - 1) : number], *pieces[number + 1 : number + 2])
    )
