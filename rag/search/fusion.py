"""Fuse the rankings of the lanes into one.

The text lanes are blended by score, each score as a share of the lane's best, so that a page far ahead of the next one
stays ahead. All other lanes are fused by rank, because cosines of different models have different scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.model.search import PageKey
from rag.search.ranking import Ranking

WEIGHTS: Mapping[str, float] = {
    "words": 1.0,
    "messages": 0.98,
    "file-names": 0.98,
    "overview": 10.0,
    "translations": 1.0,
    "place": 1.5,
    "text-vectors": 0.3,
    "clip-picture": 0.5,
    "clip-text": 0.1,
    "pixels": 40.0,
}
"""The weight of a lane's ranks, or of its scores in the blend. BM25 contributes most of the recall; CLIP contributes
little, above all on texts. A file that only its message or name explains ranks second, after the best page by words. A
page that the question names ranks before pages found by its words, and the pages that say what a document is about
before all others. Pages that a picture is proved to show rank before all
others, in their order."""

_BLENDED = ("words", "translations", "text-vectors")

_NEIGHBOR, _DOCUMENT = 0.2, 0.3
"""Share of its BM25 that the better neighbor of a page, and the best page of its document, add to the page's own."""


def fuse(rankings: Sequence[Ranking], k: int, *, blended: bool = True, surroundings: bool = True) -> list[PageKey]:
    """Return the pages of all rankings, best first, by reciprocal rank fusion: the sum of weight / (k + rank).

    (Cormack, Clarke and Büttcher, SIGIR 2009.) The blend of the text lanes counts as one lane, unless `blended` is off.
    """
    scored = [ranking for ranking in rankings if blended and ranking.lane in _BLENDED and ranking.scores]
    lists = [(WEIGHTS[ranking.lane], ranking.pages) for ranking in rankings if ranking not in scored]
    scores: dict[PageKey, float] = {}
    for weight, pages in [(1.0, blend(scored, surroundings=surroundings)), *lists]:
        for rank, page in enumerate(pages, 1):
            scores[page] = scores.get(page, 0.0) + weight / (k + rank)
    return sorted(scores, key=lambda page: (-scores[page], page))


def blend(rankings: Sequence[Ranking], *, surroundings: bool = True) -> list[PageKey]:
    """Return the pages of the text lanes, best first, by a weighted sum of scores between 0 and 1.

    A convex combination ranks better than ranks alone (Bruch, Gai and Ingber, ACM TOIS 42, 2023). BM25 counts as a
    share of the best page's; cosines by where they are between the lane's last and first. With `surroundings`, the
    better neighbor of a page and the best page of its document count too, because the words of a question are seldom
    all on one page.
    """
    scores: dict[PageKey, float] = {}
    for ranking in rankings:
        own = dict(zip(ranking.pages, ranking.scores, strict=True))
        lowest, spread = _range(ranking)
        for page, score in own.items():
            share = (score - lowest) / spread if spread > 0 else 1.0
            scores[page] = scores.get(page, 0.0) + WEIGHTS[ranking.lane] * share
        if surroundings and ranking.lane == "words" and spread > 0:
            _add_surroundings(scores, own, spread)
    return sorted(scores, key=lambda page: (-scores[page], page))


def _range(ranking: Ranking) -> tuple[float, float]:
    """Return the score that counts as 0, and how much above it counts as 1."""
    if ranking.lane == "translations":  # its scores are such shares already
        return 0.0, 1.0
    lowest = 0.0 if ranking.lane == "words" else min(ranking.scores)
    return lowest, max(ranking.scores) - lowest


def _add_surroundings(scores: dict[PageKey, float], own: Mapping[PageKey, float], best: float) -> None:
    """Add to each page's score a share of its better neighbor's and of its document's best BM25 score."""
    best_of_document: dict[int, float] = {}
    for (document, _), score in own.items():
        best_of_document[document] = max(score, best_of_document.get(document, 0.0))
    for document, number in own:
        neighbor = max(own.get((document, number - 1), 0.0), own.get((document, number + 1), 0.0))
        scores[document, number] += (_NEIGHBOR * neighbor + _DOCUMENT * best_of_document[document]) / best
