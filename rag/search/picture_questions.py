"""Fuse the search for a question's words with those for the pictures that came with it.

A picture says where a question comes from, and its words what is asked: "which page explains this error?". So the pages
that pictures show and the pages that the words find are both wanted, and documents that a picture shows come first
without being the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from rag.model.search import Hit, PageKey, SearchResult
from rag.search.ranking import MAX_REGIONS

_NOT_MATCHED = "The picture matches no page here, so only the words of the question were searched for."
_NO_WORDS_FOUND = "No page has the words of the question: these are the pages that the picture shows."
_NEITHER = "No page matches the picture, and no page has the words of the question."


def matched_documents(pictures: Sequence[SearchResult]) -> frozenset[int]:
    """Return the documents of the pages that pictures show."""
    return frozenset(hit.document for result in pictures if result.found for hit in _shown(result))


def fuse_with_pictures(
    words: SearchResult, inside: SearchResult | None, pictures: Sequence[SearchResult], k: int
) -> SearchResult:
    """Return one result for a question with pictures.

    `words`: the search for its words. `inside`: the same within the documents that the pictures show, or None. The
    pages that the pictures show come first, after the best page by words if that is in one of their documents. Pages by
    words are fused with 1 / (k + rank), also with the pages that an unmatched picture is most similar to.
    """
    matched = [_shown(result) for result in pictures if result.found]
    by_words = [result.hits for result in (words, inside) if result is not None and result.found]
    if not matched and not by_words:
        nearest = _fuse([words.hits, *(result.hits for result in pictures)], k)
        why = _join(_NEITHER, *dict.fromkeys([*(result.why for result in pictures), words.why]))
        return replace(words, hits=_numbered(nearest), why=why, notice=_join(words.notice, _NEITHER))
    known = {_page(hit) for hit in chain(*by_words)}
    similar = [[hit for hit in result.hits if _page(hit) in known] for result in pictures if not result.found]
    asked = _fuse([*similar, *by_words], k)
    documents = matched_documents(pictures)
    lead = [hit for hit in asked[:1] if hit.document in documents]
    ordered = [*lead, *(hits[0] for hits in matched), *asked, *chain(*matched)]
    best = max((words, *pictures), key=lambda result: (result.found, result.confidence))
    notice = words.notice if words.found or inside is None else inside.notice
    if not matched:
        notice = _join(notice, _NOT_MATCHED)
    elif not by_words:
        notice = _join(notice, _NO_WORDS_FOUND)
    lanes = {name: state for result in (*pictures, words) for name, state in result.lanes.items()}
    return replace(best, hits=_numbered(ordered), found=True, why="", lanes=lanes, notice=notice)


def _shown(result: SearchResult) -> Sequence[Hit]:
    """Return the pages that a picture shows: those that its pixels prove, or else the best one."""
    proved = [hit for hit in result.hits if hit.why]
    return proved or result.hits[:1]


def _page(hit: Hit) -> PageKey:
    return hit.document, hit.page


def _fuse(lists: Sequence[Sequence[Hit]], k: int) -> list[Hit]:
    """Return the hits of all lists, each page once, by the sum of 1 / (k + rank); ties in the order of the lists.

    A page that several lists have is as the last of them has it.
    """
    scores: dict[PageKey, float] = {}
    hits: dict[PageKey, Hit] = {}
    for one in lists:
        for rank, hit in enumerate(one, 1):
            scores[_page(hit)] = scores.get(_page(hit), 0.0) + 1 / (k + rank)
            hits[_page(hit)] = hit
    return [hits[page] for page in sorted(scores, key=lambda page: -scores[page])]


def _numbered(ordered: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return each page once, ranked from 1. If a picture shows it and words find it, it is as the words find it."""
    hits: dict[PageKey, Hit] = {}
    for hit in ordered:
        page = _page(hit)
        hits[page] = _merge(hits[page], hit) if page in hits else hit
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits.values(), 1))


def _merge(first: Hit, second: Hit) -> Hit:
    """Return one hit for a page of two searches: with the text that the words find, and the regions of both."""
    text, other = (second, first) if first.why and not second.why else (first, second)
    regions = tuple(dict.fromkeys((*text.regions, *other.regions)))[:MAX_REGIONS]
    return replace(text, lanes={**other.lanes, **text.lanes}, regions=regions)


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
