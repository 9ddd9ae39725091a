"""Search: analyze the query, rank pages by every lane, fuse, and decide whether anything was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rag.catalog import Catalog
from rag.catalog.languages import languages_in
from rag.catalog.share_names import search_names
from rag.model.extraction import ExtractedPage
from rag.model.search import PageKey, Scope, SearchResult
from rag.ports import FullTextIndex, Translator
from rag.search import confidence
from rag.search.abstention import Abstention, AbstentionVerdict
from rag.search.corrections import Corrections, correct_question
from rag.search.file_names import folded_words, is_named
from rag.search.fusion import fuse
from rag.search.glossary import Glossary
from rag.search.glossary_file import load_glossary
from rag.search.hits import build_hits, merge_duplicates, name_newer_versions
from rag.search.lanes.file_names import FileNamesLane
from rag.search.lanes.image_vectors import ClipTextLane, ImageVectorsLane
from rag.search.lanes.lane import Lane, LaneStatus, LaneUnavailable
from rag.search.lanes.messages import MessagesLane
from rag.search.lanes.nearest import VectorRanker
from rag.search.lanes.overview import OVERVIEW, OverviewLane
from rag.search.lanes.page_images import PageImagesLane
from rag.search.lanes.page_match import PageMatchLane
from rag.search.lanes.page_references import PageReferencesLane
from rag.search.lanes.text_vectors import TextVectorsLane
from rag.search.lanes.translations import TranslationsLane
from rag.search.lanes.words import WordsLane
from rag.search.language_names import language_name
from rag.search.near_duplicates import collapse_near_duplicates
from rag.search.page_match.matcher import PageMatcher
from rag.search.page_match.result import NO_MATCH
from rag.search.query import Query, QueryKind
from rag.search.query_analysis import analyze_picture, analyze_question
from rag.search.ranking import Ranking
from rag.search.reranking import RERANKER, Reranking
from rag.search.translations import Translations
from rag.search.versions import rank_versions
from rag.setting_groups import LANES
from rag.settings import Settings
from rag.text import first_words
from rag.vectors.all_indexes import VectorIndexes

_SHORTENED = "The question is long: only its first {max_words} words were searched for. Shorten it to search for all."

_WHICH_FILE = "Say which file you mean, for example: summarize handbook.pdf. In Slack, you can also ask in its thread."

_MAX_SEARCHES = 3
"""Searches for one question. The lanes read at different times, and documents may be read again meanwhile."""

_MAX_NAMES = 200
"""File names with most words of a question."""


class Retriever:
    """Find pages for a question or for a picture, always inside a scope."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        words: FullTextIndex,
        lanes: Sequence[Lane],
        glossary: Glossary,
        abstention: Abstention,
        reranking: Reranking | None = None,
    ) -> None:
        """`lanes` rank in this order. `reranking` is applied between fusion and confidence."""
        self._settings = settings.search
        self._data = settings.data
        self._catalog = catalog
        self._words = words
        self._lanes = lanes
        self._glossary = glossary
        self._abstention = abstention
        self._reranking = reranking

    def find(self, question: str, scope: Scope, k: int) -> SearchResult:
        """Return the best `k` pages for a question, and whether one of them answers it."""
        text = first_words(question, self._settings.words)
        query, corrections = self._analyze(text, scope)
        notices = [corrections.notice()]
        if text != question:
            notices.append(_SHORTENED.format(max_words=self._settings.words))
        found = self._search_named(query, scope, k) or self._search(query, scope, k)
        is_subject = found.found and len(text.split()) == 1  # "resume" may be what is looked for
        has_no_file = found.lanes.get(OVERVIEW) == "on" and OVERVIEW not in found.rankings
        if query.overview == "" and has_no_file and not is_subject:
            found = replace(found, found=False, hits=(), confidence=0.0)  # its words are about no subject
            notices.append(_WHICH_FILE)
        return replace(found, notice=" ".join(filter(None, notices)), corrections=corrections.words)

    def _analyze(self, question: str, scope: Scope) -> tuple[Query, Corrections]:
        """Return the query for a question, with its typing errors corrected, and the corrections."""
        features = self._settings.query_features
        with self._catalog.read_transaction() as connection:
            languages = languages_in(connection, scope)
            query = analyze_question(question, features, self._glossary, languages)
            corrections = Corrections(question)
            # In another language, most words are unknown.
            if not query.language or query.language in languages:
                corrections = correct_question(connection, self._words, question, query.terms, languages, scope)
            if corrections.question != question:
                query = analyze_question(corrections.question, features, self._glossary, languages)
                unsure = frozenset(corrections.words.values())
                query = replace(query, search_terms=(*query.search_terms, *corrections.others), unsure=unsure)
            names = search_names(connection, query.search_terms, scope, _MAX_NAMES)
        return replace(query, name_matches=tuple(names)), corrections

    def find_picture(self, picture: Path, extracted: ExtractedPage, scope: Scope, k: int) -> SearchResult:
        """Return the best `k` pages that a picture may show, and whether one of them does.

        `extracted` has the words recognized in the picture.
        """
        return self._search(analyze_picture(picture, extracted, self._languages(scope)), scope, k)

    def match_picture(self, picture: Path, scope: Scope, k: int) -> SearchResult | None:
        """Return the best `k` pages that a picture shows; None unless its pixels alone make the first one certain."""
        query = Query(picture=picture)
        lanes = [lane for lane in self._lanes if query.kind in lane.accepts]
        statuses = {lane.name: self._status(lane) for lane in lanes}
        rankings = _rank([lane for lane in lanes if lane.name == PageMatchLane.name], statuses, query, scope)
        if not any(ranking.match is not None and ranking.match.is_certain for ranking in rankings):
            return None
        found, is_complete = self._present(query, scope, k, self._fuse(rankings), rankings, rankings, statuses)
        return found if found.found and is_complete else None

    def lanes(self) -> dict[str, str]:
        """Return the status of every lane: `on`, or `off: reason`."""
        reranker = {} if self._reranking is None else {RERANKER: self._reranking.status()}
        return _describe({lane.name: self._status(lane) for lane in self._lanes} | reranker)

    def _languages(self, scope: Scope) -> frozenset[str]:
        with self._catalog.read_transaction() as connection:
            return languages_in(connection, scope)

    def _search_named(self, query: Query, scope: Scope, k: int) -> SearchResult | None:
        """Return what is found in the files that a question names; None if it names none, or nothing is found there."""
        if FileNamesLane.name not in self._settings.lanes:
            return None
        has_page = bool(query.references.pages or query.references.from_end or query.references.printed)
        asked = folded_words(query.text)
        matches = tuple(match for match in query.name_matches if is_named(asked, match.name, has_page=has_page))
        if not matches:
            return None
        named = frozenset(match.document for match in matches)
        query = replace(query, named=named, name_matches=matches)
        found = self._search(query, replace(scope, documents=named), k)
        return found if found.found else None

    def _search(self, query: Query, scope: Scope, k: int) -> SearchResult:
        """Search, and search again if pages were replaced by a new extraction after they were found."""
        for _ in range(_MAX_SEARCHES):
            found, is_complete = self._search_once(query, scope, k)
            if is_complete:
                break
        return found

    def _search_once(self, query: Query, scope: Scope, k: int) -> tuple[SearchResult, bool]:
        """Return what is found, and whether all of its pages still are as they were when they were ranked."""
        lanes = [lane for lane in self._lanes if query.kind in lane.accepts]
        statuses = {lane.name: self._status(lane) for lane in lanes}
        first = [lane for lane in lanes if not lane.needs_candidates]
        rankings = _rank(first, statuses, query, scope)
        pages = self._fuse(rankings)
        query = replace(query, candidates=tuple(pages), candidate_chunks=_best_chunks(rankings))
        if more := _rank([lane for lane in lanes if lane.needs_candidates], statuses, query, scope):
            rankings += more
            pages = self._fuse(rankings)
        judged = list(rankings)
        if self._reranking is not None:
            with query.clock.measure("rerank"):
                reranked = self._reranking.rerank(query, pages, rankings, scope)
            pages, statuses[RERANKER] = reranked.pages, reranked.status
            judged += [] if reranked.ranking is None else [reranked.ranking]
        return self._present(query, scope, k, pages, rankings, judged, statuses)

    def _present(
        self,
        query: Query,
        scope: Scope,
        k: int,
        pages: list[PageKey],
        rankings: Sequence[Ranking],
        judged: Sequence[Ranking],
        statuses: dict[str, LaneStatus],
    ) -> tuple[SearchResult, bool]:
        """Return the result for ranked pages, and whether all of them still are as they were when they were ranked.

        `judged`: the rankings, with that of the reranker.
        """
        with query.clock.measure("fuse"):
            pages, newer = self._rank_versions(query, pages, rankings, scope)
            verdict = self._judge(query, scope, pages, judged)
            match = next((ranking.match for ranking in rankings if ranking.match is not None), NO_MATCH)
            with self._catalog.read_transaction() as connection:
                kept = collapse_near_duplicates(connection, pages)
                shown = [page for first in list(kept)[:k] for page in (first, *kept[first])]
                built = build_hits(connection, self._data, rankings, shown, scope, self._settings.rrf_k)
            hits = name_newer_versions(merge_duplicates([match.apply_to(hit) for hit in built], kept), newer)
        result = SearchResult(
            found=bool(hits) and not verdict.abstains,
            hits=tuple(hits),
            lanes=_describe(statuses),
            why=verdict.why,
            stage_ms=query.clock.milliseconds,
            rankings={ranking.lane: ranking.pages for ranking in judged},
            confidence=verdict.confidence if hits else 0.0,
            signals=verdict.signals,
            translations={
                language_name(code): other.text for r in rankings for code, (other, _) in r.translated.items()
            },
        )
        return result, len(built) == len(shown)

    def _judge(
        self, query: Query, scope: Scope, pages: Sequence[PageKey], rankings: Sequence[Ranking]
    ) -> AbstentionVerdict:
        """Return the verdict on the question, or on the translation of it that finds an answer if it finds none."""
        verdict = self._abstention.judge(query, scope, pages, rankings)
        translated = [one for ranking in rankings for one in ranking.translated.values()] if verdict.abstains else []
        others = [self._abstention.judge(other, scope, found.pages, [found]) for other, found in translated]
        return max((one for one in others if not one.abstains), key=lambda one: one.confidence, default=verdict)

    def _status(self, lane: Lane) -> LaneStatus:
        return lane.status() if lane.name in self._settings.lanes else LaneStatus("not in search.lanes")

    def _rank_versions(
        self, query: Query, pages: list[PageKey], rankings: Sequence[Ranking], scope: Scope
    ) -> tuple[list[PageKey], Mapping[PageKey, PageKey]]:
        if query.kind is QueryKind.PICTURE:  # the page that it shows, not a newer one
            return pages, {}
        with self._catalog.read_transaction() as connection:
            by_words = [one for one in rankings if one.lane == WordsLane.name]
            scores = {page: score for one in by_words for page, score in zip(one.pages, one.scores, strict=True)}
            ranked = rank_versions(connection, query.text, pages, scores, scope)
        return list(ranked.pages), ranked.newer

    def _fuse(self, rankings: Sequence[Ranking]) -> list[PageKey]:
        features = self._settings.query_features
        return fuse(
            rankings, self._settings.rrf_k, blended="blend" in features, surroundings="surroundings" in features
        )


def open_retriever(
    settings: Settings,
    catalog: Catalog,
    words: FullTextIndex,
    indexes: VectorIndexes,
    translator: Translator | None = None,
    reranking: Reranking | None = None,
) -> Retriever:
    """Return a retriever with every lane. Without a translator, questions are searched for as they are asked.

    Raise BadSetting for a broken glossary.toml, OperatorMustAct for a broken decision.json.
    """
    depth, glossary = settings.search.depth, load_glossary(settings.data)
    abstention = Abstention(settings, catalog, words, confidence.load(settings.data))

    def analyze(text: str, scope: Scope) -> Query:
        with catalog.read_transaction() as connection:
            languages = languages_in(connection, scope)
        return analyze_question(text, settings.search.query_features, glossary, languages)

    clip, by_words = VectorRanker(indexes.clip, depth), WordsLane(catalog, words, depth)
    translations = None if translator is None else Translations(catalog, translator)
    lanes = (
        by_words,
        MessagesLane(catalog, depth),
        FileNamesLane(catalog, depth),
        OverviewLane(catalog, depth),
        TranslationsLane(translations, by_words, abstention, analyze),
        TextVectorsLane(indexes.text, depth),
        ImageVectorsLane(clip),
        ClipTextLane(clip),
        PageReferencesLane(catalog, words, depth),
        PageMatchLane(PageMatcher(catalog, settings.data), depth),
        *(() if indexes.pages is None else (PageImagesLane(indexes.pages, depth),)),
    )
    return Retriever(settings, catalog, words, lanes, glossary, abstention, reranking)


def _rank(lanes: Sequence[Lane], statuses: dict[str, LaneStatus], query: Query, scope: Scope) -> list[Ranking]:
    """Return the rankings of the lanes that are on; a lane that fails is off in `statuses` afterwards."""
    rankings: list[Ranking] = []
    for lane in lanes:
        if not statuses[lane.name].is_on:
            continue
        try:
            ranking = lane.rank(query, scope)
        except LaneUnavailable as error:
            statuses[lane.name] = error.status
        else:
            rankings += [] if ranking is None else [ranking]
    return rankings


def _best_chunks(rankings: Sequence[Ranking]) -> dict[PageKey, int]:
    """Return the chunk that shows each page: the best one of the first lane that found the page."""
    return {page: chunks[0] for ranking in reversed(rankings) for page, chunks in ranking.chunks.items()}


def _describe(statuses: dict[str, LaneStatus]) -> dict[str, str]:
    return {name: str(statuses[name]) for name in (*LANES, RERANKER) if name in statuses}
