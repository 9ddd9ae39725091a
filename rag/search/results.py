"""Results of several searches as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from rag.model.search import Hit, PageKey, SearchResult


def merge_results(results: Sequence[SearchResult]) -> SearchResult:
    """Return the results of one or more searches as one: the best page of each first, then the next ones, each once."""
    hits: dict[PageKey, Hit] = {}
    for hit in chain.from_iterable(zip_longest(*(result.hits for result in results))):
        if hit is not None:
            hits.setdefault((hit.document, hit.page), hit)
    ranked = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits.values(), 1))
    best = max(results, key=lambda result: result.confidence)
    return best if len(results) == 1 else replace(best, found=any(one.found for one in results), hits=ranked)
