"""Fuse the rankings of the lanes into one.

The text lanes are blended by score, so that a page far ahead of the next one stays ahead. All other lanes are fused by
rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    "page-images": 1.0,
}
"""The weight of a lane's ranks. BM25 contributes most of the recall; CLIP contributes little, above all on texts.

A file that only its message or name explains ranks second, after the best page by words. A page that the question names
ranks before pages found by its words, and the pages that say what a document is about before all others. Pages that a
picture is proved to show rank before all others, in their order. Late interaction counts as much as all texts together:
published models find about as much in page images as words do, and other pages."""

_BLENDED: Mapping[str, float] = {"words": 1.0, "translations": 1.0, "text-vectors": 1.2}
"""The weight of a lane's scores, see `_shares`. From 1.0 to 1.4 for vectors, the differences are a question or two."""

_SURROUNDINGS: Mapping[str, tuple[float, float]] = {"words": (0.2, 0.3), "text-vectors": (0.0, 0.3)}
"""Share of its score that the better neighbor of a page, and the best page of its document, add to the page's own."""


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

    A convex combination ranks better than ranks alone (Bruch, Gai and Ingber, ACM TOIS 42, 2023). With `surroundings`,
    the better neighbor of a page and the best page of its document count too, because the words of a question are
    seldom all on one page.
    """
    lanes = {ranking.lane: _shares(ranking) for ranking in rankings}
    pages = dict.fromkeys(page for shares in lanes.values() for page in shares)
    scores = {page: sum(_BLENDED[lane] * shares.get(page, 0.0) for lane, shares in lanes.items()) for page in pages}
    for lane, surrounding in _SURROUNDINGS.items() if surroundings else ():
        for page, support in _supports(lanes.get(lane, {}), pages, *surrounding):
            scores[page] += _BLENDED[lane] * support
    return sorted(scores, key=lambda page: (-scores[page], page))


def _shares(ranking: Ranking) -> dict[PageKey, float]:
    """Return the score of each page as a share of the highest that counts.

    That is the best page's for BM25. A cosine counts by where it is between the lane's last and 1, the cosine of equal
    texts: models differ in their scales, and a lane whose best page is hardly nearer than its last one says little.
    """
    if ranking.lane == "translations":  # its scores are such shares already
        return dict(zip(ranking.pages, ranking.scores, strict=True))
    lowest, highest = (0.0, max(ranking.scores)) if ranking.lane == "words" else (min(ranking.scores), 1.0)
    spread = highest - lowest
    scored = zip(ranking.pages, ranking.scores, strict=True)
    return {page: (score - lowest) / spread if spread > 0 else 1.0 for page, score in scored}


def _supports(
    shares: Mapping[PageKey, float], pages: Iterable[PageKey], of_neighbor: float, of_document: float
) -> Iterator[tuple[PageKey, float]]:
    """Yield what the better neighbor of each page and the best page of its document add in one lane."""
    best_of_document: dict[int, float] = {}
    for (document, _), share in shares.items():
        best_of_document[document] = max(share, best_of_document.get(document, 0.0))
    for document, number in pages:
        neighbor = max(shares.get((document, number - 1), 0.0), shares.get((document, number + 1), 0.0))
        yield (document, number), of_neighbor * neighbor + of_document * best_of_document.get(document, 0.0)
