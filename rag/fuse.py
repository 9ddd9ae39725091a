"""Fusion of the lanes, and what a page becomes when it is shown: one hit, in a name that the scope may see.

Ranks, never scores, are fused: similarities of different towers and BM25 live on different scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.catalog import Catalog, documents
from rag.catalog.scope import names_in
from rag.model import Hit, Scope

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
"""What a lane's ranks count in the fusion. CLIP alone cannot find pages, least of all by comparing texts: BM25
carries the recall. A page that the question names goes before what its words find. A page whose pixels prove that a
picture shows it goes before all others, and before the next that is proved."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One lane's pages, best first, and the chunk that brought each."""

    lane: str
    pages: tuple[Page, ...]
    chunks: Mapping[Page, int]
    scores: tuple[float, ...] = ()
    """Of the pages, in their order, for lanes that have them: BM25, or the cosine of the nearest chunk."""

    @property
    def best(self) -> float:
        """The first page's score; -1 without one."""
        return self.scores[0] if self.scores else -1.0


def fuse(rankings: Sequence[Ranking], k: int) -> list[Page]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): the sum of weight / (k + rank)."""
    scores: dict[Page, float] = {}
    for ranking in rankings:
        for rank, page in enumerate(ranking.pages, 1):
            scores[page] = scores.get(page, 0.0) + WEIGHTS[ranking.lane] / (k + rank)
    return sorted(scores, key=lambda page: (-scores[page], page))


def hits_of(
    catalog: Catalog, data: Path, rankings: Sequence[Ranking], pages: Sequence[Page], scope: Scope, k: int
) -> list[Hit]:
    """The pages as hits, each by the chunk that the lane which counts most for it found; `k` is RRF's."""
    ranks = {r.lane: {page: rank for rank, page in enumerate(r.pages, 1)} for r in rankings}
    chosen: dict[Page, int] = {}
    for page in pages:
        best = max(
            (r for r in rankings if page in ranks[r.lane]),
            key=lambda r: WEIGHTS[r.lane] / (k + ranks[r.lane][page]),
        )
        chosen[page] = best.chunks[page]
    with catalog.reading() as connection:
        rows = documents.chunks_by_id(connection, chosen.values())
        names = names_in(connection, [page[0] for page in pages], scope)
    hits: list[Hit] = []
    for page in pages:
        row = rows.get(chosen[page])
        if row is None or row.document not in names:  # deleted, or unshared, since the lanes looked
            continue
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
            )
        )
    return hits
