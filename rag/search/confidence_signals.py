"""Compute the signals of a search, on which its confidence is based."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from sqlalchemy import Connection

from rag.catalog.chunks import page_texts, pages_by_chunk
from rag.catalog.share_names import terms_in_name
from rag.catalog.share_words import shares_with
from rag.model.search import PageKey, Scope
from rag.ports import FullTextIndex, Term
from rag.search.near_duplicates import is_twin, template_words
from rag.search.query import Query
from rag.search.ranking import Ranking

SCORE, LEAD, NAME_COVERAGE, BIGRAM_COVERAGE = "score", "lead", "names", "pairs"
IDF_COVERAGE, AGREEMENT, VECTOR_LEAD, RERANKED, SEEN = "held", "agreement", "nearer", "reranked", "seen"
"""The names of the signals, as they are in confidence.json and in the JSON of `magpie find`."""

_MIN_PICTURE_TERMS = 3
"""Recognized words that a picture needs to be identified by its words."""

_K1 = 1.2
"""BM25's k1, which is fixed in FTS5: a word counts at most (k1 + 1) times its IDF."""

_MIN_IDF = 1e-6
"""What FTS5 uses for a word that more than half of all chunks contain."""

_MIN_CHUNKS = 100
"""Chunks that BM25 scores need to be informative. With fewer, nearly every word is common and its IDF is near 0."""

SIGNALS: Mapping[str, tuple[str, ...]] = {
    "question": (SCORE, LEAD, NAME_COVERAGE, BIGRAM_COVERAGE, VECTOR_LEAD, RERANKED, SEEN),
    "few": (IDF_COVERAGE, NAME_COVERAGE, BIGRAM_COVERAGE, VECTOR_LEAD, RERANKED, SEEN),
    "picture": (IDF_COVERAGE, AGREEMENT),
}
"""The signals that each confidence model uses; "few" is for questions without a `score`."""

_NO_WORDS = frozenset[str]()

_UNKNOWN_IDF = 2.0
"""Maximum IDF of a word that no chunk contains, as a multiple of the IDF of the question's rarest known word. Values
from 1 to 3 make no measurable difference in a large index."""

_UNSURE = 0.5
"""What a word counts that was corrected: another one may have been meant."""

_MAX_COMPARED = 10
"""Other documents, best first, that are compared with the best page to see whether they are its twins."""


class QuestionSignals:
    """The signals of a question, each 0 to 1; higher values make an answer more likely.

    - `score`: the BM25 of the best page by words, as a share of the highest that a page could have; left out if few
      chunks are indexed
    - `lead`: how far the best page of another document is below it; twins of the best page do not count
    - `nearer`: how much nearer the text of the nearest page is to the question than that of another document, as a
      share of the distance of that one to a cosine of 1, because cosines of different models have different scales
    - `reranked`: the score of the reranker's best page, if its scores can be compared
    - `seen`: the score of the best page by late interaction
    - `held`: the share, by IDF, of the question's words that a page contains; 0 for one of stop words only, which are
      on many pages
    - `names`: the share, by IDF, of its names and numbers that the page's document contains
    - `pairs`: the share of its bigrams that this document contains; one with a corrected word counts half

    Signals that cannot be computed are left out. What is the same for all pages is computed once.
    """

    def __init__(
        self,
        connection: Connection,
        words: FullTextIndex,
        query: Query,
        scope: Scope,
        rankings: Sequence[Ranking],
    ) -> None:
        """The signals can be asked for until the transaction of `connection` ends."""
        self._connection = connection
        self._words = words
        self._query = query
        self._scope = scope
        self._total = words.count(connection, Scope.operator())
        counts = _count_chunks(connection, words, query)
        self._idf = _idf(counts, self._total)
        self._smooth_idf = _smooth_idf(counts, self._total)
        self._by_words = _ranking_of("words", rankings)
        self._other_score = None if self._by_words is None else _best_other_score(connection, self._by_words)
        self._of_models = _model_signals(connection, rankings)

    def of(self, page: PageKey | None, in_message: Collection[str] = frozenset()) -> dict[str, float]:
        """Return the signals of a page, or without one those of the question alone.

        `in_message`: the parts of the question in a message that shares the document, and in the file's name, see
        `find_in_message`. They count as one more text of the page.
        """
        signals = self._score_signals(in_message) | self._of_models
        if page is None or not self._query.terms:
            return signals
        return signals | self._coverage(page, in_message)

    def _score_signals(self, in_message: Collection[str]) -> dict[str, float]:
        if self._by_words is None:
            return {}
        query, idf = self._query, self._idf
        highest = (_K1 + 1) * sum(idf[term.text] * _forms(term) for term in query.search_terms if term.text in idf)
        # BM25 gives a word this score that occurs once in a text of average length.
        said = _with_equivalents(set(in_message), query)
        of_message = sum(idf[term.text] * _forms(term) for term in query.terms if term.text in said)
        first = max(self._by_words.best_score, of_message, 0.0)
        signals: dict[str, float] = {}
        if self._total >= _MIN_CHUNKS:
            signals[SCORE] = min(1.0, first / highest) if highest else 0.0
        if self._other_score is not None:
            signals[LEAD] = 1 - self._other_score / first
        return signals

    def _coverage(self, page: PageKey, in_message: Collection[str]) -> dict[str, float]:
        """Return the signals that say what of the question a page and its document contain."""
        query = self._query
        names = [term.text for term in query.names]
        bigrams = [term.text for term in query.pairs]
        inside = replace(self._scope, documents=frozenset((page[0],)))
        chunks_with = self._words.holders(self._connection, _parts(query), inside)
        chunks_of_page = pages_by_chunk(self._connection, [page]).keys()
        held = {word for word, chunks in chunks_with.items() if chunks}
        held_by_page = {word for word, chunks in chunks_with.items() if chunks & chunks_of_page}
        in_document = _with_equivalents({*in_message} | held, query)
        on_page = _with_equivalents({*in_message} | held_by_page, query)
        terms = [term.text for term in query.terms]
        signals = {
            IDF_COVERAGE: 0.0 if query.has_only_stop_words else _share(terms, on_page, self._smooth_idf, query.unsure)
        }
        if names:
            signals[NAME_COVERAGE] = _share(names, in_document, self._idf, query.unsure)
        if bigrams:
            unsure = {pair for pair in bigrams if not query.unsure.isdisjoint(pair.split())}
            signals[BIGRAM_COVERAGE] = _share(bigrams, in_document, dict.fromkeys(bigrams, 1.0), unsure)
        return signals


def _model_signals(connection: Connection, rankings: Sequence[Ranking]) -> dict[str, float]:
    """Return the signals of the text vectors, of the reranker and of late interaction."""
    signals: dict[str, float] = {}
    by_vectors = _ranking_of("text-vectors", rankings)
    if by_vectors is not None and (other := _best_other_score(connection, by_vectors)) is not None:
        signals[VECTOR_LEAD] = (by_vectors.best_score - other) / (1 - other) if other < 1 else 0.0
    by_reranker = _ranking_of("reranker", rankings)
    if by_reranker is not None and by_reranker.scores:
        signals[RERANKED] = by_reranker.best_score
    by_images = _ranking_of("page-images", rankings)
    if by_images is not None:
        signals[SEEN] = max(0.0, by_images.best_score)
    return signals


def _ranking_of(lane: str, rankings: Sequence[Ranking]) -> Ranking | None:
    return next((ranking for ranking in rankings if ranking.lane == lane), None)


def _best_other_score(connection: Connection, ranking: Ranking) -> float | None:
    """Return the best score of a page in another document than the first page; None if no other one is ranked.

    Documents made from the template of the first page are passed over: that ten invoices have the words of a question
    does not mean that it has no answer.
    """
    best_pages: dict[int, tuple[PageKey, float]] = {}
    for page, score in zip(ranking.pages, ranking.scores, strict=True):
        best_pages.setdefault(page[0], (page, score))
    if len(best_pages) < 2:
        return None
    (best, _), *others = list(best_pages.values())[: _MAX_COMPARED + 1]
    for compared in (others[:1], others[1:]):  # most often, the first one is not a twin
        texts = page_texts(connection, [best, *(page for page, _ in compared)])
        words = {page: template_words(text) for page, text in texts.items()}
        for page, score in compared:
            if not is_twin(words.get(best, _NO_WORDS), words.get(page, _NO_WORDS)):
                return score
    return None


def find_in_message(connection: Connection, query: Query, scope: Scope, share: int) -> set[str]:
    """Return the words, bigrams and equivalents of a question that a share's message or the file's name contains."""
    in_words = {part for part, shares in shares_with(connection, _parts(query), scope).items() if share in shares}
    return in_words | terms_in_name(connection, share, _parts(query))


def _parts(query: Query) -> list[Term]:
    """Return the words, bigrams and equivalents of a question, each once."""
    parts = (*query.terms, *query.pairs, *chain.from_iterable(query.equivalents.values()))
    return list({term.text: term for term in parts}.values())


def _forms(term: Term) -> int:
    """Return in how many forms BM25 counts a word that a text has as the question has it: stemmed, and as it is."""
    return 2 if term.surface else 1


def _count_chunks(connection: Connection, words: FullTextIndex, query: Query) -> dict[str, int]:
    """Return {term: how many chunks contain it} for the terms and those parts of codes and dates that occur.

    A term with equivalents is at least as common as they are together.
    """
    counts = words.counts(connection, [*query.terms, *query.parts, *chain.from_iterable(query.equivalents.values())])
    for word, others in query.equivalents.items():
        counts[word] = max(counts.get(word, 0), min(counts[other.text] for other in others))
    parts = {term.text: counts[term.text] for term in query.parts if counts[term.text]}
    return {term.text: counts[term.text] for term in query.terms} | parts


def _with_equivalents(present: set[str], query: Query) -> set[str]:
    """Return the words that are present, and those whose equivalents all are."""
    return present | {
        word for word, others in query.equivalents.items() if present.issuperset(other.text for other in others)
    }


def _idf(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """Return the IDF of each word as FTS5 computes it, over everything indexed; `counts` are chunks by word.

    With other values, the highest possible score would not be known.
    """
    idf = {word: max(math.log((total - n + 0.5) / (n + 0.5)), _MIN_IDF) for word, n in counts.items()}
    rarest = max((idf[word] for word, n in counts.items() if n), default=_MIN_IDF)
    return {word: value if counts[word] else min(value, _UNKNOWN_IDF * rarest) for word, value in idf.items()}


def _smooth_idf(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """Return the IDF of each word as Lucene computes it, which is above 0 for every word.

    A word that no chunk contains counts as much as the rarest one, not more.
    """
    idf = {word: math.log(1 + (total - n + 0.5) / (n + 0.5)) for word, n in counts.items()}
    rarest = max((idf[word] for word, n in counts.items() if n), default=1.0)
    return {word: min(value, rarest) for word, value in idf.items()}


def _share(
    parts: Sequence[str], present: Collection[str], weights: Mapping[str, float], unsure: Collection[str] = ()
) -> float:
    """Return the share, by weight, of the parts that are present; an `unsure` one counts half."""
    found = sum(weights[part] * (_UNSURE if part in unsure else 1.0) for part in parts if part in present)
    return found / sum(weights[part] for part in parts)


def picture_signals(
    connection: Connection,
    words: FullTextIndex,
    query: Query,
    scope: Scope,
    pages: Sequence[PageKey],
    agreement: float | None,
) -> dict[str, float] | None:
    """Return the signals of a picture, each 0 to 1; None if there are none.

    `held`: the share, by IDF, of the words recognized in it that the best of these pages contains; left out for a
    picture with too few words. `agreement`: how far the page that looks most like it agrees with it; left out if they
    could not be compared.
    """
    signals = {} if agreement is None else {AGREEMENT: agreement}
    if len(query.terms) >= _MIN_PICTURE_TERMS:
        signals[IDF_COVERAGE] = _idf_coverage(connection, words, query.terms, scope, pages)
    return signals or None


def _idf_coverage(
    connection: Connection, words: FullTextIndex, terms: Sequence[Term], scope: Scope, pages: Sequence[PageKey]
) -> float:
    """Return the share, 0 to 1, of the IDF of all terms that the best of these pages contains."""
    total = words.count(connection, scope)
    on_page = pages_by_chunk(connection, pages)
    covered = dict.fromkeys(pages, 0.0)
    known: list[float] = []
    chunks_with = words.holders(connection, terms, scope)
    for chunks in filter(None, chunks_with.values()):
        # BM25's IDF, never negative.
        known.append(math.log(1 + (total - len(chunks) + 0.5) / (len(chunks) + 0.5)))
        for page in {on_page[chunk_id] for chunk_id in chunks & on_page.keys()}:
            covered[page] += known[-1]
    if not known:
        return 0.0
    # A word that no chunk contains counts as much as the rarest known one, not more.
    return max(covered.values(), default=0.0) / (sum(known) + (len(chunks_with) - len(known)) * max(known))
