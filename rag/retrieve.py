"""The lanes: each ranks pages by its best chunk on them. Their fusion and the decision follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter

from rag.catalog import Catalog
from rag.decide import mass_of
from rag.embed import ClipLane, Lanes, Nearest, TextLane
from rag.errors import OperatorMustAct, StoreBroken, TryAgain
from rag.fuse import WEIGHTS, Page, Ranking, fuse, hits_of
from rag.model import Found, Kind, Modality, PageReading, Scope
from rag.places import pages_asked
from rag.ports import Vector, WordIndex
from rag.query import Places, matter, names, phrases, places, related
from rag.settings import EmbedSettings, SearchSettings
from rag.words import content_words

_RANKED: Mapping[type, tuple[tuple[str, Modality], ...]] = {
    TextLane: (("text-vectors", Modality.TEXT),),
    ClipLane: (("clip-picture", Modality.PICTURE), ("clip-text", Modality.TEXT)),
}
"""The lanes that each embedder's vectors make."""

_AS_LIKELY = 0.1
"""Cosine by which a figure may lie below its whole page and still be shown in its place, being the nearer thing."""

_STAGES = ("embed", "words", "vectors", "pixels", "fuse")

_CHUNKS_PER_PAGE = 6
"""Chunks asked for per page wanted; pages rarely have more text chunks than this."""

_MOST_WORDS = 100
"""Words of a screenshot that are searched for; more only cost time."""

_SAME_PAGE = 0.5
"""Share of a screenshot's IDF mass that a page must hold to be the one it shows; OCR misreads some."""

_LEAST_WORDS = 3
"""Recognised words from which a screenshot can be identified by them alone."""


@dataclass
class _Clock:
    """Milliseconds per stage."""

    ms: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("embed", "words", "vectors", "pixels", "fuse"), 0.0)
    )

    def add(self, stage: str, since: float) -> float:
        now = perf_counter()
        self.ms[stage] += (now - since) * 1000
        return now


class Retriever:
    """Finds pages for words or for a picture, always inside a scope."""

    def __init__(
        self,
        catalog: Catalog,
        data: Path,
        words: WordIndex,
        vectors: Lanes,
        search: SearchSettings,
        embed: EmbedSettings,
    ) -> None:
        self._catalog = catalog
        self._data = data
        self._words = words
        self._clip = vectors.clip
        self._text = vectors.text
        self._search = search
        self._embed = embed

    def find(self, query: str, scope: Scope, k: int) -> Found:
        """Rank pages for a question and decide whether one of them answers it."""
        clock, lanes = _Clock(), self.lanes()
        about = matter(query)
        wanted = content_words(about)
        more = [*phrases(about), *content_words(related(about))]
        searched = [*dict.fromkeys(wanted + more), *names(about)]  # names count twice
        rankings = self._by_words(searched, scope, lanes, clock)
        for lane in (self._text, self._clip):
            rankings += self._by_vectors(lane, partial(lane.of_text, about), scope, lanes, clock)
        rankings += self._by_place(places(about), rankings, scope, lanes, clock)
        started = perf_counter()
        with self._catalog.reading() as connection:
            mass = mass_of(connection, self._words, wanted, scope, ())
        found, why = mass.known >= self._search.coverage, mass.why
        if not found and any(r.lane == "clip-picture" and r.best >= self._embed.picture_floor for r in rankings):
            found = True
        sure = max(mass.known, self._search.coverage) if found else mass.known
        return self._result(found, sure, why, rankings, lanes, scope, k, clock, started)

    def find_picture(self, picture: Path, read: PageReading, scope: Scope, k: int) -> Found:
        """Which page a picture shows: by the words recognised in it, and by its vector."""
        clock, lanes = _Clock(), self.lanes()
        wanted = content_words(" ".join(block.text for block in read.blocks))[:_MOST_WORDS]
        rankings = self._by_words(wanted, scope, lanes, clock)
        for lane in ("place", "text-vectors", "clip-text"):  # a picture is compared with pictures, and names no page
            del lanes[lane]
        seen = partial(self._clip.of_picture, picture)
        rankings += self._by_vectors(self._clip, seen, scope, lanes, clock)
        started = perf_counter()
        with self._catalog.reading() as connection:
            mass = mass_of(connection, self._words, wanted, scope, fuse(rankings, self._search.rrf_k)[:3])
        twin = any(r.lane == "clip-picture" and r.best >= self._embed.twin_floor for r in rankings)
        if len(wanted) < _LEAST_WORDS:
            found, why = twin, "The picture has too few words to be found by, and no picture here is like it."
        else:
            found, why = twin or mass.on_page >= _SAME_PAGE, "No page here has enough of the picture's words."
        sure = max(mass.on_page, _SAME_PAGE) if found else min(mass.on_page, math.nextafter(_SAME_PAGE, 0.0))
        return self._result(found, sure, why, rankings, lanes, scope, k, clock, started)

    def lanes(self) -> dict[str, str]:
        """Every lane, `on` or `off: why`."""
        state = {lane: "on" if lane in self._search.lanes else "off: not in search.lanes" for lane in WEIGHTS}
        for vectors in (self._text, self._clip):
            mine = [lane for lane, _ in _RANKED[type(vectors)] if state[lane] == "on"]
            if mine and vectors.identity() is None:
                state |= dict.fromkeys(mine, _off(vectors))
        return state

    # ------------------------------------------------------------ lanes

    def _by_words(self, wanted: Sequence[str], scope: Scope, lanes: Mapping[str, str], clock: _Clock) -> list[Ranking]:
        if lanes["words"] != "on" or not wanted:
            return []
        started = perf_counter()
        with self._catalog.reading() as connection:
            rows = self._words.search(connection, wanted, scope, self._search.depth * _CHUNKS_PER_PAGE)
        ranking = self._pages("words", [(chunk_id, (doc, page)) for chunk_id, doc, page, _ in rows])
        scores = {chunk_id: score for chunk_id, _, _, score in rows}
        ranking = replace(ranking, scores=tuple(scores[ranking.chunks[page]] for page in ranking.pages))
        clock.add("words", started)
        return [ranking]

    def _by_place(
        self, asked: Places, rankings: Sequence[Ranking], scope: Scope, lanes: Mapping[str, str], clock: _Clock
    ) -> list[Ranking]:
        """The pages that the question names, in the documents that the other lanes found, in their order."""
        if lanes["place"] != "on" or not asked:
            return []
        started = perf_counter()
        found = {page: rank for rank, page in enumerate(fuse(rankings, self._search.rrf_k))}
        chunks = {page: chunk_id for ranking in reversed(rankings) for page, chunk_id in ranking.chunks.items()}
        with self._catalog.reading() as connection:
            named = pages_asked(connection, self._words, asked, found, scope)
        rows = [(chunks.get(page, chunk_id), page) for chunk_id, page in named]
        ranking = self._pages("place", rows)
        clock.add("words", started)
        return [ranking]

    def _by_vectors(
        self,
        vectors: ClipLane | TextLane,
        embed: Callable[[], list[Vector]],
        scope: Scope,
        lanes: dict[str, str],
        clock: _Clock,
    ) -> list[Ranking]:
        """One embedder's lanes, each modality asked for itself. An embedder or a store that fails turns them off."""
        wanted = [(lane, modality) for lane, modality in _RANKED[type(vectors)] if lanes.get(lane) == "on"]
        if not wanted:
            return []
        started = perf_counter()
        try:
            queries = embed()
        except (OperatorMustAct, TryAgain):
            lanes |= {lane: _off(vectors) for lane, _ in wanted}
            return []
        started = clock.add("embed", started)
        rankings = []
        for lane, modality in wanted:
            try:
                near = self._nearest(vectors, queries, modality, scope)
            except TryAgain:
                lanes[lane] = "off: busy"
            except StoreBroken as error:
                lanes[lane] = f"off: {error}"
            else:
                rankings.append(self._by_similarity(lane, near))
        clock.add("vectors", started)
        return rankings

    def _nearest(
        self, vectors: ClipLane | TextLane, queries: Sequence[Vector], modality: Modality, scope: Scope
    ) -> list[Nearest]:
        try:
            return vectors.nearest(queries, modality, scope, self._search.depth)
        except TryAgain:  # another process was just writing: once more
            return vectors.nearest(queries, modality, scope, self._search.depth)

    def _by_similarity(self, lane: str, near: Sequence[Nearest]) -> Ranking:
        """Pages by their nearest chunk; of a page's picture and a figure on it that is as likely, the figure."""
        ranking = self._pages(lane, [(one.chunk, (one.document, one.page)) for one in near])
        best: dict[Page, Nearest] = {}
        for one in near:
            first = best.setdefault((one.document, one.page), one)
            if first.kind is Kind.PAGE is not one.kind and one.similarity >= first.similarity - _AS_LIKELY:
                best[one.document, one.page] = one
        chunks = {page: one.chunk for page, one in best.items()}
        # The lane's order is by similarity, so that the page's first chunk has its highest.
        similar = {one.chunk: one.similarity for one in near}
        scores = tuple(similar[ranking.chunks[page]] for page in ranking.pages)
        return Ranking(lane, ranking.pages, chunks, scores)

    def _pages(self, lane: str, rows: Sequence[tuple[int, Page]]) -> Ranking:
        chunks: dict[Page, int] = {}
        for chunk_id, page in rows:
            chunks.setdefault(page, chunk_id)
        pages = tuple(chunks)[: self._search.depth]
        return Ranking(lane, pages, chunks)

    # ------------------------------------------------------------ hits

    def _result(
        self,
        found: bool,
        sure: float,
        why: str,
        rankings: Sequence[Ranking],
        lanes: Mapping[str, str],
        scope: Scope,
        k: int,
        clock: _Clock,
        started: float,
    ) -> Found:
        pages = fuse(rankings, self._search.rrf_k)[:k]
        hits = hits_of(self._catalog, self._data, rankings, pages, scope, self._search.rrf_k)
        clock.add("fuse", started)
        ranked = {ranking.lane: ranking.pages for ranking in rankings}
        sure = sure if hits else 0.0
        return Found(found and bool(hits), tuple(hits), dict(lanes), why, clock.ms, ranked, sure)


def _off(vectors: ClipLane | TextLane) -> str:
    return f"off: {vectors.off} (fix: {vectors.fix})"
