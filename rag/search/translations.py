"""Questions in the languages of the documents that are searched: translated once, and kept."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from time import monotonic

from rag.analysis.languages import detect_language
from rag.catalog import Catalog
from rag.catalog.languages import common_languages
from rag.errors import OperatorMustAct, TryAgain
from rag.model.search import Scope
from rag.ports import Translator

log = logging.getLogger("magpie")

_MAX_LANGUAGES = 12
"""Languages of one request, the most common ones of the scope; the model writes a sentence for each."""

_MAX_QUESTION = 400
"""Characters of a question that is translated. A longer one is a pasted text, and has enough words."""

_KEPT = 500
"""Questions whose translations are kept in memory."""

_RETRY_DELAY = 30.0
"""Seconds after a failure in which no question is translated."""


class Translations:
    """Translates questions into the languages of a scope. Thread-safe.

    `off` says why the last attempt failed, and `fix` what to do; both are empty if it did not.
    """

    def __init__(self, catalog: Catalog, translator: Translator) -> None:
        self._catalog = catalog
        self._translator = translator
        self._known: OrderedDict[tuple[str, str], Mapping[str, str]] = OrderedDict()
        self._lock = threading.Lock()
        self._next_try = float("-inf")
        self._failure = ("", "")

    @property
    def off(self) -> str:
        return self._failure[0] if monotonic() < self._next_try else ""

    @property
    def fix(self) -> str:
        return self._failure[1]

    def translate(self, question: str, language: str, scope: Scope) -> Mapping[str, str]:
        """Return a question in the other languages of the documents in scope, by ISO 639-1 code.

        `language` is its own, if that is sure.
        Empty if there are none, and if the translator fails: a question is always searched for as it was asked.
        """
        text = " ".join(question.split())
        if not text or len(text) > _MAX_QUESTION or self.off:
            return {}
        with self._catalog.read_transaction() as connection:
            languages = common_languages(connection, scope)
        own = language or detect_language(text)
        wanted = [language for language in languages if language != own][:_MAX_LANGUAGES]
        if not wanted or (len(languages) == 1 and not own):
            return {}
        known = self._recall(text)
        if missing := [language for language in wanted if language not in known]:
            try:
                found = self._translator.translate(text, missing)
            except (OperatorMustAct, TryAgain) as error:
                log.debug("A question was not translated: %s", type(error).__name__)
                self._failure, self._next_try = (str(error).rstrip("."), error.hint), monotonic() + _RETRY_DELAY
            else:
                known = self._remember(text, {language: found.get(language, "") for language in missing})
        texts = {language: known.get(language, "") for language in wanted}
        return {language: new for language, new in texts.items() if new and new.casefold() != text.casefold()}

    def _recall(self, text: str) -> Mapping[str, str]:
        """Return the known translations of a question, by language; empty ones could not be had."""
        with self._lock:
            return self._known.get((text, self._translator.identity), {})

    def _remember(self, text: str, translations: Mapping[str, str]) -> Mapping[str, str]:
        """Keep translations of a question, and return all that are known."""
        key = (text, self._translator.identity)
        with self._lock:
            self._known[key] = {**self._known.pop(key, {}), **translations}
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[key]
