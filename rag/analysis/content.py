"""The tokens by which the words of a question are found again in a text, to shorten or to mark it."""

from __future__ import annotations

from itertools import pairwise

from rag.analysis.analyzer import analyze_code, analyze_word
from rag.analysis.languages import default_language, detect_language
from rag.analysis.letters import fold, normalize
from rag.analysis.pieces import split_pieces, split_spaceless
from rag.analysis.stop_words import is_stop_word


def language_of(text: str) -> str:
    """Return the language to look for words in a text."""
    return detect_language(text) or default_language(text)


def content_tokens(text: str, language: str) -> set[str]:
    """Return the tokens of the words of a text that are not stop words; of scripts without spaces, pairs of letters."""
    found: set[str] = set()
    for piece in split_pieces(normalize(text)):
        if piece.whole:
            found.add(analyze_code(piece.whole, language))
        for part in piece.parts:
            for segment in split_spaceless(part):
                if isinstance(segment, list):
                    found |= {fold(a + b) for a, b in pairwise(segment)} or set(map(fold, segment))
                elif not is_stop_word(segment, language):
                    found.add(analyze_word(segment, language)[0])
    return found
