"""Full-text search for a question's translations, in the documents of other languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rag.model.search import PageKey, Scope
from rag.search.abstention import Abstention
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.lanes.words import WordsLane
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.search.translations import Translations

_MAX_RATIO = 2.0
"""A translation's best page counts at most this many times as much as the best page by the question's own words."""

_MIN_CONFIDENCE = 0.05
"""Confidence in the question's own words, at least: most questions of another language share a name or a number."""


class TranslationsLane:
    """Rank pages by the BM25 score of a question's translations.

    The score of a page is a share of its translation's best, times how much more confident the search for that
    translation is than the one for the question itself: translations into languages that do not have the answer find
    pages too.
    """

    name: ClassVar[str] = "translations"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(
        self,
        translations: Translations | None,
        words: WordsLane,
        abstention: Abstention,
        analyze: Callable[[str, Scope], Query],
    ) -> None:
        """`translations` is None without a model. `analyze` makes the query for a text."""
        self._translations = translations
        self._words = words
        self._abstention = abstention
        self._analyze = analyze

    def status(self) -> LaneStatus:
        if self._translations is None:
            return LaneStatus("no model is set that translates questions", "set MAGPIE_ANSWER__MODEL")
        return LaneStatus(self._translations.off, self._translations.fix) if self._translations.off else ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if self._translations is None:
            return None
        with query.clock.measure("translate"):
            texts = self._translations.translate(query.text, query.language, scope)
        translated = {language: self._rank(self._analyze(text, scope), scope) for language, text in texts.items()}
        if not translated:
            return None
        own = max(_MIN_CONFIDENCE, self._confidence(query, self._words.rank(query, scope), scope))
        scores: dict[PageKey, float] = {}
        chunks: dict[PageKey, tuple[int, ...]] = {}
        for other, ranking in translated.values():
            ratio = min(_MAX_RATIO, self._confidence(other, ranking, scope) / own)
            for page, score in zip(ranking.pages, ranking.scores, strict=True):
                weighted = ratio * score / ranking.best_score
                if weighted > scores.get(page, 0.0):
                    scores[page], chunks[page] = weighted, ranking.chunks[page]
        pages = tuple(sorted(scores, key=lambda page: (-scores[page], page)))
        return Ranking(self.name, pages, chunks, tuple(scores[page] for page in pages), translated=translated)

    def _rank(self, query: Query, scope: Scope) -> tuple[Query, Ranking]:
        return query, self._words.rank(query, scope) or Ranking(self._words.name, (), {})

    def _confidence(self, query: Query, ranking: Ranking | None, scope: Scope) -> float:
        if ranking is None or not ranking.pages:
            return 0.0
        return self._abstention.judge(query, scope, ranking.pages, [ranking]).confidence
