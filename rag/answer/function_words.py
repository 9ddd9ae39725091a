"""The most common words of a few languages, by which the language of an answer is recognized."""

from __future__ import annotations

from rag.text import split_words

_FUNCTION_WORDS = {
    "en": "the of and to in is that for it with as was on are be this by at from not or an which you there has have",
    "de": "der die das und ist in den von zu mit sich auf für nicht es ein eine dem des im werden wird auch als sind",
    "fr": "le la les de des et est en un une du que qui dans pour pas sur au aux avec par sont ce il elle ne",
    "es": "el la los las de del y es en un una que por para con no se su al lo como más pero son está",
    "it": "il lo la gli le di del della e è in un una che per con non si su al come sono dei nel alla",
}
FUNCTION_WORDS = {language: frozenset(listed.split()) for language, listed in _FUNCTION_WORDS.items()}
"""The most common words of each language."""

_MAX_LANGUAGE_WORDS = 2000


def detect_language(text: str, min_words: int = 2) -> str:
    """Return en, de, fr, es or it, or an empty string if the text has too few function words to tell.

    `min_words` function words of the language are needed, and more than of any other.
    """
    seen = [word.casefold() for word in split_words(text)[:_MAX_LANGUAGE_WORDS]]
    counts = sorted(
        ((sum(word in known for word in seen), language) for language, known in FUNCTION_WORDS.items()), reverse=True
    )
    (first, language), (second, _) = counts[:2]
    return language if first >= min_words and first > second else ""
