"""The lanes: each ranks pages by its best chunk on them. Their fusion and the decision follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter

from rag.catalog import Catalog
from rag.errors import OperatorMustAct, StoreBroken, TryAgain
from rag.model import Found, Hit, Kind, Modality, PageReading, Scope
from rag.ports import Vector, WordIndex
from rag.search.confidence import Decisions
from rag.search.confidence_signals import AGREEMENT, HELD, SCORE, of_picture, of_question
from rag.search.fusion import REGIONS, WEIGHTS, Page, Ranking, fuse, hits_of
from rag.search.near_duplicates import collapsed
from rag.search.page_match.matcher import NOTHING, PageMatcher, Seen
from rag.search.page_references import pages_asked
from rag.search.query_analysis import Places, asked_for
from rag.settings import Settings
from rag.text import content_words, first_words
from rag.vectors.lanes import ClipLane, Lanes, TextLane
from rag.vectors.search import Nearest

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

_LIKELIEST = 3
"""Pages of which one is to have a screenshot's words."""

_WORDLESS = "The picture has too few words to be found by, and no picture here is like it."

_CUT = "The question is long: only its first {most} words were searched for. Ask more briefly to have all of it count."

_MOST_WORDS = 100
"""Words of a screenshot that are searched for; more only cost time."""


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


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How sure, 0 to 1, the search is; from `least` something was found, else `why` says what was lacking."""

    sure: float
    least: float
    signals: Mapping[str, float]
    why: str = ""


class Retriever:
    """Finds pages for words or for a picture, always inside a scope."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        words: WordIndex,
        vectors: Lanes,
        pixels: PageMatcher,
        decisions: Decisions,
    ) -> None:
        self._catalog = catalog
        self._data = settings.data
        self._words = words
        self._clip = vectors.clip
        self._text = vectors.text
        self._pixels = pixels
        self._search = settings.search
        self._embed = settings.embed
        self._decisions = decisions

    def find(self, query: str, scope: Scope, k: int) -> Found:
        """Rank pages for a question and decide whether one of them answers it."""
        clock, lanes = _Clock(), self.lanes()
        del lanes["pixels"]  # words have none
        searched = first_words(query, self._search.words)
        asked = asked_for(searched, self._search.tricks)
        about, wanted = asked.about, asked.words
        by_words = self._by_words(asked.searched, scope, lanes, clock)
        rankings = list(by_words)
        for lane in (self._text, self._clip):
            rankings += self._by_vectors(lane, partial(lane.embed_query, about), scope, lanes, clock)
        rankings += self._by_place(asked.places, rankings, scope, lanes, clock)
        started = perf_counter()
        pages = self._fused(rankings)
        signals: dict[str, float] = {}
        if by_words:
            with self._catalog.reading() as connection:
                best = next(iter(pages), None)
                signals = of_question(connection, self._words, asked, scope, by_words[0], best)
        # No decision was fitted on CLIP's own vectors: its weights are not everywhere.
        picture = any(r.lane == "clip-picture" and r.best >= self._embed.picture_floor for r in rankings)
        few = bool(signals) and SCORE not in signals
        verdict = self._verdict("few" if few else "question", signals if pages else None, certain=picture)
        if verdict.sure < verdict.least:
            verdict = replace(verdict, why=self._lacking(wanted, scope))
        found = self._result(verdict, pages, rankings, lanes, scope, k, clock, started)
        return found if searched == query else replace(found, notice=_CUT.format(most=self._search.words))

    def find_picture(self, picture: Path, read: PageReading, scope: Scope, k: int) -> Found:
        """Which page a picture shows: by the words recognised in it, by its vector, and by its pixels."""
        clock, lanes = _Clock(), self.lanes()
        wanted = content_words(" ".join(block.text for block in read.blocks))[:_MOST_WORDS]
        rankings = self._by_words(wanted, scope, lanes, clock)
        for lane in ("place", "text-vectors", "clip-text"):  # a picture is compared with pictures, and names no page
            del lanes[lane]
        embed = partial(self._clip.embed_picture, picture)
        rankings += self._by_vectors(self._clip, embed, scope, lanes, clock)
        likely = self._fused(rankings)
        pixels, seen = self._by_pixels(picture, likely, scope, lanes, clock)
        rankings += pixels
        started = perf_counter()
        with self._catalog.reading() as connection:
            nearest = likely[:_LIKELIEST]
            signals = of_picture(connection, self._words, wanted, scope, nearest, seen.agreement(nearest))
        twin = any(r.lane == "clip-picture" and r.best >= self._embed.twin_floor for r in rankings)
        verdict = self._verdict("picture", signals, certain=twin)
        if verdict.sure < verdict.least:
            why = "No page here has enough of the picture's words." if HELD in verdict.signals else _WORDLESS
            looked = " None of the pages that come nearest looks like it." if AGREEMENT in verdict.signals else ""
            verdict = replace(verdict, why=why + looked)
        return self._result(verdict, self._fused(rankings), rankings, lanes, scope, k, clock, started, seen)

    def _fused(self, rankings: Sequence[Ranking]) -> list[Page]:
        tricks = self._search.tricks
        return fuse(rankings, self._search.rrf_k, blended="blend" in tricks, surroundings="surroundings" in tricks)

    def lanes(self) -> dict[str, str]:
        """Every lane, `on` or `off: why`."""
        state = {lane: "on" if lane in self._search.lanes else "off: not in search.lanes" for lane in WEIGHTS}
        for vectors in (self._text, self._clip):
            mine = [lane for lane, _ in _RANKED[type(vectors)] if state[lane] == "on"]
            if mine and vectors.identity() is None:
                state |= dict.fromkeys(mine, _off(vectors))
        if state["pixels"] == "on" and self._pixels.off:
            state["pixels"] = f"off: {self._pixels.off}"
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
        ranking = replace(ranking, scores=tuple(scores[ranking.chunks[page][0]] for page in ranking.pages))
        clock.add("words", started)
        return [ranking]

    def _by_place(
        self, asked: Places, rankings: Sequence[Ranking], scope: Scope, lanes: Mapping[str, str], clock: _Clock
    ) -> list[Ranking]:
        """The pages that the question names, in the documents that the other lanes found, in their order."""
        if lanes["place"] != "on" or not asked:
            return []
        started = perf_counter()
        found = {page: rank for rank, page in enumerate(self._fused(rankings))}
        chunks = {page: held[0] for ranking in reversed(rankings) for page, held in ranking.chunks.items()}
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

    def _by_pixels(
        self, picture: Path, likely: Sequence[Page], scope: Scope, lanes: Mapping[str, str], clock: _Clock
    ) -> tuple[list[Ranking], Seen]:
        """The pages that the picture is proved to show, each by the chunk that fills most of its place there."""
        if lanes["pixels"] != "on":
            return [], NOTHING
        started = perf_counter()
        seen = self._pixels.look(picture, likely, scope)
        ranking = self._pages("pixels", [(shown.chunk, page) for page, shown in seen.proofs.items()])
        clock.add("pixels", started)
        return [ranking], seen

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
        chunks = {
            page: tuple(dict.fromkeys((best[page].chunk, *found)))[:REGIONS] for page, found in ranking.chunks.items()
        }
        # The lane's order is by similarity, so that the page's first chunk has its highest.
        similar = {one.chunk: one.similarity for one in near}
        scores = tuple(similar[ranking.chunks[page][0]] for page in ranking.pages)
        return Ranking(lane, ranking.pages, chunks, scores)

    def _pages(self, lane: str, rows: Sequence[tuple[int, Page]]) -> Ranking:
        chunks: dict[Page, tuple[int, ...]] = {}
        for chunk_id, page in rows:
            chunks[page] = (*chunks.get(page, ()), chunk_id)
        pages = tuple(chunks)[: self._search.depth]
        chunks = {page: found[:REGIONS] for page, found in chunks.items()}
        return Ranking(lane, pages, chunks)

    def _verdict(self, asked: str, signals: Mapping[str, float] | None, *, certain: bool) -> _Verdict:
        """`certain` is what goes beyond the signals and makes at least enough of them; None: there are none to ask."""
        decision = self._decisions[asked]
        least = decision.threshold if self._search.sure is None else self._search.sure
        sure = 0.0 if signals is None else decision.sure(signals)
        return _Verdict(max(sure, least) if certain else sure, least, signals or {})

    def _lacking(self, wanted: Sequence[str], scope: Scope) -> str:
        """Why nothing was found, in a sentence."""
        if not wanted:
            return "The question has no words to search for."
        with self._catalog.reading() as connection:
            holders = self._words.holders(connection, wanted, scope)
        missing = [word for word, chunks in holders.items() if not chunks]
        if len(missing) == len(wanted):
            return "None of its words occurs in the files I may use here."
        if missing:
            return f"Nowhere in the files I may use here: {', '.join(missing[:5])}."
        return "Its words occur in the files I may use here, but on no page enough of them together."

    def _result(
        self,
        verdict: _Verdict,
        pages: Sequence[Page],
        rankings: Sequence[Ranking],
        lanes: Mapping[str, str],
        scope: Scope,
        k: int,
        clock: _Clock,
        started: float,
        seen: Seen = NOTHING,
    ) -> Found:
        with self._catalog.reading() as connection:
            kept = collapsed(connection, pages)
            shown = [page for first in list(kept)[:k] for page in (first, *kept[first])]
            every = hits_of(connection, self._data, rankings, shown, scope, self._search.rrf_k)
        hits = _one_each([seen.on(hit) for hit in every], kept)
        clock.add("fuse", started)
        ranked = {ranking.lane: ranking.pages for ranking in rankings}
        sure = verdict.sure if hits else 0.0
        found = bool(hits) and sure >= verdict.least
        return Found(found, tuple(hits), dict(lanes), verdict.why, clock.ms, ranked, sure, verdict.signals)


def _one_each(hits: Sequence[Hit], kept: Mapping[Page, Sequence[Page]]) -> list[Hit]:
    """The hits of pages that are kept, each with the places of those that say the same."""
    by_page = {(hit.document, hit.page): hit for hit in hits}
    found: list[Hit] = []
    for first, others in kept.items():
        alike = [by_page[page] for page in (first, *others) if page in by_page]
        if alike:  # when the first is gone since the lanes looked, the next stands for it
            also = tuple(dict.fromkeys(hit.place for hit in alike[1:]))
            found.append(replace(alike[0], rank=len(found) + 1, also=also))
    return found


def _off(vectors: ClipLane | TextLane) -> str:
    return f"off: {vectors.off} (fix: {vectors.fix})"
