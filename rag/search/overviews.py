"""Recognize questions about a whole document: "what is this about?", "summarize budget.pdf", "tl;dr". Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TypeAlias

from rag.analysis.spelling import count_errors, max_errors, misspelled_stop_words
from rag.search.limit_lexicon import Lexicon, Tag, lexicon
from rag.search.limit_tokens import Token, tokenize
from rag.search.overview_words import ASKING, BESIDE

_MAX_CHARS = 300
"""Characters of the longest such question; a longer one says more than what it is about."""

_APOSTROPHES = str.maketrans("'’ʼ`´", "     ")
"""A contraction is two words: "l'avis"."""

_GAP = "*"

_MIN_MENDED, _MAX_MENDED = 6, 12
"""Letters of a word that is recognized with typing errors, and words of a question with such words."""

_Phrases: TypeAlias = "dict[str, list[tuple[str, ...]]]"


def read_overview(question: str) -> str | None:
    """Return None unless a question asks what a document is about; then its other words, such as a file name.

    They are as written, without words that say nothing about a subject: "" for "what is this document about?".
    """
    if len(question) > _MAX_CHARS:
        return None
    tokens = [token for token in tokenize(question.translate(_APOSTROPHES)) if token.is_word]
    readings = [(tokens, language) for language in ASKING]
    if len(tokens) <= _MAX_MENDED:
        mended = [(_mend(tokens, language), language) for language in ASKING]
        readings += [reading for reading in mended if reading[0] != tokens]
    others = [left for reading in readings if (left := _others(*reading)) is not None]
    if not others:
        return None
    best = min(others, key=len)
    return question[best[0].start : best[-1].end] if best else ""


def _others(tokens: Sequence[Token], language: str) -> list[Token] | None:
    """Return the tokens that a language does not explain, None if nothing asks for an overview in it."""
    asking = _phrases(ASKING[language])
    if asking.keys().isdisjoint(token.text for token in tokens):
        return None
    beside, words = _phrases(BESIDE[language]), lexicon(language)
    explained = _around_gaps(asking, tokens)
    is_asking = bool(explained)
    at = 0
    while at < len(tokens):
        asks, filler = _longest(asking, tokens, at), max(_longest(beside, tokens, at), _file_word(words, tokens, at))
        is_asking = is_asking or (asks > 0 and asks >= filler)
        explained.update(range(at, at + max(asks, filler)))
        at += max(asks, filler, 1)
    return [token for index, token in enumerate(tokens) if index not in explained] if is_asking else None


def _around_gaps(phrases: _Phrases, tokens: Sequence[Token]) -> set[int]:
    """Return where the parts of a phrase such as "what is * about" are; its first part begins the question."""
    gapped = [phrase for phrase in phrases.get(tokens[0].text, ()) if _GAP in phrase] if tokens else []
    for phrase in gapped:
        gap = phrase.index(_GAP)
        last = len(tokens) - len(phrase) + gap + 1
        if last >= gap and _is_at(phrase[:gap], tokens, 0) and _is_at(phrase[gap + 1 :], tokens, last):
            return {*range(gap), *range(last, len(tokens))}
    return set()


def _file_word(words: Lexicon, tokens: Sequence[Token], at: int) -> int:
    """Return how many tokens a word for a file, or one without a subject, has."""
    entry = words.longest(tokens, at)
    return len(entry.words) if entry is not None and entry.tag in (Tag.FILE, Tag.LINKING) else 0


def _longest(phrases: _Phrases, tokens: Sequence[Token], at: int) -> int:
    return next((len(phrase) for phrase in phrases.get(tokens[at].text, ()) if _is_at(phrase, tokens, at)), 0)


def _is_at(phrase: tuple[str, ...], tokens: Sequence[Token], at: int) -> bool:
    found = tokens[at : at + len(phrase)]
    return len(found) == len(phrase) and all(token.text == word for token, word in zip(found, phrase, strict=True))


def _mend(tokens: Sequence[Token], language: str) -> list[Token]:
    """Return the tokens with the words of a language in place of its typing errors: "sumarize", "wat is this about"."""
    meant = [_meant(token.text, language) for token in tokens]
    return [
        token if token.text == text else token._replace(text=text) for token, text in zip(tokens, meant, strict=True)
    ]


@lru_cache(maxsize=1 << 12)
def _meant(word: str, language: str) -> str:
    known = _vocabulary(language)
    if word in known:
        return word
    if language == "en" and word in misspelled_stop_words():
        return misspelled_stop_words()[word]
    limit = max_errors(word)  # few people mistype the first letter
    likely = (other for other in known if len(other) >= _MIN_MENDED and other[0] == word[0]) if limit else ()
    return next((other for other in likely if count_errors(word, other, limit) <= limit), word)


@cache
def _vocabulary(language: str) -> Mapping[str, None]:
    """Return the words of all phrases of a language, and those for files."""
    files = (entry for entries in lexicon(language).entries.values() for entry in entries if entry.tag is Tag.FILE)
    phrases = (*_split(ASKING[language]), *_split(BESIDE[language]), *(entry.words for entry in files))
    return dict.fromkeys(word for phrase in phrases for word in phrase)


@cache
def _phrases(table: str) -> _Phrases:
    """Return the phrases by their first word, longest first."""
    found: _Phrases = {}
    for phrase in sorted(_split(table), key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


def _split(table: str) -> Iterator[tuple[str, ...]]:
    for phrase in table.split(","):
        yield tuple(token.text for token in tokenize(phrase))
