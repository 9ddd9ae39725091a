"""Find what looks like a name in a statement: capitalized words, acronyms, and words with letters and digits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.answer.function_words import detect_language
from rag.answer.numbers import find_numerals
from rag.text import STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:[-'’./&][^\W_]+)*")
_QUANTITY = re.compile(r"\d+(?:[-/.,]\d+)*(?:[-/]?[^\W\d_]+)?$")
"""40m, 3-year, 10/12, 4x: these are checked as numbers."""

_SENTENCE_STARTS = frozenset(':;.!?…|“„«"(–—*_-')
_LABEL = re.compile(r"^\s*\*\*[^*\n]{1,80}\*\*:?|^\s*[^\W\d][^:.!?\n]{0,40}:(?=\s)")
"""A label before a statement, as in "Battery Life: 40 hours". Its capitals do not make a name."""

_NOT_NAMES = frozenset(
    """i i'm i'd i'll figure fig table tab diagram chart picture image photo page pages section chapter appendix step
    file document passage note yes no ok pdf abbildung tabelle diagramm seite abschnitt kapitel ja nein not found
    figura tableau tabla tabella página pagina oui non sí""".split()
)


def find_names(text: str, language: str, *, title: bool) -> Iterator[tuple[int, str]]:
    """Yield (index, name) for everything in a statement that looks like a name.

    German capitalizes every noun, so in German only acronyms and words with digits count. A title capitalizes any
    word, so there only words with letters and digits count. `language` is the language of the whole answer.
    """
    german = "de" in (language, detect_language(text, min_words=1))
    label = _LABEL.match(text)
    start = label.end() if label else 0
    found = list(_WORD.finditer(text))
    all_capitals = text.isupper()
    for index, match in enumerate(found):
        word = match.group().removesuffix("'s").removesuffix("’s")
        digits, letters = any(map(str.isdigit, word)), any(map(str.isalpha, word))
        if word.casefold() in _NOT_NAMES or (find_numerals(word) and not letters):
            continue
        if digits and letters and not _QUANTITY.match(word):
            yield match.start(), word
        if digits or title or match.start() < start:
            continue
        is_acronym = len(word) > 1 and word.isupper() and not all_capitals
        if is_acronym or (word[0].isupper() and not german and _is_name(text, found, index)):
            yield match.start(), word


def find_full_names(text: str, language: str, *, title: bool) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, name) for the names that `find_names` finds, with neighboring ones as one name."""
    begun, end = 0, -2
    for start, word in find_names(text, language, title=title):
        if start != end + 1 and end > 0:
            yield begun, end, text[begun:end]
        if start != end + 1:
            begun = start
        end = start + len(word)
    if end > 0:
        yield begun, end, text[begun:end]


def _is_name(text: str, words: Sequence[re.Match[str]], index: int) -> bool:
    """Return whether a capitalized word is a name, not the first word of a sentence, a weekday or a month."""
    match = words[index]
    if find_numerals(match.group()) or match.group().casefold() in STOP_WORDS:
        return False
    if not _begins_sentence(text, match.start()):
        return True
    # The first word of a sentence is part of a name if the next word is capitalized, too: "Crane Nine lasts ...".
    if index + 1 == len(words):
        return False
    following = words[index + 1]
    if text[match.end() : following.start()] != " " or not following.group()[0].isupper():
        return False
    return following.group().casefold() not in STOP_WORDS and not find_numerals(following.group())


def _begins_sentence(text: str, at: int) -> bool:
    """Return whether the word at this index follows the start of the text or a mark that can start a sentence."""
    while at > 0 and text[at - 1].isspace():
        at -= 1
    return at == 0 or text[at - 1] in _SENTENCE_STARTS
