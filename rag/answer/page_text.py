"""The words of a cited page in the form in which statements are compared with them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rag.answer.numbers import find_values, normalize_text
from rag.text import fold, split_words, stem

STEM_LENGTH = 5

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


@dataclass(frozen=True)
class PageText:
    """The words of a page. `tokens` also has pairs and triples of adjacent words, joined: "KX 200" matches "KX200"."""

    tokens: frozenset[str]
    stems: frozenset[str]
    values: frozenset[str]
    language: str

    @classmethod
    def of(cls, text: str) -> PageText:
        """Return the comparison form of a page's text."""
        text = normalize_text(text)
        folded = [fold(word) for word in split_words(text)]
        joined = {a + b for a, b in pairwise(folded)}
        joined |= {a + b + c for a, b, c in zip(folded, folded[1:], folded[2:], strict=False)}
        stems = frozenset(stem(word, STEM_LENGTH) for word in folded)
        return cls(frozenset(folded) | joined, stems, find_values(text), detect_language(text))

    def has_name(self, name: str) -> bool:
        """Return whether a name is on the page: as written, in parts, or inflected."""
        parts = [fold(part) for part in split_words(name)]
        if "".join(parts) in self.tokens:
            return True
        return all(part in self.tokens or self._has_inflection(part) for part in parts)

    def _has_inflection(self, word: str) -> bool:
        if len(word) < 4 or any(sign.isdigit() for sign in word) or stem(word, STEM_LENGTH) not in self.stems:
            return False
        return any(
            min(len(word), len(other)) >= 4
            and abs(len(word) - len(other)) <= 3
            and (word.startswith(other) or other.startswith(word))
            for other in self.tokens
        )
