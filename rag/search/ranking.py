"""The ranking of pages by one lane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rag.model.extraction import Box
from rag.model.search import PageKey
from rag.search.page_match.result import MatchResult
from rag.search.query import Query

MAX_REGIONS = 3
"""Regions of a page that a hit shows, and so the chunks of a page that a ranking keeps."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The pages of one lane, best first, and for each page the chunks that found it, best first.

    `scores` belong to `pages`, for lanes that have scores: BM25, or the cosine of the nearest chunk. `match` is set
    only by the page match lane, `shares` only by the messages lane: the share whose message found each page.
    `translated` is set only by the translations lane: the query in other languages, and what its words find. `regions`
    is set only by the page images lane: the part of each page that matches best.
    """

    lane: str
    pages: tuple[PageKey, ...]
    chunks: Mapping[PageKey, tuple[int, ...]]
    scores: tuple[float, ...] = ()
    match: MatchResult | None = None
    shares: Mapping[PageKey, int] = field(default_factory=dict)
    translated: Mapping[str, tuple[Query, Ranking]] = field(default_factory=dict)
    regions: Mapping[PageKey, Box] = field(default_factory=dict)

    @property
    def translations(self) -> dict[str, str]:
        """Return the question as it was searched for in other languages, by ISO 639-1 code."""
        return {language: query.text for language, (query, _) in self.translated.items()}

    @property
    def best_score(self) -> float:
        """Return the score of the first page; -1 without one."""
        return self.scores[0] if self.scores else -1.0


def rank_pages(
    lane: str,
    chunks: Iterable[tuple[int, PageKey]],
    depth: int,
    *,
    scores: Mapping[int, float] | None = None,
    match: MatchResult | None = None,
) -> Ranking:
    """Rank pages by their best chunk: at most `depth` pages and MAX_REGIONS chunks a page.

    `chunks` are (chunk id, page), best first; `scores` maps chunk ids to scores.
    """
    found: dict[PageKey, tuple[int, ...]] = {}
    for chunk_id, page in chunks:
        found[page] = (*found.get(page, ()), chunk_id)
    pages = tuple(found)[:depth]
    kept = {page: ids[:MAX_REGIONS] for page, ids in found.items()}
    page_scores = () if scores is None else tuple(scores[kept[page][0]] for page in pages)
    return Ranking(lane, pages, kept, page_scores, match)
