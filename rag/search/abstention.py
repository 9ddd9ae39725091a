"""Decide whether a search found an answer, and say why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.catalog import Catalog
from rag.catalog.languages import languages_in
from rag.model.search import PageKey, Scope
from rag.ports import FullTextIndex
from rag.search.confidence import ConfidenceModels
from rag.search.confidence_signals import (
    AGREEMENT,
    IDF_COVERAGE,
    LEAD,
    SCORE,
    VECTOR_LEAD,
    QuestionSignals,
    find_in_message,
    picture_signals,
)
from rag.search.lanes.overview import OVERVIEW
from rag.search.lanes.page_references import PLACE
from rag.search.page_match.result import NO_MATCH
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.settings import Settings

_MAX_NEAREST = 3
"""Pages, best first, of which one must have the words of a picture."""

_MIN_SCORE_ALONE = 0.1
"""Score below which the only document that was found does not answer the question. Of 196 questions asked in their own
document and in another one, it declines two more of the first and 26 more of the second."""

_NO_WORDS = "The picture has too few words to search for, and it does not look like any picture here."


@dataclass(frozen=True, slots=True)
class AbstentionVerdict:
    """The confidence of a search, 0 to 1. Below `threshold` it abstains, and `why` says what is missing."""

    confidence: float
    threshold: float
    signals: Mapping[str, float]
    why: str = ""

    @property
    def abstains(self) -> bool:
        return self.confidence < self.threshold


class Abstention:
    """Judge searches by the confidence models, or by the threshold that is set (search.min_confidence)."""

    def __init__(self, settings: Settings, catalog: Catalog, words: FullTextIndex, models: ConfidenceModels) -> None:
        self._min_confidence = settings.search.min_confidence
        self._embed = settings.embed
        self._page_floor = settings.page_images.floor
        self._catalog = catalog
        self._words = words
        self._models = models

    def judge(
        self, query: Query, scope: Scope, pages: Sequence[PageKey], rankings: Sequence[Ranking]
    ) -> AbstentionVerdict:
        """Return the verdict on the fused `pages` of these rankings."""
        if query.kind is QueryKind.QUESTION:
            return self._judge_question(query, scope, pages, rankings)
        return self._judge_picture(query, scope, rankings)

    def _judge_question(
        self, query: Query, scope: Scope, pages: Sequence[PageKey], rankings: Sequence[Ranking]
    ) -> AbstentionVerdict:
        # The models do not use scores of images, because not every installation has the weights: a threshold decides.
        is_certain = _best_score("clip-picture", rankings) >= self._embed.picture_floor or self._is_seen(rankings)
        lanes = {ranking.lane for ranking in rankings}
        is_certain = is_certain or OVERVIEW in lanes or (bool(query.named) and PLACE in lanes)
        verdicts: list[AbstentionVerdict] = []
        for signals in self._question_signals(query, scope, pages, rankings):
            kind = "question" if SCORE in signals else "few"
            verdict = self._apply_model(kind, signals if pages else None, is_certain=is_certain)
            is_weak = not is_certain and PLACE not in lanes and self._is_weak(query, scope, signals)
            verdicts.append(replace(verdict, confidence=0.0) if is_weak else verdict)
        verdict = max(verdicts, key=lambda one: one.confidence)
        return replace(verdict, why=self._explain(query, scope)) if verdict.abstains else verdict

    def _is_seen(self, rankings: Sequence[Ranking]) -> bool:
        """Return whether the image of a page matches a question well enough, whatever its words are."""
        return self._page_floor is not None and _best_score("page-images", rankings) >= self._page_floor

    def _is_weak(self, query: Query, scope: Scope, signals: Mapping[str, float]) -> bool:
        """Return whether only one document has words of the question, and few of them. A page that it names has more.

        The model then knows too little: a missing signal counts as an average one. Where documents are in other
        languages, too, most words of a question may be unknown although one of them answers it.
        """
        if LEAD in signals or VECTOR_LEAD in signals or signals.get(SCORE, 1.0) >= _MIN_SCORE_ALONE:
            return False
        with self._catalog.read_transaction() as connection:
            return languages_in(connection, scope) <= {query.language}

    def _question_signals(
        self, query: Query, scope: Scope, pages: Sequence[PageKey], rankings: Sequence[Ranking]
    ) -> list[dict[str, float]]:
        """Return the signals of the best page, and those of the pages that messages and names explain best."""
        by_shares = [ranking for ranking in rankings if ranking.shares]
        shares = {page: share for ranking in by_shares for page, share in ranking.shares.items()}
        explained = [page for ranking in by_shares for page in ranking.pages[:1]]
        found: list[dict[str, float]] = []
        with self._catalog.read_transaction() as connection:
            signals = QuestionSignals(connection, self._words, query, scope, rankings)
            for best in dict.fromkeys((next(iter(pages), None), *explained)):
                share = None if best is None else shares.get(best)
                said = set[str]() if share is None else find_in_message(connection, query, scope, share)
                said |= {
                    term for match in query.name_matches if best and match.document == best[0] for term in match.terms
                }
                found.append(signals.of(best, said))
        return found

    def _judge_picture(self, query: Query, scope: Scope, rankings: Sequence[Ranking]) -> AbstentionVerdict:
        match = next((ranking.match for ranking in rankings if ranking.match is not None), NO_MATCH)
        nearest = query.candidates[:_MAX_NEAREST]
        with self._catalog.read_transaction() as connection:
            signals = picture_signals(connection, self._words, query, scope, nearest, match.agreement(nearest))
        is_certain = _best_score("clip-picture", rankings) >= self._embed.duplicate_threshold
        verdict = self._apply_model("picture", signals, is_certain=is_certain)
        if not verdict.abstains:
            return verdict
        why = "No page here has enough of the picture's words." if IDF_COVERAGE in verdict.signals else _NO_WORDS
        compared = " None of the nearest pages looks like it." if AGREEMENT in verdict.signals else ""
        return replace(verdict, why=why + compared)

    def _apply_model(self, kind: str, signals: Mapping[str, float] | None, *, is_certain: bool) -> AbstentionVerdict:
        """Return a verdict without `why`; `is_certain` raises the confidence to at least the threshold.

        Without any signal the confidence is 0: the model would return the same for every query.
        """
        model = self._models[kind]
        threshold = model.threshold if self._min_confidence is None else self._min_confidence
        confidence = model.confidence(signals) if signals else 0.0
        return AbstentionVerdict(max(confidence, threshold) if is_certain else confidence, threshold, signals or {})

    def _explain(self, query: Query, scope: Scope) -> str:
        """Return a sentence that says which words of the question were not found."""
        if not query.terms:
            return "The question has no words to search for."
        with self._catalog.read_transaction() as connection:
            missing = self._words.missing(connection, query.terms, scope)
        if len(missing) == len(query.terms):
            return "None of its words occurs in the files I may use here."
        if missing:
            return f"No file that I may use here mentions {', '.join(missing[:5])}."
        return "Its words occur in the files I may use here, but no page has enough of them."


def _best_score(lane: str, rankings: Sequence[Ranking]) -> float:
    return max((ranking.best_score for ranking in rankings if ranking.lane == lane), default=float("-inf"))
