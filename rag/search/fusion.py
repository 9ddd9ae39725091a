"""Fusion of the lanes, and what a page becomes when it is shown: one hit, in a name that the scope may see.

The lanes that read a question's text are blended by their scores, each as a share of its best: a page far ahead of the
next stays ahead. All others are fused by rank, for similarities of different towers live on different scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from rag.catalog.captions import captions_of
from rag.catalog.chunks import chunks_by_id
from rag.catalog.scope import names_in
from rag.model import WHOLE_PAGE, Box, Hit, Scope

Page = tuple[int, int]
"""(document, page number)"""

WEIGHTS: Mapping[str, float] = {
    "words": 1.0,
    "place": 1.5,
    "text-vectors": 0.3,
    "clip-picture": 0.5,
    "clip-text": 0.1,
    "pixels": 40.0,
}
"""What a lane counts in the fusion: its ranks, or in the blend its scores. CLIP alone cannot find pages, least of all
by comparing texts: BM25 carries the recall. A page that the question names goes before what its words find. A page
whose pixels prove that a picture shows it goes before all others, and before the next that is proved."""

_BLENDED = ("words", "text-vectors")

_BESIDE, _DOCUMENT = 0.2, 0.3
"""What the better of the pages beside a page, and the best page of its document, add to its own BM25."""

REGIONS = 3
"""Regions of a page that a hit names."""

_COVERED = 0.8
"""Share of a region inside another from which it is not named beside it."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One lane's pages, best first, and the chunks that brought each, best first, at most REGIONS."""

    lane: str
    pages: tuple[Page, ...]
    chunks: Mapping[Page, tuple[int, ...]]
    scores: tuple[float, ...] = ()
    """Of the pages, in their order, for lanes that have them: BM25, or the cosine of the nearest chunk."""

    @property
    def best(self) -> float:
        """The first page's score; -1 without one."""
        return self.scores[0] if self.scores else -1.0


def fuse(rankings: Sequence[Ranking], k: int, *, blended: bool = True, surroundings: bool = True) -> list[Page]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): the sum of weight / (k + rank).

    The blend of the text's lanes counts as one lane, unless `blended` is off.
    """
    scored = [ranking for ranking in rankings if blended and ranking.lane in _BLENDED and ranking.scores]
    lists = [(WEIGHTS[ranking.lane], ranking.pages) for ranking in rankings if ranking not in scored]
    scores: dict[Page, float] = {}
    for weight, pages in [(1.0, blend(scored, surroundings=surroundings)), *lists]:
        for rank, page in enumerate(pages, 1):
            scores[page] = scores.get(page, 0.0) + weight / (k + rank)
    return sorted(scores, key=lambda page: (-scores[page], page))


def blend(rankings: Sequence[Ranking], *, surroundings: bool = True) -> list[Page]:
    """The pages of the text's lanes, best first, by a weighted sum of scores between 0 and 1.

    A convex combination ranks better than ranks alone do (Bruch, Gai and Ingber, ACM TOIS 42, 2023). BM25 counts as a
    share of the best page's; what a question asks for often goes on over the page, and its words are seldom all on one:
    the better page beside it, and the best of its document, count too. Cosines count by where they lie between the
    lane's last and its first.
    """
    scores: dict[Page, float] = {}
    for ranking in rankings:
        own = dict(zip(ranking.pages, ranking.scores, strict=True))
        least = 0.0 if ranking.lane == "words" else min(own.values())
        reach = max(own.values()) - least
        for page, score in own.items():
            share = (score - least) / reach if reach > 0 else 1.0
            scores[page] = scores.get(page, 0.0) + WEIGHTS[ranking.lane] * share
        if surroundings and ranking.lane == "words" and reach > 0:
            _add_surroundings(scores, own, reach)
    return sorted(scores, key=lambda page: (-scores[page], page))


def _add_surroundings(scores: dict[Page, float], own: Mapping[Page, float], best: float) -> None:
    of_document: dict[int, float] = {}
    for (document, _), score in own.items():
        of_document[document] = max(score, of_document.get(document, 0.0))
    for document, number in own:
        beside = max(own.get((document, number - 1), 0.0), own.get((document, number + 1), 0.0))
        scores[document, number] += (_BESIDE * beside + _DOCUMENT * of_document[document]) / best


def hits_of(
    connection: Connection, data: Path, rankings: Sequence[Ranking], pages: Sequence[Page], scope: Scope, k: int
) -> list[Hit]:
    """The pages as hits, each by the chunk that the lane which counts most for it found; `k` is RRF's."""
    ranks = {r.lane: {page: rank for rank, page in enumerate(r.pages, 1)} for r in rankings}
    chosen: dict[Page, list[int]] = {}
    for page in pages:
        finders = [r for r in rankings if page in ranks[r.lane]]
        finders.sort(key=lambda r: -WEIGHTS[r.lane] / (k + ranks[r.lane][page]))
        chosen[page] = list(dict.fromkeys(chunk for r in finders for chunk in r.chunks[page]))[:REGIONS]
    rows = chunks_by_id(connection, [chunk for chunks in chosen.values() for chunk in chunks])
    described = captions_of(connection, rows)
    names = names_in(connection, [page[0] for page in pages], scope)
    hits: list[Hit] = []
    for page in pages:
        found = [rows[chunk] for chunk in chosen[page] if chunk in rows]
        if not found or page[0] not in names:  # deleted, or unshared, since the lanes looked
            continue
        row = found[0]
        folder = data / "pictures" / str(row.reading)
        name, link = names[row.document]
        hits.append(
            Hit(
                rank=len(hits) + 1,
                chunk=row.id,
                document=row.document,
                name=name,
                link=link,
                page=row.page,
                label=row.label,
                kind=row.kind,
                text=row.text,
                heading=row.heading,
                caption=row.caption,
                box=row.box,
                marks=row.marks,
                picture=folder / row.picture if row.picture else None,
                render=folder / row.render if row.render else None,
                lanes={lane: ranks[lane][page] for lane in ranks if page in ranks[lane]},
                regions=_regions([row.box for row in found]),
                described=described.get(row.id, ("", ""))[0],
                described_by=described.get(row.id, ("", ""))[1],
            )
        )
    return hits


def _regions(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """The first box and the next ones that show something else; the whole page is no region beside others."""
    kept = [boxes[0]]
    for box in boxes[1:]:
        if box != WHOLE_PAGE and all(box.intersection(other) < _COVERED * box.area for other in kept):
            kept.append(box)
    return tuple(kept[:REGIONS])
