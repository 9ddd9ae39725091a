"""The languages of the documents in a scope, and of a question."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cache
from typing import Any

from sqlalchemy import Connection

from rag.catalog import Catalog
from rag.catalog.chunks import extractions_in, first_texts
from rag.model import Scope

_TEXTS = 24
"""Texts by which the language of a document is detected: those after its title and contents decide."""

_MIN_LETTERS, _MIN_PROBABILITY = 20, 0.9
"""A text with fewer letters, or one that is ambiguous, has no sure language."""


class DocumentLanguages:
    """Detects the languages of documents, once for each extraction. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[int, str] = {}

    def languages_in(self, scope: Scope) -> list[str]:
        """Return the languages of the documents in scope by ISO 639-1 code, the most common first."""
        with self._catalog.read_transaction() as connection:
            found = Counter(self._language(connection, extraction) for extraction in extractions_in(connection, scope))
        found.pop("", None)
        return [language for language, _ in found.most_common()]

    def _language(self, connection: Connection, extraction: int) -> str:
        if extraction not in self._known:
            votes = Counter(language_of(text) for text in first_texts(connection, extraction, _TEXTS))
            votes.pop("", None)
            self._known[extraction] = votes.most_common(1)[0][0] if votes else ""
        return self._known[extraction]


def language_of(text: str) -> str:
    """Return the language of a text by its ISO 639-1 code, or an empty string if it is not sure."""
    sample = text[:_SAMPLE]
    if sum(letter.isalpha() for letter in sample) < _MIN_LETTERS:
        return ""
    with _lock:
        language, probability = _identifier().classify(sample)
    return str(language) if probability >= _MIN_PROBABILITY else ""


_SAMPLE = 400
"""Characters of a text that are looked at."""

_lock = threading.Lock()


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
