"""The languages that texts are analyzed in, and how the language of a text is detected."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from rag.analysis.stop_words import is_stop_word, languages_with_stop_words

STEMMERS: Mapping[str, str] = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's stemmer of each language that has one."""

_UNSTEMMED = "be bg bn bs gl he hr is ja ka kk km ko lo lv mk ml mr mn ms my ps sk sl sq te th uk ur uz vi zh".split()

COMPOUNDING = frozenset("da de fi nl no sv".split())
"""Languages that write compounds as one word."""

LANGUAGES = frozenset((*STEMMERS, *_UNSTEMMED))
"""The languages that are detected, by their codes in ISO 639-1."""

_SCRIPTS: Mapping[str, str] = {
    "Latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Devanagari": "\u0900-\u097f",
    "Tamil": "\u0b80-\u0bff",
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Burmese": "\u1000-\u109f",
    "Khmer": "\u1780-\u17ff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7af",
    "Kana": "\u3041-\u30ff",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff",
}
_SCRIPT = re.compile("|".join(f"(?P<{name}>[{signs}])" for name, signs in _SCRIPTS.items()))

_DEFAULTS: Mapping[str, str] = {
    "Latin": "en", "Greek": "el", "Cyrillic": "ru", "Armenian": "hy", "Hebrew": "he", "Arabic": "ar",
    "Devanagari": "hi", "Tamil": "ta", "Thai": "th", "Lao": "lo", "Burmese": "my", "Khmer": "km", "Hangul": "ko",
    "Kana": "ja", "Han": "zh",
}  # fmt: skip
"""The language that the words of a script are analyzed in, when their text is in a language of another script."""

_SCRIPT_OF: Mapping[str, str] = {
    **{language: script for script, language in _DEFAULTS.items()},
    **dict.fromkeys(("be", "bg", "kk", "mk", "mn", "sr", "uk"), "Cyrillic"),
    **dict.fromkeys(("fa", "ps", "ur"), "Arabic"),
    **dict.fromkeys(("mr", "ne"), "Devanagari"),
    "ja": "Kana",
}

_SAMPLE = 1500
"""Characters of a text by which its language is detected; more do not change the result."""

_MIN_LETTERS = 60
"""Letters that a text needs for its own language to be sure. A shorter one has the language of its document."""

_MIN_OTHERS, _MIN_OTHER_TEXT = 3, 300
"""Texts that make another language than before the main one of a document, and characters of a text in another language
than the main one. Tables of names and codes look like any language."""

_MIN_PROBABILITY = 0.9

_KANA_SHARE = 0.05
"""Share of kana that makes a text of Chinese characters Japanese."""


def script_of(word: str) -> str:
    """Return the script of the first letter of a word, such as "Latin"; an empty string if it is unknown."""
    if word.isascii():
        return "Latin"
    found = _SCRIPT.search(word)
    return "" if found is None else found.lastgroup or ""


def language_for(word: str, language: str) -> str:
    """Return the language to analyze a word of a text in: the text's own, unless the word has another script."""
    script = script_of(word)
    if not script or _SCRIPT_OF.get(language, "Latin") == script:
        return language
    return _DEFAULTS[script]


def detect_language(text: str) -> str:
    """Return the language of a text, or an empty string if the text is too short or too mixed to be sure."""
    sample = text[:_SAMPLE]
    scripts = Counter(match.lastgroup or "" for match in _SCRIPT.finditer(sample))
    total = scripts.total()
    if not total:
        return ""
    script = scripts.most_common(1)[0][0]
    if scripts["Kana"] > _KANA_SHARE * (scripts["Kana"] + scripts["Han"]) and script in ("Han", "Kana"):
        return "ja" if scripts["Kana"] > 2 else ""
    if script in ("Han", "Hangul", "Thai", "Lao", "Burmese", "Khmer", "Tamil", "Armenian", "Greek", "Hebrew"):
        return _DEFAULTS[script] if scripts[script] > total / 2 or script == "Han" else ""
    if total < _MIN_LETTERS:
        return ""
    language, probability = _classify(sample)
    return language if probability >= _MIN_PROBABILITY else ""


_lock = threading.Lock()


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(LANGUAGES & set(identifier.labels)))
    return identifier


def _classify(text: str) -> tuple[str, float]:
    with _lock:  # loading the model takes a second, which should be spent once
        identifier = _identifier()
    language, probability = identifier.classify(text)
    return str(language), float(probability)


def default_language(text: str) -> str:
    """Return the language to analyze a text in if nothing better is known: English for Latin letters."""
    scripts = Counter(match.lastgroup or "" for match in _SCRIPT.finditer(text[:_SAMPLE]))
    return _DEFAULTS[scripts.most_common(1)[0][0]] if scripts else "en"


def detect_languages(texts: Sequence[str], known: str = "") -> list[str]:
    """Return the language of each text of one document; `known` is what the rest of the document is in.

    A text that is too short to be sure has the language of most of the others.
    """
    found = [detect_language(text) for text in texts]
    sure = Counter(language for language in found if language)
    main = sure.most_common(1)[0][0] if sure else known or detect_language("\n".join(texts)[:_SAMPLE])
    if known and sure[main] < _MIN_OTHERS:
        main = known
    return [
        language if language and (language == main or len(text) >= _MIN_OTHER_TEXT) else main or default_language(text)
        for language, text in zip(found, texts, strict=True)
    ]


def question_language(question: str, words: Collection[str], preferred: Collection[str]) -> tuple[str, bool]:
    """Return the language whose stop words are most of the question's `words`, and whether it has any.

    Of equals, a `preferred` one is returned.

    A question is too short for a statistical model, but nearly every one has words such as "what" or "the".
    """
    default = default_language(question)
    script = _SCRIPT_OF.get(default, "Latin")
    counts = {
        language: sum(is_stop_word(word, language) for word in words)
        for language in languages_with_stop_words()
        if _SCRIPT_OF.get(language, "Latin") == script
    }
    if not counts:
        return default, False
    best = max(counts, key=lambda language: (counts[language], language in preferred, language == default))
    return best, counts[best] > 0
